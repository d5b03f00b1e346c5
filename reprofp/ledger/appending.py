"""Appending records: their objects, their row, their leaf; and the transactions that make it durable.

In: records. Out: rows of one open database. Guaranteed: a transaction leaves all or nothing, and one whose
storage failed is the last of this process.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger.attachments import Attachments
from reprofp.ledger.connections import Connection, is_fatal
from reprofp.ledger.merkle import Frontier, Node, hash_leaf
from reprofp.ledger.objects import Objects, find_many
from reprofp.ledger.parcels import Entry, Parcel
from reprofp.ledger.schema import KEPT_LEVEL
from reprofp.model.fingerprints import Fingerprint

__all__ = ["Appender", "Transactions", "read_frontier"]

_MAX_KNOWN = 4096
_ASKED = 200
_INT64 = range(-(2**63), 2**63)
_FIND_LEAVES = (
    "SELECT m.id, r.leaf FROM object AS m JOIN record AS r ON r.manifest = m.number WHERE substr(m.id, 1, 8) IN"
)
_FIND_MARKS = "SELECT id, conditions, experiment, number FROM fingerprint WHERE substr(id, 1, 8) IN"

_Triple = tuple[bytes, bytes, bytes]


class Memory(Protocol):
    """Something that is written when a transaction ends, or forgotten when it is undone."""

    def flush(self) -> None:
        """Write what was kept back."""

    def forget(self) -> None:
        """Forget what was not committed."""


class Transactions:
    """Runs transactions on one connection."""

    def __init__(self, connection: Connection, *memories: Memory) -> None:
        """Keep the connection, and what holds back or remembers something of a transaction."""
        self._connection = connection
        self._memories = memories
        self._stopped = ""

    @contextmanager
    def run(self, doing: str) -> Iterator[None]:
        """Run a transaction.

        Raises:
            LedgerError: the ledger is not open for writing here.
        """
        self.refuse_unless_writable(doing)
        database = self._connection.database
        database.execute("BEGIN IMMEDIATE")
        try:
            yield
            for memory in self._memories:
                memory.flush()
            database.execute("COMMIT")
        except BaseException as error:
            self._give_up(error)
            raise

    def refuse_unless_writable(self, doing: str) -> None:
        """Refuse what this connection must not do.

        Raises:
            LedgerError: the ledger is open for reading only, its storage failed, or it is another process's.
        """
        if self._stopped:
            raise LedgerError(
                f"cannot {doing} the ledger in {self._connection.folder}: its storage failed before ({self._stopped});"
                " mend it, then open the ledger again"
            )
        if not self._connection.writable:
            raise LedgerError(f"cannot {doing} the ledger in {self._connection.folder}: it was opened for reading only")
        if self._connection.process != os.getpid():
            raise LedgerError(
                f"cannot {doing} the ledger in {self._connection.folder}: it was opened before this process was forked;"
                " open it again in this process"
            )

    def forget(self) -> None:
        """Forget what was remembered of the ledger: it changed under it."""
        for memory in self._memories:
            memory.forget()

    def _give_up(self, error: BaseException) -> None:
        self.forget()
        if is_fatal(error):
            # A sync that failed may have thrown the bytes away while the next one succeeds.
            self._stopped = str(error)
            self._connection.close_without_checkpoint()
        elif self._connection.database.in_transaction:
            self._connection.database.execute("ROLLBACK")


class _Fingerprints:
    """The table ``fingerprint``: triples, each once; what is new is written when the transaction ends."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._known: dict[_Triple, int] = {}
        self._rows: list[tuple[object, ...]] = []
        self._next = 0

    def forget(self) -> None:
        self._known.clear()
        self._rows.clear()
        self._next = 0

    def write_rows(self) -> None:
        self._database.executemany("INSERT INTO fingerprint VALUES (?, ?, ?, ?)", self._rows)
        self._rows.clear()
        self._next = 0

    def learn(self, marks: Iterable[Fingerprint]) -> None:
        """Find out which triples are there, before they are added one by one in this transaction."""
        if len(self._known) >= _MAX_KNOWN:
            self.write_rows()
            self._known.clear()
        asked = [mark.raw_id for mark in marks if _list_ids(mark) not in self._known]
        for at in range(0, len(asked), _ASKED):
            starts = {raw_id[:8] for raw_id in asked[at : at + _ASKED]}
            query = f"{_FIND_MARKS} ({', '.join('?' * len(starts))})"
            self._known |= {row[:3]: row[3] for row in self._database.execute(query, tuple(starts))}

    def add(self, mark: Fingerprint) -> int:
        """Return the number of a triple that ``learn`` was told of."""
        values = _list_ids(mark)
        if values not in self._known:
            self._known[values] = self._insert(values)
        return self._known[values]

    def _insert(self, values: _Triple) -> int:
        if not self._next:
            (greatest,) = self._database.execute("SELECT max(number) FROM fingerprint").fetchone()
            self._next = int(greatest or 0) + 1
        self._rows.append((self._next, *values))
        self._next += 1
        return self._next - 1


