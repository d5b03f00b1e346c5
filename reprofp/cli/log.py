"""``reprofp log``: the records of the ledger, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.options import json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.ledger import Ledger, Summary

_EXAMPLES = (
    ("the newest records", "reprofp log"),
    ("the last five runs", "reprofp log --kind run --limit 5"),
    ("what a tag names", "reprofp log --tag last-known-good"),
    ("one JSON object a line", "reprofp log --json"),
)


@click.command(cls=Command, short_help="List the records, newest first.", examples=_EXAMPLES)
@click.option("--tag", metavar="NAME", help="Only the record with this tag.")
@click.option("--kind", type=click.Choice(["snapshot", "run"]), help="Only records of this kind.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most so many records."
)
@ledger_option
@json_option
def command(
    tag: str | None,
    kind: str | None,
    limit: int,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """List the records of the ledger, newest first."""
    from reprofp.cli.output import print_json_line, print_lines, remark
    from reprofp.ledger import Ledger
    from reprofp.render.json import summary_json
    from reprofp.render.records import draw_log

    with Ledger.open(ledger, read_only=True, spooled=True) as book:
        found = list(islice(_select(book, tag, kind, limit), limit))
    if as_json:
        for summary in found:
            print_json_line(summary_json(summary))
        return
    print_lines(draw_log(found))
    if not found:
        remark("no records; 'reprofp snapshot' and 'reprofp run' make some")


def _select(book: Ledger, tag: str | None, kind: str | None, limit: int) -> Iterator[Summary]:
    if tag is None:
        return book.log(limit=limit, kind=kind)
    from reprofp.ledger import Filter

    return (summary for summary in book.log(wanted=Filter(kind=kind, parts=True)) if tag in summary.tags)
