"""Checkpoints made by hand so that a reader could see other tensors than torch does."""

from __future__ import annotations

import pickle
import struct
import zipfile

import numpy as np
import pytest

from reprofp.datasets import hash_weights
from reprofp.datasets.pairs import compare_paths
from reprofp.errors import FormatError

ORDERED = b"ccollections\nOrderedDict\n"
EIGHT = b"\1\0\0\0\2\0\0\0"


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    return b"J" + struct.pack("<i", value)


def tuple_of(*parts):
    return b"(" + b"".join(parts) + b"t"


def map_of(*parts):
    return b"}(" + b"".join(parts) + b"u"


def call(module, name, *parts):
    return f"c{module}\n{name}\n".encode() + tuple_of(*parts) + b"R"


def tensor(key="0", kind="FloatStorage", size=2):
    storage = tuple_of(text("storage"), f"ctorch\n{kind}\n".encode(), text(key), text("cpu"), number(2)) + b"Q"
    parts = storage, number(0), tuple_of(number(size)), tuple_of(number(1)), b"\x89", b"}"
    return call("torch._utils", "_rebuild_tensor_v2", *parts)


def save(path, body, storages=None, more=None):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02" + body + b".")
        for key, data in (storages or {"0": EIGHT}).items():
            file.writestr(f"archive/data/{key}", data)
        for name, data in (more or {}).items():
            file.writestr(name, data)
    return path


def test_the_checkpoints_made_here_are_read(tmp_path):
    found = hash_weights(save(tmp_path / "a.pt", map_of(text("a"), tensor())))
    assert (found.format, list(found.tensors)) == ("torch", ["a"])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        # torch reads both as floats: the first reference to a storage decides about its type.
        (map_of(text("a"), tensor(), text("b"), tensor(kind="IntStorage")), "two types"),
        # OrderedDict.__new__ ignores the items: Python makes an empty one.
        (ORDERED + tuple_of(b"](" + tuple_of(text("a"), tensor()) + b"e") + b"\x81", "Python would ignore"),
        (ORDERED + b")" + map_of(text("a"), tensor()) + b"\x92", "Python would ignore"),
        # Python adds the second state to the first one.
        (
            ORDERED + b")R(" + text("a") + tensor() + b"u" + map_of(text("x"), tensor()) + b"b}(" + text("y") + b"Nub",
            "two states",
        ),
        (map_of(b"\x8b" + struct.pack("<I", 5000) + b"\x7f" * 5000, tensor()), "thousands of digits"),
        (map_of(b"\x8b" + struct.pack("<I", 5000) + b"\x7f" * 5000 + b"\x85", tensor()), "thousands of digits"),
    ],
)
def test_what_torch_would_read_otherwise_is_refused(tmp_path, body, why):
    with pytest.raises(FormatError, match=why):
        hash_weights(save(tmp_path / "a.pt", body))


@pytest.mark.parametrize("name", ["archive/DATA.pkl", "archive/Data/0", "Archive/data/0"])
def test_members_that_differ_in_case_alone_are_refused(tmp_path, name):
    with pytest.raises(FormatError, match="in case alone"):
        hash_weights(save(tmp_path / "a.pt", map_of(text("a"), tensor()), more={name: bytes(8)}))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: call("torch._utils", "_rebuild_parameter_with_state", tensor(), b"\x88", b"}", state),
        lambda state: call(
            "torch._tensor",
            "_rebuild_from_type_v2",
            b"ctorch._utils\n_rebuild_parameter\n",
            b"ctorch.nn.parameter\nParameter\n",
            tuple_of(tensor(), b"\x88", b"}"),
            state,
        ),
    ],
)
def test_the_attributes_of_a_parameter_count(tmp_path, wrap):
    bare, one, two, nested = (
        hash_weights(save(tmp_path / "a.pt", map_of(text("a"), wrap(state))))
        for state in (b"}", map_of(text("n"), number(1)), map_of(text("n"), number(2)), map_of(text("t"), tensor()))
    )
    assert bare.digest == one.digest == two.digest
    assert len({bare.metadata_digest, one.metadata_digest, two.metadata_digest}) == 3
    assert list(nested.tensors) == ["a", "a.(state).t"]


def save_array(path, array):
    return save(path, pickle.dumps({"a": array}, 2)[2:-1])


def test_the_unit_of_times_counts(tmp_path):
    values = [1, 2]
    for notation in ("M8[s]", "M8[ns]", "M8[25s]", "m8[D]", "m8"):
        array = np.array(values, dtype=notation)
        np.savez(tmp_path / "a.npz", a=array)
        found = hash_weights(save_array(tmp_path / "a.pt", array))
        assert found.tensors["a"].dtype == notation
        assert found.digest == hash_weights(tmp_path / "a.npz").digest


def test_an_order_in_other_words_is_not_taken_for_rows_first(tmp_path):
    body = pickle.dumps({"a": np.asfortranarray([[1.0, 2.0], [3.0, 4.0]])}, 2)[2:-1]
    state = body.rindex(b"\x88")  # NEWTRUE; numpy takes any integer but 0 for true, too
    found = hash_weights(save(tmp_path / "a.pt", body[:state] + b"K\1" + body[state + 1 :]))
    assert found.format == "opaque"


def test_an_endless_size_in_an_npy_header_is_refused(tmp_path):
    header = f"{{'descr': '<f{'1' * 5000}', 'fortran_order': False, 'shape': (2,)}}\n".encode()
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\2\0" + struct.pack("<I", len(header)) + header + EIGHT)
    with pytest.raises(FormatError):
        hash_weights(tmp_path / "a.npy")


def test_compare_tells_that_values_beside_the_tensors_differ(tmp_path):
    for name, step in (("a", 1), ("b", 2)):
        save(tmp_path / f"{name}.pt", map_of(text("a"), tensor(), text("step"), number(step)))
    found = compare_paths(tmp_path / "a.pt", tmp_path / "b.pt")
    assert found.is_same
    assert "values beside the tensors differ" in found.note
