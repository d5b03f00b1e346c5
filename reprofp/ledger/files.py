"""A record as one portable file: everything that it needs, in one canonical form.

In: a record, or a path. Out: a file, or the record. The file is the line ``reprofp record/1`` and the
canonical bytes of ``{"objects": [[kind, bytes], ...], "purged": [id, ...], "record": id}``: the objects that
the record needs and no others, in the order of their ids. A record with attachments has the line
``reprofp record/2``, and before the others the key ``attachments`` with ``[[digest, bytes], ...]`` in the order of the
digests' texts. Guaranteed: one record with its attachments has one file, byte for byte, and a reader accepts nothing
else; whether an attachment is what its digest says is for whoever uses it to check.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgpack

from reprofp.errors import FormatError, InputError
from reprofp.ledger.folders import replace_file
from reprofp.ledger.items import iterate_items, iterate_parts
from reprofp.model.canonical import encode
from reprofp.model.ids import format_id, hash_bytes, parse_id
from reprofp.model.observations import Value
from reprofp.model.reading import read_record
from reprofp.model.records import Record

__all__ = [
    "MAGIC",
    "MAGIC_ATTACHED",
    "MAX_FILE_BYTES",
    "pack_record",
    "read_record_file",
    "unpack_record",
    "write_record_file",
]

MAGIC = b"reprofp record/1\n"
MAGIC_ATTACHED = b"reprofp record/2\n"
MAX_FILE_BYTES = 256 * 1024 * 1024
"""The largest file that a reader takes."""

_ANY_MAGIC = b"reprofp record/"
_MAX_OBJECTS = 1_000_000
_PAIR = 2
_KEYS = ("objects", "purged", "record")


def pack_record(record: Record) -> bytes:
    """Return the bytes of the record's file."""
    objects: dict[bytes, Value] = {}
    purged: set[str] = set()
    for part in (*iterate_parts(record), record):
        for item in iterate_items(part):
            if item.is_purged:
                purged.add(format_id(item.kind, item.raw_id))
            else:
                objects[item.raw_id] = [item.kind, item.data]
    body: dict[str, Value] = {
        "objects": [objects[key] for key in sorted(objects)],
        "purged": sorted(purged),
        "record": record.id,
    }
    attached = _gather_attachments(record)
    if not attached:
        return MAGIC + encode(body)
    return MAGIC_ATTACHED + encode({"attachments": [[name, attached[name]] for name in sorted(attached)], **body})


def _gather_attachments(record: Record) -> dict[str, bytes]:
    """Return the attachments of a record and of the snapshots that it consists of."""
    parts = [part.attachments for part in iterate_parts(record)]
    return {name: content for part in (*parts, record.attachments) for name, content in part.items()}


def unpack_record(data: bytes) -> Record:
    """Read the bytes of a record's file.

    Raises:
        FormatError: they are not exactly what ``pack_record`` gives for some record.
    """
    _check_magic(data)
    source, name, attached = _parse(data)
    kind, raw_id = parse_id(name)
    if kind not in ("sn1", "rn1"):
        raise FormatError(f"not a record file: it names {name}, which is no record")
    try:
        record = replace(read_record(kind, raw_id, source), attachments=attached)
    except LookupError as error:
        raise FormatError(f"incomplete: {error.args[0]}") from error
    if pack_record(record) != data:
        raise FormatError("not canonical: it holds what the record does not need, or in another order")
    return record


def _check_magic(data: bytes) -> None:
    if data.startswith((MAGIC, MAGIC_ATTACHED)):
        return
    if data.startswith(_ANY_MAGIC):
        version = data[len(_ANY_MAGIC) :][:8].split(b"\n")[0].decode("ascii", "replace")
        raise FormatError(
            f"of format record/{version}, and this reprofp knows record/1 and record/2: upgrade reprofp to read it"
        )
    if data and (MAGIC.startswith(data)):
        raise FormatError("truncated: it ends within its first line; copy it again")
    raise FormatError("not a record file of reprofp: its first line is not `reprofp record/1`")


