"""Whose a record is, where one daemon serves several users.

In: ids of records and uids. Out: whether a uid put a record. A record without an entry is that of the daemon's own
user: what is lost here locks users out of their records, and never lets another in.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from reprofp.errors import LedgerError
from reprofp.ledger.folders import make_folder
from reprofp.model.ids import parse_id

__all__ = ["Owners"]

_NAME = "owners.sqlite"


class Owners:
    """The table of one ledger; it is made when the first record of another user comes."""

    def __init__(self, folder: Path, own_uid: int, *, is_shared: bool = True) -> None:
        """Keep where it lies, and whose records are those without an entry; only a shared daemon makes entries."""
        self._is_shared = is_shared
        self._path = folder / _NAME
        self._own_uid = own_uid
        self._database: sqlite3.Connection | None = None
        self._mutex = threading.Lock()

    def note(self, uid: int, ids: Iterable[bytes]) -> None:
        """Keep that ``uid`` puts records with these raw ids.

        Raises:
            LedgerError: it cannot be written.
        """
        if uid == self._own_uid and not self._is_shared:
            return
        with self._mutex:
            try:
                database = self._open()
                with database:
                    database.executemany("INSERT OR IGNORE INTO owner VALUES (?, ?)", [(raw_id, uid) for raw_id in ids])
            except (sqlite3.Error, OSError) as error:
                raise LedgerError(f"cannot write whose records are whose in {self._path}: {error}") from error

    def _open(self) -> sqlite3.Connection:
        if self._database is None:
            make_folder(self._path.parent)
            self._database = sqlite3.connect(self._path, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS owner (id BLOB, uid INTEGER, PRIMARY KEY (id, uid)) WITHOUT ROWID"
            )
        return self._database

    def is_owner(self, uid: int, raw_id: bytes) -> bool:
        """Whether ``uid`` put the record; a table that cannot be read says no.

        What a second user puts, too, belongs to both: each had every byte of it.
        """
        with self._mutex:
            found = self._find(raw_id)
        return uid in found if found else uid == self._own_uid

    def _find(self, raw_id: bytes) -> set[int]:
        if self._database is None and not self._path.exists():
            return set()
        try:
            return {uid for (uid,) in self._open().execute("SELECT uid FROM owner WHERE id = ?", (raw_id,))}
        except (sqlite3.Error, OSError):
            return {-1}

    def owned_by(self, uid: int) -> Callable[[str], bool]:
        """Return what says of a record's id whether ``uid`` put it."""
        return lambda record_id: self.is_owner(uid, parse_id(record_id)[1])

    def close(self) -> None:
        """Close the table; it opens again when it is needed."""
        with self._mutex:
            database, self._database = self._database, None
            if database is not None:
                database.close()
