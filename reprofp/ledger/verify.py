"""Verifying a ledger: every byte against its id, every link, and the Merkle tree over it all.

In: an open database. Out: a report, which names what is damaged and which records that affects. Nothing is
changed or repaired. Damage in one row does not hide others.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger import schema
from reprofp.ledger.attachments import KIND, seal_attachment
from reprofp.ledger.connections import Connection
from reprofp.ledger.deltas import MAX_DEPTH, Encoding, read_stack
from reprofp.ledger.merkle import Frontier
from reprofp.ledger.objects import Objects, ObjectSource
from reprofp.ledger.replay import RecordChecker, TreeReplay
from reprofp.ledger.scanning import Row, scan
from reprofp.ledger.tags import FIRST_LINK, link_move
from reprofp.model.ids import format_id, hash_bytes

__all__ = ["Finding", "VerifyReport", "verify"]

_HOST_BYTES = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    where: str
    what: str
    record: str | None = None
    """The id of the record that it affects, where it affects one."""

    def __str__(self) -> str:
        """Write the finding in one line."""
        return f"{self.where}: {self.what}"


@dataclass
class VerifyReport:
    """What a verification saw."""

    folder: Path
    records: int = 0
    parts: int = 0
    """Those records that are snapshots of runs, which ``log`` leaves out."""
    objects: int = 0
    content_bytes: int = 0
    """The canonical bytes that were read and hashed."""
    root: bytes = b""
    """The root of the Merkle tree as the manifests give it; empty where one of them cannot be read."""
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What deserves a look, and is no damage."""

    @property
    def is_ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def damaged(self) -> list[str]:
        """The ids of the records that are affected, each once."""
        return list(dict.fromkeys(finding.record for finding in self.findings if finding.record is not None))

    def add(self, where: str, what: str, record: str | None = None) -> None:
        """Take down a finding."""
        self.findings.append(Finding(where, what, record))


def verify(connection: Connection) -> VerifyReport:
    """Read all of the ledger and report what is not as it should be.

    Raises:
        sqlite3.Error: the database is so damaged that nothing in it can be read.
    """
    report = VerifyReport(connection.folder)
    database = connection.database
    database.execute("BEGIN")  # one state, whatever is appended meanwhile
    try:
        for check in (_check_structure, _check_settings):
            _attempt(report, check, database, report)
        _Verification(database, report).run()
    finally:
        database.execute("ROLLBACK")
    return report


def _attempt(report: VerifyReport, check: Callable[..., None], *arguments: object) -> None:
    """Run one check; one that damage cuts short is a finding, and the next is run."""
    try:
        check(*arguments)
    except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
        report.add("database", f"{check.__name__.strip('_').replace('_', ' ')} was cut short ({error})")


def _check_structure(database: sqlite3.Connection, report: VerifyReport) -> None:
    _check_schema(database, report)
    _check_length(database, report)
    lines = [str(line).strip() for (line,) in database.execute("PRAGMA integrity_check(20)")]
    if lines != ["ok"]:
        for line in lines:
            report.add("database", line)
        return  # links of damaged tables may go in circles
    for table, row, parent, _ in database.execute("PRAGMA foreign_key_check"):
        report.add(f"table {table}", f"row {row} points to a row of {parent} that is missing")


def _check_schema(database: sqlite3.Connection, report: VerifyReport) -> None:
    sql = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        schema.lay_out(model, {}, version=schema.read_version(database))
        expected = model.execute(sql).fetchall()
    finally:
        model.close()
    if database.execute(sql).fetchall() != expected:
        report.add("schema", f"the tables are not those of version {schema.read_version(database)}")


def _check_length(database: sqlite3.Connection, report: VerifyReport) -> None:
    """SQLite reads what a short last page lacks as zeros."""
    ((_, _, path), *_) = database.execute("PRAGMA database_list")
    ((page,),) = database.execute("PRAGMA page_size")
    if path and os.stat(path).st_size % page:
        report.add("database", "the file ends within a page")


def _check_settings(database: sqlite3.Connection, report: VerifyReport) -> None:
    for name, value, mark in database.execute("SELECT name, value, seal FROM setting LIMIT 1000"):
        if schema.seal(name, value) != mark:
            report.add(f"setting {name!r}", "its value was changed")


