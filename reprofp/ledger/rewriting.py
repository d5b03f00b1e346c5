"""Rewriting a ledger into a new file and back: to compact it, and to take bytes out of it for good.

In: an open ledger, and which objects are to go. Out: the same ledger, smaller. Guaranteed: ids, leaves, proofs
and checkpoints stay as they are; it is done whole or not at all, in one transaction, while readers read on; a
damaged ledger is not touched.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from reprofp.errors import LedgerError
from reprofp.ledger import schema
from reprofp.ledger.connections import Connection
from reprofp.ledger.items import Item, hash_host
from reprofp.ledger.objects import Objects
from reprofp.ledger.verify import verify
from reprofp.model.canonical import decode
from reprofp.model.observations import Value

__all__ = ["Plan", "rewrite"]

TEMPORARY = schema.FILE_NAME + ".rewrite"
_COPIED = ("setting", "fingerprint", "record", "tree", "tree_node", "checkpoint", "tombstone", "tag_move")
_PAIR = 2


@dataclass
class Plan:
    """What a rewriting leaves out."""

    purged: set[int] = field(default_factory=set)
    """Objects (numbers) that become tombstones."""
    reason: str = ""
    expired: set[int] = field(default_factory=set)
    """Records (leaves) whose facets, side blobs and attachments go where no other record has them."""


def rewrite(connection: Connection, plan: Plan) -> tuple[int, int]:
    """Rewrite the ledger as ``plan`` says, and return the sizes of the file before and after, in bytes.

    Raises:
        LedgerError: the ledger is damaged, or readers keep what was taken out in its files for now.
        OSError: the new file cannot be written.
        sqlite3.Error: the database cannot be written.
    """
    report = verify(connection)
    if not report.is_ok:
        raise LedgerError(
            f"the ledger in {connection.folder} is damaged in {len(report.findings)} places and stays as it is;"
            " see `reprofp ledger doctor`"
        )
    path = connection.folder / schema.FILE_NAME
    connection.database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # so that sizes can be compared
    before = path.stat().st_size
    with _open_temporary(connection.folder) as target:
        _Copy(connection.database, target, plan).run()
        target.backup(connection.database)
    _empty_log(connection)
    return before, path.stat().st_size


@contextmanager
def _open_temporary(folder: Path) -> Iterator[sqlite3.Connection]:
    path = folder / TEMPORARY
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = OFF")  # nothing depends on this file until it was copied back
        database.execute("PRAGMA synchronous = OFF")
        schema.lay_out(database, {})
        yield database
    finally:
        database.close()
        path.unlink(missing_ok=True)


def _empty_log(connection: Connection) -> None:
    """Copy the log into the database and cut it off, so that no old page is left in the files."""
    busy, _, _ = connection.database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise LedgerError(
            f"the ledger in {connection.folder} was rewritten, but a program that reads it keeps old pages in its files;"
            " close it, then run `reprofp ledger compact` once more"
        )


class _Copy:
    """One copy of a ledger, table by table."""

    def __init__(self, source: sqlite3.Connection, target: sqlite3.Connection, plan: Plan) -> None:
        self._source = source
        self._target = target
        self._plan = plan
        self._read = Objects(source)
        self._write = Objects(target)
        self._expired = plan.expired | {leaf for (leaf,) in source.execute("SELECT leaf FROM expiry")}
        self._lineages: dict[bytes, tuple[str, bytes]] = {}
        self._kept: set[bytes] = set()  # ids that a record which is not expired points to

    def run(self) -> None:
        self._target.execute("BEGIN")
        self._target.execute("DELETE FROM tree")
        self._read_manifests()
        for table in _COPIED:
            self._copy(table)
        self._copy_attachments()
        self._copy_objects()
        self._mark()
        self._write.flush()
        self._target.execute("COMMIT")

    def _copy(self, table: str, where: str = "") -> None:
        rows = self._source.execute(f"SELECT * FROM {table} {where}")  # noqa: S608  names of our own schema
        marks = ", ".join("?" * len(rows.description))
        self._target.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608

    def _read_manifests(self) -> None:
        """Learn what every object is, and which of them are needed."""
        for leaf, number, kind in self._source.execute(
            "SELECT r.leaf, m.number, m.kind FROM record AS r JOIN object AS m ON m.number = r.manifest"
        ):
            manifest = decode(self._read.read_row(number) or b"\x80")
            if isinstance(manifest, dict):
                self._note_parts(kind, manifest, number, is_kept=leaf not in self._expired)

    def _note_parts(self, kind: str, manifest: Mapping[str, Value], number: int, *, is_kept: bool) -> None:
        host = self._read_host(manifest.get("side"))
        role = str(manifest.get("phase", "run"))
        parts = [(manifest.get("side"), f"sb1/{role}", is_kept)]
        parts += [(manifest.get(key), short, True) for key, short in (("processes", "pl1"), ("result", "rs1"))]
        parts += [(item[1], str(item[0]), is_kept) for item in _read_pairs(manifest.get("facets"))]
        (raw_id,) = self._source.execute("SELECT id FROM object WHERE number = ?", (number,)).fetchone()
        for part, lineage, kept in (*parts, (raw_id, f"{kind}/{role}", True)):
            if isinstance(part, bytes):
                self._lineages[part] = (lineage, host)
                if kept:
                    self._kept.add(part)

    def _read_host(self, side: Value) -> bytes:
        number = self._read.find(side) if isinstance(side, bytes) else None
        data = None if number is None else self._read.read_row(number)
        value = decode(data) if data else None
        facts = value.get("circumstances") if isinstance(value, dict) else None
        return hash_host(facts if isinstance(facts, dict) else {})

    def _copy_attachments(self) -> None:
        gone = ", ".join(map(str, sorted(self._expired)))
        self._copy("attached", f"WHERE leaf NOT IN ({gone})")
        used = {number for (number,) in self._target.execute("SELECT DISTINCT attachment FROM attached")}
        rows = self._source.execute(
            "SELECT a.number, a.digest, a.object, a.seal, o.id FROM attachment AS a JOIN object AS o ON o.number = a.object"
        ).fetchall()
        for number, digest, place, mark, raw_id in rows:
            if number in used:
                self._target.execute("INSERT INTO attachment VALUES (?, ?, ?, ?)", (number, digest, place, mark))
                self._lineages[raw_id] = (f"at1/{digest.partition(':')[0]}", bytes(8))
                self._kept.add(raw_id)

    def _copy_objects(self) -> None:
        now = time.time_ns()
        for number, kind, raw_id in self._source.execute("SELECT number, kind, id FROM object ORDER BY number"):
            data = self._read.read_row(number)
            if raw_id not in self._kept:
                self._target.execute("DELETE FROM tombstone WHERE object = ?", (number,))
            elif number in self._plan.purged and data is not None:
                self._write.bury(Item(kind, raw_id, b""), now, self._plan.reason, number=number)
            elif data is None:
                self._write.insert_empty(kind, raw_id, number)
            else:
                self._write.insert(Item(kind, raw_id, data, *self._lineages[raw_id]), number)

    def _mark(self) -> None:
        """Note what is gone in the rows that told of it."""
        old = self._source.execute("SELECT * FROM expiry").fetchall()
        known, now = {row[0] for row in old}, time.time_ns()
        new = [(leaf, now, schema.seal("expiry", leaf, now)) for leaf in sorted(self._plan.expired - known)]
        self._target.executemany("INSERT INTO expiry VALUES (?, ?, ?)", [*old, *new])
        for (manifest,) in self._find_purged_runs():
            self._target.execute("UPDATE record SET role = '', exit_code = NULL WHERE manifest = ?", (manifest,))

    def _find_purged_runs(self) -> Iterable[tuple[int]]:
        """Find the runs whose list of processes or result is purged: their rows repeat something of it."""
        buried = {
            raw_id
            for raw_id, kind in self._target.execute(
                "SELECT o.id, o.kind FROM tombstone AS t JOIN object AS o ON o.number = t.object"
            )
            if kind in ("pl1", "rs1")
        }
        rows = self._source.execute(
            "SELECT m.number FROM record AS r JOIN object AS m ON m.number = r.manifest WHERE m.kind = 'rn1'"
        ).fetchall()
        for (number,) in rows if buried else []:
            manifest = decode(self._read.read_row(number) or b"\x80")
            if isinstance(manifest, dict) and buried & {manifest.get("processes"), manifest.get("result")}:
                yield (number,)


def _read_pairs(value: Value) -> list[list[Value]]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, list) and len(item) == _PAIR]
