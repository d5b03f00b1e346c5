"""Large files of weights that did not change are known from the last time, and any change is seen."""

import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from reprofp.datasets import files, hash_weights, weight_lists, weight_reading
from reprofp.datasets.formats import contents as formats
from reprofp.datasets.formats.contents import Contents, Hashed, NamedValue
from reprofp.datasets.weight_lists import READERS, WeightLists

RNG = np.random.default_rng(3)
TENSORS = {f"layer.{i}": RNG.standard_normal((8, i + 1)).astype(np.float32) for i in range(4)}


@pytest.fixture
def reads(tmp_path, monkeypatch):
    """Count the files that are read; files of any size are asked of the cache, which begins empty."""
    monkeypatch.setenv("REPROFP_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("REPROFP_NO_CACHE", raising=False)
    monkeypatch.setattr(files, "LEAST_CACHED_BYTES", 1)
    read = []
    real = weight_reading.read_contents
    monkeypatch.setattr(
        weight_reading, "read_contents", lambda file, *rest: read.append(file.path) or real(file, *rest)
    )
    return read


def hash_until_known(path, reads):
    """Hash until the second call reads nothing; how soon a fresh file is trusted is the file system's affair."""
    for _ in range(20):
        reads.clear()
        found = hash_weights(path)
        if not reads:
            return found
        time.sleep(0.03)
    pytest.skip("nothing is remembered on this file system (see docs/formats/digest-cache.md)")


def save_all(folder):
    save_file(TENSORS, folder / "model.safetensors", metadata={"step": "3"})
    np.savez(folder / "model.npz", **TENSORS)
    np.save(folder / "model.npy", TENSORS["layer.3"])
    return ["model.safetensors", "model.npz", "model.npy"]


def test_known_is_what_reading_finds(tmp_path, reads):
    for name in save_all(tmp_path):
        known = hash_until_known(tmp_path / name, reads)
        assert known == hash_weights(tmp_path / name, cache=False)
        assert known.attachment() == hash_weights(tmp_path / name, cache=False).attachment()


def test_shards_are_known_one_by_one(tmp_path, reads):
    for i, (name, tensor) in enumerate(TENSORS.items()):
        save_file({name: tensor}, tmp_path / f"{i}.safetensors")
    known = hash_until_known(tmp_path, reads)
    time.sleep(0.03)
    save_file({"layer.1": TENSORS["layer.1"] + 1}, tmp_path / "1.safetensors")
    found = hash_weights(tmp_path)
    assert [os.path.basename(path) for path in reads] == [b"1.safetensors"]
    assert found == hash_weights(tmp_path, cache=False) != known


@pytest.mark.parametrize("restore", [False, True])
def test_a_change_is_read(tmp_path, reads, restore):
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    known = hash_until_known(path, reads)
    before = os.stat(path)
    with open(path, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    if restore:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    found = hash_weights(path)
    assert reads == [os.fsencode(path)]
    assert found.digest != known.digest


def test_switches(tmp_path, reads, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    hash_until_known(path, reads)
    hash_weights(path, cache=False)
    monkeypatch.setenv("REPROFP_NO_CACHE", "1")
    hash_weights(path)
    assert reads == [os.fsencode(path)] * 2


def test_a_name_that_is_read_otherwise_is_another_list(tmp_path, reads):
    """Bytes of a .npy file are malformed where the name says safetensors."""
    path = tmp_path / "model.npy"
    np.save(path, TENSORS["layer.0"])
    hash_until_known(path, reads)
    os.rename(path, tmp_path / "model.safetensors")
    with pytest.raises(Exception, match="safetensors"):
        hash_weights(tmp_path / "model.safetensors")


def test_damaged_lists_are_read_anew(tmp_path, reads):
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    known = hash_until_known(path, reads)
    [kept] = (tmp_path / "home" / "cache" / "weights").iterdir()
    data = kept.read_bytes()
    for damaged in (b"", data[:-1], data[:40], bytes([data[0] ^ 1]) + data[1:], data[:-1] + bytes([data[-1] ^ 1])):
        kept.write_bytes(damaged)
        reads.clear()
        assert hash_weights(path) == known
        assert reads == [os.fsencode(path)]


def test_no_place_is_no_error(tmp_path, reads):
    path = tmp_path / "model.safetensors"
    save_file(TENSORS, path)
    (tmp_path / "home" / "cache").mkdir(parents=True, mode=0o700)
    (tmp_path / "home" / "cache" / "weights").write_text("in the way")
    assert hash_weights(path) == hash_weights(path) == hash_weights(path, cache=False)


def test_number_of_lists_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(weight_lists, "_MOST_LISTS", 3)
    lists = WeightLists(tmp_path / "lists")
    for i in range(6):
        lists.keep(
            bytes([i]) * 32, b"x", Contents("npy", {"array": Hashed("F32", (i,), b"d" * 32)}), {"array": b"d" * 32}
        )
        os.utime(next(iter(sorted((tmp_path / "lists").iterdir(), key=os.path.getmtime, reverse=True))), ns=(i, i))
    assert len(list((tmp_path / "lists").iterdir())) == 3
    assert lists.find(bytes([5]) * 32, b"x") is not None
    assert lists.find(bytes([0]) * 32, b"x") is None


@given(
    st.dictionaries(st.text(max_size=5), st.tuples(st.text(max_size=4), st.lists(st.integers(0, 2**40), max_size=4))),
    st.dictionaries(st.text(max_size=5), st.text(max_size=4)),
)
def test_lists_are_kept_whole(tmp_path_factory, tensors, values):
    lists = WeightLists(tmp_path_factory.mktemp("lists"))
    pieces = {name: Hashed(dtype, tuple(shape), b"t" * 32) for name, (dtype, shape) in tensors.items()}
    held = Contents("gguf", pieces, {name: NamedValue(kind, b"v" * 32) for name, kind in values.items()})
    lists.keep(b"f" * 32, b"a.gguf", held, {name: piece.digest for name, piece in pieces.items()})
    assert lists.find(b"f" * 32, b"b.gguf") == held
    assert lists.find(b"g" * 32, b"a.gguf") is None


READ_BY = "37e496f41a76740f826f2c205007763fde01d23a5b3c8396c0e77264a527a2d2"


def test_readers_are_counted():
    """What readers make of a file is kept: whoever changes them raises READERS, and sets the digest here."""
    sources = [*sorted(Path(formats.__file__).parent.glob("*.py")), Path(weight_reading.__file__)]
    text = b"".join(path.read_bytes() for path in sources if not path.name.startswith("hdf5"))
    assert (READERS, hashlib.sha256(text).hexdigest()) == (1, READ_BY)
