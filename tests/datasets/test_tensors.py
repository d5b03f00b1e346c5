"""Tensors in memory: the digest of the same tensors in a file, however they lie, without a copy."""

import array
import sys
import tracemalloc
from types import SimpleNamespace

import blake3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from reprofp.datasets import hash_tensor, hash_tensors, hash_weights
from reprofp.datasets.tensors import describe_tensor
from reprofp.errors import UsageError

TENSORS = {f"layer.{i}": np.random.default_rng(i).normal(size=(i + 1, 30)).astype(np.float32) for i in range(9)}


def digest(data):
    return blake3.blake3(data).digest()


def test_bytes_are_what_b3sum_says():
    for data in (b"", b"abc", bytearray(b"abc"), memoryview(b"abc"), array.array("i", [1, -2])):
        assert hash_tensor(data).value == digest(bytes(data))
    assert describe_tensor(b"abc")[:2] == ("U8", (3,))
    assert describe_tensor(array.array("i", [1, -2]))[:2] == ("I32", (2,))
    assert describe_tensor(array.array("d"))[:2] == ("F64", (0,))


def test_views_of_bytes():
    data = bytes(range(200))
    assert hash_tensor(memoryview(data)[::3]).value == digest(data[::3])
    assert hash_tensor(memoryview(data)[::-1]).value == digest(data[::-1])
    grid = memoryview(data).cast("B", (10, 20))
    assert hash_tensor(grid[::2]).value == digest(np.frombuffer(data, np.uint8).reshape(10, 20)[::2].tobytes())


def test_named_tensors_are_those_of_a_file(tmp_path):
    save_file(TENSORS, tmp_path / "a.safetensors")
    found = hash_weights(tmp_path / "a.safetensors")
    assert hash_tensors(TENSORS) == found.digest
    assert hash_tensors(dict(reversed(TENSORS.items()))) == found.digest
    assert {name: describe_tensor(value) for name, value in TENSORS.items()} == found.tensors


SHAPES = st.lists(st.integers(0, 6), min_size=0, max_size=4)
TYPES = st.sampled_from(["u1", "<i2", ">i2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16", "?", "<f2", "S3", "<U2", ">U2"])


@given(st.data(), SHAPES, TYPES)
def test_any_view(data, shape, dtype):
    base = np.arange(int(np.prod(shape))).reshape(shape).astype(dtype)
    view = base.transpose(data.draw(st.permutations(range(base.ndim))))
    steps = data.draw(st.lists(st.sampled_from([1, 2, -1, -3]), min_size=view.ndim, max_size=view.ndim))
    view = view[tuple(slice(None, None, step) for step in steps)]
    if data.draw(st.booleans()):
        view = np.broadcast_to(view, (2, *view.shape))
    little = np.ascontiguousarray(view).astype(view.dtype.newbyteorder("<"))
    assert hash_tensor(view).value == digest(little.tobytes())
    assert describe_tensor(view).shape == view.shape


def test_read_only_and_large():
    large = np.random.default_rng(1).integers(0, 255, 5_000_001, dtype=np.uint8)
    large.flags.writeable = False
    assert hash_tensor(large).value == digest(large.tobytes())
    square = large[:4_000_000].reshape(2000, 2000)
    assert hash_tensor(square.T).value == digest(square.T.tobytes())


def test_nothing_is_copied():
    large = np.zeros((2000, 2000))
    tracemalloc.start()
    try:
        hash_tensor(large)
        hash_tensor(large.T)
        hash_tensors({"a": large, "b": large[::2]})
        assert tracemalloc.get_traced_memory()[1] < large.nbytes / 16
    finally:
        tracemalloc.stop()


def test_bfloat16_of_another_package():
    raw = np.arange(6, dtype="<u2").view("V2")
    looks = SimpleNamespace(__array_interface__=raw.__array_interface__, dtype=SimpleNamespace(name="bfloat16"))
    assert describe_tensor(looks)[:2] == ("BF16", (6,))
    assert describe_tensor(looks).digest.value == digest(raw.tobytes())
    assert describe_tensor(raw)[0] == "V2"


class FakeTensor:
    """What a tensor of PyTorch shows of itself, over an array of numpy."""

    def __init__(self, values, dtype="torch.float32", device="cpu", layout="torch.strided", *, conj=False):
        self._values, self.dtype, self.layout, self._conj = values, dtype, layout, conj
        self.device = SimpleNamespace(type=device, __str__=lambda: device)
        self.shape = values.shape

    def data_ptr(self):
        return self._values.__array_interface__["data"][0]

    def stride(self):
        return tuple(stride // self._values.itemsize for stride in self._values.strides)

    def is_conj(self):
        return self._conj

    def is_neg(self):
        return False


def test_what_looks_like_a_tensor_of_pytorch():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    assert hash_tensor(FakeTensor(values.T)).value == digest(values.T.tobytes())
    assert describe_tensor(FakeTensor(values.view(np.uint32), "torch.uint32"))[0] == "U32"


@pytest.mark.parametrize(
    ("given_value", "why"),
    [
        (FakeTensor(np.zeros(2), device="cuda"), r"tensor\.cpu\(\)"),
        (FakeTensor(np.zeros(2), layout="torch.sparse_coo"), "dense tensor"),
        (FakeTensor(np.zeros(2), dtype="torch.qint8"), "dense tensor"),
        (FakeTensor(np.zeros(2), conj=True), "resolve_conj"),
        (SimpleNamespace(__cuda_array_interface__={}), "copy it to the CPU"),
        (np.array([object()]), "plain"),
        (np.zeros(2, dtype="f4,i4"), "plain"),
        (3, "is no tensor"),
        ("text", "is no tensor"),
        (None, "is no tensor"),
        ([1.0], "is no tensor"),
    ],
)
def test_what_is_no_plain_tensor_is_refused(given_value, why):
    with pytest.raises(UsageError, match=why):
        hash_tensor(given_value)
    with pytest.raises(UsageError, match="'w'"):
        hash_tensors({"w": given_value})


def test_names_are_texts():
    with pytest.raises(UsageError, match="named by texts"):
        hash_tensors({1: np.zeros(2)})


@pytest.mark.skipif(sys.byteorder != "little", reason="the types are those of a little-endian machine")
def test_types_have_the_names_that_files_use():
    names = {"float64": "F64", "float16": "F16", "int8": "I8", "uint64": "U64", "bool": "BOOL", "complex128": "C128"}
    assert {name: describe_tensor(np.zeros(1, name)).dtype for name in names} == names


def test_a_mask_is_not_left_out_silently():
    for mask in ([0, 1], [1, 0]):
        with pytest.raises(UsageError, match="mask"):
            hash_tensor(np.ma.array([1, 2], mask=mask))


def test_types_that_numpy_calls_raw_bytes_are_told_apart():
    memory = np.zeros(2, dtype="V1")
    place = {"__array_interface__": memory.__array_interface__}
    for name in ("int4", "float8_e3m4"):
        with pytest.raises(UsageError, match=name):
            describe_tensor(SimpleNamespace(dtype=SimpleNamespace(name=name), **place))
    assert describe_tensor(memory).dtype == "V1"
