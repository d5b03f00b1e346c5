"""The ledger: an append-only, content-addressed, tamper-evident store of records in one SQLite file.

In: records. Out: their ids, the records again, and short lines about them. Guaranteed: what ``append``
acknowledged survives ``kill -9``, and a power cut on storage that honours flushes; nothing is half-written;
one process writes at a time; after the storage failed this process writes no more. docs/formats/ledger.md
has the format.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from reprofp.errors import FormatError, LedgerError, NameNotFoundError, UsageError
from reprofp.ledger.connections import Connection, is_fatal, open_reader, open_writer, translate_errors
from reprofp.ledger.folders import default_path
from reprofp.ledger.merkle import Frontier, hash_leaf, prove_consistency, prove_inclusion
from reprofp.ledger.names import resolve
from reprofp.ledger.objects import Objects, ObjectSource, iterate_items, iterate_parts
from reprofp.ledger.proofs import TreeReader
from reprofp.ledger.schema import KEPT_LEVEL
from reprofp.ledger.summaries import Filter, Summaries, Summary
from reprofp.ledger.tags import TagMove, Tags, check_tag_name
from reprofp.ledger.verify import VerifyReport, verify
from reprofp.model.ids import format_id, parse_id
from reprofp.model.reading import read_record
from reprofp.model.records import Record, Run, Snapshot

__all__ = ["Ledger"]

_WAIT_S = 10.0
_INT64 = range(-(2**63), 2**63)


class Ledger:
    """An open ledger; use it as a context manager, and keep it open for writing only as long as you write."""

    def __init__(self, connection: Connection) -> None:
        """Wrap an open connection; ``Ledger.open`` is the way in."""
        self._connection = connection
        self._database = connection.database
        self._objects = Objects(connection.database)
        self._summaries = Summaries(connection.database)
        self._tags = Tags(connection.database)
        self._mutex = threading.RLock()
        self._stopped = ""

    @classmethod
    def open(cls, path: Path | None = None, *, read_only: bool = False, wait_s: float = _WAIT_S) -> Ledger:
        """Open the ledger in the folder ``path`` (else ``default_path()``).

        For writing it is created if it is not there, and other writers are kept out until it is closed;
        ``wait_s`` says how long to wait for one that is at work. For reading, one that is not there is empty.

        Raises:
            LedgerError: it cannot be created, opened or locked, is damaged, or is of a newer reprofp.
        """
        folder = default_path() if path is None else Path(path)
        return cls(open_reader(folder) if read_only else open_writer(folder, wait_s=wait_s))

    @property
    def path(self) -> Path:
        """The folder of the ledger."""
        return self._connection.folder

    def close(self) -> None:
        """Close the ledger and let other writers in. Does nothing the second time."""
        with self._mutex, translate_errors(self.path, "close"):
            self._connection.close()

    def __enter__(self) -> Ledger:  # noqa: PYI034  typing.Self needs Python 3.11
        """Return the ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the ledger."""
        self.close()

    def append(self, record: Record) -> str:
        """Store ``record``, a run with its snapshots, and return its id once it is durable.

        A record that is there already is not stored again.

        Raises:
            FormatError: it holds something that has no place in a ledger (a number beyond 64 bits, too many bytes).
            LedgerError: it could not be stored; nothing of it was.
        """
        return self.append_all([record])[0]

    def append_all(self, records: Iterable[Record]) -> list[str]:
        """Store several records in one transaction, all or none; see ``append``.

        Raises:
            FormatError: as for ``append``.
            LedgerError: as for ``append``.
        """
        with self._write("append to"):
            return [self._append(record) for record in records]

    def _append(self, record: Record) -> str:
        kind = "rn1" if isinstance(record, Run) else "sn1"
        if self._find_leaf(record.raw_id) is None:
            parts = [self._append_one(part) for part in iterate_parts(record)]
            leaf = self._append_one(record)
            for part in parts:
                self._database.execute("UPDATE record SET run = ? WHERE leaf = ? AND run IS NULL", (leaf, part))
        return format_id(kind, record.raw_id)

    def _append_one(self, record: Record) -> int:
        leaf = self._find_leaf(record.raw_id)
        if leaf is not None:
            return leaf
        exit_code = record.result.exit_code if isinstance(record, Run) else None
        for number in (record.time_ns, exit_code or 0):
            if number not in _INT64:
                raise FormatError(f"{number} has more than 64 bits: a ledger holds no such time or exit code")
        numbers = [self._objects.add(item) for item in iterate_items(record)]
        leaf = self._grow_tree(record.manifest)
        self._database.execute(
            "INSERT INTO record (leaf, manifest, fingerprint, time_ns, exit_code, role) VALUES (?, ?, ?, ?, ?, ?)",
            (leaf, numbers[-1], self._add_fingerprint(record), record.time_ns, exit_code, describe_role(record)),
        )
        return leaf

    def _find_leaf(self, raw_id: bytes) -> int | None:
        row = self._database.execute(
            "SELECT r.leaf FROM object AS m JOIN record AS r ON r.manifest = m.number"
            " WHERE substr(m.id, 1, 8) = ? AND m.id = ?",
            (raw_id[:8], raw_id),
        ).fetchone()
        return None if row is None else int(row[0])

    def _add_fingerprint(self, record: Record) -> int:
        mark = record.fingerprint
        values = (mark.raw_id, mark.raw_conditions, mark.raw_experiment)
        row = self._database.execute(
            "SELECT number FROM fingerprint WHERE substr(id, 1, 8) = ? AND id = ? AND conditions = ? AND experiment = ?",
            (mark.raw_id[:8], *values),
        ).fetchone()
        if row is not None:
            return int(row[0])
        cursor = self._database.execute("INSERT INTO fingerprint (id, conditions, experiment) VALUES (?, ?, ?)", values)
        return int(cursor.lastrowid or 0)

    def _grow_tree(self, manifest: bytes) -> int:
        before = self.frontier()
        after, nodes = before.append(hash_leaf(manifest))
        self._database.execute("UPDATE tree SET size = ?, frontier = ?", (after.size, after.packed))
        kept = [(node.level, node.position, node.hash) for node in nodes if node.level >= KEPT_LEVEL]
        self._database.executemany("INSERT INTO tree_node VALUES (?, ?, ?)", kept)
        return before.size

    def frontier(self) -> Frontier:
        """Return the size and the frontier of the Merkle tree; its ``root`` is what a checkpoint signs.

        Raises:
            LedgerError: the row that holds it is damaged.
        """
        with translate_errors(self.path, "read"):
            row = self._database.execute("SELECT size, frontier FROM tree").fetchone()
        try:
            return Frontier.unpack(*row)
        except (TypeError, ValueError) as error:
            raise LedgerError(
                f"the ledger in {self.path} is damaged: the frontier of its Merkle tree is malformed ({error});"
                " run `reprofp ledger verify`, and put the ledger back from a backup"
            ) from error

    @contextmanager
    def _write(self, doing: str) -> Iterator[None]:
        """Run a transaction; one that fails leaves nothing, and one whose storage failed is the last."""
        with self._mutex, translate_errors(self.path, doing):
            self._refuse_unless_writable(doing)
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException as error:
                self._give_up(error)
                raise

    def _refuse_unless_writable(self, doing: str) -> None:
        if self._stopped:
            raise LedgerError(
                f"cannot {doing} the ledger in {self.path}: its storage failed before ({self._stopped});"
                " mend it, then open the ledger again"
            )
        if not self._connection.writable:
            raise LedgerError(f"cannot {doing} the ledger in {self.path}: it was opened for reading only")
        if self._connection.process != os.getpid():
            raise LedgerError(
                f"cannot {doing} the ledger in {self.path}: it was opened before this process was forked;"
                " open it again in this process"
            )

    def _give_up(self, error: BaseException) -> None:
        self._objects.forget()
        if is_fatal(error):
            # A sync that failed may have thrown the bytes away while the next one succeeds.
            self._stopped = str(error)
            self._connection.close_without_checkpoint()
        elif self._database.in_transaction:
            self._database.execute("ROLLBACK")

    def get(self, record_id: str) -> Record:
        """Return the record with this full id; every byte of it is checked.

        Raises:
            NameNotFoundError: the ledger has no such record.
            FormatError: ``record_id`` is no id of a record.
            LedgerError: the record is damaged; others are not affected.
        """
        kind, raw_id = parse_id(record_id)
        if kind not in ("sn1", "rn1"):
            raise FormatError(f"{record_id} is not the id of a record (sn1: or rn1:)")
        with self._mutex, translate_errors(self.path, "read"):
            if self._find_leaf(raw_id) is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            try:
                return read_record(kind, raw_id, ObjectSource(self._objects))
            except (FormatError, LedgerError, LookupError) as error:
                raise LedgerError(
                    f"cannot read {record_id} in the ledger in {self.path}: {error}; run `reprofp ledger verify`"
                    " to see what else is affected (records that share no damaged part stay readable)"
                ) from error

    def log(
        self, limit: int | None = None, kind: str | None = None, *, wanted: Filter | None = None
    ) -> Iterator[Summary]:
        """Yield the records in short, the last appended first; see ``Filter`` for more than the kind.

        Raises:
            LedgerError: the ledger cannot be read further; what could be was yielded before.
            UsageError: there is no such kind of record.
        """
        with translate_errors(self.path, "read"):
            yield from self._summaries.walk(Filter(kind=kind) if wanted is None else wanted, limit)

    def newest(self, position: int = 1) -> Summary:
        """Return the record that was appended last (1), the one before it (2), and so on.

        The snapshots that a run consists of do not count.

        Raises:
            NameNotFoundError: the ledger has not so many records.
        """
        with self._mutex, translate_errors(self.path, "read"):
            found = self._summaries.find_newest(position) if position > 0 else None
        if found is None:
            raise NameNotFoundError(f"the ledger in {self.path} has no record @-{position}; `reprofp log` lists them")
        return found

    def __len__(self) -> int:
        """Return the number of records, the snapshots of runs among them: the size of the Merkle tree."""
        return self.frontier().size

    def __bool__(self) -> bool:
        """Say yes: an empty ledger is a ledger."""
        return True

    def prove_inclusion(self, record_id: str, size: int | None = None) -> tuple[int, list[bytes]]:
        """Return the leaf of a record, and its audit path in the tree of the first ``size`` records (else of all).

        ``merkle.verify_inclusion`` checks the path against a root, without the ledger.

        Raises:
            NameNotFoundError: the ledger has no such record.
            UsageError: it is not among the first ``size`` records.
            LedgerError: what the path is made of is damaged.
        """
        _, raw_id = parse_id(record_id)
        with self._mutex, translate_errors(self.path, "read"):
            leaf = self._find_leaf(raw_id)
            if leaf is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            try:
                return leaf, prove_inclusion(leaf, self._limit_size(size), TreeReader(self._database))
            except ValueError as error:
                raise UsageError(f"cannot prove that {record_id} is in the ledger: {error}") from error

    def prove_consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """Return the proof that the tree of the first ``second`` records (else of all) continues that of ``first``.

        ``merkle.verify_consistency`` checks it against two roots, without the ledger.

        Raises:
            UsageError: the ledger never had that many records, or ``first`` is 0.
            LedgerError: what the proof is made of is damaged.
        """
        with self._mutex, translate_errors(self.path, "read"):
            try:
                return prove_consistency(first, self._limit_size(second), TreeReader(self._database))
            except ValueError as error:
                raise UsageError(f"cannot prove that the ledger continues: {error}") from error

    def _limit_size(self, size: int | None) -> int:
        whole = len(self)
        if size is not None and size > whole:
            raise UsageError(f"the ledger in {self.path} has {whole} records, not {size}")
        return whole if size is None else size

    def verify(self) -> VerifyReport:
        """Read every byte, check every link, and report what is not as it should be; nothing is changed.

        Raises:
            LedgerError: the ledger is so damaged that nothing in it can be read.
        """
        with self._mutex, translate_errors(self.path, "verify"):
            return verify(self._connection)

    def resolve(self, text: str) -> tuple[str, bytes, str | None]:
        """Return the kind and the raw id of the record that ``text`` names, and a note where one is due.

        Raises:
            NameNotFoundError: nothing has that name.
            AmbiguousNameError: several records do; they are listed.
            UsageError: ``text`` cannot be a name.
        """
        with self._mutex, translate_errors(self.path, "read"):
            return resolve(text, self._summaries, self._tags, self.path)

    def tag(self, name: str, record_id: str) -> None:
        """Point the baseline ``name`` to a record; where it pointed before is kept in its history.

        Raises:
            UsageError: the name may not be used.
            NameNotFoundError: the ledger has no such record.
            FormatError: ``record_id`` is no id.
            LedgerError: it could not be stored.
        """
        check_tag_name(name)
        _, raw_id = parse_id(record_id)
        with self._write("tag a record in"):
            leaf = self._find_leaf(raw_id)
            if leaf is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            self._tags.move(name, leaf, raw_id)

    def untag(self, name: str) -> None:
        """Take the baseline ``name`` away; its history stays.

        Raises:
            NameNotFoundError: there is no such baseline.
            LedgerError: it could not be stored.
        """
        with self._write("untag a record in"):
            self._tags.move(name, None, None)

    def tags(self) -> dict[str, str]:
        """Return the id that every baseline points to, sorted by name."""
        with self._mutex, translate_errors(self.path, "read"):
            return {name: self._name_leaf(leaf) for name, leaf in self._tags.read_leaves().items()}

    def tag_history(self, name: str | None = None) -> list[TagMove]:
        """Return the moves of one baseline or of all, the newest first."""
        with self._mutex, translate_errors(self.path, "read"):
            return [
                TagMove(
                    moved,
                    None if leaf is None else self._name_leaf(leaf),
                    None if before is None else self._name_leaf(before),
                    time_ns,
                )
                for moved, leaf, before, time_ns in self._tags.walk(name)
            ]

    def _name_leaf(self, leaf: int) -> str:
        found = self._summaries.find(leaf)
        if found is None:
            raise LedgerError(
                f"the ledger in {self.path} is damaged: a baseline points to record {leaf}, which is missing;"
                " run `reprofp ledger verify`"
            )
        return found.id


def describe_role(record: Record) -> str:
    """Return what a short line shows of a record: its first process's role, or its phase."""
    if isinstance(record, Snapshot):
        return record.phase.value
    return record.processes[0].role if record.processes else ""
