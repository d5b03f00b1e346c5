"""The spool: where records wait that could not go into the ledger at once.

In: a record, and a ledger that lies on a network file system, is held by a process elsewhere, or cannot be written.
Out: one immutable file for each record in the folder ``spool`` beside it, and an acknowledgement that says so.
Guaranteed: a file is there whole or not at all, and durable on storage that honours flushes; any number of
processes and hosts may spool at once, since no name is written twice with other bytes; a file goes only when the
ledger has acknowledged its record; what is damaged is set aside, never deleted.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reprofp.errors import FormatError, LedgerError, ReprofpError
from reprofp.ledger.attachments import MAX_ATTACHMENT_BYTES
from reprofp.ledger.files import pack_record, read_record_file
from reprofp.ledger.folders import default_path, make_folder, sync_folder
from reprofp.ledger.items import iterate_parts
from reprofp.ledger.store import Ledger
from reprofp.ledger.tags import check_tag_name
from reprofp.model.canonical import decode, encode
from reprofp.model.records import Record

__all__ = ["NAME", "Kept", "check_place", "fold", "keep", "list_spooled", "read_spooled", "spool_record"]

NAME = "spool"
_RECORD, _ATTACHMENTS, _TAG, _DAMAGED = ".record", ".attachments", ".tag", ".damaged"
_GROUP = 100
_WAIT_S = 10.0


@dataclass(frozen=True)
class Kept:
    """Where a record is now, durably."""

    id: str
    spooled: Path | None = None
    """The file that it waits in, or None where it is in the ledger."""
    reason: str = ""
    """Why it waits."""


def keep(record: Record, folder: Path | None = None, *, tag: str | None = None, wait_s: float = _WAIT_S) -> Kept:
    """Append ``record`` to the ledger in ``folder``, or spool it where the ledger cannot be written now.

    Raises:
        FormatError: it holds something that has no place in a ledger.
        UsageError: the tag may not be used.
        LedgerError: it could be neither appended nor spooled.
    """
    if tag is not None:
        check_tag_name(tag)
    place = default_path() if folder is None else Path(folder)
    try:
        with Ledger.open(place, wait_s=wait_s) as ledger:
            ledger.append(record)
            if tag is not None:
                ledger.tag(tag, record.id)
    except LedgerError as error:
        try:
            return Kept(record.id, spool_record(record, place, tag=tag), str(error))
        except OSError:
            raise error from None
    return Kept(record.id)


def check_place(folder: Path | None = None) -> None:
    """Find out whether a record could be kept: in the ledger, or in its spool.

    Raises:
        LedgerError: neither can be written.
    """
    place = default_path() if folder is None else Path(folder)
    try:
        Ledger.open(place).close()
    except LedgerError as error:
        try:
            make_folder(place / NAME)
        except OSError:
            raise error from None
        if not os.access(place / NAME, os.W_OK | os.X_OK):
            raise


def spool_record(record: Record, folder: Path, *, tag: str | None = None) -> Path:
    """Write ``record`` to the spool of the ledger in ``folder``, durably, and return its file.

    Raises:
        OSError: it could not be written.
    """
    spool = folder / NAME
    make_folder(spool)
    stem = record.id.replace(":", "-")
    attached = _collect_attachments(record)
    if attached:
        _write(spool, stem + _ATTACHMENTS, encode(attached))
    if tag is not None:
        _write(spool, stem + _TAG, tag.encode())
    return _write(spool, stem + _RECORD, pack_record(record))  # last: with it the record is there


def _collect_attachments(record: Record) -> dict[str, dict[str, bytes]]:
    found = {}
    for part in (*iterate_parts(record), record):
        small = {
            digest: bytes(data)
            for digest, data in getattr(part, "attachments", {}).items()
            if len(data) <= MAX_ATTACHMENT_BYTES
        }
        if small:
            found[part.id] = small
    return found


def _write(spool: Path, name: str, data: bytes) -> Path:
    """Write a file under a name that tells its content, by way of a name that no other host can choose."""
    path, temporary = spool / name, spool / f".{uuid.uuid4().hex}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(spool)
    return path


def list_spooled(folder: Path) -> list[Path]:
    """Return the files of the records that wait, the oldest first."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        entries = [entry for entry in os.scandir(folder / NAME) if entry.name.endswith(_RECORD)]
        return [Path(entry.path) for entry in sorted(entries, key=lambda entry: (_find_age(entry), entry.name))]
    return []


def _find_age(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_mtime_ns
    except OSError:  # another process has just taken it in
        return 0


def read_spooled(paths: Iterable[Path]) -> Iterable[tuple[Path, Record]]:
    """Yield the records in files of a spool, with their attachments; what is damaged is left out."""
    for path in paths:
        with contextlib.suppress(ReprofpError):
            yield path, _read(path)


def _read(path: Path) -> Record:
    record = read_record_file(path)
    if record.id.replace(":", "-") + _RECORD != path.name:
        raise FormatError(f"{path} holds {record.id}")
    with contextlib.suppress(OSError):
        _attach(record, decode((path.with_suffix(_ATTACHMENTS)).read_bytes()))
    return record


def _attach(record: Record, attached: object) -> None:
    for part in (*iterate_parts(record), record):
        found = attached.get(part.id) if isinstance(attached, Mapping) else None
        if isinstance(found, Mapping):
            object.__setattr__(part, "attachments", dict(found))


def fold(ledger: Ledger) -> int:
    """Take the records of the spool into the ledger, and return how many there were.

    Raises:
        LedgerError: they could not be stored; they stay in the spool.
    """
    paths, count = list_spooled(ledger.path), 0
    for at in range(0, len(paths), _GROUP):
        group = [(path, record) for path in paths[at : at + _GROUP] if (record := _read_or_set_aside(path)) is not None]
        ledger.append_many([record for _, record in group])
        for path, record in group:
            _set_tag(ledger, path, record)
            _remove(path)
        count += len(group)
    return count


def _read_or_set_aside(path: Path) -> Record | None:
    try:
        return _read(path)
    except FormatError:
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(_DAMAGED))
    except ReprofpError:  # it cannot be read now: it waits on
        pass
    return None


def _set_tag(ledger: Ledger, path: Path, record: Record) -> None:
    with contextlib.suppress(OSError, ReprofpError, UnicodeDecodeError):
        ledger.tag(path.with_suffix(_TAG).read_text(encoding="utf-8"), record.id)


def _remove(path: Path) -> None:
    """Remove what was taken in, the record last: as long as it is there it is taken in again, which does no harm."""
    for suffix in (_ATTACHMENTS, _TAG, _RECORD):
        with contextlib.suppress(OSError):
            path.with_suffix(suffix).unlink()
