"""``reprofp ledger backup``: a copy of the ledger, while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

_EXAMPLES = (("copy the ledger to another folder", "reprofp ledger backup copy"),)


@click.command(cls=Command, short_help="Copy the ledger while it is in use.", examples=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@ledger_option
def command(folder: Path, ledger: Path | None) -> None:
    """Copy the ledger as it is at this moment to FOLDER, and verify the copy.

    The copy is a ledger like any other (`--ledger FOLDER`). The signing key is not copied.
    """
    from reprofp.cli.output import remark
    from reprofp.errors import LedgerError
    from reprofp.ledger import Ledger
    from reprofp.ledger.archives import back_up

    with Ledger.open(ledger, read_only=True) as book:
        path = back_up(book, folder)
    with Ledger.open(folder, read_only=True) as copy:
        report = copy.verify()
    if not report.is_ok:
        raise LedgerError(f"the copy {path} is damaged in {len(report.findings)} places, as the ledger is; see verify")
    remark(f"copied {report.records} records to {path}; the copy is whole")