class _Verification:
    """One pass over the tables, each using what the ones before it have shown."""

    def __init__(self, database: sqlite3.Connection, report: VerifyReport) -> None:
        self._database = database
        self._report = report
        self._objects = Objects(database)
        self._names: dict[int, str] = {}  # sound objects by number, as kind:hex
        self._bad: set[int] = set()
        self._purged: set[int] = set()
        self._depths: dict[int, int] = {}
        self._fingerprints: dict[int, tuple[bytes, bytes, bytes]] = {}
        self._leaves: dict[int, bytes] = {}  # ids by leaf
        self._used_fingerprints: set[int] = set()
        self._attached: set[int] = set()  # numbers of attachments' objects
        self._version = schema.read_version(database)

    def run(self) -> None:
        for check in (
            self._check_tombstones,
            self._check_objects,
            self._check_fingerprints,
            self._check_attachments,
            self._check_records,
            self._check_tags,
            self._check_lineages,
        ):
            _attempt(self._report, check)

    def _scan(self, table: str, columns: str) -> list[Row]:
        return list(scan(self._database, table, columns, lambda text: self._report.add("database", text)))

    def _check_tombstones(self) -> None:
        for number, time_ns, reason, mark in self._scan("tombstone", "object, time_ns, reason, seal"):
            self._purged.add(number)
            row = self._database.execute("SELECT id FROM object WHERE number = ?", (number,)).fetchone()
            if row is None or schema.seal(row[0], time_ns, reason) != mark:
                self._report.add(f"tombstone {number}", "it was changed, or stands for no object")

    def _check_objects(self) -> None:
        ids: set[bytes] = set()
        for row in scan(
            self._database,
            "object",
            "number, kind, id, size, encoding, depth, base",
            lambda text: self._report.add("database", text),
        ):
            self._report.objects += 1
            try:
                self._check_object(row, ids)
            except (ValueError, TypeError, AttributeError, sqlite3.DatabaseError) as error:
                self._bad.add(row[0])
                self._report.add(_name_object(row), str(error))

    def _check_object(self, row: Row, ids: set[bytes]) -> None:
        number, kind, raw_id, size, encoding, depth, base = row
        if raw_id in ids:
            raise ValueError("is stored twice")
        ids.add(raw_id)
        data = self._objects.read_row(number)
        if (data is None) != (number in self._purged):
            raise ValueError("its bytes are missing" if data is None else "has a tombstone and its bytes")
        if data is not None and hash_bytes(kind, data) != raw_id:
            raise ValueError("its bytes have another id")
        if data is None and (size, encoding, depth, base) != (0, Encoding.PLAIN, 0, None):
            raise ValueError("was purged, and its row says otherwise")
        self._check_delta(number, encoding, depth, base)
        self._report.content_bytes += size
        self._names[number] = format_id(kind, raw_id)

    def _check_delta(self, number: int, encoding: int, depth: int, base: int | None) -> None:
        self._depths[number] = depth
        expected = 0 if base is None else self._depths.get(base, MAX_DEPTH) + 1
        if (encoding == Encoding.ZSTD_DELTA) != (base is not None) or depth != expected or depth > MAX_DEPTH:
            raise ValueError("its base or its depth is not that of its encoding")

    def _check_fingerprints(self) -> None:
        for number, raw_id, conditions, experiment in self._scan("fingerprint", "number, id, conditions, experiment"):
            self._fingerprints[number] = (raw_id, conditions, experiment)

    def _check_attachments(self) -> None:
        if self._version == 1:
            return
        for number, digest, at, mark in self._scan("attachment", "number, digest, object, seal"):
            self._attached.add(at)
            kind, _, digits = self._names.get(at, "").partition(":")
            if kind != KIND or seal_attachment(digest, bytes.fromhex(digits)) != mark:
                self._report.add(f"attachment {number}", "its row was changed, or its object is damaged or missing")

    def _check_records(self) -> None:
        self._source = ObjectSource(self._objects)
        checker = RecordChecker(self._source, self._fingerprints)
        expired = self._check_expiry()
        replay = TreeReplay(schema.KEPT_LEVEL)
        checkpoints = self._scan("checkpoint", "number, size, root")
        sizes = {size for _, size, _ in checkpoints}
        rows = self._scan("record", "leaf, manifest, fingerprint, time_ns, run, exit_code, role")
        for place, row in enumerate(rows):
            self._report.records += 1
            self._report.parts += row[4] is not None
            if row[0] != place and replay.is_whole:
                self._report.add(f"record {place}", "is missing")
                replay.is_whole = False
            self._used_fingerprints.add(row[2])
            self._source.is_expired = row[0] in expired
            replay.add(self._check_record(row, checker), keep_root=row[0] + 1 in sizes)
        self._compare_tree(replay)
        self._compare_checkpoints(checkpoints, replay)
        self._compare_parts(rows, checker)
        if replay.is_whole:
            self._list_orphans(checker)
        else:
            self._report.notes.append("objects that belong to no record are not listed, since a manifest is damaged")

    def _check_expiry(self) -> set[int]:
        rows = self._scan("expiry", "leaf, time_ns, seal") if self._version > 1 else []
        for leaf, time_ns, mark in rows:
            if schema.seal("expiry", leaf, time_ns) != mark:
                self._report.add(f"expiry of record {leaf}", "its row was changed")
        if rows:
            self._report.notes.append(f"{len(rows)} records expired: their facets may be gone, their leaves are there")
        return {leaf for leaf, _, _ in rows}

    def _check_record(self, row: Row, checker: RecordChecker) -> bytes | None:
        """Check one record; return its manifest, or None where it cannot be read."""
        name = self._names.get(row[1])
        where = f"record {row[0]}"
        if name is None or name[:3] not in ("sn1", "rn1"):
            self._report.add(where, f"its manifest (object {row[1]}) is damaged or missing")
            return None
        raw_id = bytes.fromhex(name[4:])
        self._leaves[row[0]] = raw_id
        try:
            checker.check(row, name[:3], raw_id, lambda text: self._report.add(where, text, name))
        except (FormatError, LedgerError, LookupError, ValueError, TypeError) as error:
            self._report.add(where, f"{name} cannot be read whole: {error}", name)
        return self._objects.read_row(row[1])

    def _compare_tree(self, replay: TreeReplay) -> None:
        ((one, size, packed),) = self._database.execute("SELECT one, size, frontier FROM tree LIMIT 2").fetchall()
        if not replay.is_whole:
            self._report.add("Merkle tree", "its root cannot be computed, since a record's manifest cannot be read")
            return
        self._report.root = replay.frontier.root
        if one != 1 or Frontier.unpack(size, packed) != replay.frontier:
            self._report.add("Merkle tree", f"it has {size} leaves and a root that the records do not give")
        kept = {
            (level, at): mark
            for level, at, mark in self._database.execute("SELECT * FROM tree_node LIMIT ?", (len(replay.nodes) + 1,))
        }
        if kept != replay.nodes:
            self._report.add("Merkle tree", "a kept node is not what its leaves give")

    def _compare_checkpoints(self, checkpoints: list[Row], replay: TreeReplay) -> None:
        for number, size, root in checkpoints:
            if replay.roots.get(size) != root and (replay.is_whole or size in replay.roots):
                self._report.add(f"checkpoint {number}", f"its root is not that of the first {size} records")

    def _compare_parts(self, rows: list[Row], checker: RecordChecker) -> None:
        for row in rows:
            raw_id, run = self._leaves.get(row[0]), row[4]
            if run in checker.opaque:
                continue
            runs = checker.parts.get(raw_id, set()) if raw_id is not None else {run}
            if (run is None and runs) or (run is not None and run not in runs):
                self._report.add(f"record {row[0]}", "its row points to another run than the one that it is a part of")

    def _list_orphans(self, checker: RecordChecker) -> None:
        used = checker.used | set(self._leaves.values())
        for number, name in self._names.items():
            if bytes.fromhex(name[4:]) not in used and number not in self._attached:
                self._report.add(f"object {number}", f"{name} belongs to no record")
        for number in self._fingerprints.keys() - self._used_fingerprints:
            self._report.add(f"fingerprint {number}", "it belongs to no record")

    def _check_tags(self) -> None:
        before, last = FIRST_LINK, dict[str, int]()
        rows = self._scan("tag_move", "number, name, leaf, previous, time_ns, link")
        for place, (number, name, leaf, previous, time_ns, link) in enumerate(rows, 1):
            raw_id = self._leaves.get(leaf) if leaf is not None else None
            expected = (place, last.get(name), link_move(before, name, raw_id, time_ns))
            if (number, previous, link) != expected:
                self._report.add(f"tag move {number}", f"the move of {name!r} was changed, or one before it is missing")
            before, last[name] = link, number

    def _check_lineages(self) -> None:
        if self._version == 1:  # has the table, and wrote nothing in it
            return
        for number, _name, host, position, packed in self._scan("lineage", "number, name, host, position, stack"):
            try:
                depths = [self._depths.get(item) for item in read_stack(packed)]
            except ValueError as error:
                self._report.add(f"lineage {number}", str(error))
                continue
            if len(host) != _HOST_BYTES or position < 1 or depths != list(range(len(depths))):
                self._report.add(f"lineage {number}", "its path of objects is not one of deltas from a full copy")


def _name_object(row: Row) -> str:
    try:
        return f"object {row[0]} ({format_id(row[1], row[2])[:16]})"
    except (TypeError, AttributeError):
        return f"object {row[0]}"