def _list_ids(mark: Fingerprint) -> _Triple:
    return mark.raw_id, mark.raw_conditions, mark.raw_experiment


class Appender:
    """Appends records within a transaction; their rows are written when it ends, in few statements."""

    def __init__(self, connection: Connection, objects: Objects, attachments: Attachments) -> None:
        """Keep the tables."""
        self._connection = connection
        self._objects = objects
        self._attachments = attachments
        self._frontier: Frontier | None = None
        self._nodes: list[Node] = []
        self._fingerprints = _Fingerprints(connection.database)
        self._leaves: dict[bytes, int | None] = {}
        self._rows: dict[int, list[object]] = {}

    def forget(self) -> None:
        """Forget what was not committed."""
        self._frontier = None
        self._nodes.clear()
        self._fingerprints.forget()
        self._leaves.clear()
        self._rows.clear()

    def flush(self) -> None:
        """Write the rows, and the tree that the transaction made to grow."""
        self._write_rows()
        self._leaves.clear()
        after, self._frontier = self._frontier, None
        if after is None:
            return
        database = self._connection.database
        database.execute("UPDATE tree SET size = ?, frontier = ?", (after.size, after.packed))
        kept = [(node.level, node.position, node.hash) for node in self._nodes]
        database.executemany("INSERT INTO tree_node VALUES (?, ?, ?)", kept)
        self._nodes.clear()

    def _write_rows(self) -> None:
        self._objects.write_rows()
        self._fingerprints.write_rows()
        self._connection.database.executemany(
            "INSERT INTO record (leaf, manifest, fingerprint, time_ns, exit_code, role, run)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            self._rows.values(),
        )
        self._rows.clear()

    def append(self, parcels: Sequence[Parcel]) -> list[str]:
        """Append records and their parts, unless they are there, and return their ids.

        Raises:
            FormatError: one holds something that has no place in a ledger.
        """
        self._write_rows()
        entries = {entry.raw_id: entry for parcel in parcels for entry in parcel.entries}
        self._leaves |= dict.fromkeys(entries)
        self._leaves |= dict(find_many(self._connection.database, _FIND_LEAVES, entries))
        fresh = [entry for entry in entries.values() if self._leaves[entry.raw_id] is None]
        self._fingerprints.learn(entry.fingerprint for entry in fresh)
        self._objects.learn(item.raw_id for entry in fresh for item in entry.items())
        for parcel in parcels:
            self._append_one_parcel(parcel)
        return [parcel.id for parcel in parcels]

    def _append_one_parcel(self, parcel: Parcel) -> None:
        *before, record = parcel.entries
        if self._leaves[record.raw_id] is None:
            parts = [self._append_one(part) for part in before]
            leaf = self._append_one(record)
            for part in parts:
                self._join(part, leaf)

    def _join(self, part: int, run: int) -> None:
        """Note that a snapshot is part of a run, unless it is that of another."""
        waiting = self._rows.get(part)
        if waiting is None:
            self._connection.database.execute("UPDATE record SET run = ? WHERE leaf = ? AND run IS NULL", (run, part))
        elif waiting[-1] is None:
            waiting[-1] = run

    def _append_one(self, record: Entry) -> int:
        leaf = self._leaves[record.raw_id]
        if leaf is not None:
            return leaf
        for number in (record.time_ns, record.exit_code or 0):
            if number not in _INT64:
                raise FormatError(f"{number} has more than 64 bits: a ledger holds no such time or exit code")
        numbers = [self._objects.add(item) for item in record.items()]
        leaf = self._leaves[record.raw_id] = self._grow_tree(record.manifest)
        mark = self._fingerprints.add(record.fingerprint)
        self._rows[leaf] = [leaf, numbers[-1], mark, record.time_ns, record.exit_code, record.role, None]
        if record.attachments:
            self._write_rows()
            self._attachments.add(leaf, record.attachments)
        return leaf

    def find_leaf(self, raw_id: bytes) -> int | None:
        """Return the leaf of the record with this id, or None."""
        return dict(find_many(self._connection.database, _FIND_LEAVES, [raw_id])).get(raw_id)

    def _grow_tree(self, manifest: bytes) -> int:
        before = self._frontier or read_frontier(self._connection)
        self._frontier, nodes = before.append(hash_leaf(manifest))
        self._nodes += [node for node in nodes if node.level >= KEPT_LEVEL]
        return before.size


def read_frontier(connection: Connection) -> Frontier:
    """Return the size and the frontier of the ledger's tree.

    Raises:
        LedgerError: the row that holds it is damaged.
        sqlite3.Error: the database cannot be read.
    """
    row = connection.database.execute("SELECT size, frontier FROM tree").fetchone()
    try:
        return Frontier.unpack(*row)
    except (TypeError, ValueError) as error:
        raise LedgerError(
            f"the ledger in {connection.folder} is damaged: the frontier of its Merkle tree is malformed ({error});"
            " run `reprofp ledger verify`, and put the ledger back from a backup"
        ) from error
