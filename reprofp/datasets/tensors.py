"""Digests of tensors in memory, equal to those of the same tensors in a file.

In: bytes, memoryviews, arrays of numpy, tensors of PyTorch on the CPU, and whatever offers its memory in one of their
ways. Out: digests. Guaranteed: no framework is imported and nothing is copied; the object is asked where its elements
lie, and they are hashed there. Nobody may write to it meanwhile.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NoReturn

from reprofp._core import ffi
from reprofp._core.reading import default_threads
from reprofp._core.tensors import View, hash_view
from reprofp.datasets.files import FILE_ALGORITHM
from reprofp.datasets.formats.contents import row_major_strides
from reprofp.datasets.formats.npy import name_type
from reprofp.datasets.formats.torch_zip import TORCH_DTYPES
from reprofp.datasets.weights import Tensor, digest_tensors
from reprofp.errors import FormatError, UsageError
from reprofp.model.ids import Digest

__all__ = ["describe_tensor", "describe_tensors", "hash_tensor", "hash_tensors"]

_IS_BIG = sys.byteorder == "big"

# Of the buffer protocol (struct module): the kind in numpy's notation.
_BUFFER_KINDS = {
    **dict.fromkeys("BHILQN", "u"),
    **dict.fromkeys("bhilqn", "i"),
    **dict.fromkeys("efd", "f"),
    "?": "b",
    "c": "S",
    "s": "S",
}

# Types that numpy's own notation calls raw bytes: by the name that their package (ml_dtypes) gives them.
_NAMED_TYPES = {
    "bfloat16": "BF16",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
}


@dataclass(frozen=True, slots=True)
class _Memory:
    """Where the elements of a tensor lie, and what keeps them there."""

    dtype: str
    shape: tuple[int, ...]
    address: int
    view: View
    owner: object


def hash_tensor(array: Any, *, name: str | None = None) -> Digest:
    """Return the digest of a tensor's contents: BLAKE3 of its elements in row-major order, little-endian.

    ``name`` is only used to say which tensor an error is about.

    Raises:
        UsageError: it is no tensor whose elements lie in this process' memory as plain bytes.
    """
    memory = _look_at(array, name)
    return Digest(FILE_ALGORITHM, hash_view(memory.address, memory.view))


def hash_tensors(tensors: Mapping[str, Any]) -> Digest:
    """Return the digest of named tensors, such as ``model.state_dict()``: that of ``hash_weights`` for a file of them.

    Raises:
        UsageError: one of them is no tensor whose elements lie in this process' memory as plain bytes.
    """
    return digest_tensors(describe_tensors(tensors))


def describe_tensors(tensors: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return dtype, shape and digest of named tensors.

    Raises:
        UsageError: one of them is no tensor whose elements lie in this process' memory as plain bytes.
    """
    for name in tensors:
        if not isinstance(name, str):
            raise UsageError(f"tensors are named by texts, not by {name!r}; hash one of them with hash_tensor")
    memories = {name: _look_at(array, name) for name, array in tensors.items()}
    with ThreadPoolExecutor(default_threads()) as pool:
        digests = pool.map(lambda memory: hash_view(memory.address, memory.view, threads=1), memories.values())
        return {
            name: Tensor(memory.dtype, memory.shape, Digest(FILE_ALGORITHM, digest))
            for (name, memory), digest in zip(memories.items(), digests, strict=True)
        }


def describe_tensor(array: Any, *, name: str | None = None) -> Tensor:
    """Return dtype, shape and digest of a tensor.

    Raises:
        UsageError: it is no tensor whose elements lie in this process' memory as plain bytes.
    """
    memory = _look_at(array, name)
    return Tensor(memory.dtype, memory.shape, Digest(FILE_ALGORITHM, hash_view(memory.address, memory.view)))


def _look_at(array: Any, name: str | None) -> _Memory:
    what = f"the tensor {name!r}" if name is not None else f"a value of type {type(array).__name__}"
    if hasattr(array, "data_ptr") and hasattr(array, "stride"):
        return _look_at_torch(array, what)
    if any(f"{kind.__module__}.".startswith("numpy.ma.") for kind in type(array).__mro__):
        raise UsageError(f"{what} has a mask, which is no part of its elements; hash array.data and array.mask each")
    interface = getattr(array, "__array_interface__", None)
    if isinstance(interface, dict):
        return _look_at_interface(array, interface, what)
    try:
        buffer = memoryview(array)
    except TypeError:
        _refuse_other(array, what)
    return _look_at_buffer(buffer, what)


