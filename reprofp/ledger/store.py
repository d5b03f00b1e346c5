"""The ledger: an append-only, content-addressed, tamper-evident store of records in one SQLite file.

In: records. Out: their ids, the records again, and short lines about them. Guaranteed: what ``append``
acknowledged survives ``kill -9``, and a power cut on storage that honours flushes; nothing is half-written;
one process writes at a time; after the storage failed this process writes no more. docs/formats/ledger.md
has the format.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from reprofp.errors import FormatError, LedgerError, NameNotFoundError, UsageError
from reprofp.ledger.appending import Appender, Transactions, read_frontier
from reprofp.ledger.attachments import Attachments
from reprofp.ledger.connections import Connection, open_reader, open_writer, translate_errors
from reprofp.ledger.folders import default_path
from reprofp.ledger.merkle import Frontier, prove_consistency, prove_inclusion
from reprofp.ledger.names import resolve
from reprofp.ledger.objects import Objects, ObjectSource, Recent
from reprofp.ledger.parcels import Parcel, wrap
from reprofp.ledger.schema import read_version, upgrade
from reprofp.ledger.summaries import Filter, Summaries, Summary
from reprofp.ledger.tags import TagMove, Tags, check_tag_name
from reprofp.model.canonical import decode
from reprofp.model.ids import parse_id
from reprofp.model.reading import read_record
from reprofp.model.records import Record

if TYPE_CHECKING:
    from reprofp.ledger.proofs import TreeReader
    from reprofp.ledger.rewriting import Plan
    from reprofp.ledger.verify import VerifyReport

__all__ = ["Ledger"]

_WAIT_S = 10.0
_LARGEST_COPY = 64 << 20


class Ledger:
    """An open ledger; use it as a context manager, and keep it open for writing only as long as you write."""

    def __init__(self, connection: Connection) -> None:
        """Wrap an open connection; ``Ledger.open`` is the way in."""
        self._connection = connection
        self._database = connection.database
        self._objects = Objects(connection.database)
        self._attachments = Attachments(connection.database, self._objects)
        self._summaries = Summaries(connection.database)
        self._tags = Tags(connection.database)
        self._appender = Appender(connection, self._objects, self._attachments)
        self._transactions = Transactions(connection, self._objects, self._appender)
        self._mutex = threading.RLock()

    @classmethod
    def open(
        cls, path: Path | None = None, *, read_only: bool = False, wait_s: float = _WAIT_S, spooled: bool = False
    ) -> Ledger:
        """Open the ledger in the folder ``path`` (else ``default_path()``).

        For writing it is created if it is not there, other writers are kept out until it is closed, and the records
        that wait in its spool are taken in; ``wait_s`` says how long to wait for a writer that is at work. For
        reading, one that is not there is empty; with ``spooled``, records that wait in the spool are shown too,
        as if they had been taken in (not in a large ledger, whose next writer takes them in).

        Raises:
            LedgerError: it cannot be created, opened or locked, is damaged, or is of a newer reprofp.
        """
        folder = default_path() if path is None else Path(path)
        if read_only:
            ledger = cls(open_reader(folder))
            return ledger._overlay() if spooled and (folder / "spool").is_dir() else ledger
        ledger = cls(open_writer(folder, wait_s=wait_s))
        if (folder / "spool").is_dir():
            ledger._fold()
        return ledger

    def _fold(self) -> None:
        from reprofp.ledger.spool import fold  # noqa: PLC0415  seldom needed

        try:
            fold(self)
        except BaseException:
            self.close()
            raise

    def _overlay(self) -> Ledger:
        """Return a copy in memory with what waits in the spool, or the ledger itself where nothing does."""
        from reprofp.ledger.spool import list_spooled, read_spooled  # noqa: PLC0415  seldom needed

        waiting = list_spooled(self.path)
        (pages,), (size,) = (
            self._database.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size")
        )
        if not waiting or pages * size > _LARGEST_COPY:
            return self
        with translate_errors(self.path, "read"):
            memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
            self._database.backup(memory)
            upgrade(memory)
        lock, self._connection.lock = self._connection.lock, None
        self.close()
        copy = Ledger(Connection(memory, self.path, writable=True, lock=lock))
        copy.append_many([record for _, record in read_spooled(waiting)])
        copy._connection.writable = False
        return copy

    @property
    def path(self) -> Path:
        """The folder of the ledger."""
        return self._connection.folder

    @property
    def is_writable(self) -> bool:
        """Whether it is open for writing."""
        return self._connection.writable

    def read_revision(self) -> int:
        """Return a number that is another one once the ledger was rewritten (compacted, expired, purged).

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with self._mutex, translate_errors(self.path, "read"):
            # SQLite counts it up when a database is copied over another, so that others read the schema anew.
            return int(self._database.execute("PRAGMA schema_version").fetchone()[0])

    def copy_to(self, target: sqlite3.Connection) -> None:
        """Copy the database as it is at this moment, whole, into another.

        Raises:
            LedgerError: the ledger cannot be read, or the copy cannot be written.
        """
        with self._mutex, translate_errors(self.path, "copy"):
            self._database.backup(target)

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
        return self.append_many([record])[0]

    def append_many(self, records: Iterable[Record | Parcel]) -> list[str]:
        """Store several records in one transaction, all or none; see ``append``.

        A parcel is a record that came as the bytes of its file; see ``reprofp.ledger.parcels``.

        Raises:
            FormatError: as for ``append``.
            LedgerError: as for ``append``.
        """
        with self._write("append to"):
            return self._appender.append([record if isinstance(record, Parcel) else wrap(record) for record in records])

    def frontier(self) -> Frontier:
        """Return the size and the frontier of the Merkle tree; its ``root`` is what a checkpoint signs.

        Raises:
            LedgerError: the row that holds it is damaged.
        """
        with translate_errors(self.path, "read"):
            return read_frontier(self._connection)

    @contextmanager
    def _write(self, doing: str) -> Iterator[None]:
        """Run a transaction; one that fails leaves nothing, and one whose storage failed is the last."""
        with self._mutex, translate_errors(self.path, doing), self._transactions.run(doing):
            yield

    def get(self, record_id: str, recent: Recent | None = None, *, sides: bool = True) -> Record:
        """Return the record with this full id; every byte of it is checked.

        ``recent`` holds manifests and facets that were read from this ledger since it was rewritten last, and takes those that are read.
        Without ``sides`` the side blobs are not read, and are as if they had been purged.

        Raises:
            NameNotFoundError: the ledger has no such record.
            FormatError: ``record_id`` is no id of a record.
            LedgerError: the record is damaged; others are not affected.
        """
        kind, raw_id = parse_id(record_id)
        if kind not in ("sn1", "rn1"):
            raise FormatError(f"{record_id} is not the id of a record (sn1: or rn1:)")
        with self._mutex, translate_errors(self.path, "read"):
            leaf = self._appender.find_leaf(raw_id)
            if leaf is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            try:
                is_expired = self._is_expired(leaf)
                source = ObjectSource(self._objects, is_expired=is_expired, recent=recent, sides=sides)
                return read_record(kind, raw_id, source)
            except (FormatError, LedgerError, LookupError) as error:
                raise LedgerError(
                    f"cannot read {record_id} in the ledger in {self.path}: {error}; run `reprofp ledger verify`"
                    " to see what else is affected (records that share no damaged part stay readable)"
                ) from error

    def _is_expired(self, leaf: int) -> bool:
        if read_version(self._database) == 1:
            return False
        return self._database.execute("SELECT 1 FROM expiry WHERE leaf = ?", (leaf,)).fetchone() is not None

    def attachment(self, digest_text: str) -> bytes | None:
        """Return what the content with this digest was computed from, where a record brought it along.

        For a tree that is its manifest, for weights the list of tensors. None where nothing is kept: no record
        had it, it was too large, or it was purged.

        Raises:
            LedgerError: it is damaged.
        """
        with self._mutex, translate_errors(self.path, "read"):
            return self._attachments.read(digest_text)

    def attachments(self, record_id: str) -> dict[str, bytes]:
        """Return what is kept of the attachments of a record itself (those of a run's snapshots are theirs).

        Raises:
            NameNotFoundError: the ledger has no such record.
            FormatError: ``record_id`` is no id.
            LedgerError: one is damaged.
        """
        _, raw_id = parse_id(record_id)
        with self._mutex, translate_errors(self.path, "read"):
            leaf = self._appender.find_leaf(raw_id)
            if leaf is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            return self._attachments.read_all(leaf)

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

    def summary(self, record_id: str) -> Summary:
        """Return a record in short.

        Raises:
            NameNotFoundError: the ledger has no such record.
            FormatError: ``record_id`` is no id.
        """
        _, raw_id = parse_id(record_id)
        with self._mutex, translate_errors(self.path, "read"):
            leaf = self._appender.find_leaf(raw_id)
            found = None if leaf is None else self._summaries.find(leaf)
        if found is None:
            raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
        return found

    def find_alike(self, kind: str, raw_id: bytes, limit: int) -> list[Summary]:
        """Return the newest records with this fingerprint (fp1), conditions (fc1) or experiment (fe1); no parts.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with self._mutex, translate_errors(self.path, "read"):
            return self._summaries.find_alike(kind, raw_id, limit)

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
            leaf = self._appender.find_leaf(raw_id)
            if leaf is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            try:
                return leaf, prove_inclusion(leaf, self._limit_size(size), self._read_tree())
            except ValueError as error:
                raise UsageError(f"cannot prove that {record_id} is in the ledger: {error}") from error

    def _read_tree(self) -> TreeReader:
        from reprofp.ledger.proofs import TreeReader  # noqa: PLC0415  seldom needed

        return TreeReader(self._database)

    def prove_consistency(self, first: int, second: int | None = None) -> list[bytes]:
        """Return the proof that the tree of the first ``second`` records (else of all) continues that of ``first``.

        ``merkle.verify_consistency`` checks it against two roots, without the ledger.

        Raises:
            UsageError: the ledger never had that many records, or ``first`` is 0.
            LedgerError: what the proof is made of is damaged.
        """
        with self._mutex, translate_errors(self.path, "read"):
            try:
                return prove_consistency(first, self._limit_size(second), self._read_tree())
            except ValueError as error:
                raise UsageError(f"cannot prove that the ledger continues: {error}") from error

    def _limit_size(self, size: int | None) -> int:
        whole = len(self)
        if size is not None and size > whole:
            raise UsageError(f"the ledger in {self.path} has {whole} records, not {size}")
        return whole if size is None else size

    def manifest(self, record_id: str) -> bytes:
        """Return the manifest of a record, the bytes of its leaf.

        Raises:
            NameNotFoundError: the ledger has no such record.
            LedgerError: it is damaged.
        """
        kind, raw_id = parse_id(record_id)
        with self._mutex, translate_errors(self.path, "read"):
            if self._appender.find_leaf(raw_id) is None:
                raise NameNotFoundError(f"the ledger in {self.path} has no record {record_id}")
            return ObjectSource(self._objects).manifest(kind, raw_id)

    @property
    def identity(self) -> bytes:
        """The 16 random bytes that name the ledger.

        Raises:
            LedgerError: the ledger is not there yet, or cannot be read.
        """
        with self._mutex, translate_errors(self.path, "read"):
            row = self._database.execute("SELECT value FROM setting WHERE name = 'ledger'").fetchone()
        if row is None:
            raise LedgerError(f"there is no ledger in {self.path} yet; `reprofp snapshot` makes one")
        value = decode(row[0])
        return value if isinstance(value, bytes) else b""

    def rewrite(self, plan: Plan) -> tuple[int, int]:
        """Write the ledger anew without what ``plan`` leaves out; see ``reprofp.ledger.keeping``.

        Raises:
            LedgerError: it is damaged, cannot be written, or is held open by readers.
        """
        from reprofp.ledger.rewriting import rewrite  # noqa: PLC0415  seldom needed

        with self._mutex, translate_errors(self.path, "rewrite"):
            self._transactions.refuse_unless_writable("rewrite")
            try:
                return rewrite(self._connection, plan)
            finally:
                self._transactions.forget()

    def find_object(self, raw_id: bytes) -> int | None:
        """Return the number of the object with this id, or None."""
        with self._mutex, translate_errors(self.path, "read"):
            return self._objects.find(raw_id)

    def read_object(self, raw_id: bytes) -> bytes | None:
        """Return the bytes of an object, or None where it was purged, or expired.

        Raises:
            LedgerError: its row is damaged.
        """
        with self._mutex, translate_errors(self.path, "read"):
            return self._objects.read(raw_id) if self._objects.find(raw_id) is not None else None

    def walk_objects(self) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield the kind, the id and the bytes of every object but manifests.

        Raises:
            LedgerError: one is damaged.
        """
        with self._mutex, translate_errors(self.path, "read"):
            rows = self._database.execute(
                "SELECT number, kind, id FROM object WHERE kind NOT IN ('sn1', 'rn1') ORDER BY number"
            ).fetchall()
        for _, kind, raw_id in rows:
            with self._mutex, translate_errors(self.path, "read"):
                data = self._objects.read(raw_id)
            if data is not None:
                yield kind, raw_id, data

    def find_old(self, before_ns: int) -> list[int]:
        """Return the leaves of the records from before a time, but for baselines and what they consist of."""
        with self._mutex, translate_errors(self.path, "read"):
            rows = self._database.execute(
                "SELECT r.leaf FROM record AS r LEFT JOIN record AS w ON w.leaf = r.run"
                " WHERE coalesce(w.time_ns, r.time_ns) < ?"
                " AND r.leaf NOT IN (SELECT leaf FROM tag_move WHERE leaf IS NOT NULL)"
                " AND coalesce(r.run, -1) NOT IN (SELECT leaf FROM tag_move WHERE leaf IS NOT NULL)"
                " AND r.leaf NOT IN (SELECT leaf FROM expiry)"
                " AND NOT EXISTS (SELECT 1 FROM record AS p JOIN tag_move AS t ON t.leaf = p.leaf WHERE p.run = r.leaf)"
                " ORDER BY r.leaf",
                (before_ns,),
            ).fetchall()
        return [int(leaf) for (leaf,) in rows]

    def keep_checkpoint(self, size: int, root: bytes, time_ns: int, note: bytes) -> None:
        """Keep a checkpoint that was signed; see ``reprofp.ledger.checkpoints``.

        Raises:
            LedgerError: it could not be stored.
        """
        with self._write("keep a checkpoint in"):
            self._database.execute(
                "INSERT INTO checkpoint (size, root, time_ns, note) VALUES (?, ?, ?, ?)", (size, root, time_ns, note)
            )

    def last_checkpoint(self) -> tuple[int, bytes] | None:
        """Return the size and the root of the last checkpoint that was signed, or None."""
        with self._mutex, translate_errors(self.path, "read"):
            row = self._database.execute("SELECT size, root FROM checkpoint ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]))

    def verify(self) -> VerifyReport:
        """Read every byte, check every link, and report what is not as it should be; nothing is changed.

        Raises:
            LedgerError: the ledger is so damaged that nothing in it can be read.
        """
        with self._mutex, translate_errors(self.path, "verify"):
            from reprofp.ledger.verify import verify  # noqa: PLC0415  seldom needed

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
            leaf = self._appender.find_leaf(raw_id)
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
