"""Archives: records of a ledger in one portable file, each verifiable without it; and backups of the whole.

In: an open ledger, and which records. Out: a tar file, compressed with zstd, of plain files: ``checkpoint``,
``key`` (where the checkpoint is signed), ``tags.json``, ``records/ID.record`` (the portable form of a record),
``proofs/ID.tlog-proof``, ``attachments/DIGEST``, and at last ``end`` with the number of records. Guaranteed: the same records of the same ledger give the same
bytes; an import takes in what is sound and refuses what is not, and nothing is unpacked to the disk.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from reprofp.errors import FormatError, InputError, LedgerError
from reprofp.ledger.attachments import MAX_ATTACHMENT_BYTES
from reprofp.ledger.checkpoints import can_sign, make_checkpoint, prove_record
from reprofp.ledger.files import MAX_FILE_BYTES, pack_record, unpack_record
from reprofp.ledger.folders import make_folder, sync_folder
from reprofp.ledger.schema import FILE_NAME
from reprofp.ledger.store import Ledger
from reprofp.ledger.summaries import Summary
from reprofp.model.ids import Digest
from reprofp.model.records import Record

__all__ = ["Imported", "back_up", "export_records", "import_records"]

_GROUP = 100
_END = "end"
"""The last file, with the number of records: an archive that was cut off lacks it."""

_MAX_TAGS_BYTES = 1 << 24
_LEVEL = 3


@dataclass
class Imported:
    """What an import did."""

    ids: list[str] = field(default_factory=list)
    """The records that the archive holds, in its order."""
    new: int = 0
    """How many of them (parts of runs among them) were not in the ledger before."""
    tags: dict[str, str] = field(default_factory=dict)
    """The tags that the archive tells of; they are set only on request."""
    skipped: list[str] = field(default_factory=list)
    """What could not be exported, with the reason."""


def export_records(ledger: Ledger, summaries: Iterable[Summary], path: Path, *, skip_damaged: bool = False) -> Imported:
    """Write records to an archive, with their proofs, tags and attachments.

    Raises:
        LedgerError: a record is damaged (unless such are to be skipped), or the ledger cannot be read.
        InputError: the file cannot be written.
    """
    import zstandard  # noqa: PLC0415  an import alone needs none of it

    if path.exists() and not path.is_file():
        raise InputError(f"cannot write the archive {path}: something that is no file lies there; name another place")
    chosen = sorted(summaries, key=lambda line: line.leaf)
    done = Imported()
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.new")
    try:
        with open(temporary, "xb") as file:
            with (
                zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True).stream_writer(
                    file, closefd=False
                ) as stream,
                tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive,
            ):
                _write_members(ledger, chosen, archive, done, skip_damaged=skip_damaged)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise InputError(f"cannot write the archive {path}: {error.strerror or error}; nothing was written") from error
    finally:
        temporary.unlink(missing_ok=True)
    return done


def _write_members(
    ledger: Ledger, chosen: list[Summary], archive: tarfile.TarFile, done: Imported, *, skip_damaged: bool
) -> None:
    note = make_checkpoint(ledger, signed=can_sign() and ledger.is_writable)
    _add(archive, "checkpoint", note.encode())
    tags = {name: line.id for line in chosen for name in line.tags}
    _add(archive, "tags.json", (json.dumps(dict(sorted(tags.items())), indent=2) + "\n").encode())
    attached: dict[str, None] = {}
    for line in chosen:
        try:
            record = ledger.get(line.id)
            proof = prove_record(ledger, line.id, note)
        except LedgerError as error:
            if not skip_damaged:
                raise
            done.skipped.append(f"{line.id}: {error}")
            continue
        for digest, data in _read_attachments(ledger, record):
            if digest not in attached:
                attached[digest] = None
                _add(archive, f"attachments/{digest}", data)
        _add(archive, f"proofs/{line.id}.tlog-proof", proof.encode())
        _add(archive, f"records/{line.id}.record", pack_record(record))
        done.ids.append(line.id)
    done.tags = tags
    _add(archive, _END, f"{len(done.ids)}\n".encode())


def _read_attachments(ledger: Ledger, record: Record) -> Iterator[tuple[str, bytes]]:
    from reprofp.ledger.items import iterate_parts  # noqa: PLC0415

    for part in (*iterate_parts(record), record):
        yield from ledger.attachments(part.id).items()


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))


def import_records(ledger: Ledger, path: Path, *, set_tags: bool = False) -> Imported:
    """Append the records of an archive, in its order; those that are there already are not stored again.

    Every record is checked against its own id. Whether it was in another ledger is told by its proof, see
    ``reprofp.ledger.verifier``. An attachment goes to the first record that has it.

    Raises:
        FormatError: the archive is damaged; what came before the damage was appended.
        InputError: it cannot be read.
        LedgerError: the records could not be stored.
    """
    done, before = Imported(), len(ledger)
    group: list[Record] = []
    attached: dict[str, bytes] = {}
    end = b""
    for name, data in _read_members(path):
        kind, _, rest = name.partition("/")
        if kind == "tags.json":
            done.tags = _read_tags(data)
        elif kind == "attachments":
            attached[rest] = data
        elif kind == "records":
            group.append(_read_record(rest, data, attached))
            attached = {}
        elif name == _END:
            end = data
        if len(group) >= _GROUP:
            done.ids += ledger.append_many(group)
            group.clear()
    done.ids += ledger.append_many(group)
    done.new = len(ledger) - before
    if end != f"{len(done.ids)}\n".encode():
        raise FormatError(f"the archive {path} is cut off after {len(done.ids)} records, which were taken in")
    if set_tags:
        for tag, target in done.tags.items():
            ledger.tag(tag, target)
    return done


def _read_record(name: str, data: bytes, attached: dict[str, bytes]) -> Record:
    record = unpack_record(data)
    if f"{record.id}.record" != name:
        raise FormatError(f"the archive is damaged: {name} holds {record.id}")
    if attached:
        object.__setattr__(record, "attachments", dict(attached))
    return record


def _read_tags(data: bytes) -> dict[str, str]:
    try:
        tags = json.loads(data)
    except ValueError as error:
        raise FormatError("the archive is damaged: its tags are no JSON") from error
    if not isinstance(tags, dict) or not all(isinstance(item, str) for item in tags.values()):
        raise FormatError("the archive is damaged: its tags are no names and ids")
    return tags


def _read_members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of the archive's files, as they come; nothing is written to the disk."""
    import zstandard  # noqa: PLC0415  an export alone needs none of it

    try:
        with (
            open(path, "rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as stream,
            tarfile.open(fileobj=stream, mode="r|") as archive,
        ):
            for member in archive:
                yield member.name, _read_member(archive, member)
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
        raise FormatError(f"cannot read the archive {path}: it is damaged, cut off, or no archive ({error})") from error
    except OSError as error:
        raise InputError(f"cannot read the archive {path}: {error.strerror or error}") from error


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    kind, _, rest = member.name.partition("/")
    limits = {"records": MAX_FILE_BYTES, "attachments": MAX_ATTACHMENT_BYTES, "proofs": _MAX_TAGS_BYTES}
    if not member.isreg() or member.size > limits.get(kind, _MAX_TAGS_BYTES) or ".." in member.name:
        raise FormatError(f"the archive holds {member.name[:80]!r}, which has no place in it")
    if kind == "attachments":
        Digest.parse(rest)
    content: IO[bytes] | None = archive.extractfile(member)
    data = content.read() if content is not None else b""
    if len(data) != member.size:
        raise FormatError(f"the archive is cut off within {member.name[:80]}")
    return data


def back_up(ledger: Ledger, folder: Path) -> Path:
    """Copy the ledger as it is at this moment to ``folder``, whatever is appended meanwhile; return the copy.

    Raises:
        InputError: there is a ledger already, or it cannot be written.
        LedgerError: the ledger cannot be read.
    """
    path = folder / FILE_NAME
    if path.exists():
        raise InputError(f"there is a ledger in {folder} already: name another folder for the backup")
    temporary = path.with_name(FILE_NAME + ".new")
    try:
        make_folder(folder)
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        target = sqlite3.connect(temporary, isolation_level=None)
        try:
            ledger.copy_to(target)
        finally:
            target.close()
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_folder(folder)
    except OSError as error:
        raise InputError(f"cannot write the backup to {folder}: {error.strerror or error}") from error
    return path
