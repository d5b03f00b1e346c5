"""Which tensors differ, and by how much: against numpy."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from reprofp.datasets import compare_weights, hash_weights, measure_values
from reprofp.errors import FormatError, InputError
from reprofp.model.canonical import encode

BASE = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.bias": np.zeros(3, np.float32), "n": np.int64([1])}


def attach(tmp_path, tensors, name="x.safetensors"):
    save_file(tensors, tmp_path / name)
    return hash_weights(tmp_path / name).attachment()


def measure(tmp_path, a, b):
    save_file(a, tmp_path / "a.safetensors")
    save_file(b, tmp_path / "b.safetensors")
    return {d.name: d for d in measure_values(tmp_path / "a.safetensors", tmp_path / "b.safetensors", threads=2)}


def test_equal_weights(tmp_path):
    found = compare_weights(attach(tmp_path, BASE), attach(tmp_path, BASE, "y.safetensors"))
    assert not found
    assert found.equal == 3


def test_each_kind_of_difference(tmp_path):
    other = {
        "a.weight": BASE["a.weight"] + 1,
        "b.bias": BASE["a.bias"],
        "n": BASE["n"].astype(np.int32),
        "new": np.ones(2),
    }
    found = compare_weights(attach(tmp_path, BASE), attach(tmp_path, other))
    assert (found.changed, found.retyped) == (("a.weight",), ("n",))
    assert found.renamed == (("a.bias", "b.bias"),)
    assert (found.added, found.removed, found.equal) == (("new",), (), 0)
    back = compare_weights(attach(tmp_path, other), attach(tmp_path, BASE))
    assert (back.added, back.removed) == ((), ("new",))


def test_a_prefix_that_all_names_lost_is_renaming(tmp_path):
    other = {f"model.{name}": value for name, value in BASE.items()}
    found = compare_weights(attach(tmp_path, other), attach(tmp_path, BASE))
    assert found.renamed == tuple((f"model.{name}", name) for name in sorted(BASE))
    assert not found.added + found.removed + found.changed


def test_another_shape_of_the_same_bytes_is_retyped(tmp_path):
    other = {**BASE, "a.weight": BASE["a.weight"].reshape(3, 2)}
    assert compare_weights(attach(tmp_path, BASE), attach(tmp_path, other)).retyped == ("a.weight",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x",
        encode({"a": 1}),
        encode([["a", "F32", [1]]]),
        encode([["a", "F32", [-1], bytes(32)]]),
        encode([["a", "F32", [1], bytes(31)]]),
        encode([["b", "F32", [1], bytes(32)], ["a", "F32", [1], bytes(32)]]),
        encode([["a", "F32", [1], bytes(32)]] * 2),
    ],
)
def test_what_is_no_list_of_tensors_is_refused(data):
    with pytest.raises(FormatError):
        compare_weights(data, encode([]))


def ulps(a, b):
    """Steps between floats, by numpy's own bit patterns."""
    width = np.dtype(f"i{a.itemsize}")

    def place(values):
        bits = values.view(width).astype(object)
        return np.where(bits >= 0, bits, -(bits + 2 ** (8 * a.itemsize - 1)))

    return max((abs(x - y) for x, y in zip(place(a), place(b), strict=True)), default=0)


FLOATS = st.floats(width=16, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@given(pairs=st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=20))
def test_values_of_floats(tmp_path_factory, dtype, pairs):
    a, b = (np.array(side, dtype=dtype) for side in zip(*pairs, strict=True))
    found = measure(tmp_path_factory.mktemp("v"), {"w": a}, {"w": b})["w"]
    delta = a.astype(np.float64) - b.astype(np.float64)
    assert found.elements == len(pairs)
    assert found.different == int((a.view(f"u{a.itemsize}") != b.view(f"u{a.itemsize}")).sum())
    assert found.max_abs == np.abs(delta).max()
    assert found.max_ulps == ulps(a, b)
    norm = np.linalg.norm(a.astype(np.float64))
    if norm:
        assert found.relative_norm == pytest.approx(np.linalg.norm(delta) / norm)
    else:
        assert found.relative_norm == (0 if not delta.any() else math.inf)


def test_large_tensors_and_special_values(tmp_path):
    a = np.random.default_rng(1).normal(size=(700, 1001)).astype(np.float32)
    b = a + np.float32(1e-3)
    b[3, 4], b[5, 6], b[7, 8], a[7, 8] = np.nan, np.inf, -np.inf, np.inf
    found = measure(tmp_path, {"w": a, "x": a}, {"w": b, "x": a})
    finite = np.isfinite(a) & np.isfinite(b)
    delta = (a.astype(np.float64) - b.astype(np.float64))[finite]
    assert (found["w"].nan_changes, found["w"].inf_changes) == (1, 2)
    assert found["w"].different == int((a.view(np.uint32) != b.view(np.uint32)).sum())
    assert found["w"].max_abs == np.abs(delta).max()
    assert found["w"].relative_norm == pytest.approx(
        np.linalg.norm(delta) / np.linalg.norm(a[finite].astype(np.float64))
    )
    assert (found["x"].different, found["x"].max_abs, found["x"].relative_norm) == (0, 0, 0)


def test_integers_and_truth_values(tmp_path):
    a = {"i": np.int64([1, -(2**62)]), "u": np.uint8([0, 255]), "t": np.array([True, False])}
    b = {"i": np.int64([1, 2**62]), "u": np.uint8([255, 0]), "t": np.array([True, True])}
    found = measure(tmp_path, a, b)
    assert {name: (d.different, d.max_abs, d.max_ulps) for name, d in found.items()} == {
        "i": (1, 2.0**63, None),
        "u": (2, 255, None),
        "t": (1, 1, None),
    }


def test_only_tensors_of_the_same_type_and_shape_are_measured(tmp_path):
    found = measure(tmp_path, BASE, {"a.weight": BASE["a.weight"].T.copy(), "a.bias": BASE["a.bias"], "z": np.ones(1)})
    assert list(found) == ["a.bias"]


def test_values_across_formats_and_layouts(tmp_path):
    a = {"w": np.arange(12, dtype=np.float32).reshape(3, 4), "c": np.arange(3) * 1j}
    b = {"w": np.asfortranarray(a["w"]).astype(">f4"), "c": a["c"] + 1}
    np.savez(tmp_path / "a.npz", **a)
    np.savez_compressed(tmp_path / "b.npz", **b)
    found = {d.name: d for d in measure_values(tmp_path / "a.npz", tmp_path / "b.npz")}
    assert (found["w"].different, found["w"].max_abs) == (0, 0)
    assert (found["c"].elements, found["c"].different, found["c"].max_abs) == (6, 3, 1)


def test_values_of_shards(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    save_file({"a": np.ones(3)}, folder / "1.safetensors")
    save_file({"b": np.ones(3)}, folder / "2.safetensors")
    owners = {"a": "1.safetensors", "b": "2.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": owners}))
    save_file({"a": np.ones(3), "b": np.zeros(3)}, tmp_path / "whole.safetensors")
    found = {d.name: d for d in measure_values(folder, tmp_path / "whole.safetensors")}
    assert (found["a"].max_abs, found["b"].max_abs, found["b"].relative_norm) == (0, 1, 1)


def test_what_cannot_be_measured_is_said(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"anything")
    with pytest.raises(InputError, match="its format is not known"):
        list(measure_values(tmp_path / "x.bin", tmp_path / "x.bin"))
    with pytest.raises(InputError, match="no weights of a known format"):
        list(measure_values(tmp_path, tmp_path))
