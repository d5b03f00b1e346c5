"""``reprofp ledger compact``: the same ledger in fewer bytes."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

_EXAMPLES = (("write the ledger anew, in as few bytes as it takes", "reprofp ledger compact"),)


@click.command(cls=Command, short_help="Write the ledger anew, smaller.", examples=_EXAMPLES)
@ledger_option
def command(ledger: Path | None) -> None:
    """Write the ledger anew, in as few bytes as it takes. Ids, leaves and proofs stay as they are.

    It is done whole or not at all, needs twice the ledger's size on the disk, and does not touch a damaged ledger.
    """
    from reprofp.cli.output import remark
    from reprofp.ledger import Ledger
    from reprofp.ledger.keeping import compact
    from reprofp.render.values import format_bytes

    with Ledger.open(ledger) as book:
        change = compact(book)
    remark(f"the ledger takes {format_bytes(change.after)} (before: {format_bytes(change.before)})")
