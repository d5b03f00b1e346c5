"""``reprofp ledger import``: take in the records of an archive."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ledger_option

_EXAMPLES = (("take in what a colleague exported", "reprofp ledger import colleague.tar.zst"),)


@click.command(cls=Command, short_help="Take in the records of an archive.", examples=_EXAMPLES)
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--tags", is_flag=True, help="Set the archive's tags here too; a tag that is in use moves.")
@ledger_option
def command(archive: Path, tags: bool, ledger: Path | None) -> None:
    """Append the records of ARCHIVE, which `reprofp ledger export` wrote; those that are here stay as they are.

    Every record is checked against its own id.
    """
    from reprofp.cli.output import remark
    from reprofp.ledger import Ledger
    from reprofp.ledger.archives import import_records

    with Ledger.open(ledger) as book:
        done = import_records(book, archive, set_tags=tags)
    remark(f"read {len(done.ids)} records; {done.new} were new, with their parts")
    if done.tags and not tags:
        remark(f"the archive has {len(done.tags)} tags; --tags sets them")
