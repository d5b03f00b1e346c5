"""Objects: the canonical bytes of facets, blobs and manifests, each stored once under its id.

In: kinds, ids and bytes. Out: rows of the table ``object``, and the bytes again. A row's bytes are kept as
they are, as a zstd frame, or as a zstd frame against the bytes of another row (its base).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger.deltas import MAX_DEPTH, SMALL, Chains, Encoding, decompress, pack
from reprofp.ledger.items import Item
from reprofp.ledger.schema import seal
from reprofp.model.ids import format_id

__all__ = [
    "MAX_OBJECT_BYTES",
    "ObjectSource",
    "Objects",
    "Recent",
    "find_many",
    "unpack",
]

MAX_OBJECT_BYTES = 64 * 1024 * 1024
"""The largest object; what a row claims beyond it is damage."""

_MAX_KNOWN = 4096
_MAX_WAITING = 4096
_ASKED = 200
"""How many ids one statement asks for."""


def unpack(encoding: int, data: bytes, size: int, base: bytes | None = None) -> bytes:
    """Return the bytes of an object.

    Raises:
        ValueError: the row is damaged.
    """
    if not 0 <= size <= MAX_OBJECT_BYTES:
        raise ValueError(f"claims {size} bytes")
    if encoding != Encoding.PLAIN:
        data = decompress(data, size, base)
    if len(data) != size:
        raise ValueError(f"holds {len(data)} bytes instead of {size}")
    return data


def find_many(database: sqlite3.Connection, query: str, ids: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the ids that are there, each with its number.

    The query selects an id and a number by the first 8 bytes of ids, and ends in `IN`.
    """
    wanted = list(ids)
    for at in range(0, len(wanted), _ASKED):
        group = set(wanted[at : at + _ASKED])
        starts = {raw_id[:8] for raw_id in group}
        marks = ", ".join("?" * len(starts))
        for raw_id, number in database.execute(f"{query} ({marks})", tuple(starts)):
            if raw_id in group:
                yield raw_id, number


