"""Digests of weights: the same for the same tensors, however they are stored; hostile files are refused."""

import json
import os
import random
import struct
from pathlib import Path

import blake3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from reprofp.datasets import hash_file, hash_tree, hash_weights
from reprofp.datasets.formats.safetensors import DTYPE_BITS, MAX_HEADER_BYTES, parse_header
from reprofp.datasets.manifest import digest_manifest, write_lines
from reprofp.datasets.weight_reading import hash_contents
from reprofp.datasets.weights import CONTEXT
from reprofp.errors import FormatError, InputError, UnstableFileError

VECTORS = json.loads((Path(__file__).parent / "vectors" / "weights.json").read_text())
TENSORS = {f"layer.{i}.w": np.random.default_rng(i).normal(size=(i + 1, 300)).astype(np.float32) for i in range(12)}


def write_shards(folder, tensors, shards, index="model.safetensors.index.json"):
    """Store tensors in several files with an index, as model hubs do."""
    names = sorted(tensors)
    owners = {}
    for i in range(shards):
        file = f"model-{i + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[i::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        owners.update(dict.fromkeys(part, file))
    (folder / index).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": owners}))


def write_raw(path, header, data=b""):
    """Write a file with any header: text, or what becomes JSON."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize("vector", VECTORS["weights"], ids=lambda vector: vector["name"])
def test_vectors(tmp_path, vector):
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes.fromhex(vector["file"]))
    found = hash_weights(path)
    assert VECTORS["context"] == CONTEXT
    assert (found.format, found.bytes) == ("safetensors", path.stat().st_size)
    assert str(found.digest) == vector["digest"]
    assert str(found.file_digest) == vector["file_digest"]
    assert {n: [t.dtype, list(t.shape), str(t.digest)] for n, t in found.tensors.items()} == vector["tensors"]


def test_order_and_metadata_do_not_matter(tmp_path):
    digests = {vector["name"]: vector["digest"] for vector in VECTORS["weights"]}
    assert digests.pop("the other order") == digests["two tensors"]
    assert len(set(digests.values())) == len(digests)


def test_shards_do_not_matter(tmp_path):
    save_file(TENSORS, tmp_path / "whole.safetensors")
    expected = hash_weights(tmp_path / "whole.safetensors")
    for shards in (1, 2, 5):
        folder = tmp_path / f"{shards}"
        folder.mkdir()
        write_shards(folder, TENSORS, shards)
        by_folder = hash_weights(folder)
        assert by_folder.digest == expected.digest
        assert by_folder.tensors == expected.tensors
        assert list(by_folder.tensors) == sorted(TENSORS)
        assert hash_weights(folder / "model.safetensors.index.json") == by_folder
        assert by_folder.file_digest == hash_tree(folder).digest
        assert by_folder.file_digest != expected.file_digest
    assert len({expected.digest, expected.file_digest}) == 2


def test_a_folder_of_shards_without_index(tmp_path):
    write_shards(tmp_path, TENSORS, 3)
    expected = hash_weights(tmp_path)
    (tmp_path / "model.safetensors.index.json").unlink()
    (tmp_path / "README.md").write_text("not weights")
    found = hash_weights(tmp_path, threads=3)
    assert found.digest == expected.digest
    files = {p.name.encode(): hash_file(p).digest.value for p in tmp_path.glob("*.safetensors")}
    assert found.file_digest == digest_manifest(write_lines(files))


def test_every_bit_of_a_tensor_matters(tmp_path):
    save_file(TENSORS, tmp_path / "a.safetensors")
    before = hash_weights(tmp_path / "a.safetensors")
    changed = {name: array.copy() for name, array in TENSORS.items()}
    changed["layer.3.w"].view(np.uint32)[2, 7] ^= 1
    save_file(changed, tmp_path / "a.safetensors")
    after = hash_weights(tmp_path / "a.safetensors")
    assert after.digest != before.digest
    assert [name for name in before.tensors if before.tensors[name] != after.tensors[name]] == ["layer.3.w"]


def test_a_large_tensor(tmp_path):
    array = np.frombuffer(random.Random(6).randbytes(5_000_000), dtype=np.uint8)
    save_file({"large": array, "small": array[:3]}, tmp_path / "a.safetensors")
    for threads in (1, 2, 5):
        found = hash_weights(tmp_path / "a.safetensors", threads=threads)
        assert found.tensors["large"].digest.value == blake3.blake3(array.tobytes()).digest()
        assert found.tensors["small"].shape == (3,)


def test_other_formats_are_opaque(tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"somebody's own format")
    found = hash_weights(path)
    assert (found.format, found.digest, found.file_digest) == ("opaque", *[hash_file(path).digest] * 2)
    assert found.tensors == {}
    assert (hash_weights(tmp_path).format, hash_weights(tmp_path).digest) == ("opaque", hash_tree(tmp_path).digest)


def test_links_are_followed(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshot").mkdir()
    write_shards(tmp_path / "blobs", TENSORS, 2)
    for path in (tmp_path / "blobs").iterdir():
        (tmp_path / "snapshot" / path.name).symlink_to(f"../blobs/{path.name}")
    assert hash_weights(tmp_path / "snapshot") == hash_weights(tmp_path / "blobs")


U8 = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}

HOSTILE = {
    "no object": (b"[1]", b"", "does not begin with"),
    "an empty header": (b"", b"", "does not begin with"),
    "no JSON": (b"{", b"", "not valid JSON"),
    "something behind the JSON": (b"{}x", b"", "not valid JSON"),
    "not UTF-8": (b'{"\xff": 1}', b"", "not valid JSON"),
    "deep": (b'{"a":' + b"[" * 200_000, b"", "not valid JSON"),
    "a number of 10,000 digits": (b'{"a":' + b"1" * 10_000 + b"}", b"", "not valid JSON"),
    "a name twice": (b'{"a":1,"a":1}', b"", "'a' occurs twice"),
    "a key twice": (b'{"a":{"dtype":"U8","dtype":"I8"}}', b"", "'dtype' occurs twice"),
    "a lone surrogate": (b'{"\\ud800":1}', b"", "not valid JSON"),
    "no number": (b'{"a":NaN}', b"", "NaN is no JSON value"),
    "metadata that is no map": ({"__metadata__": [1]}, b"", "not a map of texts"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, b"", "not a map of texts"),
    "a tensor that is no map": ({"a": 1}, b"", "exactly dtype, shape and data_offsets"),
    "a missing key": ({"a": {"dtype": "U8", "shape": []}}, b"", "exactly dtype, shape and data_offsets"),
    "another key": ({"a": {**U8, "more": 1}}, b"", "exactly dtype, shape and data_offsets"),
    "an unknown dtype": ({"a": {**U8, "dtype": "U7"}}, b"1234", "unknown dtype 'U7'"),
    "a dtype that is no text": ({"a": {**U8, "dtype": ["U8"]}}, b"1234", "unknown dtype"),
    "a shape that is no list": ({"a": {**U8, "shape": 4}}, b"1234", "not a list of sizes"),
    "a negative size": ({"a": {**U8, "shape": [-4]}}, b"1234", "not a list of sizes"),
    "a size that is true": ({"a": {**U8, "shape": [4, True]}}, b"1234", "not a list of sizes"),
    "a size that is a float": ({"a": {**U8, "shape": [4.0]}}, b"1234", "not a list of sizes"),
    "a size of 65 bits": ({"a": {**U8, "shape": [2**64]}}, b"1234", "not a list of sizes"),
    "a thousand dimensions": ({"a": {**U8, "shape": [1] * 1000}}, b"1234", "not a list of sizes"),
    "three offsets": ({"a": {**U8, "data_offsets": [0, 4, 4]}}, b"1234", "not two offsets"),
    "a negative offset": ({"a": {**U8, "data_offsets": [-4, 0]}}, b"1234", "not two offsets"),
    "offsets backwards": ({"a": {**U8, "data_offsets": [4, 0]}}, b"1234", "do not hold"),
    "too many bytes for the shape": ({"a": {**U8, "shape": [3]}}, b"1234", "4 bytes do not hold U8 of shape"),
    "a product beyond 64 bits": ({"a": {**U8, "shape": [2**62, 2**62]}}, b"1234", "do not hold"),
    "half bytes": ({"a": {**U8, "dtype": "F4", "shape": [7]}}, b"1234", "do not hold F4"),
    "an overlap": ({"a": U8, "b": {**U8, "data_offsets": [2, 6]}}, b"123456", "'b' overlaps"),
    "the same place": ({"a": U8, "b": U8}, b"1234", "overlaps"),
    "a hole": ({"a": U8, "b": {**U8, "data_offsets": [5, 9]}}, b"123456789", "'b' leaves a hole"),
    "a hole at the beginning": ({"a": {**U8, "data_offsets": [1, 5]}}, b"12345", "leaves a hole"),
    "behind the end": ({"a": U8}, b"123", "truncated"),
    "bytes left over": ({"a": U8}, b"12345", "tensors take 4 bytes, the file has 5"),
    "far behind the end": ({"a": {**U8, "shape": [2**62], "data_offsets": [0, 2**62]}}, b"", "truncated"),
}


@pytest.mark.parametrize(("header", "data", "why"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_headers_are_refused(tmp_path, header, data, why):
    path = write_raw(tmp_path / "bad.safetensors", header, data)
    with pytest.raises(FormatError, match=why) as caught:
        hash_weights(path)
    assert str(caught.value).startswith(str(path))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("content", [b"", b"1234567", struct.pack("<Q", 10) + b"{}", b"\xff" * 8 + b"{}"])
def test_files_without_a_whole_header_are_refused(tmp_path, content):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=r"too few|truncated|not allowed"):
        hash_weights(path)


def test_a_huge_header_is_not_read(tmp_path):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(struct.pack("<Q", MAX_HEADER_BYTES + 1))
    os.truncate(path, 2**40)
    with pytest.raises(FormatError, match="100000001 bytes is not allowed"):
        hash_weights(path)


def test_padding_and_partial_bytes_are_valid(tmp_path):
    header = json.dumps({"a": {"dtype": "F4", "shape": [2, 4], "data_offsets": [0, 4]}}).encode() + b"   \n"
    found = hash_weights(write_raw(tmp_path / "a.safetensors", header, b"1234"))
    assert found.tensors["a"].digest.value == blake3.blake3(b"1234").digest()


@given(st.binary(max_size=300), st.integers(0, 64))
def test_any_header_is_parsed_or_refused(header, data_bytes):
    try:
        spans = parse_header(b"{" + header, data_bytes, 8, "somewhere")
    except FormatError:
        return
    assert sum(span.bytes for span in spans.tensors.values()) == data_bytes


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**65), 2**65) | st.sampled_from(sorted(DTYPE_BITS)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
INFOS = st.fixed_dictionaries({"dtype": JSON_VALUES, "shape": JSON_VALUES, "data_offsets": JSON_VALUES}) | JSON_VALUES


@given(st.dictionaries(st.text(max_size=3), INFOS, max_size=3), st.integers(0, 9))
def test_any_json_is_parsed_or_refused(document, data_bytes):
    try:
        spans = parse_header(json.dumps(document).encode(), data_bytes, 8, "somewhere")
    except FormatError:
        return
    assert sum(span.bytes for span in spans.tensors.values()) == data_bytes


@pytest.mark.parametrize(
    ("index", "why"),
    [
        ("[]", "no object"),
        ("{}", "no weight_map"),
        ('{"weight_map": {}}', "no weight_map"),
        ('{"weight_map": {"a": 1}}', "not the name"),
        ('{"weight_map": {"a": "../x.safetensors"}}', "not the name"),
        ('{"weight_map": {"a": "x.bin"}}', "not the name"),
        ('{"weight_map": {"a": "x\\u0000.safetensors"}}', "not the name"),
        ('{"weight_map": {"a": "x\\ud800.safetensors"}}', "not the name"),
        ('{"weight_map": {"a": "shard.safetensors"}, "weight_map": {}}', "occurs twice"),
        ('{"weight_map": {"b": "shard.safetensors"}}', "disagree about tensor 'a'"),
        ('{"weight_map": {"a": "shard.safetensors", "b": "shard.safetensors"}}', "disagree about tensor 'b'"),
    ],
)
def test_a_wrong_index_is_refused(tmp_path, index, why):
    save_file({"a": np.zeros(3)}, tmp_path / "shard.safetensors")
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(FormatError, match=why):
        hash_weights(tmp_path)


def test_a_huge_index_is_not_read(tmp_path):
    (tmp_path / "model.safetensors.index.json").write_bytes(b"{")
    os.truncate(tmp_path / "model.safetensors.index.json", 2**40)
    with pytest.raises(FormatError, match="not plausible"):
        hash_weights(tmp_path)


def test_a_missing_shard_is_named(tmp_path):
    write_shards(tmp_path, TENSORS, 2)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"model-00002-of-00002\.safetensors.*ENOENT"):
        hash_weights(tmp_path)
    with pytest.raises(InputError, match="ENOENT"):
        hash_weights(tmp_path / "nothing.safetensors")


def test_shards_that_share_a_tensor_are_refused(tmp_path):
    save_file({"a": np.zeros(3)}, tmp_path / "1.safetensors")
    save_file({"a": np.zeros(3)}, tmp_path / "2.safetensors")
    with pytest.raises(FormatError, match="tensor 'a' is in another file, too"):
        hash_weights(tmp_path)


def test_several_indexes_need_a_choice(tmp_path):
    write_shards(tmp_path, TENSORS, 2, "a.safetensors.index.json")
    write_shards(tmp_path, TENSORS, 2, "b.safetensors.index.json")
    with pytest.raises(FormatError, match=r"a\.safetensors\.index\.json, b\.safetensors\.index\.json"):
        hash_weights(tmp_path)
    write_shards(tmp_path, TENSORS, 2)
    assert hash_weights(tmp_path).digest == hash_weights(tmp_path / "a.safetensors.index.json").digest


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.safetensors")  # opening it would wait for ever
    with pytest.raises(InputError, match="not a regular file"):
        hash_weights(tmp_path / "pipe.safetensors")


def rewrite(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.rename(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: rewrite(folder / "model-00001-of-00003.safetensors"),
        lambda folder: replace(folder / "model-00001-of-00003.safetensors"),
        lambda folder: replace(folder / "model.safetensors.index.json"),
        lambda folder: (folder / "model-00001-of-00003.safetensors").unlink(),
    ],
)
def test_shards_are_of_one_moment(tmp_path, monkeypatch, change):
    """A checkpoint that is saved over while it is read would have a digest of tensors of both."""
    write_shards(tmp_path, TENSORS, 3)
    read = []

    def read_and_change(path, *rest):
        found = hash_contents(path, *rest)
        if not read:
            change(tmp_path)
        read.append(path)
        return found

    monkeypatch.setattr("reprofp.datasets.weights.hash_contents", read_and_change)
    with pytest.raises(UnstableFileError, match="while others were read"):
        hash_weights(tmp_path)
    assert len(read) == 3


def test_a_shard_that_comes_while_others_are_read_is_noticed(tmp_path, monkeypatch):
    for i, (name, tensor) in enumerate(list(TENSORS.items())[:2]):
        save_file({name: tensor}, tmp_path / f"{i}.safetensors")

    def read_and_add(path, *rest):
        save_file({"late": TENSORS["layer.0.w"]}, tmp_path / "late.safetensors")
        return hash_contents(path, *rest)

    monkeypatch.setattr("reprofp.datasets.weights.hash_contents", read_and_add)
    with pytest.raises(UnstableFileError, match="came or went"):
        hash_weights(tmp_path)
