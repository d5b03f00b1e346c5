"""Objects: the canonical bytes of facets, blobs and manifests, each stored once under its id.

In: kinds, ids and bytes. Out: rows of the table ``object``, and the bytes again. A row's bytes are kept as
they are, as a zstd frame, or as a zstd frame against the bytes of another row (its base).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger.schema import seal
from reprofp.model.ids import format_id, hash_bytes
from reprofp.model.records import Record, Run, Snapshot

if TYPE_CHECKING:
    from zstandard import ZstdCompressor

__all__ = [
    "MAX_DEPTH",
    "MAX_OBJECT_BYTES",
    "Encoding",
    "Item",
    "ObjectSource",
    "Objects",
    "iterate_items",
    "iterate_parts",
    "unpack",
]

MAX_OBJECT_BYTES = 64 * 1024 * 1024
"""The largest object; what a row claims beyond it is damage."""

MAX_DEPTH = 6
"""How many deltas an object may be away from a full copy."""

_LEVEL = 3
_MAX_KNOWN = 4096


class Encoding:
    """How the bytes of an object are kept."""

    PLAIN = 0
    ZSTD = 1
    ZSTD_DELTA = 2


@dataclass(frozen=True, slots=True)
class Item:
    """An object as a record has it; ``data`` is not to be trusted where the object was purged."""

    kind: str
    raw_id: bytes
    data: bytes

    @property
    def is_purged(self) -> bool:
        """Whether the record was read with a tombstone in place of this object."""
        return hash_bytes(self.kind, self.data) != self.raw_id


def iterate_items(record: Record) -> Iterator[Item]:
    """Yield the objects of ``record`` itself, without those of its snapshots; the manifest comes last."""
    if isinstance(record, Snapshot):
        for facet in record.facets.values():
            yield Item("fa1", facet.raw_id, facet.canonical)
    else:
        for blob in (record.process_list, record.result.blob):
            yield Item(blob.kind, blob.raw_id, blob.canonical)
    side = record.side.blob
    yield Item(side.kind, side.raw_id, side.canonical)
    yield Item("sn1" if isinstance(record, Snapshot) else "rn1", record.raw_id, record.manifest)


def iterate_parts(record: Record) -> Iterator[Snapshot]:
    """Yield the snapshots that a run consists of, each once, the start first."""
    if not isinstance(record, Run):
        return
    seen = set()
    for part in (record.start, *(process.snapshot for process in record.processes)):
        if part is not None and part.raw_id not in seen:
            seen.add(part.raw_id)
            yield part


def unpack(encoding: int, data: bytes, size: int, base: bytes | None = None) -> bytes:
    """Return the bytes of an object.

    Raises:
        ValueError: the row is damaged.
    """
    if not 0 <= size <= MAX_OBJECT_BYTES:
        raise ValueError(f"claims {size} bytes")
    if encoding != Encoding.PLAIN:
        data = _decompress(data, size, base)
    if len(data) != size:
        raise ValueError(f"holds {len(data)} bytes instead of {size}")
    return data


def _decompress(data: bytes, size: int, base: bytes | None) -> bytes:
    import zstandard  # noqa: PLC0415  log and tag need none of it

    words = None
    if base is not None:
        words = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    try:
        # One byte more than allowed, so that a longer content shows; the library takes 0 for no limit.
        reader = zstandard.ZstdDecompressor(dict_data=words).stream_reader(data)
        return reader.read(size + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"is not readable: {error}") from error


class Objects:
    """The table ``object`` of one open database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Keep the connection."""
        self._database = database
        self._known: dict[bytes, int] = {}
        self._compressor: ZstdCompressor | None = None

    def find(self, raw_id: bytes) -> int | None:
        """Return the number of the object, or None."""
        row = self._database.execute(
            "SELECT number FROM object WHERE substr(id, 1, 8) = ? AND id = ?", (raw_id[:8], raw_id)
        ).fetchone()
        return None if row is None else int(row[0])

    def add(self, item: Item) -> int:
        """Store an object if it is not there yet, and return its number.

        Raises:
            FormatError: it is larger than MAX_OBJECT_BYTES.
        """
        number = self._known.get(item.raw_id) or self.find(item.raw_id)
        if number is None:
            number = self._insert(item)
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[item.raw_id] = number
        return number

    def forget(self) -> None:
        """Forget what was added: the transaction was undone."""
        self._known.clear()

    def _insert(self, item: Item) -> int:
        if len(item.data) > MAX_OBJECT_BYTES:
            raise FormatError(
                f"{format_id(item.kind, item.raw_id)} takes {len(item.data)} bytes, more than the {MAX_OBJECT_BYTES}"
                " that a ledger holds in one piece; report fewer metrics or outputs"
            )
        if item.is_purged:
            return self._insert_tombstone(item)
        encoding, data = self._pack(item.data)
        return self._insert_row(item, encoding, len(item.data), data)

    def _pack(self, data: bytes) -> tuple[int, bytes]:
        """Return the shortest of the encodings without a base."""
        if self._compressor is None:  # setting one up costs more than compressing a small object
            import zstandard  # noqa: PLC0415  log and tag need none of it

            self._compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=False)
        packed = self._compressor.compress(data)
        return (Encoding.ZSTD, packed) if len(packed) < len(data) else (Encoding.PLAIN, data)

    def _insert_row(self, item: Item, encoding: int, size: int, data: bytes | None) -> int:
        cursor = self._database.execute(
            "INSERT INTO object (kind, id, size, encoding, depth, data) VALUES (?, ?, ?, ?, 0, ?)",
            (item.kind, item.raw_id, size, encoding, data),
        )
        return int(cursor.lastrowid or 0)

    def _insert_tombstone(self, item: Item) -> int:
        number = self._insert_row(item, Encoding.PLAIN, 0, None)
        now, reason = time.time_ns(), "was purged before the record came here"
        self._database.execute(
            "INSERT INTO tombstone VALUES (?, ?, ?, ?)", (number, now, reason, seal(item.raw_id, now, reason))
        )
        return number

    def read(self, raw_id: bytes) -> bytes | None:
        """Return the bytes of an object, or None where a tombstone stands in its place.

        Raises:
            LookupError: there is no such object.
            LedgerError: its row is damaged.
        """
        number = self.find(raw_id)
        if number is None:
            raise LookupError(f"object {raw_id.hex()[:12]} is missing")
        try:
            return self.read_row(number)
        except ValueError as error:
            raise LedgerError(f"object {raw_id.hex()[:12]} {error}") from error

    def read_row(self, number: int, depth: int = 0) -> bytes | None:
        """Return the bytes of the object in row ``number``, or None where it was purged.

        Raises:
            ValueError: the row, or one that it is a delta against, is missing or damaged.
        """
        row = self._database.execute(
            "SELECT size, encoding, base, data FROM object WHERE number = ?", (number,)
        ).fetchone()
        if row is None:
            raise ValueError(f"rests on row {number}, which is missing")
        size, encoding, base, data = row
        if data is None:
            return None
        if not (isinstance(size, int) and isinstance(encoding, int) and isinstance(data, bytes)):
            raise ValueError("has columns of a wrong type")  # noqa: TRY004  damage, whatever its shape
        return unpack(encoding, data, size, self._read_base(base, depth))

    def _read_base(self, number: int | None, depth: int) -> bytes | None:
        if number is None:
            return None
        if depth >= MAX_DEPTH:
            raise ValueError(f"is more than {MAX_DEPTH} deltas away from a full copy")
        base = self.read_row(number, depth + 1)
        if base is None:
            raise ValueError(f"rests on row {number}, which was purged")
        return base


class ObjectSource:
    """What a record's reader finds in a ledger; see ``reprofp.model.reading.Source``."""

    def __init__(self, objects: Objects) -> None:
        """Keep the table."""
        self._objects = objects

    def manifest(self, kind: str, raw_id: bytes) -> bytes:
        """Return the manifest of the record ``raw_id``."""
        data = self._objects.read(raw_id)
        if data is None:
            raise LookupError(f"{format_id(kind, raw_id)} has no manifest")
        return data

    def facet(self, raw_id: bytes) -> bytes | None:
        """Return the facet ``raw_id``, or None where it was purged."""
        return self._objects.read(raw_id)

    def blob(self, kind: str, raw_id: bytes) -> bytes | None:  # noqa: ARG002  ids differ by kind already
        """Return the blob ``raw_id``, or None where it was purged."""
        return self._objects.read(raw_id)
