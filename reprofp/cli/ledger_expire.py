"""``reprofp ledger expire``: let go of what old records hold."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

_EXAMPLES = (
    ("what would go", "reprofp ledger expire --before 365d --dry-run"),
    ("let go of what is older than a year", "reprofp ledger expire --before 365d"),
)


@click.command(cls=Command, short_help="Let go of what old records hold.", examples=_EXAMPLES)
@click.option("--before", required=True, metavar="TIME", help="Records from before this time (2026-01-01, or 365d).")
@click.option("--dry-run", is_flag=True, help="Say how many records would expire, and do nothing.")
@ledger_option
def command(before: str, dry_run: bool, ledger: Path | None) -> None:
    """Let go of the facets, side blobs and attachments of old records that no younger record has too.

    Their leaves stay, so that every proof and checkpoint still holds, and so do results and metrics. Baselines
    (tagged now or once) never expire.
    """
    from reprofp.cli.output import remark
    from reprofp.cli.times import read_time
    from reprofp.ledger import Ledger
    from reprofp.ledger.keeping import expire, find_expirable
    from reprofp.render.values import format_bytes

    moment = read_time(before) or 0
    with Ledger.open(ledger) as book:
        if dry_run:
            remark(f"{len(find_expirable(book, moment))} records would expire")
            return
        change = expire(book, moment)
    remark(
        f"{change.count} records expired; the ledger takes {format_bytes(change.after)}"
        f" (before: {format_bytes(change.before)})"
    )
