"""Files that the real libraries wrote: what is read from them is what those libraries say of them."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from reprofp._core.hashing import hash_bytes
from reprofp.datasets import hash_file, hash_tensor, hash_tensors, hash_weights
from reprofp.datasets.formats import hdf5
from reprofp.datasets.weights import CONTEXT
from reprofp.errors import FormatError

FIXTURES = Path(__file__).parent / "fixtures"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())
READ = {name: entry for name, entry in EXPECTED.items() if "tensors" in entry}
OPAQUE = {name: entry for name, entry in EXPECTED.items() if entry.get("format") == "opaque"}
ARRAYS = {
    "c": np.arange(12, dtype=np.float32).reshape(3, 4),
    "fortran": np.asfortranarray(np.arange(24, dtype=np.int16).reshape(2, 3, 4)),
    "big": np.arange(5).astype(">i8"),
    "complex": (np.arange(4) * 1j).astype(">c16").reshape(2, 2).T,
    "texts": np.array(["\u00e9", "bc"]),
    "times": np.array(["2026-11-21"], dtype="M8[s]"),
    "truths": np.array([True, False]),
    "half": np.arange(3, dtype=np.float16),
    "scalar": np.float64(3),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("name", READ)
def test_tensors_are_those_that_the_library_wrote(name):
    found = hash_weights(FIXTURES / name)
    expected = READ[name]
    assert found.format == expected["format"]
    assert {n: [t.dtype, list(t.shape), t.digest.value.hex()] for n, t in found.tensors.items()} == expected["tensors"]
    assert str(found.digest) == expected["digest"]
    assert found.file_digest == hash_file(FIXTURES / name).digest
    assert found.remark == ""
    assert hash_bytes(found.attachment(), context=CONTEXT) == found.digest.value


@pytest.mark.parametrize("name", OPAQUE)
def test_what_is_not_read_says_why(name):
    found = hash_weights(FIXTURES / name)
    assert (found.format, found.digest) == ("opaque", hash_file(FIXTURES / name).digest)
    assert OPAQUE[name]["remark"] in found.remark
    assert found.attachment() is None
    assert found.tensors == {}


def test_an_attack_is_refused_and_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FormatError, match=r"asks for 'posix\.system'.*nothing of it was executed"):
        hash_weights(FIXTURES / "torch-attack.pt")
    assert list(tmp_path.iterdir()) == []


def test_content_tells_the_format_and_not_the_name(tmp_path):
    for name in ("torch-state.pt", "model.gguf"):
        shutil.copy(FIXTURES / name, tmp_path / "blob")
        assert hash_weights(tmp_path / "blob").digest == hash_weights(FIXTURES / name).digest
    save_file({"a": np.zeros(3)}, tmp_path / "blob")
    assert hash_weights(tmp_path / "blob").format == "safetensors"


def test_hdf5_without_h5py_is_opaque_and_says_what_to_install(monkeypatch):
    monkeypatch.setattr(hdf5, "_has_h5py", lambda: False)
    for name in ("arrays.h5", "model.keras"):
        found = hash_weights(FIXTURES / name)
        assert found.format == "opaque"
        assert "pip install h5py" in found.remark


def test_damaged_hdf5_is_refused(tmp_path):
    data = bytearray((FIXTURES / "arrays.h5").read_bytes())
    data[100:2000] = bytes(1900)
    (tmp_path / "a.h5").write_bytes(data)
    with pytest.raises(FormatError, match="h5py cannot read it"):
        hash_weights(tmp_path / "a.h5")


def test_metadata_has_a_digest_of_its_own(tmp_path):
    digests = []
    for metadata in ({"a": "1"}, {"a": "2"}, None):
        save_file({"w": np.ones(3)}, tmp_path / "a.safetensors", metadata=metadata)
        digests.append(hash_weights(tmp_path / "a.safetensors"))
    assert len({found.digest for found in digests}) == 1
    assert len({found.metadata_digest for found in digests}) == 3
    assert digests[2].metadata_digest is None


def test_values_beside_tensors_are_metadata():
    training, state = hash_weights(FIXTURES / "torch-training.pt"), hash_weights(FIXTURES / "torch-state.pt")
    assert training.metadata_digest is not None
    assert state.metadata_digest is None
    assert "optimizer.state.0.exp_avg" in training.tensors


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, save):
    save(tmp_path / "a.npz", **ARRAYS)
    found = hash_weights(tmp_path / "a.npz")
    assert found.format == "npz"
    for name, array in ARRAYS.items():
        little = np.asarray(array).astype(np.asarray(array).dtype.newbyteorder("<")).tobytes(order="C")
        assert found.tensors[name].digest.value == hash_bytes(little), name
        assert found.tensors[name].shape == np.shape(array)
    assert found.digest == hash_tensors({name: np.asarray(array) for name, array in ARRAYS.items()})
    assert found.tensors["times"].dtype == "M8[s]"


@pytest.mark.parametrize("name", ["c", "fortran", "big", "complex", "scalar", "empty"])
def test_npy(tmp_path, name):
    np.save(tmp_path / "a.npy", ARRAYS[name])
    found = hash_weights(tmp_path / "a.npy")
    assert (found.format, list(found.tensors)) == ("npy", ["arr_0"])
    assert found.tensors["arr_0"].digest == hash_tensor(np.asarray(ARRAYS[name]))


def test_large_arrays_in_column_order(tmp_path):
    array = np.asfortranarray(np.arange(3_000_000, dtype=np.int32).reshape(1500, 2000))
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", a=array)
    expected = hash_bytes(array.tobytes(order="C"))
    assert hash_weights(tmp_path / "a.npy").tensors["arr_0"].digest.value == expected
    assert hash_weights(tmp_path / "a.npz").tensors["a"].digest.value == expected


@pytest.mark.parametrize("array", [np.array([{}], dtype=object), np.zeros(2, dtype="f4,i4"), np.zeros(2, dtype="g")])
def test_elements_that_are_not_plain_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(FormatError, match=r"save plain arrays|differ from machine to machine|are not read"):
        hash_weights(tmp_path / "a.npy")


def rewrite(source, target, change):
    """Copy a checkpoint, with members changed: ``change(name, data)`` gives the new data, or None to leave it out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = change(name.partition("/")[2], old.read(name))
            if data is not None:
                new.writestr(name, data)
    return target


