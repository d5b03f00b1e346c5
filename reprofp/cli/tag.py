"""``reprofp tag``: names for records."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import RECORD, json_option, ledger_option

_EXAMPLES = (
    ("call the newest record last-known-good", "reprofp tag last-known-good @-1"),
    ("list the tags", "reprofp tag"),
    ("remove a tag; the record stays", "reprofp tag --delete last-known-good"),
)


@click.command(cls=Command, short_help="Name records, or list the names.", examples=_EXAMPLES)
@click.argument("name", required=False)
@click.argument("record", type=RECORD, required=False)
@click.option("--delete", is_flag=True, help="Remove the tag NAME.")
@ledger_option
@json_option
def command(
    name: str | None,
    record: str | None,
    delete: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Name a record, so that it can be compared with by that name; or list the names.

    A name that is in use moves to the new record.
    """
    if name is None and not delete:
        _list(ledger, as_json=as_json)
    elif name is not None and delete and record is None:
        _delete(name, ledger)
    elif name is not None and record is not None and not delete:
        _set(name, record, ledger)
    else:
        raise click.UsageError("expected NAME RECORD, or --delete NAME, or nothing to list the tags")


def _list(ledger: Path | None, *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_text
    from reprofp.ledger import Ledger
    from reprofp.render.values import clean

    with Ledger.open(ledger, read_only=True) as book:
        tags = book.tags()
    if as_json:
        print_json({"schema": "reprofp/tags/1", "tags": dict(sorted(tags.items()))})
        return
    print_text("".join(f"{target[:16]}  {clean(name)}\n" for name, target in sorted(tags.items())))


def _set(name: str, record: str, ledger: Path | None) -> None:
    from reprofp.cli.names import load_record
    from reprofp.cli.output import remark
    from reprofp.ledger import Ledger

    found = load_record(record, ledger)
    with Ledger.open(ledger) as book:
        book.append(found)
        book.tag(name, found.id)
    remark(f"{name} is {found.id}")


def _delete(name: str, ledger: Path | None) -> None:
    from reprofp.cli.output import remark
    from reprofp.ledger import Ledger

    with Ledger.open(ledger) as book:
        book.untag(name)
    remark(f"removed the tag {name}; its record stays")
