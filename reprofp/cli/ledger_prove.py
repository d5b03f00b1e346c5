"""``reprofp ledger prove``: proofs that are verified without the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import RECORD, ledger_option

_EXAMPLES = (
    ("prove that a record is in the ledger", "reprofp ledger prove last-known-good --unsigned"),
    ("the same, under a signed checkpoint", "reprofp ledger prove @-1"),
)


@click.command(cls=Command, short_help="Prove that a record is in the ledger.", examples=_EXAMPLES)
@click.argument("record", type=RECORD, required=False)
@click.option(
    "--since",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Prove instead that the ledger continues the checkpoint in this file.",
)
@click.option(
    "--checkpoint",
    "-c",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Prove it for the checkpoint in this file, not for a new one.",
)
@click.option("--unsigned", is_flag=True, help="Prove it for a checkpoint without a signature.")
@ledger_option
def command(
    record: str | None, since: Path | None, checkpoint: Path | None, unsigned: bool, ledger: Path | None
) -> None:
    """Print a proof that RECORD is in the ledger (C2SP tlog-proof), or that the ledger continues a checkpoint.

    `python -m reprofp.ledger.verifier PROOF --key KEY` verifies it; that module is one file that needs Python alone,
    so that it can be given along. Without a signature a proof is worth what the verifier's own copy of the
    checkpoint is worth (--held).
    """
    if (record is None) == (since is None):
        raise click.UsageError("expected RECORD, or --since CHECKPOINT")
    from reprofp.cli.output import print_text
    from reprofp.ledger import Ledger
    from reprofp.ledger.checkpoints import make_checkpoint, prove_continuation, prove_record
    from reprofp.model.ids import format_id

    with Ledger.open(ledger, read_only=unsigned or checkpoint is not None) as book:
        # What was named is looked for before anything is signed: a name that is wrong needs no key.
        kind, raw_id, _ = ("", b"", None) if record is None else book.resolve(record)
        earlier = "" if since is None else _read(since)
        note = _read(checkpoint) if checkpoint is not None else make_checkpoint(book, signed=not unsigned)
        if record is not None:
            print_text(prove_record(book, format_id(kind, raw_id), note))
        else:
            print_text(prove_continuation(book, earlier, note))


def _read(path: Path) -> str:
    from reprofp.errors import InputError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
