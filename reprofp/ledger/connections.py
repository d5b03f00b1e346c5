"""Opening the database: one writer under the lock, any number of readers, and errors that help.

In: the ledger's folder. Out: connections of sqlite3, and LedgerErrors that say what happened, where, why
and what to do. Guaranteed: a connection that can write exists only while this process holds the lock;
readers open ``mode=ro`` and cannot checkpoint; ``immutable=1`` is used only while no writer can be at work.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from reprofp.errors import LedgerError
from reprofp.ledger import schema
from reprofp.ledger.folders import find_network_filesystem, make_folder
from reprofp.ledger.lock import Lock

__all__ = ["Connection", "is_fatal", "open_reader", "open_writer", "translate_errors"]

_BUSY_S = 5.0

# The texts are SQLite's own (sqlite3ErrStr); numbers are handed on by Python 3.11 and later only.
_CAUSES = (
    ("database or disk is full", "the disk is full", "free some space and try again; nothing was half-written"),
    (
        "disk I/O error",
        "the storage failed",
        "look at the system's log, mend the storage, and try again; this process writes no more to it",
    ),
    (
        "attempt to write a readonly database",
        "it is not writable",
        "check the owner and the mode of the folder, or set REPROFP_HOME to a folder of yours",
    ),
    (
        "unable to open database file",
        "a file in it cannot be opened or created",
        "check the owner and the mode of the folder and its files, or set REPROFP_HOME to a folder of yours",
    ),
    (
        "file is not a database",
        "ledger.sqlite is not a database",
        "put the file back from a backup, or move it away to begin an empty ledger",
    ),
    (
        "malformed",
        "the database is damaged",
        "copy the folder, then put it back from a backup (`reprofp ledger verify` lists the damage, where it can be opened)",
    ),
    (
        "database is locked",
        "another program holds it",
        "close the program that has ledger.sqlite open (sqlite3? a backup?) and try again",
    ),
)


@dataclass
class Connection:
    """An open database, where it lies, and the lock that goes with it."""

    database: sqlite3.Connection
    folder: Path
    writable: bool = False
    lock: Lock | None = None
    process: int = field(default_factory=os.getpid)

    def close(self) -> None:
        """Close the database, then release the lock. Does nothing the second time."""
        if self.process == os.getpid():  # a connection that came by fork belongs to the parent
            self.database.close()
        if self.lock is not None:
            self.lock.release()

    def close_without_checkpoint(self) -> None:
        """Close a writer whose storage failed: what could not be synced must not be copied either.

        A reader that is still there keeps SQLite from checkpointing when the writer goes, and is itself
        not able to.
        """
        try:
            witness = _connect(self.folder, "mode=ro")
            witness.execute("SELECT count(*) FROM tree").fetchone()
        except sqlite3.Error:
            witness = None
        self.close()
        if witness is not None:
            witness.close()


@contextmanager
def translate_errors(folder: Path, doing: str) -> Iterator[None]:
    """Turn errors of SQLite and of the system into LedgerErrors.

    Raises:
        LedgerError: in place of sqlite3.Error and OSError.
    """
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # A damaged definition of a table comes back in SQLite's message, which sqlite3 then cannot decode.
        why, what_to_do = _find_cause("malformed" if isinstance(error, UnicodeDecodeError) else str(error))
        raise LedgerError(f"cannot {doing} the ledger in {folder}: {why}; {what_to_do}") from error
    except OSError as error:
        raise LedgerError(
            f"cannot {doing} the ledger in {folder}: {error.strerror or error}"
            f"{_name_file(error)}; {_advise(error.errno)}"
        ) from error


def is_fatal(error: BaseException) -> bool:
    """Whether the storage failed, so that a retry in this process could acknowledge what is not durable."""
    return isinstance(error, sqlite3.Error) and "disk I/O error" in str(error)


def _find_cause(text: str) -> tuple[str, str]:
    for fragment, why, what_to_do in _CAUSES:
        if fragment in text:
            return why, what_to_do
    return f"SQLite says {text!r}", "run `reprofp ledger verify` to see whether it is damaged"


def _name_file(error: OSError) -> str:
    return f" ({os.fsdecode(error.filename)})" if isinstance(error.filename, (str, bytes, os.PathLike)) else ""


def _advise(code: int | None) -> str:
    if code in (errno.ENOSPC, errno.EDQUOT):
        return "free some space and try again; nothing was half-written"
    if code == errno.EIO:
        return "the storage failed: look at the system's log and mend it"
    return "check the owner and the mode of the folder, or set REPROFP_HOME to a folder of yours"


def open_writer(folder: Path, *, wait_s: float) -> Connection:
    """Open the ledger in ``folder`` for writing, creating what is missing.

    Raises:
        LedgerError: another process writes, or the ledger cannot be created, opened or written.
    """
    _refuse_network(folder)
    with translate_errors(folder, "create"):
        make_folder(folder)
    with translate_errors(folder, "write"):
        lock = Lock.take(folder / schema.LOCK_NAME, wait_s=wait_s)
    try:
        with translate_errors(folder, "open"):
            if not (folder / schema.FILE_NAME).exists():
                schema.create(folder)
            return _connect_writer(folder, lock)
    except BaseException:
        lock.release()
        raise


def _refuse_network(folder: Path) -> None:
    kind = find_network_filesystem(folder)
    if kind is not None:
        raise LedgerError(
            f"cannot write the ledger in {folder}: it lies on a network file system ({kind}), where a power cut or a"
            " second host could damage it; records wait in its spool, or set REPROFP_HOME to a folder on a local disk"
        )


def _connect_writer(folder: Path, lock: Lock) -> Connection:
    database = _connect(folder, "mode=rw")
    try:
        _check_version(database, folder)
        database.execute("PRAGMA synchronous = FULL")
        database.execute("PRAGMA foreign_keys = ON")
        _use_log(database, folder)
        # What a process that was cut off left in the log may never have reached the disk, although it can
        # be read: copying it into the database and syncing that makes it durable before anything follows it.
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        schema.upgrade(database)
    except BaseException:
        database.close()
        raise
    return Connection(database, folder, writable=True, lock=lock)


def _use_log(database: sqlite3.Connection, folder: Path) -> None:
    if database.execute("PRAGMA journal_mode = WAL").fetchone() != ("wal",):
        raise LedgerError(
            f"cannot write the ledger in {folder}: SQLite cannot use its write-ahead log here;"
            " set REPROFP_HOME to a folder on a local disk"
        )


def open_reader(folder: Path) -> Connection:
    """Open the ledger in ``folder`` for reading; one that does not exist reads as empty.

    Raises:
        LedgerError: it cannot be opened, or is of a newer reprofp.
    """
    with translate_errors(folder, "read"):
        if not _exists(folder / schema.FILE_NAME):
            return _open_empty(folder)
        try:
            database = _connect(folder, "mode=ro")
        except sqlite3.OperationalError as error:
            return _open_immutable(folder, error)
        try:
            _check_version(database, folder)
        except sqlite3.OperationalError as error:
            database.close()
            return _open_immutable(folder, error)
        except BaseException:
            database.close()
            raise
        return Connection(database, folder)


def _exists(path: Path) -> bool:
    """Whether there is a file; unlike Path.exists, a folder that may not be searched is an error."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _open_empty(folder: Path) -> Connection:
    database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    schema.lay_out(database, {})
    return Connection(database, folder)