def test_big_endian_checkpoints_are_normalised(tmp_path):
    widths = {"F64": 8, "I64": 8, "U64": 8, "C128": 8, "F32": 4, "I32": 4, "U32": 4, "C64": 4}
    widths |= {"F16": 2, "BF16": 2, "I16": 2, "U16": 2}
    dtypes = [dtype for dtype, _, _ in READ["torch-state.pt"]["tensors"].values()]  # storage k is that of tensor k

    def swap(name, data):
        if name == "byteorder":
            return b"big"
        if not name.startswith("data/"):
            return data
        key = int(name.removeprefix("data/"))
        width = widths.get(dtypes[key], 1)
        return np.frombuffer(data, dtype=f"V{width}").view(np.uint8).reshape(-1, width)[:, ::-1].tobytes()

    path = rewrite(FIXTURES / "torch-state.pt", tmp_path / "big.pt", swap)
    assert str(hash_weights(path).digest) == READ["torch-state.pt"]["digest"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda name, data: None if name == "data/3" else data, "the storage '3' is missing"),
        (lambda name, data: data[:-1] if name == "data/3" else data, "bytes for .* elements"),
        (lambda name, data: b"middle" if name == "byteorder" else data, "byte order b'middle' is not known"),
        (lambda name, data: b"x" * 99 if name == "byteorder" else data, "not plausible"),
        (lambda name, data: data[:-1] if name == "data.pkl" else data, "no valid pickle|not a valid pickle|no end"),
        (lambda name, data: data + b"x" if name == "data.pkl" else data, "1 bytes follow the end of the pickle"),
    ],
)
def test_checkpoints_that_contradict_themselves_are_refused(tmp_path, change, why):
    path = rewrite(FIXTURES / "torch-state.pt", tmp_path / "bad.pt", change)
    with pytest.raises(FormatError, match=why):
        hash_weights(path)


