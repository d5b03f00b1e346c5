"""Members of a ZIP file, read with distrust.

In: an open file. Out: where each member's bytes lie. Guaranteed: members have different names, lie behind one another
without overlap, in front of the directory, and both places that describe one agree; unpacking gives exactly as many
bytes as announced, with the announced checksum, or is a FormatError. ZIP64 is read; encryption and methods other than
"stored" and "deflated" are refused where such a member is read.

The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (section 4)
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from reprofp.datasets.formats.contents import quote, refuse

__all__ = ["MAGIC", "Member", "check_sums", "iterate_member", "read_member", "read_members"]

MAGIC = b"PK\x03\x04"
"""How a ZIP file with members begins."""

_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_ENTRY_BYTES = 46
_LOCAL = struct.Struct("<4s5H3L2H")
_MOST_COMMENT = 65_535
_MOST_DIRECTORY_BYTES = 256 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIPTOR, _UTF8 = 1, 8, 0x800
_IN_ZIP64 = 0xFFFFFFFF
_IN_ZIP64_SHORT = 0xFFFF
_ZIP64_FIELD = 1

RawBytes = bytes


@dataclass(frozen=True, slots=True)
class Member:
    """One member: where its stored bytes lie, how long it is unpacked, and its checksum (None: not to be compared)."""

    name: str
    offset: int
    packed_bytes: int
    bytes: int
    crc: int | None
    method: int
    encrypted: bool

    @property
    def is_stored(self) -> bool:
        """Whether the member's bytes lie in the file as they are."""
        return self.method == _STORED and not self.encrypted


@dataclass(frozen=True, slots=True)
class _Entry:
    member: Member
    raw_name: RawBytes
    flags: int
    header: int


def read_members(fd: int, file_bytes: int, where: str) -> dict[str, Member]:
    """Read the directory of a ZIP file; members by name, in the order of the file.

    Raises:
        FormatError: it is not valid.
    """
    offset, length, count = _find_directory(fd, file_bytes, where)
    if length > _MOST_DIRECTORY_BYTES or count * _ENTRY_BYTES > length:
        refuse(where, f"a ZIP directory of {length} bytes with {count} members is not plausible")
    entries = _read_directory(os.pread(fd, length, offset), count, where)
    members: dict[str, Member] = {}
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header):
        if entry.header < end:
            refuse(where, f"member {quote(entry.member.name)} overlaps the one before it")
        member = _locate(fd, entry, offset, where)
        end = member.offset + member.packed_bytes
        if member.name in members:
            refuse(where, f"member {quote(member.name)} occurs twice")
        members[member.name] = member
    return members


def _find_directory(fd: int, file_bytes: int, where: str) -> tuple[int, int, int]:
    """Return the directory's offset, length and number of members."""
    begin = max(0, file_bytes - _END.size - _MOST_COMMENT)
    tail = os.pread(fd, file_bytes - begin, begin)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        refuse(where, "the ZIP file has no directory at its end: truncated?")
    _, disk, first_disk, _, count, length, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        refuse(where, "bytes follow the end of the ZIP file")
    end = begin + at
    if _IN_ZIP64 in {offset, length} or count == _IN_ZIP64_SHORT or _has_locator(fd, end):
        offset, length, count, end = _read_end64(fd, end, where)
    elif disk or first_disk:
        refuse(where, "a ZIP file in several parts is not read")
    if offset + length != end:
        refuse(where, "the ZIP directory does not lie where the end of the file says")
    return offset, length, count


def _has_locator(fd: int, end: int) -> bool:
    return end >= _END64_LOCATOR.size and os.pread(fd, 4, end - _END64_LOCATOR.size) == b"PK\x06\x07"


def _read_end64(fd: int, end: int, where: str) -> tuple[int, int, int, int]:
    at = end - _END64_LOCATOR.size
    raw = os.pread(fd, _END64_LOCATOR.size, at) if at >= 0 else b""
    if not raw.startswith(b"PK\x06\x07"):
        refuse(where, "the ZIP64 locator is missing")
    _, _, offset, _ = _END64_LOCATOR.unpack(raw)
    raw = os.pread(fd, _END64.size, offset) if offset + _END64.size <= at else b""
    if not raw.startswith(b"PK\x06\x06"):
        refuse(where, "the ZIP64 end record does not lie where its locator says")
    _, size, _, _, disk, first_disk, _, count, length, directory = _END64.unpack(raw)
    if disk or first_disk or offset + size + 12 != at:
        refuse(where, "the ZIP64 end record is not valid")
    return directory, length, count, offset


def _read_directory(raw: RawBytes, count: int, where: str) -> list[_Entry]:
    entries, at = [], 0
    for _ in range(count):
        if len(raw) - at < _ENTRY.size or not raw.startswith(b"PK\x01\x02", at):
            refuse(where, "the ZIP directory is damaged")
        fields = _ENTRY.unpack_from(raw, at)
        name_bytes, extra_bytes, comment_bytes = fields[10:13]
        begin = at + _ENTRY.size
        at = begin + name_bytes + extra_bytes + comment_bytes
        if at > len(raw):
            refuse(where, "the ZIP directory is damaged")
        name = raw[begin : begin + name_bytes]
        extra = raw[begin + name_bytes : begin + name_bytes + extra_bytes]
        entries.append(_make_entry(fields, name, extra, where))
    if at != len(raw):
        refuse(where, "the ZIP directory holds more than its members")
    return entries


def _make_entry(fields: tuple[int, ...], raw_name: RawBytes, extra: RawBytes, where: str) -> _Entry:
    flags, method, crc = fields[3], fields[4], fields[7]
    name = _decode_name(raw_name, flags, where)
    size, packed, header = _read_sizes(fields[9], fields[8], fields[16], extra, name, where)
    member = Member(name, 0, packed, size, crc, method, bool(flags & _ENCRYPTED))
    if method == _STORED and packed != size:
        refuse(where, f"member {quote(name)} is stored as it is, yet {packed} bytes stand for {size}")
    return _Entry(member, raw_name, flags, header)