def _open_immutable(folder: Path, error: sqlite3.OperationalError) -> Connection:
    """Read a ledger in a folder that is not writable, where SQLite cannot make its shared memory.

    That is sound while nothing writes and nothing waits in the log: the shared lock holds writers off.
    """
    if os.access(folder, os.W_OK) or not os.access(folder / schema.FILE_NAME, os.R_OK):
        raise error
    lock = Lock.share(folder / schema.LOCK_NAME)
    if lock is None and not os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise LedgerError(
            f"cannot read the ledger in {folder}: the folder is not writable for you, and its lock cannot be taken"
            " (a process is writing, or the lock file is not readable); try again, or copy the folder and read the copy"
        ) from error
    log = folder / (schema.FILE_NAME + "-wal")
    if _exists(log) and log.stat().st_size:
        raise LedgerError(
            f"cannot read the ledger in {folder}: the folder is not writable for you, and what was last written still"
            " waits in its log; let its owner run `reprofp log` once, or copy the folder and read the copy"
        ) from error
    database = _connect(folder, "mode=ro&immutable=1")
    _check_version(database, folder)
    return Connection(database, folder, lock=lock)


def _connect(folder: Path, options: str) -> sqlite3.Connection:
    uri = f"file:{quote(os.fsencode(folder / schema.FILE_NAME))}?{options}"
    # One object is used by one thread at a time: the ledger's mutex sees to it.
    database = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0"):
        database.execute(f"PRAGMA {pragma}")
    return database


def _check_version(database: sqlite3.Connection, folder: Path) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    where = folder / schema.FILE_NAME
    if application != schema.APPLICATION_ID:
        raise LedgerError(
            f"{where} is a database, but not a ledger of reprofp (or its header is damaged);"
            " put it back from a backup, or move it away to begin an empty ledger"
        )
    if version > schema.VERSION:
        raise LedgerError(
            f"the ledger in {folder} has schema {version}, and this reprofp knows {schema.VERSION}:"
            " it was written by a newer one; upgrade reprofp to use it"
        )
    if version < 1:
        raise LedgerError(f"the header of {where} is damaged: there is no schema {version}; put it back from a backup")
    # Reads the definitions of the tables: without them nothing else can be read.
    database.execute("SELECT count(*) FROM sqlite_master").fetchone()
