"""``reprofp ledger export``: records in one portable, verifiable file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reprofp.ledger import Filter, Ledger, Summary

_EXAMPLES = (
    ("all records", "reprofp ledger export all.tar.zst"),
    ("what a tag names", "reprofp ledger export good.tar.zst --tag last-known-good"),
    ("what can still be read of a damaged ledger", "reprofp ledger export saved.tar.zst --skip-damaged"),
)


@click.command(cls=Command, short_help="Write records to a portable, verifiable archive.", examples=_EXAMPLES)
@click.argument("archive", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--tag", "tags", multiple=True, metavar="NAME", help="Only the record with this tag. Repeatable.")
@click.option("--since", metavar="TIME", help="Only records from this time on (2026-11-21, 2026-11-21T14:00Z, 7d).")
@click.option("--until", metavar="TIME", help="Only records from before this time.")
@click.option("--skip-damaged", is_flag=True, help="Leave out records that cannot be read, and name them.")
@ledger_option
def command(
    archive: Path,
    tags: tuple[str, ...],
    since: str | None,
    until: str | None,
    skip_damaged: bool,
    ledger: Path | None,
) -> None:
    """Write records to ARCHIVE: a tar file, compressed with zstd, of record files, proofs, tags and attachments.

    Each record can be read and verified by itself, without this ledger.
    """
    from reprofp.cli.output import remark
    from reprofp.cli.times import read_time
    from reprofp.ledger import Filter, Ledger
    from reprofp.ledger.archives import export_records

    wanted = Filter(since_ns=read_time(since), until_ns=read_time(until))
    with Ledger.open(ledger, read_only=True) as book:
        done = export_records(book, _choose(book, wanted, tags), archive, skip_damaged=skip_damaged)
    for line in done.skipped:
        remark(f"left out {line}")
    remark(f"wrote {len(done.ids)} records to {archive}")


def _choose(book: Ledger, wanted: Filter, tags: tuple[str, ...]) -> Iterable[Summary]:
    if not tags:
        return book.log(wanted=wanted)
    from dataclasses import replace

    from reprofp.errors import NameNotFoundError

    chosen = [line for line in book.log(wanted=replace(wanted, parts=True)) if set(tags) & set(line.tags)]
    missing = sorted(set(tags) - {name for line in chosen for name in line.tags})
    if missing:
        raise NameNotFoundError(f"no record in that time is tagged {missing[0]!r}: reprofp tag lists the tags")
    return chosen
