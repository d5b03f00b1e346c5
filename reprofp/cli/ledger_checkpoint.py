"""``reprofp ledger checkpoint``: the head of the ledger's tree, signed."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

_EXAMPLES = (
    (
        "print a checkpoint that proves as much to whoever holds it as a signed one",
        "reprofp ledger checkpoint --unsigned",
    ),
    ("the key that verifies signed checkpoints; publish it", "reprofp ledger checkpoint --key"),
    ("sign one (the library comes with `pip install 'reprofp[sign]'`)", "reprofp ledger checkpoint"),
)


@click.command(cls=Command, short_help="Print a checkpoint, signed.", examples=_EXAMPLES)
@click.option("--unsigned", is_flag=True, help="Do not sign it: no key is needed, and nothing is written.")
@click.option("--key", is_flag=True, help="Print the ledger's verifier key instead.")
@ledger_option
def command(unsigned: bool, key: bool, ledger: Path | None) -> None:
    """Print a checkpoint of the ledger: its name, its number of records, the root of its tree, a signature.

    Keep it where the ledger's owner cannot change it: in a training log, a commit, a ticket. Whoever holds a
    checkpoint can tell later whether the ledger was edited or cut since. The form is that of C2SP's tlog-checkpoint.
    """
    from reprofp.cli.output import print_text
    from reprofp.ledger import Ledger
    from reprofp.ledger.checkpoints import Signer, make_checkpoint, name_origin

    with Ledger.open(ledger, read_only=unsigned) as book:
        if key:
            print_text(f"{Signer.open(book.path, name_origin(book)).public}\n")
        else:
            print_text(make_checkpoint(book, signed=not unsigned))