class Objects:
    """The table ``object`` of one open database.

    What is added is written when the transaction ends (``flush``), in one statement.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        """Keep the connection."""
        self._database = database
        self._known: dict[bytes, int] = {}
        self._missing: set[bytes] = set()
        self._rows: dict[int, tuple[object, ...]] = {}
        self._next = 0
        self._chains = Chains(database, self.read_row)

    def find(self, raw_id: bytes) -> int | None:
        """Return the number of the object, or None."""
        row = self._database.execute(
            "SELECT number FROM object WHERE substr(id, 1, 8) = ? AND id = ?", (raw_id[:8], raw_id)
        ).fetchone()
        return None if row is None else int(row[0])

    def learn(self, ids: Iterable[bytes]) -> None:
        """Find out which of many objects are there, before they are added one by one in this transaction."""
        asked = {raw_id for raw_id in ids if raw_id not in self._known and raw_id not in self._missing}
        if len(self._known) + len(asked) > _MAX_KNOWN:
            self.write_rows()  # what is forgotten must be found in the database
            self._known.clear()
        found = dict(find_many(self._database, "SELECT id, number FROM object WHERE substr(id, 1, 8) IN", asked))
        self._known |= found
        self._missing |= asked - found.keys()

    def add(self, item: Item) -> int:
        """Store an object if it is not there yet, and return its number.

        Raises:
            FormatError: it is larger than MAX_OBJECT_BYTES.
        """
        number = self._known.get(item.raw_id)
        if number is None and item.raw_id not in self._missing:
            number = self.find(item.raw_id)
        if number is None:
            number = self._insert(item)
        self._known[item.raw_id] = number
        self._missing.discard(item.raw_id)
        return number

    def forget(self) -> None:
        """Forget what was added: the transaction was undone."""
        self._known.clear()
        self._missing.clear()
        self._rows.clear()
        self._next = 0
        self._chains.forget()

    def flush(self) -> None:
        """Write what is kept back until the end of a transaction."""
        self.write_rows()
        self._chains.flush()
        self._missing.clear()
        self._next = 0
        if len(self._known) > _MAX_KNOWN:
            self._known.clear()

    def write_rows(self) -> None:
        """Write the rows that wait: others are about to refer to them."""
        rows = self._rows.values()
        self._database.executemany(
            "INSERT INTO object (number, kind, id, size, encoding, depth, base, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        self._rows.clear()

    def _take_number(self) -> int:
        """Return a number that no row has."""
        if not self._next:
            (greatest,) = self._database.execute("SELECT max(number) FROM object").fetchone()
            self._next = max(int(greatest or 0), *self._rows, 0) + 1
        self._next += 1
        return self._next - 1

    def _insert(self, item: Item) -> int:
        if len(item.data) > MAX_OBJECT_BYTES:
            raise FormatError(
                f"{format_id(item.kind, item.raw_id)} takes {len(item.data)} bytes, more than the {MAX_OBJECT_BYTES}"
                " that a ledger holds in one piece; report fewer metrics or outputs"
            )
        if item.is_purged:
            return self.bury(item, time.time_ns(), "was purged before the record came here")
        return self.insert(item)

    def insert(self, item: Item, number: int | None = None) -> int:
        """Store an object that is not there yet, in the row ``number`` if one is given; return its number."""
        if not item.lineage or len(item.data) < SMALL:
            packed = pack(item.data)
        else:
            packed = self._chains.choose(item.lineage, item.host, item.data)
        number = self._take_number() if number is None else number
        self._rows[number] = (
            number,
            item.kind,
            item.raw_id,
            len(item.data),
            packed.encoding,
            packed.depth,
            packed.base,
            packed.data,
        )
        self._chains.advance(packed, number, item.data)
        if len(self._rows) >= _MAX_WAITING:
            self.write_rows()
        return number

    def bury(self, item: Item, time_ns: int, reason: str, *, number: int | None = None) -> int:
        """Put a tombstone in the place of an object, and return its number."""
        number = self.insert_empty(item.kind, item.raw_id, number)
        mark = seal(item.raw_id, time_ns, reason)
        self._database.execute("INSERT INTO tombstone VALUES (?, ?, ?, ?)", (number, time_ns, reason, mark))
        return number

    def insert_empty(self, kind: str, raw_id: bytes, number: int | None = None) -> int:
        """Insert the row of an object that is gone, and return its number."""
        number = self._take_number() if number is None else number
        self._database.execute(
            "INSERT INTO object (number, kind, id, size, encoding, depth) VALUES (?, ?, ?, 0, 0, 0)",
            (number, kind, raw_id),
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
        row = self._read_columns(number)
        if row is None:
            raise ValueError(f"rests on row {number}, which is missing")
        size, encoding, base, data = row
        if data is None:
            return None
        if not (isinstance(size, int) and isinstance(encoding, int) and isinstance(data, bytes)):
            raise ValueError("has columns of a wrong type")  # noqa: TRY004  damage, whatever its shape
        return unpack(encoding, data, size, self._read_base(base, depth))  # type: ignore[arg-type]

    def _read_columns(self, number: int) -> tuple[object, ...] | None:
        waiting = self._rows.get(number)
        if waiting is not None:
            return waiting[3], waiting[4], waiting[6], waiting[7]
        found: tuple[object, ...] | None = self._database.execute(
            "SELECT size, encoding, base, data FROM object WHERE number = ?", (number,)
        ).fetchone()
        return found

    def _read_base(self, number: int | None, depth: int) -> bytes | None:
        if number is None:
            return None
        if depth >= MAX_DEPTH:
            raise ValueError(f"is more than {MAX_DEPTH} deltas away from a full copy")
        base = self.read_row(number, depth + 1)
        if base is None:
            raise ValueError(f"rests on row {number}, which was purged")
        return base


class Recent:
    """Bytes that were read lately, by id, up to a number of bytes in all; the oldest make room."""

    def __init__(self, limit: int) -> None:
        """Know none."""
        self._known: dict[bytes, bytes] = {}
        self._limit, self._size = limit, 0

    def find(self, raw_id: bytes) -> bytes | None:
        """Return the bytes under an id, if they are known."""
        return self._known.get(raw_id)

    def add(self, raw_id: bytes, data: bytes) -> None:
        """Keep bytes under an id."""
        if len(data) <= self._limit // 4 and raw_id not in self._known:
            self._known[raw_id] = data
            self._size += len(data)
            while self._size > self._limit:
                self._size -= len(self._known.pop(next(iter(self._known))))


class ObjectSource:
    """What a record's reader finds in a ledger; see ``reprofp.model.reading.Source``."""

    def __init__(
        self, objects: Objects, *, is_expired: bool = False, recent: Recent | None = None, sides: bool = True
    ) -> None:
        """Keep the table; of a record that expired, what is gone reads as if it had been purged.

        Manifests and facets are looked for in ``recent`` first, which must be of this ledger as it is. Without ``sides``, side blobs
        read as if they had been purged.
        """
        self._objects, self._recent, self._sides = objects, recent, sides
        self.is_expired = is_expired

    def manifest(self, kind: str, raw_id: bytes) -> bytes:
        """Return the manifest of the record ``raw_id``."""
        data = self._read_recent(raw_id, self._objects.read)
        if data is None:
            raise LookupError(f"{format_id(kind, raw_id)} has no manifest")
        return data

    def facet(self, raw_id: bytes) -> bytes | None:
        """Return the facet ``raw_id``, or None where it was purged or expired."""
        return self._read_recent(raw_id, self._read)

    def blob(self, kind: str, raw_id: bytes) -> bytes | None:
        """Return the blob ``raw_id``, or None where it was purged or expired."""
        if kind != "sb1":
            return self._objects.read(raw_id)
        return self._read(raw_id) if self._sides else None

    def _read_recent(self, raw_id: bytes, read: Callable[[bytes], bytes | None]) -> bytes | None:
        data = None if self._recent is None else self._recent.find(raw_id)
        if data is None:
            data = read(raw_id)
            if self._recent is not None and data is not None:
                self._recent.add(raw_id, data)
        return data

    def _read(self, raw_id: bytes) -> bytes | None:
        if self.is_expired and self._objects.find(raw_id) is None:
            return None
        return self._objects.read(raw_id)