class _Files:
    """What a record's reader finds in a file."""

    def __init__(self, objects: dict[bytes, bytes], purged: set[bytes]) -> None:
        self._objects, self._purged = objects, purged

    def manifest(self, kind: str, raw_id: bytes) -> bytes:
        return self._get(kind, raw_id)

    def facet(self, raw_id: bytes) -> bytes | None:
        return None if raw_id in self._purged else self._get("fa1", raw_id)

    def blob(self, kind: str, raw_id: bytes) -> bytes | None:
        return None if raw_id in self._purged else self._get(kind, raw_id)

    def _get(self, kind: str, raw_id: bytes) -> bytes:
        if raw_id not in self._objects:
            raise LookupError(f"{format_id(kind, raw_id)} is not in the file")
        return self._objects[raw_id]


def _parse(data: bytes) -> tuple[_Files, str, dict[str, bytes]]:
    """Read the outer form piece by piece, so that no hostile nesting is ever built."""
    reader, attached = _Reader(data), {}
    has_attachments = data.startswith(MAGIC_ATTACHED)
    try:
        if reader.read_map_header() != len(_KEYS) + has_attachments:
            raise FormatError("not a record file: expected objects, purged and record")
        if has_attachments:
            reader.expect_key("attachments")
            attached = dict(reader.read_pair() for _ in range(reader.read_count()))
        reader.expect_key("objects")
        objects = dict(reader.read_object() for _ in range(reader.read_count()))
        reader.expect_key("purged")
        purged = {parse_id(reader.read_text())[1] for _ in range(reader.read_count())}
        reader.expect_key("record")
        name = reader.read_text()
    except (msgpack.OutOfData, IndexError) as error:
        raise FormatError("truncated: it ends before the record does; copy it again") from error
    except (ValueError, msgpack.UnpackException) as error:
        raise FormatError(f"not a record file: {error or type(error).__name__}") from error
    return _Files(objects, purged), name, attached


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._unpacker = msgpack.Unpacker(raw=False, max_buffer_size=len(data))
        self._unpacker.feed(memoryview(data)[len(MAGIC) :])

    def read_map_header(self) -> int:
        return int(self._unpacker.read_map_header())

    def read_count(self) -> int:
        count = int(self._unpacker.read_array_header())
        if count > _MAX_OBJECTS:
            raise FormatError(f"not a record file: it claims {count} objects")
        return count

    def expect_key(self, key: str) -> None:
        if self.read_text() != key:
            raise FormatError("not a record file: expected objects, purged and record")

    def read_object(self) -> tuple[bytes, bytes]:
        kind, data = self.read_pair()
        return hash_bytes(kind, data), data

    def read_pair(self) -> tuple[str, bytes]:
        if self._unpacker.read_array_header() != _PAIR:
            raise FormatError("not a record file: an object is a kind and its bytes")
        kind = self.read_text()
        data = self._read_leaf(0xC4, 0xC6)
        if not isinstance(data, bytes):
            raise FormatError("not a record file: an object's bytes are no bytes")
        return kind, data

    def read_text(self) -> str:
        code = self._data[len(MAGIC) + self._unpacker.tell()]
        text = self._read_leaf(0xA0, 0xBF) if code < 0xC0 else self._read_leaf(0xD9, 0xDB)  # noqa: PLR2004  msgpack
        if not isinstance(text, str):
            raise FormatError("not a record file: a text is no text")
        return text

    def _read_leaf(self, first: int, last: int) -> object:
        """Unpack a text or bytes, whose first byte lies between ``first`` and ``last``; nothing that nests."""
        code = self._data[len(MAGIC) + self._unpacker.tell()]
        if not first <= code <= last:
            raise FormatError("not a record file: a text or bytes were expected")
        leaf: object = self._unpacker.unpack()
        return leaf


def write_record_file(record: Record, path: Path) -> None:
    """Write ``record`` to ``path``, whole or not at all; what was there is replaced.

    Raises:
        InputError: the file cannot be written.
    """
    path = Path(path)
    try:
        replace_file(path, pack_record(record))
    except OSError as error:
        raise InputError(
            f"cannot write the record to {path}: {error.strerror or error}; nothing was written, choose another place"
        ) from error


def read_record_file(path: Path) -> Record:
    """Return the record in the file ``path``.

    Raises:
        FormatError: the file is no record, is truncated or damaged, or is of a newer reprofp.
        InputError: it cannot be read.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror or error}; check the name and the permissions"
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise FormatError(f"{path} is larger than the {MAX_FILE_BYTES} bytes that a record file may take")
    try:
        return unpack_record(data)
    except FormatError as error:
        raise FormatError(f"cannot read the record in {path}: {error}") from error
