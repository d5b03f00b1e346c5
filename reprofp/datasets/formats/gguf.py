"""GGUF files (llama.cpp), versions 2 and 3, little-endian.

In: an open file. Out: where each tensor lies, and the key-value pairs beside them. Quantised types are named and hashed
as they are stored: their bytes are their identity. Guaranteed: tensors lie within the file behind one another, each as
long as its type and shape say; the memory taken is bounded by the file's length.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; types: ggml.h and gguf-py/gguf/constants.py
"""

from __future__ import annotations

import os
import struct
from math import prod

from reprofp._core.hashing import Hasher
from reprofp._core.reading import StableFile
from reprofp.datasets.formats.contents import Contents, NamedValue, Stored, quote, refuse

__all__ = ["MAGIC", "read_gguf"]

MAGIC = b"GGUF"
"""How a file of this format begins."""

_VERSIONS = {2, 3}
_MAX_NAME_BYTES = 65_535
_MAX_TENSOR_NAME_BYTES = 4096
_MAX_DIMENSIONS = 8
_MAX_SIZE = 2**62
_FEWEST_PAIR_BYTES = 13
_FEWEST_INFO_BYTES = 24
_DEFAULT_ALIGNMENT = 32
_WINDOW_BYTES = 1024 * 1024

_STRING, _ARRAY = 8, 9
_KINDS = {
    0: ("u8", 1),
    1: ("i8", 1),
    2: ("u16", 2),
    3: ("i16", 2),
    4: ("u32", 4),
    5: ("i32", 4),
    6: ("f32", 4),
    7: ("bool", 1),
    10: ("u64", 8),
    11: ("i64", 8),
    12: ("f64", 8),
}
_U32 = 4

# Of each type: its name, how many elements a block has, and its length in bytes.
_TYPES = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74),
    18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18),
    21: ("IQ3_S", 256, 110),
    22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1),
    25: ("I16", 1, 2),
    26: ("I32", 1, 4),
    27: ("I64", 1, 8),
    28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56),
    30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66),
    39: ("MXFP4", 32, 17),
    40: ("NVFP4", 64, 36),
    41: ("Q1_0", 128, 18),
}


