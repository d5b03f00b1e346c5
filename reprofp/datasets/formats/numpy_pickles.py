"""Arrays of numpy within a pickle: read from the notes that stand for them, without numpy."""

from __future__ import annotations

from math import prod
from typing import Any

from reprofp._core import ffi
from reprofp._core.tensors import View, hash_view
from reprofp.datasets.formats.contents import MAX_DIMENSIONS, Hashed
from reprofp.datasets.formats.npy import name_type
from reprofp.datasets.formats.pickles import Call
from reprofp.errors import FormatError

__all__ = ["read_pickled_array"]

_RECONSTRUCT = {"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"}
_FROM_BUFFER = {"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"}
_STATE_FIELDS = 5  # version, shape, dtype, whether column-major, elements
_BUFFER_FIELDS = 4  # elements, dtype, shape, order
_UNIT = 8  # where the state of a type of times has (metadata, (unit, how many of it, parts, events))
_MOST_UNIT_LETTERS = 7
_MAX_SIZE = 2**48


def read_pickled_array(call: Call) -> Hashed | None:
    """Return the array that a call stands for; None where it stands for none, or for one of objects or records."""
    found = _find_parts(call)
    if found is None:
        return None
    shape, notation, is_fortran, elements = found
    try:
        dtype, item_bytes, swap_bytes = name_type(notation, "array")
    except FormatError:
        return None
    if prod(shape) * item_bytes != len(elements):
        raise FormatError(
            f"an array in the pickle: {len(elements)} bytes do not hold {dtype} of shape {str(shape)[:80]}"
        )
    axes = range(len(shape))
    strides = [item_bytes * (prod(shape[:axis]) if is_fortran else prod(shape[axis + 1 :])) for axis in axes]
    held = ffi.from_buffer(elements)
    digest = hash_view(int(ffi.cast("uintptr_t", held)), View(shape, strides, item_bytes, swap_bytes), threads=1)
    return Hashed(dtype, shape, digest)


def _find_parts(call: Call) -> tuple[tuple[int, ...], str, bool, bytes] | None:
    """Return shape, type in numpy's notation, whether it is column-major, and the elements."""
    name = str(call.function)
    if name in _RECONSTRUCT and isinstance(call.state, tuple) and len(call.state) == _STATE_FIELDS:
        _, shape, dtype, order, elements = call.state
        is_known = isinstance(order, bool)
        is_fortran = order is True
    elif name in _FROM_BUFFER and len(call.arguments) == _BUFFER_FIELDS:
        elements, dtype, shape, order = call.arguments
        is_known = order in ("C", "F")
        is_fortran = order == "F"
    else:
        return None
    notation = _notation_of(dtype)
    if notation is None or not is_known or not isinstance(elements, (bytes, bytearray)) or not _is_shape(shape):
        return None
    return shape, notation, is_fortran, bytes(elements)


def _is_shape(shape: Any) -> bool:
    is_tuple = isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS
    return is_tuple and all(type(size) is int and 0 <= size <= _MAX_SIZE for size in shape)


def _notation_of(dtype: Any) -> str | None:
    """Return a plain type such as "<f4"; the state of one is (version, order, subtype, names, fields, ...)."""
    if not isinstance(dtype, Call) or str(dtype.function) != "numpy.dtype" or not dtype.arguments:
        return None
    kind, state = dtype.arguments[0], dtype.state
    if not isinstance(kind, str) or not isinstance(state, tuple) or len(state) < _STATE_FIELDS:
        return None
    is_plain = state[1] in ("<", ">", "|", "=") and all(part is None for part in state[2:5])
    unit = _unit_of(state)
    return f"{state[1]}{kind}{unit}" if is_plain and unit is not None else None


def _unit_of(state: tuple[Any, ...]) -> str | None:
    """Return the unit of a time such as "[25s]"; nothing for other types, None where it is not understood."""
    if len(state) <= _UNIT:
        return ""
    match state[_UNIT]:
        case (_, (b"generic", 1, 1, 1)):
            return ""
        case (_, (bytes(unit), int(count), 1, 1)) if unit.isalpha() and len(unit) <= _MOST_UNIT_LETTERS:
            return f"[{unit.decode('ascii')}]" if count == 1 else f"[{count:d}{unit.decode('ascii')}]"
        case _:
            return None
