"""The ledger's schema: what the tables are, and how an empty ledger comes to be.

docs/formats/ledger.md explains every table and column. ``VERSION`` stands in the database's
``user_version``; a newer one is refused, an older one is brought up by the steps in ``MIGRATIONS``.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from reprofp.errors import LedgerError
from reprofp.ledger.folders import sync_folder
from reprofp.model.canonical import encode
from reprofp.model.observations import Value

__all__ = [
    "APPLICATION_ID",
    "DDL",
    "FILE_NAME",
    "KEPT_LEVEL",
    "LOCK_NAME",
    "MIGRATIONS",
    "VERSION",
    "create",
    "lay_out",
    "read_version",
    "seal",
    "upgrade",
]

FILE_NAME = "ledger.sqlite"
LOCK_NAME = "ledger.lock"

APPLICATION_ID = 0x72667031
"""``rfp1`` in ASCII, at offset 68 of the file, where file(1) looks for it."""

VERSION = 2
"""The version of the schema."""

KEPT_LEVEL = 8
"""Nodes of the Merkle tree are kept from this level on, one for 256 leaves; the rest is computed from the leaves."""

# An id is found by the index of its first 8 bytes, so that the 32 bytes stand once in the file.
# CHECK constraints instead of STRICT tables: those need SQLite 3.37.
_KEPT = (
    """CREATE TABLE setting (
  name TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL,
  seal BLOB NOT NULL CHECK (length(seal) = 8)
) WITHOUT ROWID""",
    """CREATE TABLE object (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL CHECK (length(kind) = 3),
  id BLOB NOT NULL CHECK (length(id) = 32),
  size INTEGER NOT NULL CHECK (size >= 0),
  encoding INTEGER NOT NULL CHECK (encoding IN (0, 1, 2)),
  depth INTEGER NOT NULL CHECK (depth >= 0),
  base INTEGER REFERENCES object (number),
  lineage INTEGER REFERENCES lineage (number),
  data BLOB
)""",
    "CREATE INDEX object_by_id ON object (substr(id, 1, 8))",
    """CREATE TABLE fingerprint (
  number INTEGER PRIMARY KEY,
  id BLOB NOT NULL CHECK (length(id) = 32),
  conditions BLOB NOT NULL CHECK (length(conditions) = 32),
  experiment BLOB NOT NULL CHECK (length(experiment) = 32)
)""",
    "CREATE INDEX fingerprint_by_id ON fingerprint (substr(id, 1, 8))",
    "CREATE INDEX fingerprint_by_conditions ON fingerprint (substr(conditions, 1, 8))",
    "CREATE INDEX fingerprint_by_experiment ON fingerprint (substr(experiment, 1, 8))",
    """CREATE TABLE record (
  leaf INTEGER PRIMARY KEY CHECK (leaf >= 0),
  manifest INTEGER NOT NULL REFERENCES object (number),
  fingerprint INTEGER NOT NULL REFERENCES fingerprint (number),
  time_ns INTEGER NOT NULL,
  run INTEGER REFERENCES record (leaf) DEFERRABLE INITIALLY DEFERRED,
  exit_code INTEGER,
  role TEXT NOT NULL
)""",
    "CREATE UNIQUE INDEX record_by_manifest ON record (manifest)",
    "CREATE INDEX record_by_fingerprint ON record (fingerprint)",
    """CREATE TABLE tree (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  size INTEGER NOT NULL CHECK (size >= 0),
  frontier BLOB NOT NULL
)""",
    """CREATE TABLE tree_node (
  level INTEGER NOT NULL,
  position INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, position)
) WITHOUT ROWID""",
    """CREATE TABLE checkpoint (
  number INTEGER PRIMARY KEY,
  size INTEGER NOT NULL CHECK (size >= 0),
  root BLOB NOT NULL CHECK (length(root) = 32),
  time_ns INTEGER NOT NULL,
  note BLOB NOT NULL
)""",
    """CREATE TABLE tombstone (
  object INTEGER PRIMARY KEY REFERENCES object (number),
  time_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  seal BLOB NOT NULL CHECK (length(seal) = 8)
)""",
    """CREATE TABLE tag_move (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  leaf INTEGER REFERENCES record (leaf),
  previous INTEGER REFERENCES tag_move (number),
  time_ns INTEGER NOT NULL,
  link BLOB NOT NULL CHECK (length(link) = 32)
)""",
    "CREATE INDEX tag_move_by_name ON tag_move (name, number)",
)
# A walk by leaves answers what asks for times as well, and the index took 22 bytes a record.
_TIMES_1 = "CREATE INDEX record_by_time ON record (time_ns)"
_LINEAGE_1 = """CREATE TABLE lineage (
  number INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  newest INTEGER REFERENCES object (number)
)"""
_ADDED_2 = (
    """CREATE TABLE lineage (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  host BLOB NOT NULL CHECK (length(host) = 8),
  position INTEGER NOT NULL CHECK (position >= 0),
  stack BLOB NOT NULL
)""",
    """CREATE TABLE attachment (
  number INTEGER PRIMARY KEY,
  digest TEXT NOT NULL UNIQUE,
  object INTEGER NOT NULL REFERENCES object (number),
  seal BLOB NOT NULL CHECK (length(seal) = 8)
)""",
    """CREATE TABLE attached (
  leaf INTEGER NOT NULL REFERENCES record (leaf),
  attachment INTEGER NOT NULL REFERENCES attachment (number),
  PRIMARY KEY (leaf, attachment)
) WITHOUT ROWID""",
    """CREATE TABLE expiry (
  leaf INTEGER PRIMARY KEY REFERENCES record (leaf),
  time_ns INTEGER NOT NULL,
  seal BLOB NOT NULL CHECK (length(seal) = 8)
)""",
)

DDL: Mapping[int, tuple[str, ...]] = {1: (*_KEPT, _LINEAGE_1, _TIMES_1), 2: (*_KEPT, *_ADDED_2)}
"""By version, the statements that make the schema, exactly as the database keeps them."""


def _step_from_1(database: sqlite3.Connection) -> None:
    """Schema 1 never wrote a lineage; attachments and expiry are new."""
    database.execute("DROP TABLE lineage")
    database.execute("DROP INDEX record_by_time")
    for statement in _ADDED_2:
        database.execute(statement)


MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _step_from_1}
"""By the version that a step starts from."""


def read_version(database: sqlite3.Connection) -> int:
    """Return the version of an open ledger's schema."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def upgrade(database: sqlite3.Connection) -> None:
    """Bring a ledger of an earlier schema up to this one, whole or not at all; the caller holds the lock.

    Nothing that was recorded changes: ids, leaves, proofs and checkpoints stay as they are.
    """
    found = read_version(database)
    if found == VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        for version in range(found, VERSION):
            MIGRATIONS[version](database)
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def seal(*values: Value) -> bytes:
    """Return 8 bytes that show an accidental change of a row that no id covers."""
    return hashlib.sha256(b"reprofp row\0" + encode(list(values))).digest()[:8]