def _refuse_other(array: Any, what: str) -> NoReturn:
    if hasattr(array, "__cuda_array_interface__") or hasattr(array, "__dlpack_device__"):
        raise UsageError(
            f"{what} does not lie in this process' memory as an array of numpy would; copy it to the CPU first"
        )
    raise UsageError(
        f"{what} ({type(array).__name__}) is no tensor; give bytes, an array of numpy, or a tensor on the CPU"
    )


def _look_at_torch(tensor: Any, what: str) -> _Memory:
    device, layout = getattr(tensor, "device", None), str(getattr(tensor, "layout", "torch.strided"))
    if getattr(device, "type", "cpu") != "cpu":
        raise UsageError(f"{what} is on the device {device}; give a copy on the CPU: tensor.cpu()")
    dtype = str(tensor.dtype).removeprefix("torch.")
    if layout != "torch.strided" or dtype not in TORCH_DTYPES:
        raise UsageError(f"{what} is {dtype} with layout {layout}, which has no plain elements; give a dense tensor")
    if tensor.is_conj() or tensor.is_neg():
        raise UsageError(
            f"{what} is a view whose values are not those in memory; give tensor.resolve_conj().resolve_neg()"
        )
    known, item_bytes, swap_bytes = TORCH_DTYPES[dtype]
    shape = tuple(int(size) for size in tensor.shape)
    strides = tuple(int(stride) * item_bytes for stride in tensor.stride())
    view = View(shape, strides, item_bytes, swap_bytes if _IS_BIG else 0)
    if known == "F4" and shape:
        shape = (*shape[:-1], 2 * shape[-1])
    return _Memory(known, shape, int(tensor.data_ptr()), view, tensor)


def _look_at_interface(array: Any, interface: Mapping[str, Any], what: str) -> _Memory:
    if any(field[0] for field in interface.get("descr", ())):
        raise UsageError(f"{what} has elements of several fields, which are not plain; give one field of it")
    dtype, item_bytes, swap_bytes = _name_type(interface["typestr"], array, what)
    shape = tuple(int(size) for size in interface["shape"])
    strides = interface.get("strides") or row_major_strides(shape, item_bytes)
    data = interface.get("data")
    if not isinstance(data, tuple):
        raise UsageError(f"{what} does not say where its elements lie; give an array of numpy")
    return _Memory(dtype, shape, int(data[0]), View(shape, tuple(strides), item_bytes, swap_bytes), array)


def _name_type(notation: str, array: Any, what: str) -> tuple[str, int, int]:
    kind = notation.lstrip("<>|=")
    named = getattr(getattr(array, "dtype", None), "name", "")
    if kind.startswith("V") and named in _NAMED_TYPES:
        return _NAMED_TYPES[named], int(kind[1:]), 0
    if kind.startswith("V") and named and not named.startswith("void"):
        raise UsageError(f"{what} has elements of the type {named}, which has no name here; give its bytes")
    try:
        return name_type(notation, what)
    except FormatError as error:
        raise UsageError(str(error)) from None


def _look_at_buffer(buffer: memoryview, what: str) -> _Memory:
    order, letter = buffer.format[:-1], buffer.format[-1:]
    if letter not in _BUFFER_KINDS or order not in {"", "@", "=", "<", ">", "!"}:
        raise UsageError(f"{what} has elements of the format {buffer.format!r}, which are not plain; give numbers")
    is_big = order in {">", "!"} or (_IS_BIG and order != "<")
    notation = f"{'>' if is_big else '<'}{_BUFFER_KINDS[letter]}{buffer.itemsize}"
    dtype, item_bytes, swap_bytes = _name_type(notation, None, what)
    shape = tuple(buffer.shape or ())
    if buffer.c_contiguous:
        held, strides = ffi.from_buffer(buffer), row_major_strides(shape, item_bytes)
    elif buffer.ndim == 1:  # a slice of one element tells where the first one lies
        held, strides = ffi.from_buffer(buffer[:1]), tuple(buffer.strides or ())
    else:  # nothing in Python tells where the elements of such a view lie
        held, strides = ffi.from_buffer(buffer.tobytes()), row_major_strides(shape, item_bytes)
    address = int(ffi.cast("uintptr_t", held))
    return _Memory(dtype, shape, address, View(shape, strides, item_bytes, swap_bytes), (buffer, held))
