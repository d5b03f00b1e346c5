"""``reprofp ledger verify``: is the ledger whole?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.ledger.verify import VerifyReport

_EXAMPLES = (
    ("read every byte of the ledger and check every link", "reprofp ledger verify"),
    ("the ledger of a colleague, for a program", "reprofp ledger verify --ledger data --json"),
)
_EXITS = {**ANSWER_EXITS, 0: "the ledger is whole", 1: "something in it is damaged"}


@click.command(cls=Command, short_help="Check that the ledger is whole.", examples=_EXAMPLES, exits=_EXITS)
@ledger_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Check that the ledger is whole: every byte, every link, the Merkle tree.

    Nothing is changed. Damage is reported; records that share no damaged part stay readable.
    """
    from reprofp.cli.output import print_json
    from reprofp.errors import InputError
    from reprofp.ledger import Ledger
    from reprofp.ledger.schema import FILE_NAME

    if ledger is not None and not any(ledger.glob(f"{FILE_NAME}*")):
        raise InputError(f"there is no ledger in {str(ledger)!r}: give the folder that holds one")
    with Ledger.open(ledger, read_only=True) as book:
        report = book.verify()
    if as_json:
        print_json(_describe(report))
    else:
        _show(report)
    ctx.exit(0 if report.is_ok else 1)


def _describe(report: VerifyReport) -> dict[str, object]:
    return {
        "schema": "reprofp/ledger-verify/1",
        "whole": report.is_ok,
        "records": report.records,
        "parts": report.parts,
        "objects": report.objects,
        "bytes": report.content_bytes,
        "root": report.root.hex(),
        "findings": [{"where": item.where, "what": item.what, "record": item.record} for item in report.findings],
        "notes": list(report.notes),
    }


def _show(report: VerifyReport) -> None:
    from reprofp.cli.output import print_text
    from reprofp.render.values import clean, format_bytes

    state = "whole" if report.is_ok else f"damaged in {len(report.findings)} places"
    parts = f" ({report.parts} of them snapshots of runs, which log leaves out)" if report.parts else ""
    counts = f"{report.records} records{parts}, {report.objects} objects, {format_bytes(report.content_bytes)}"
    print_text(f"the ledger in {clean(str(report.folder))} is {state}: {counts}\n")
    for finding in report.findings:
        print_text(f"  {clean(str(finding))}\n")
    for note in report.notes:
        print_text(f"note: {clean(note)}\n")