def lay_out(database: sqlite3.Connection, settings: Mapping[str, Value], *, version: int = VERSION) -> None:
    """Write the schema and the settings of an empty ledger."""
    database.execute("BEGIN")
    for statement in DDL[version]:
        database.execute(statement)
    database.execute("INSERT INTO tree VALUES (1, 0, x'')")
    for name, value in settings.items():
        packed = encode(value)
        database.execute("INSERT INTO setting VALUES (?, ?, ?)", (name, packed, seal(name, packed)))
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {version}")
    database.execute("COMMIT")


def create(folder: Path) -> None:
    """Create an empty ledger in ``folder``, whole or not at all, durably; the caller holds the lock.

    Raises:
        LedgerError: there is the log of a database that is gone.
        OSError: a file cannot be created, renamed or synced.
        sqlite3.Error: the database cannot be written.
    """
    temporary = folder / (FILE_NAME + ".new")
    for suffix in ("", "-journal", "-wal", "-shm"):
        # What an interrupted creation left.
        temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
    _refuse_orphaned_log(folder)
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    database = sqlite3.connect(temporary, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous = FULL")
        lay_out(database, {"created_ns": time.time_ns(), "ledger": os.urandom(16)})
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()
    descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    temporary.rename(folder / FILE_NAME)
    sync_folder(folder)


def _refuse_orphaned_log(folder: Path) -> None:
    """SQLite would replay a log that was left here into the new database."""
    log = folder / (FILE_NAME + "-wal")
    if log.exists():
        raise LedgerError(
            f"the ledger in {folder} has lost its database: {FILE_NAME} is gone, but its log {log.name} is there;"
            " put the database back from a backup, or move the log away to begin an empty ledger"
        )
