"""Parcels: records as a ledger takes them in, whether somebody built them or their files came as bytes.

In: a record. Out: what the ledger keeps of it and of its parts: manifests, objects, and what `log` shows. A program that
has the native core makes parcels of files without building the records (``reprofp.daemon.opening``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from reprofp.ledger.items import Item, iterate_items, iterate_parts
from reprofp.model.fingerprints import Fingerprint
from reprofp.model.ids import format_id
from reprofp.model.records import Record, Run, Snapshot

__all__ = ["Entry", "Parcel", "wrap"]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a ledger keeps of one record, without its parts."""

    kind: str
    raw_id: bytes
    manifest: bytes
    fingerprint: Fingerprint
    time_ns: int
    exit_code: int | None
    role: str
    """What a short line shows: the role of a run's first process, or a snapshot's phase."""
    items: Callable[[], Iterable[Item]]
    """Gives the objects; the manifest comes last."""
    attachments: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parcel:
    """A record and the snapshots that it consists of."""

    entries: tuple[Entry, ...]
    """The parts, each once, the start first; then the record itself."""
    load: Callable[[], Record]
    """Gives the record as objects."""

    @property
    def id(self) -> str:
        """The record's id."""
        return format_id(self.entries[-1].kind, self.entries[-1].raw_id)


def wrap(record: Record) -> Parcel:
    """Return the parcel of a record."""
    return Parcel(tuple(_wrap_one(part) for part in (*iterate_parts(record), record)), lambda: record)


def _wrap_one(record: Record) -> Entry:
    is_run = isinstance(record, Run)
    return Entry(
        "rn1" if is_run else "sn1",
        record.raw_id,
        record.manifest,
        record.fingerprint,
        record.time_ns,
        record.result.exit_code if isinstance(record, Run) else None,
        _describe_role(record),
        lambda: iterate_items(record),
        record.attachments,
    )


def _describe_role(record: Record) -> str:
    if isinstance(record, Snapshot):
        return record.phase.value
    return record.processes[0].role if record.processes else ""
