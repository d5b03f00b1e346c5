"""Names of records on the command line: ``@now``, and what the ledger knows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from reprofp.api import NOW
from reprofp.cli.output import remark
from reprofp.errors import ReprofpError
from reprofp.render.values import format_time, short_id

if TYPE_CHECKING:
    from reprofp.model.records import Record, Snapshot

__all__ = ["describe_record", "load_record", "offer_names", "take_now"]

_OFFERED = 20


def take_now(*argv: str) -> Snapshot:
    """Take a static snapshot of the active environment, for the command ``argv`` if any; it is not recorded."""
    from reprofp.capture import describe_environment
    from reprofp.probes.base import Experiment

    return describe_environment(Experiment(argv=argv))


def load_record(name: str, ledger: Path | None) -> Record:
    """Return the record that ``name`` stands for, remarking on a choice that was made.

    Raises:
        InputError: the name matches no record or several, or the record cannot be read.
        LedgerError: the ledger cannot be read.
    """
    if name == NOW:
        return take_now()
    from reprofp.ledger import load

    record, note = load(name, ledger)
    if note:
        remark(note)
    return record


def describe_record(name: str, record: Record) -> str:
    """Write which record a name stands for: its short id, and the name where that says more."""
    from reprofp.model.records import Run

    short = short_id("rn1" if isinstance(record, Run) else "sn1", record.raw_id)
    says_more = name.lower() not in record.id
    return (
        f"{short} ({name}, {format_time(record.time_ns)})" if says_more else f"{short} ({format_time(record.time_ns)})"
    )


def offer_names(ledger: Path | None) -> Iterable[tuple[str, str]]:
    """Return names to complete with what they stand for; a ledger that cannot be read offers none."""
    from reprofp.ledger import Ledger

    try:
        with Ledger.open(ledger, read_only=True) as book:
            tags = [(name, target[:16]) for name, target in sorted(book.tags().items())]
            newest = [(item.id, f"{item.kind} {format_time(item.time_ns)}") for item in book.log(limit=_OFFERED)]
    except ReprofpError:
        return [(NOW, "taken now")]
    return [*tags, (NOW, "taken now"), ("@-1", "the newest record"), *newest]
