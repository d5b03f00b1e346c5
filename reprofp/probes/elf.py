"""What an ELF file says of itself: its build-id and the name that it wants to be known by.

In: a path. Out: an ``ElfIdentity``. Guaranteed: at most a few pages are read, whatever the file claims; a file
that is no ELF file, or contradicts itself, raises ValueError.

Sources: elf(5); System V ABI, chapter 5 (program header, dynamic section); build-id: the note of type 3 and
name "GNU" (ld(1), --build-id).
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["ElfIdentity", "read_elf"]

_MAGIC = b"\x7fELF"
_HEADER_SIZE = 64
_PT_LOAD, _PT_DYNAMIC, _PT_NOTE = 1, 2, 4
_DT_STRTAB, _DT_SONAME = 5, 14
_NT_GNU_BUILD_ID = 3
_MOST_SEGMENTS = 256
_MOST_BYTES = 1 << 16
_LONGEST_NAME = 1 << 10
_LONGEST_ID = 64


class ElfIdentity(NamedTuple):
    """``build_id`` in hex and ``soname``, each None where the file has none."""

    build_id: str | None
    soname: str | None


class _Layout(NamedTuple):
    """Where the fields are in files of one class (32 or 64 bits) and byte order."""

    order: str
    header: str
    segment: str
    pair: str

    def unpack(self, form: str, data: bytes) -> tuple[int, ...]:
        size = struct.calcsize(self.order + form)
        if len(data) < size:
            raise ValueError("not an ELF file: it ends too early")
        return struct.unpack(self.order + form, data[:size])


class _Segment(NamedTuple):
    """One program header."""

    kind: int
    offset: int
    address: int
    size: int
    alignment: int


_ORDERS = {1: "<", 2: ">"}
# From e_phoff on: offset of the program headers, two fields between, their size and number.
_HEADERS = {1: "28xI10xHH", 2: "32xQ14xHH"}
_SEGMENTS = {1: "IIIIIIII", 2: "IIQQQQQQ"}
_PAIRS = {1: "II", 2: "QQ"}


def read_elf(path: str | os.PathLike[str]) -> ElfIdentity:
    """Read a file's identity.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no ELF file, or a damaged one.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not an ELF file: it is no regular file")
        return _read_identity(descriptor)
    finally:
        os.close(descriptor)


def _read_identity(descriptor: int) -> ElfIdentity:
    header = _read(descriptor, 0, _HEADER_SIZE)
    if header[:4] != _MAGIC or len(header) < _HEADER_SIZE:
        raise ValueError("not an ELF file")
    width, order = header[4], _ORDERS.get(header[5])
    if width not in _HEADERS or order is None:
        raise ValueError("not an ELF file: unknown class or byte order")
    layout = _Layout(order, _HEADERS[width], _SEGMENTS[width], _PAIRS[width])
    segments = list(_read_segments(descriptor, layout, header))
    return ElfIdentity(_find_build_id(descriptor, layout, segments), _find_soname(descriptor, layout, segments))


def _read(descriptor: int, offset: int, size: int) -> bytes:
    if offset >= 1 << 63:
        raise ValueError("damaged ELF file: an offset beyond any file")
    return os.pread(descriptor, min(size, _MOST_BYTES), offset)


def _read_segments(descriptor: int, layout: _Layout, header: bytes) -> Iterator[_Segment]:
    offset, size, count = layout.unpack(layout.header, header)
    if count > _MOST_SEGMENTS or size < struct.calcsize(layout.order + layout.segment):
        raise ValueError("damaged ELF file: impossible program headers")
    table = _read(descriptor, offset, size * count)
    for index in range(count):
        fields = layout.unpack(layout.segment, table[index * size :])
        if layout.pair == _PAIRS[1]:
            kind, place, address, _, length, _, _, alignment = fields
        else:
            kind, _, place, address, _, length, _, alignment = fields
        yield _Segment(kind, place, address, length, alignment)


def _find_build_id(descriptor: int, layout: _Layout, segments: list[_Segment]) -> str | None:
    for segment in segments:
        if segment.kind == _PT_NOTE:
            notes = _read(descriptor, segment.offset, segment.size)
            for name, kind, content in _read_notes(layout, notes, 8 if segment.alignment == 8 else 4):  # noqa: PLR2004
                if name == b"GNU\0" and kind == _NT_GNU_BUILD_ID and 0 < len(content) <= _LONGEST_ID:
                    return content.hex()
    return None


def _read_notes(layout: _Layout, notes: bytes, alignment: int) -> Iterator[tuple[bytes, int, bytes]]:
    """Each note: sizes of name and content, type, then both, padded."""
    head = struct.calcsize(layout.order + "III")
    at = 0
    while at + head <= len(notes):
        name_size, size, kind = layout.unpack("III", notes[at:])
        name_at = at + head
        content_at = _pad(name_at + name_size, alignment)
        if content_at + size > len(notes):
            return
        yield notes[name_at : name_at + name_size], kind, notes[content_at : content_at + size]
        at = _pad(content_at + size, alignment)


def _pad(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment


def _find_soname(descriptor: int, layout: _Layout, segments: list[_Segment]) -> str | None:
    dynamic = next((segment for segment in segments if segment.kind == _PT_DYNAMIC), None)
    if dynamic is None:
        return None
    tags = _read_tags(layout, _read(descriptor, dynamic.offset, dynamic.size))
    if _DT_SONAME not in tags or _DT_STRTAB not in tags:
        return None
    table = _to_offset(segments, tags[_DT_STRTAB])
    name, zero, _ = _read(descriptor, table + tags[_DT_SONAME], _LONGEST_NAME).partition(b"\0")
    if not zero or not name:
        raise ValueError("damaged ELF file: its name has no end")
    return name.decode("utf-8", "backslashreplace")


def _read_tags(layout: _Layout, table: bytes) -> dict[int, int]:
    size = struct.calcsize(layout.order + layout.pair)
    tags: dict[int, int] = {}
    for at in range(0, len(table) - size + 1, size):
        tag, value = layout.unpack(layout.pair, table[at:])
        if tag == 0:
            break
        tags.setdefault(tag, value)
    return tags


def _to_offset(segments: list[_Segment], address: int) -> int:
    """The dynamic section has addresses in memory; the file's are those of the segment that is loaded there."""
    for segment in segments:
        if segment.kind == _PT_LOAD and segment.address <= address < segment.address + segment.size:
            return address - segment.address + segment.offset
    raise ValueError("damaged ELF file: its names are outside of what is loaded")
