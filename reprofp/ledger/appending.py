"""Appending records: their objects, their row, their leaf; and the transactions that make it durable.

In: records. Out: rows of one open database. Guaranteed: a transaction leaves all or nothing, and one whose
storage failed is the last of this process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger.attachments import Attachments
from reprofp.ledger.connections import Connection, is_fatal
from reprofp.ledger.merkle import Frontier, Node, hash_leaf
from reprofp.ledger.objects import Objects, iterate_items, iterate_parts
from reprofp.ledger.schema import KEPT_LEVEL
from reprofp.model.ids import format_id
from reprofp.model.records import Record, Run, Snapshot

__all__ = ["Appender", "Transactions", "read_frontier"]

_MAX_KNOWN = 4096
_INT64 = range(-(2**63), 2**63)


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


class Appender:
    """Appends records within a transaction."""

    def __init__(self, connection: Connection, objects: Objects, attachments: Attachments) -> None:
        """Keep the tables."""
        self._connection = connection
        self._objects = objects
        self._attachments = attachments
        self._frontier: Frontier | None = None
        self._nodes: list[Node] = []
        self._fingerprints: dict[tuple[bytes, bytes, bytes], int] = {}

    def forget(self) -> None:
        """Forget what was not committed."""
        self._frontier = None
        self._nodes.clear()
        self._fingerprints.clear()

    def flush(self) -> None:
        """Write the tree that the transaction made to grow."""
        after, self._frontier = self._frontier, None
        if after is None:
            return
        database = self._connection.database
        database.execute("UPDATE tree SET size = ?, frontier = ?", (after.size, after.packed))
        kept = [(node.level, node.position, node.hash) for node in self._nodes]
        database.executemany("INSERT INTO tree_node VALUES (?, ?, ?)", kept)
        self._nodes.clear()

    def append(self, record: Record) -> str:
        """Append ``record`` and its parts, unless they are there, and return its id.

        Raises:
            FormatError: it holds something that has no place in a ledger.
        """
        kind = "rn1" if isinstance(record, Run) else "sn1"
        if self.find_leaf(record.raw_id) is None:
            parts = [self._append_one(part) for part in iterate_parts(record)]
            leaf = self._append_one(record)
            for part in parts:
                self._connection.database.execute(
                    "UPDATE record SET run = ? WHERE leaf = ? AND run IS NULL", (leaf, part)
                )
        return format_id(kind, record.raw_id)

    def _append_one(self, record: Record) -> int:
        leaf = self.find_leaf(record.raw_id)
        if leaf is not None:
            return leaf
        exit_code = record.result.exit_code if isinstance(record, Run) else None
        for number in (record.time_ns, exit_code or 0):
            if number not in _INT64:
                raise FormatError(f"{number} has more than 64 bits: a ledger holds no such time or exit code")
        numbers = [self._objects.add(item) for item in iterate_items(record)]
        leaf = self._grow_tree(record.manifest)
        self._connection.database.execute(
            "INSERT INTO record (leaf, manifest, fingerprint, time_ns, exit_code, role) VALUES (?, ?, ?, ?, ?, ?)",
            (leaf, numbers[-1], self._add_fingerprint(record), record.time_ns, exit_code, _describe_role(record)),
        )
        self._attachments.add(leaf, getattr(record, "attachments", {}))
        return leaf

    def find_leaf(self, raw_id: bytes) -> int | None:
        """Return the leaf of the record with this id, or None."""
        row = self._connection.database.execute(
            "SELECT r.leaf FROM object AS m JOIN record AS r ON r.manifest = m.number"
            " WHERE substr(m.id, 1, 8) = ? AND m.id = ?",
            (raw_id[:8], raw_id),
        ).fetchone()
        return None if row is None else int(row[0])

    def _add_fingerprint(self, record: Record) -> int:
        mark = record.fingerprint
        values = (mark.raw_id, mark.raw_conditions, mark.raw_experiment)
        if values not in self._fingerprints:
            if len(self._fingerprints) >= _MAX_KNOWN:
                self._fingerprints.clear()
            self._fingerprints[values] = self._find_fingerprint(values) or self._insert_fingerprint(values)
        return self._fingerprints[values]

    def _find_fingerprint(self, values: tuple[bytes, bytes, bytes]) -> int | None:
        row = self._connection.database.execute(
            "SELECT number FROM fingerprint WHERE substr(id, 1, 8) = ? AND id = ? AND conditions = ? AND experiment = ?",
            (values[0][:8], *values),
        ).fetchone()
        return None if row is None else int(row[0])

    def _insert_fingerprint(self, values: tuple[bytes, bytes, bytes]) -> int:
        cursor = self._connection.database.execute(
            "INSERT INTO fingerprint (id, conditions, experiment) VALUES (?, ?, ?)", values
        )
        return int(cursor.lastrowid or 0)

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


def _describe_role(record: Record) -> str:
    """Return what a short line shows of a record: its first process's role, or its phase."""
    if isinstance(record, Snapshot):
        return record.phase.value
    return record.processes[0].role if record.processes else ""