def read_gguf(file: StableFile, where: str) -> Contents:
    """Read the header of an open file.

    Raises:
        FormatError: it is not valid, or of a version or type that is not known.
    """
    cursor = _Cursor(file, where)
    tensor_count, pair_count = _read_counts(cursor, where)
    metadata, alignment = _read_pairs(cursor, pair_count, where)
    infos = dict(_read_info(cursor, where) for _ in range(tensor_count))
    if len(infos) != tensor_count:
        refuse(where, "a tensor's name occurs twice")
    begin = -(-cursor.position // alignment) * alignment
    placed = {name: Stored(info.dtype, info.shape, begin + info.offset, info.bytes) for name, info in infos.items()}
    _check_places(placed, begin, file.bytes, alignment, where)
    return Contents("gguf", dict(placed), metadata)


class _Cursor:
    """Reads a file from the beginning on, through a window."""

    def __init__(self, file: StableFile, where: str) -> None:
        self._file = file
        self._where = where
        self._window = b""
        self._at = 0
        self._window_begin = 0

    @property
    def position(self) -> int:
        """The offset of what is read next."""
        return self._window_begin + self._at

    @property
    def left(self) -> int:
        """How many bytes of the file follow."""
        return self._file.bytes - self.position

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        if size > self.left:
            refuse(self._where, f"the header reaches behind the end of the file (offset {self.position}): truncated?")
        if self._at + size > len(self._window):
            self._window_begin, self._at = self.position, 0
            self._window = os.pread(self._file.fd, max(size, _WINDOW_BYTES), self._window_begin)
        taken = self._window[self._at : self._at + size]
        self._at += size
        return taken

    def integer(self, size: int) -> int:
        """Return an unsigned integer."""
        return int.from_bytes(self.take(size), "little")

    def text(self, most: int) -> str:
        """Return a string, which has its length before it."""
        length = self.integer(8)
        if length > most:
            refuse(self._where, f"a name of {length} bytes is not plausible")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            refuse(self._where, "a name is not UTF-8")


def _read_counts(cursor: _Cursor, where: str) -> tuple[int, int]:
    if cursor.take(len(MAGIC)) != MAGIC:
        refuse(where, "this is no GGUF file")
    version = cursor.integer(4)
    if version not in _VERSIONS:
        big = int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS
        what = "a big-endian GGUF file" if big else f"version {version} of GGUF"
        refuse(where, f"{what} is not read; convert it to a little-endian one of version 3")
    tensor_count, pair_count = cursor.integer(8), cursor.integer(8)
    if tensor_count * _FEWEST_INFO_BYTES + pair_count * _FEWEST_PAIR_BYTES > cursor.left:
        refuse(where, f"{tensor_count} tensors and {pair_count} pairs do not fit into the file: truncated?")
    return tensor_count, pair_count


# ---- Pairs ----


def _read_pairs(cursor: _Cursor, count: int, where: str) -> tuple[dict[str, NamedValue], int]:
    pairs: dict[str, NamedValue] = {}
    alignment = _DEFAULT_ALIGNMENT
    for _ in range(count):
        key = cursor.text(_MAX_NAME_BYTES)
        kind = cursor.integer(4)
        if key in pairs:
            refuse(where, f"the key {quote(key)} occurs twice")
        if key == "general.alignment":
            alignment = _read_alignment(cursor, kind, where)
            pairs[key] = NamedValue.of("u32", alignment.to_bytes(4, "little"))
        else:
            pairs[key] = _read_value(cursor, kind, where)
    return pairs, alignment


def _read_alignment(cursor: _Cursor, kind: int, where: str) -> int:
    value = cursor.integer(4) if kind == _U32 else 0
    if value == 0 or value & (value - 1):
        refuse(where, "general.alignment is no power of two")
    return value


def _read_value(cursor: _Cursor, kind: int, where: str) -> NamedValue:
    """Read a value of any type; what is hashed is what the file holds behind the type."""
    hasher = Hasher()
    if kind in _KINDS:
        name, size = _KINDS[kind]
        hasher.update(cursor.take(size))
    elif kind == _STRING:
        name = "str"
        _take_into(hasher, cursor, cursor.integer(8))
    elif kind == _ARRAY:
        name = _read_elements(hasher, cursor, where)
    else:
        refuse(where, f"a value of type {kind} is not known")
    return NamedValue(name, hasher.digest())


def _take_into(hasher: Hasher, cursor: _Cursor, size: int) -> None:
    if size > cursor.left:
        refuse(cursor._where, f"a value of {size} bytes reaches behind the end of the file: truncated?")  # noqa: SLF001  its own module
    while size > 0:
        piece = cursor.take(min(size, _WINDOW_BYTES))
        hasher.update(piece)
        size -= len(piece)


def _read_elements(hasher: Hasher, cursor: _Cursor, where: str) -> str:
    kind, count = cursor.integer(4), cursor.integer(8)
    if kind in _KINDS:
        name, size = _KINDS[kind]
        _take_into(hasher, cursor, size * count)
        return f"{name}[{count}]"
    if kind != _STRING:
        refuse(where, f"an array of elements of type {kind} is not read")
    if count * 8 > cursor.left:
        refuse(where, f"an array of {count} texts does not fit into the file: truncated?")
    for _ in range(count):
        length = cursor.take(8)
        hasher.update(length)
        _take_into(hasher, cursor, int.from_bytes(length, "little"))
    return f"str[{count}]"


# ---- Tensors ----


def _read_info(cursor: _Cursor, where: str) -> tuple[str, Stored]:
    """Read a name and what belongs to it; the offset is from the beginning of the data."""
    name = cursor.text(_MAX_TENSOR_NAME_BYTES)
    dimensions = cursor.integer(4)
    if dimensions > _MAX_DIMENSIONS:
        refuse(where, f"tensor {quote(name)} has {dimensions} dimensions; {_MAX_DIMENSIONS} are plausible")
    sizes = struct.unpack(f"<{dimensions}Q", cursor.take(8 * dimensions))
    kind, offset = cursor.integer(4), cursor.integer(8)
    if kind not in _TYPES:
        refuse(where, f"tensor {quote(name)} is of type {kind}, which is not known: from a newer llama.cpp?")
    dtype, elements, block_bytes = _TYPES[kind]
    count = prod(sizes)
    if max(sizes, default=0) > _MAX_SIZE or count > _MAX_SIZE or (sizes[0] if sizes else 1) % elements:
        refuse(where, f"tensor {quote(name)}: {dtype} cannot have the sizes {str(sizes)[:80]}")
    return name, Stored(dtype, tuple(reversed(sizes)), offset, count // elements * block_bytes)


def _check_places(tensors: dict[str, Stored], begin: int, file_bytes: int, alignment: int, where: str) -> None:
    """Refuse overlaps, holes and tensors that reach out of the file; bytes behind the last are let be."""
    end = begin
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].offset, item[1].bytes)):
        if tensor.offset < end or tensor.offset - end >= alignment or (tensor.offset - begin) % alignment:
            refuse(where, f"tensor {quote(name)} does not follow the one before it, aligned to {alignment} bytes")
        end = tensor.offset + tensor.bytes
        if end > file_bytes:
            refuse(where, f"tensor {quote(name)} reaches behind the end of the file: truncated?")