def _decode_name(raw: RawBytes, flags: int, where: str) -> str:
    try:
        return raw.decode("utf-8" if flags & _UTF8 or raw.isascii() else "cp437")
    except UnicodeDecodeError:
        refuse(where, f"the name of member {raw[:80]!r} is not UTF-8")


def _read_sizes(size: int, packed: int, header: int, extra: RawBytes, name: str, where: str) -> tuple[int, int, int]:
    """Return length, packed length and offset; a field of all ones stands in the ZIP64 extra field."""
    values = iter(_read_zip64(extra, name, where))
    found = []
    for value in (size, packed, header):
        actual = next(values, None) if value == _IN_ZIP64 else value
        if actual is None:
            refuse(where, f"the ZIP64 field of member {quote(name)} is missing")
        found.append(actual)
    return found[0], found[1], found[2]


def _read_zip64(extra: RawBytes, name: str, where: str) -> tuple[int, ...]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if at + length > len(extra):
            refuse(where, f"the extra fields of member {quote(name)} are damaged")
        if kind == _ZIP64_FIELD:
            count = min(length // 8, 3)
            return struct.unpack_from(f"<{count}Q", extra, at)
        at += length
    return ()


def _locate(fd: int, entry: _Entry, limit: int, where: str) -> Member:
    """Find a member's bytes behind its local header, which has to agree with the directory."""
    member = entry.member
    fits = entry.header + _LOCAL.size <= limit
    raw = os.pread(fd, _LOCAL.size + len(entry.raw_name), entry.header) if fits else b""
    if not raw.startswith(MAGIC) or len(raw) < _LOCAL.size:
        refuse(where, f"member {quote(member.name)} does not lie where the directory says")
    _, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = _LOCAL.unpack_from(raw)
    agree = raw[_LOCAL.size :] == entry.raw_name and name_bytes == len(entry.raw_name) and method == member.method
    if not flags & _DESCRIPTOR:
        agree = agree and crc == member.crc and _may_be(packed, member.packed_bytes) and _may_be(size, member.bytes)
    if not agree or (flags ^ entry.flags) & _ENCRYPTED:
        refuse(where, f"the directory and the header of member {quote(member.name)} disagree")
    offset = entry.header + _LOCAL.size + name_bytes + extra_bytes
    if offset + member.packed_bytes > limit:
        refuse(where, f"member {quote(member.name)} reaches behind the last one's end: truncated?")
    return Member(member.name, offset, member.packed_bytes, member.bytes, member.crc, member.method, member.encrypted)


def _may_be(written: int, actual: int) -> bool:
    return written in {actual, _IN_ZIP64}


def read_member(fd: int, member: Member, where: str, limit: int) -> RawBytes:
    """Return the bytes of a member that has ``limit`` bytes at most.

    Raises:
        FormatError: it is longer, damaged, or packed in a way that is not read.
    """
    if member.bytes > limit:
        refuse(where, f"member {quote(member.name)} has {member.bytes} bytes; {limit} are plausible")
    return b"".join(iterate_member(fd, member, where))


def iterate_member(fd: int, member: Member, where: str) -> Iterator[RawBytes]:
    """Yield the unpacked bytes of a member, piece by piece; the checksum is compared behind the last.

    Raises:
        FormatError: it is damaged, or packed in a way that is not read.
    """
    if member.encrypted:
        refuse(where, f"member {quote(member.name)} is encrypted")
    if member.method not in {_STORED, _DEFLATED}:
        refuse(where, f"member {quote(member.name)} is packed by method {member.method}, which is not read")
    crc = done = 0
    pieces = _iterate_raw(fd, member, where)
    for piece in pieces if member.method == _STORED else _inflate(pieces, member, where):
        done += len(piece)
        if done > member.bytes:
            break
        crc = zlib.crc32(piece, crc)
        yield piece
    if done != member.bytes:
        refuse(where, f"member {quote(member.name)} has not the {member.bytes} bytes that are announced")
    if member.crc is not None and crc != member.crc:
        refuse(where, f"the checksum (CRC-32) of member {quote(member.name)} is wrong: the file is damaged")


def _iterate_raw(fd: int, member: Member, where: str) -> Iterator[RawBytes]:
    done = 0
    while done < member.packed_bytes:
        piece = os.pread(fd, min(_PIECE_BYTES, member.packed_bytes - done), member.offset + done)
        if not piece:
            refuse(where, f"member {quote(member.name)} is truncated")
        done += len(piece)
        yield piece


def _inflate(pieces: Iterable[RawBytes], member: Member, where: str) -> Iterator[RawBytes]:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for piece in pieces:
            left = piece
            while left and not unpacker.eof:
                yield unpacker.decompress(left, _PIECE_BYTES)
                left = unpacker.unconsumed_tail
        while not unpacker.eof and (rest := unpacker.decompress(unpacker.unconsumed_tail, _PIECE_BYTES)):
            yield rest
    except zlib.error as error:
        refuse(where, f"member {quote(member.name)} cannot be unpacked ({error}): the file is damaged")
    if not unpacker.eof or unpacker.unused_data:
        refuse(where, f"member {quote(member.name)} is not packed as announced: the file is damaged")


def check_sums(fd: int, members: Iterable[Member], where: str, threads: int) -> None:
    """Compare the checksums of stored members.

    Raises:
        FormatError: one is wrong.
    """

    def check(member: Member) -> None:
        for _ in iterate_member(fd, member, where):
            pass

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(check, members):
            pass
