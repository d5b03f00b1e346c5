"""Digests of orders: of the values alone, whatever holds them."""

import json
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.datasets import SequenceHasher, hash_sequence
from reprofp.errors import UsageError

VECTORS = json.loads((Path(__file__).parent / "vectors" / "sequences.json").read_text())["sequences"]

PLAIN = st.one_of(
    st.integers(-(2**70), 2**70), st.integers(-5, 5), st.text(max_size=4), st.binary(max_size=4), st.just(2**63)
)
ITEMS = st.lists(st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5), max_size=30)


def read(item):
    if isinstance(item, dict):
        return bytes.fromhex(item["bytes"]) if "bytes" in item else int(item["int"])
    return tuple(map(read, item)) if isinstance(item, list) else item


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector):
    assert str(hash_sequence([read(item) for item in vector["items"]])) == vector["digest"]


def test_vectors_differ():
    assert len({vector["digest"] for vector in VECTORS}) == len(VECTORS)


@given(ITEMS, st.lists(st.integers(0, 30), max_size=4))
def test_splitting_changes_nothing(items, cuts):
    hasher, begin = SequenceHasher(), 0
    for end in [*sorted(cuts), len(items)]:
        hasher.update(items[begin:end])
        begin = max(begin, end)
        hasher.digest()  # does not disturb
    assert hasher.digest() == hash_sequence(iter(items)) == hash_sequence(items)
    assert hasher.items == len(items)


@given(ITEMS, ITEMS)
def test_other_values_have_other_digests(a, b):
    assert (hash_sequence(a) == hash_sequence(b)) == (a == b)


@pytest.mark.parametrize("count", [0, 1, 3, 1 << 15, (1 << 15) + 1, 100_000])
def test_arrays_are_the_lists_of_their_values(count):
    values = np.random.default_rng(1).permutation(count)
    expected = hash_sequence(values.tolist())
    repeated = np.repeat(values, 2)[::2]
    held = [
        *[values, values.astype("i4"), values.astype(">i8"), values.astype("u8"), values.astype("u4"), repeated],
        *[array("q", values.tolist()), array("l", values.tolist()), array("i", values.tolist())],
        *[
            list(values),
            tuple(values),
            iter(values),
            (int(v) for v in values),
            memoryview(values),
            values.astype(object),
        ],
        np.asfortranarray(values),
    ]
    assert [hash_sequence(items) == expected for items in held] == [True] * len(held)


def test_ranges_and_rows():
    assert hash_sequence(range(100_000)) == hash_sequence(list(range(100_000)))
    rows = np.arange(60).reshape(20, 3)
    expected = hash_sequence([tuple(row) for row in rows.tolist()])
    assert hash_sequence(rows) == hash_sequence(list(rows)) == hash_sequence(rows.tolist()) == expected
    assert hash_sequence(np.asfortranarray(rows)) == expected
    assert hash_sequence(np.array(["a", "bc", "é"])) == hash_sequence(["a", "bc", "é"])
    assert hash_sequence(np.array([b"a", b"bc"])) == hash_sequence([b"a", b"bc"])


def test_unsigned_values_beyond_int64():
    values = np.array([1, 2**63, 5], dtype="u8")
    assert hash_sequence(values) == hash_sequence([1, 2**63, 5])


class Tensor:
    """As torch's: no buffer, but numpy() and tolist()."""

    def __init__(self, values, *, shown):
        self.values, self.shown = values, shown

    def __len__(self):
        return len(self.values)

    def __getitem__(self, index):
        return Tensor(self.values[index], shown=self.shown)

    def tolist(self):
        return self.values.tolist()

    def numpy(self):
        if not self.shown:
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        return self.values


@pytest.mark.parametrize("shown", [True, False])
@pytest.mark.parametrize("dtype", ["i8", "i4"])
def test_tensors_that_have_no_buffer(shown, dtype):
    values = np.arange(70_000, dtype=dtype)[::-1].copy()
    assert hash_sequence(Tensor(values, shown=shown)) == hash_sequence(values.tolist())


@pytest.mark.frameworks
def test_tensors_of_torch():
    torch = pytest.importorskip("torch", reason="torch is not installed: make test-full has it")
    values = torch.randperm(100_000)
    expected = hash_sequence(values.tolist())
    assert hash_sequence(values) == expected
    assert hash_sequence(values.to(torch.int32)) == expected
    assert hash_sequence(list(values[:50])) == hash_sequence(values[:50].tolist())


def test_an_int_is_not_a_text_nor_a_tuple():
    assert len({hash_sequence(items).value for items in ([1], ["1"], [b"1"], [(1,)], [(1,), ()], [1, 1])}) == 6
    assert hash_sequence([(1, 2)]) == hash_sequence([[1, 2]])


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ([1.5], "not float"),
        ([True], "not bool"),
        ([1, True], "not bool"),
        ([(1, None)], "not NoneType"),
        ([{"a": 1}], "not dict"),
        (np.array([1.0]), "not float"),
        (np.array([True]), "not bool"),
        ([np.True_], "not bool"),
        ([np.float64(1)], "not float"),
        (["\ud800"], "lone surrogate"),
        ([("\ud800",)], "lone surrogate"),
        ("abc", "put it in a list"),
        (b"abc", "put it in a list"),
        ({1, 2}, "has no order"),
        (5, "something to go through"),
        (np.array(5), "something to go through"),
        ([list], "not type"),
    ],
)
def test_what_has_no_digest_is_refused(items, why):
    with pytest.raises(UsageError, match=why):
        hash_sequence(items)
