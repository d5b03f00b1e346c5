"""Arrays of numpy: ``.npy`` files, and ``.npz`` files, which are ZIP files of them.

In: an open file. Out: where the elements of each array lie. Guaranteed: what is accepted has exactly the bytes that its
header announces; object arrays (pickles) and records are refused.

The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

from reprofp._core.reading import StableFile
from reprofp._core.tensors import MAX_ITEM_BYTES
from reprofp.datasets.formats.archive import Member, check_sums, iterate_member
from reprofp.datasets.formats.contents import MAX_DIMENSIONS, Contents, Packed, Piece, Stored, quote, refuse, store_view

__all__ = ["ARRAY_NAME", "MAGIC", "name_type", "read_array", "read_arrays"]

MAGIC = b"\x93NUMPY"
"""How a file of this format begins."""

ARRAY_NAME = "arr_0"
"""The name of the array of a file that holds one: what numpy itself calls an array without a name in an ``.npz``."""

_MAX_HEADER_BYTES = 64 * 1024
_MAX_SIZE = 2**62
_FIXED_BYTES = 12
_TYPE = re.compile(r"([<>|=])([a-zA-Z])([0-9]{1,9})(\[\w+\])?")
_NAMES = {
    "b1": "BOOL",
    "i1": "I8",
    "i2": "I16",
    "i4": "I32",
    "i8": "I64",
    "u1": "U8",
    "u2": "U16",
    "u4": "U32",
    "u8": "U64",
    "f2": "F16",
    "f4": "F32",
    "f8": "F64",
    "c8": "C64",
    "c16": "C128",
}

Read = Callable[[int, int], bytes]


def name_type(descr: object, where: str) -> tuple[str, int, int]:
    """Return the name of an element type given in numpy's notation, its length, and that of the units to reverse.

    Raises:
        FormatError: it is no type whose elements are plain bytes.
    """
    match = _TYPE.fullmatch(descr) if isinstance(descr, str) else None
    if match is None:
        refuse(where, f"elements of type {str(descr)[:80]!r} (objects, records) are not read; save plain arrays")
    order, kind, digits, unit = match.groups()
    size = int(digits) * (4 if kind == "U" else 1)
    if kind not in "biufcSUVmM" or (unit and kind not in "mM") or size > MAX_ITEM_BYTES:
        refuse(where, f"elements of type {descr!r} are not read; save plain arrays")
    name = _NAMES.get(kind + digits, f"{kind}{digits}{unit or ''}")
    if kind in "biufc" and name == f"{kind}{digits}":
        refuse(where, f"elements of type {descr!r} differ from machine to machine; save another type")
    return name, size, _swap_bytes(kind, size) if order == ">" else 0


def _swap_bytes(kind: str, size: int) -> int:
    if kind in "SV" or size == 1:
        return 0
    return {"U": 4, "c": size // 2}.get(kind, size)


def read_array(file: StableFile, where: str) -> Contents:
    """Read the header of a file that holds one array.

    Raises:
        FormatError: it is not valid.
    """
    stored = _read_header(lambda offset, size: os.pread(file.fd, size, offset), file.bytes, where)
    return Contents("npy", {ARRAY_NAME: stored})


def read_arrays(file: StableFile, members: Mapping[str, Member], where: str, threads: int) -> Contents:
    """Read the headers of the arrays in a ZIP file.

    Raises:
        FormatError: one is not valid.
    """
    check_sums(file.fd, [member for member in members.values() if member.is_stored], where, threads)
    tensors: dict[str, Piece] = {}
    for name, member in members.items():
        place = f"{where}: array {quote(name)}"
        tensors[name.removesuffix(".npy")] = _read_member(file.fd, member, place)
    return Contents("npz", tensors)


def _read_member(fd: int, member: Member, where: str) -> Piece:
    if member.is_stored:
        stored = _read_header(lambda offset, size: os.pread(fd, size, member.offset + offset), member.bytes, where)
        return replace(stored, offset=member.offset + stored.offset)
    head = _read_head(iterate_member(fd, member, where))
    stored = _read_header(lambda offset, size: head[offset : offset + size], member.bytes, where)
    return Packed(stored, partial(_skip, fd, member, where, stored.offset))


def _read_head(pieces: Iterator[bytes]) -> bytes:
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _FIXED_BYTES + _MAX_HEADER_BYTES:
            break
    return head


def _skip(fd: int, member: Member, where: str, header_bytes: int) -> Iterator[bytes]:
    """Yield the unpacked elements, without the header."""
    skipped = 0
    for piece in iterate_member(fd, member, where):
        part = min(len(piece), header_bytes - skipped)
        skipped += part
        if part < len(piece):
            yield piece[part:]


def _read_header(read: Read, file_bytes: int, where: str) -> Stored:
    """Read a header; the offset is from the beginning of the array's file."""
    head = read(0, _FIXED_BYTES)
    if len(head) < _FIXED_BYTES or not head.startswith(MAGIC):
        refuse(where, "this is no .npy file")
    major, width = head[6], 2 if head[6] == 1 else 4
    header_bytes = int.from_bytes(head[8 : 8 + width], "little")
    begin = 8 + width + header_bytes
    if major not in {1, 2, 3} or head[7] or header_bytes > _MAX_HEADER_BYTES or begin > file_bytes:
        refuse(where, f"version {major}.{head[7]} with a header of {header_bytes} bytes is not read: truncated?")
    descr, fortran, shape = _parse_header(read(8 + width, header_bytes), where)
    dtype, item_bytes, swap_bytes = name_type(descr, where)
    if prod(shape) * item_bytes != file_bytes - begin:
        refuse(where, f"{file_bytes - begin} bytes do not hold {dtype} of shape {str(shape)[:80]}: truncated?")
    strides = [item_bytes * (prod(shape[:axis]) if fortran else prod(shape[axis + 1 :])) for axis in range(len(shape))]
    return store_view(dtype, shape, begin, strides, item_bytes, swap_bytes)


def _parse_header(raw: bytes, where: str) -> tuple[object, bool, tuple[int, ...]]:
    try:
        header: Any = ast.literal_eval(raw.decode().strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        refuse(where, f"the header is no literal of Python ({type(error).__name__})")
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        refuse(where, "the header does not have exactly descr, fortran_order and shape")
    shape, fortran = header["shape"], header["fortran_order"]
    is_shape = isinstance(shape, tuple) and len(shape) <= MAX_DIMENSIONS and all(map(_is_size, shape))
    if not is_shape or not isinstance(fortran, bool):
        refuse(where, "the shape is not a tuple of sizes, or the order no truth value")
    return header["descr"], fortran, shape


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value <= _MAX_SIZE