def test_a_flipped_bit_shows_by_the_checksum(tmp_path):
    data = bytearray((FIXTURES / "torch-state.pt").read_bytes())
    with zipfile.ZipFile(FIXTURES / "torch-state.pt") as file:
        member = next(info for info in file.infolist() if info.filename.endswith("/data/0"))
    data[member.header_offset + 200] ^= 1
    (tmp_path / "bad.pt").write_bytes(data)
    with pytest.raises(FormatError, match=r"checksum|disagree|truncated"):
        hash_weights(tmp_path / "bad.pt")


def test_shards_of_checkpoints_with_an_index(tmp_path):
    names = ["torch-state.pt", "torch-numpy.pt"]
    owners = {}
    for i, name in enumerate(names):
        shutil.copy(FIXTURES / name, tmp_path / f"pytorch_model-{i}.bin")
        owners.update(dict.fromkeys(READ[name]["tensors"], f"pytorch_model-{i}.bin"))
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": owners}))
    found = hash_weights(tmp_path)
    assert (found.format, set(found.tensors)) == ("torch", set(owners))


def test_a_folder_with_one_gguf_file(tmp_path):
    shutil.copy(FIXTURES / "model.gguf", tmp_path)
    (tmp_path / "README.md").write_text("a model")
    assert hash_weights(tmp_path).format == "gguf"
    shutil.copy(FIXTURES / "model.gguf", tmp_path / "other.gguf")
    assert hash_weights(tmp_path).format == "opaque"  # which of them is meant, nobody says


def save_hdf5(path, dataset, **attributes):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File(path, "w") as file:
        file["w"] = np.zeros(1, dtype="f4")
        file["w"].attrs.update(attributes)
        if dataset is not None:
            file.create_dataset("d", **dataset)
    return path


@pytest.mark.parametrize("dtype", ["f4,i4", "i4,f4", [("x", "f4", (2,))], ("f4", (2,))])
def test_records_in_hdf5_are_refused(tmp_path, dtype):
    """All of these are eight raw bytes to numpy's short notation."""
    with pytest.raises(FormatError, match="records"):
        hash_weights(save_hdf5(tmp_path / "a.h5", {"shape": (2,), "dtype": np.dtype(dtype)}))


def digests_of_values(path, values):
    """Return the digests of values beside a tensor, as datasets of arrays of various lengths."""
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    for value in values:
        with h5py.File(path, "w") as file:
            file["w"] = np.zeros(1, dtype="f4")
            file.create_dataset("d", (1,), dtype=h5py.vlen_dtype("f4"))[0] = value
        yield hash_weights(path).metadata_digest


def test_long_and_close_values_in_hdf5_are_told_apart(tmp_path):
    """What numpy prints of an array leaves out the middle of a long one."""
    long = np.zeros(5000, dtype="f4")
    other = long.copy()
    other[2500] = 1
    close = np.array([1.0], dtype="f4"), np.nextafter(np.array([1.0], dtype="f4"), np.float32(2))
    assert len(set(digests_of_values(tmp_path / "a.h5", [long, other, *close]))) == 4


def test_names_of_numbers_in_hdf5_are_values(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    digests = set()
    for names in ({"red": 0, "green": 1}, {"red": 1, "green": 0}):
        dataset = {"data": np.array([0, 1]), "dtype": h5py.enum_dtype(names)}
        digests.add(hash_weights(save_hdf5(tmp_path / "a.h5", dataset)).metadata_digest)
    assert len(digests) == 2


def test_empty_values_in_hdf5_are_read(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    path = save_hdf5(tmp_path / "a.h5", {"data": h5py.Empty("f4")}, nothing=h5py.Empty("f8"))
    assert hash_weights(path).format == "hdf5"
