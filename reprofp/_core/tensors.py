"""Tensors by the native core, without the GIL: digests of views, and differences of values.

In: views (shape, strides in bytes, length of an element) of memory or of an open file. Out: BLAKE3 of the elements in
row-major order, little-endian, without gaps. Guaranteed: the way in which elements lie, and the number of threads,
change no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reprofp._core import ffi, lib
from reprofp._core.reading import ProgressCallback, _count_threads, _run, failure_error
from reprofp.errors import UsageError

__all__ = [
    "MAX_DIMENSIONS",
    "MAX_ITEM_BYTES",
    "NUMBERS",
    "Difference",
    "View",
    "copy_file_view",
    "hash_file_view",
    "hash_view",
    "measure_files",
    "number_bytes",
]

MAX_DIMENSIONS: int = lib.RFP_VIEW_DIMENSIONS
"""The most dimensions of a view."""

MAX_ITEM_BYTES: int = lib.RFP_VIEW_ITEM_BYTES
"""The longest element of a view."""

NUMBERS: dict[str, int] = {
    "BOOL": lib.RFP_NUMBER_U8,
    "U8": lib.RFP_NUMBER_U8,
    "I8": lib.RFP_NUMBER_I8,
    "U16": lib.RFP_NUMBER_U16,
    "I16": lib.RFP_NUMBER_I16,
    "U32": lib.RFP_NUMBER_U32,
    "I32": lib.RFP_NUMBER_I32,
    "U64": lib.RFP_NUMBER_U64,
    "I64": lib.RFP_NUMBER_I64,
    "F16": lib.RFP_NUMBER_F16,
    "BF16": lib.RFP_NUMBER_BF16,
    "F32": lib.RFP_NUMBER_F32,
    "F64": lib.RFP_NUMBER_F64,
    "C32": lib.RFP_NUMBER_F16,
    "C64": lib.RFP_NUMBER_F32,
    "C128": lib.RFP_NUMBER_F64,
    "F8_E4M3": lib.RFP_NUMBER_F8_E4M3,
    "F8_E5M2": lib.RFP_NUMBER_F8_E5M2,
    "F8_E4M3FNUZ": lib.RFP_NUMBER_F8_E4M3FNUZ,
    "F8_E5M2FNUZ": lib.RFP_NUMBER_F8_E5M2FNUZ,
    "F8_E8M0": lib.RFP_NUMBER_F8_E8M0,
}
"""The element types whose values can be compared; complex ones by their parts."""


@dataclass(frozen=True, slots=True)
class View:
    """Where elements lie: sizes, strides in bytes, length of an element, and of the units to reverse (0: none)."""

    shape: Sequence[int]
    strides: Sequence[int]
    item_bytes: int
    swap_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """How two tensors' numbers differ; reprofp_tensors.h says what each field counts."""

    elements: int
    different: int
    nan_changes: int
    inf_changes: int
    max_ulps: int
    max_abs: float
    squares: float
    squares_first: float


def hash_view(
    address: int, view: View, *, threads: int | None = None, progress: ProgressCallback | None = None
) -> bytes:
    """Return the digest of a view of memory, which the caller keeps alive.

    Raises:
        UsageError: the view is not allowed, or the number of threads is not plausible.
    """
    native, count = _make_view(view), _count_threads(threads)
    out = ffi.new("uint8_t[]", lib.RFP_DIGEST_BYTES)
    first = ffi.cast("void *", address)
    status, system_error = _run(
        lambda state: lib.rfp_view_hash(first, native, count, state, out), progress, patient=_is_short(native)
    )
    if status != lib.RFP_OK:
        raise failure_error(b"a tensor in memory", status, system_error)
    return bytes(ffi.buffer(out))


def hash_file_view(fd: int, offset: int, view: View, path: bytes, *, progress: ProgressCallback | None = None) -> bytes:
    """Return the digest of a view of an open file.

    Raises:
        InputError: it cannot be read.
        UnstableFileError: the file ends before the view does.
        UsageError: the view is not allowed.
    """
    native = _make_view(view)
    out = ffi.new("uint8_t[]", lib.RFP_DIGEST_BYTES)
    status, system_error = _run(
        lambda state: lib.rfp_file_view_hash(fd, offset, native, state, out), progress, patient=_is_short(native)
    )
    if status != lib.RFP_OK:
        raise failure_error(path, status, system_error)
    return bytes(ffi.buffer(out))


def copy_file_view(fd: int, offset: int, view: View, path: bytes, output: int) -> None:
    """Write the contents of a view of an open file to another one.

    Raises:
        InputError: it cannot be read or written.
        UnstableFileError: the file ends before the view does.
        UsageError: the view is not allowed.
    """
    native = _make_view(view)
    status, system_error = _run(lambda state: lib.rfp_file_view_copy(fd, offset, native, state, output), None)
    if status != lib.RFP_OK:
        raise failure_error(path, status, system_error)


def number_bytes(dtype: str) -> int:
    """Return the length of the numbers that a type is compared by, or 0 where it cannot be."""
    length: int = lib.rfp_number_bytes(NUMBERS[dtype]) if dtype in NUMBERS else 0
    return length


def measure_files(
    dtype: str,
    first: tuple[int, int],
    second: tuple[int, int],
    count: int,
    path: bytes,
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> Difference:
    """Measure ``count`` numbers that lie in two open files, each given as (file, offset).

    Raises:
        InputError: one cannot be read.
        UnstableFileError: one ends too early.
        UsageError: the number of threads is not plausible.
    """
    out, workers = ffi.new("rfp_difference *"), _count_threads(threads)
    status, system_error = _run(
        lambda state: lib.rfp_file_difference_measure(NUMBERS[dtype], *first, *second, count, workers, state, out),
        progress,
    )
    if status != lib.RFP_OK:
        raise failure_error(path, status, system_error)
    return Difference(
        out.elements,
        out.different,
        out.nan_changes,
        out.inf_changes,
        out.max_ulps,
        out.max_abs,
        out.squares,
        out.squares_first,
    )


_SHORT_BYTES = 32 * 1024 * 1024


def _is_short(native: Any) -> bool:
    """Whether hashing takes so short that nobody needs to interrupt it."""
    length = ffi.new("uint64_t *")
    return bool(lib.rfp_view_bytes(native, length) != lib.RFP_OK or length[0] < _SHORT_BYTES)


def _make_view(view: View) -> Any:
    if len(view.shape) > MAX_DIMENSIONS:
        raise UsageError(f"a tensor of {len(view.shape)} dimensions cannot be hashed: {MAX_DIMENSIONS} at most")
    if not 1 <= view.item_bytes <= MAX_ITEM_BYTES:
        raise UsageError(f"elements of {view.item_bytes} bytes cannot be hashed: 1 to {MAX_ITEM_BYTES}")
    native = ffi.new("rfp_view *")
    native.dimensions, native.item_bytes, native.swap_bytes = len(view.shape), view.item_bytes, view.swap_bytes
    for axis, (size, stride) in enumerate(zip(view.shape, view.strides, strict=True)):
        native.sizes[axis], native.strides[axis] = size, stride
    return native
