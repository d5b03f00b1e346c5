"""``reprofp ledger purge``: take a leaked secret out, for good."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

_EXAMPLES = (
    ("which objects hold a secret; it is read from a file, never from the command line",
     "reprofp ledger purge --secret config.yaml --dry-run"),
)  # fmt: skip


@click.command(cls=Command, short_help="Take a leaked secret out, for good.", examples=_EXAMPLES)
@click.argument("objects", nargs=-1, metavar="[ID]...")
@click.option(
    "--secret", type=click.File("rb"), help="A file with the secret (- is standard input): purge all that holds it."
)
@click.option("--reason", default="a secret leaked", show_default=True, help="What the tombstones say.")
@click.option("--dry-run", is_flag=True, help="List what would be purged, and do nothing.")
@ledger_option
def command(objects: tuple[str, ...], secret: BinaryIO | None, reason: str, dry_run: bool, ledger: Path | None) -> None:
    """Put tombstones in the place of objects (fa1:, sb1:, pl1:, rs1:, at1: and 64 digits, see verify).

    The leaves stay, so that every proof holds; what the objects held reads as Unknown. Afterwards their bytes are in
    none of the ledger's files. They may still be in backups, in exported archives, in the blocks that the file system
    gave back, and in what others have read: change the secret all the same.
    """
    from reprofp.cli.output import print_text, remark
    from reprofp.ledger import Ledger
    from reprofp.ledger.keeping import find_secret, purge

    words = secret.read().strip(b"\r\n") if secret is not None else None
    with Ledger.open(ledger) as book:
        found = [*objects, *(find_secret(book, words) if words is not None else ())]
        if dry_run or not found:
            print_text("".join(f"{name}\n" for name in found))
            remark(f"{len(found)} objects would be purged")
            return
        change = purge(book, found, reason)
    remark(f"{change.count} objects purged; their bytes are in none of the ledger's files")
