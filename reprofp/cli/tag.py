"""``reprofp tag``: names for records."""

from __future__ import annotations

from pathlib import Path

import click

from reprofp.cli.command import Command
from reprofp.cli.options import RECORD, json_option, ledger_option

_EXAMPLES = (
    ("give the newest record a name", "reprofp tag monday @-1"),
    ("point it to another record, on purpose", "reprofp tag --move last-known-good @-1"),
    ("where it pointed, and since when", "reprofp tag --history last-known-good"),
    ("list the tags", "reprofp tag"),
    ("remove a tag; the record stays", "reprofp tag --delete last-known-good"),
)

_SHOWN = 16


@click.command(cls=Command, short_help="Name records, or list the names.", examples=_EXAMPLES)
@click.argument("name", required=False)
@click.argument("record", type=RECORD, required=False)
@click.option("--move", is_flag=True, help="Point NAME to another record than it names now.")
@click.option("--history", is_flag=True, help="List where NAME, or every name, pointed; the newest first.")
@click.option("--delete", is_flag=True, help="Remove the tag NAME.")
@ledger_option
@json_option
def command(
    name: str | None,
    record: str | None,
    move: bool,
    history: bool,
    delete: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Name a record, so that it can be compared with by that name; or list the names.

    A name that is in use stays where it is, unless --move says otherwise: a baseline that moves by
    mistake hides what it was kept for. Every move is kept, and --history lists them.
    """
    if sum((move, history, delete)) > 1:
        raise click.UsageError("--move, --history and --delete exclude each other")
    if history and record is None:
        _list_moves(name, ledger, as_json=as_json)
    elif name is None and not (delete or move):
        _list(ledger, as_json=as_json)
    elif name is not None and delete and record is None:
        _delete(name, ledger)
    elif name is not None and record is not None and not (delete or history):
        _set(name, record, ledger, move=move)
    else:
        raise click.UsageError("expected NAME RECORD, or --delete NAME, --history [NAME], or nothing to list the tags")


def _list_moves(name: str | None, ledger: Path | None, *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_text
    from reprofp.errors import NameNotFoundError
    from reprofp.ledger import Ledger
    from reprofp.render.json import time_json
    from reprofp.render.values import clean, format_time

    with Ledger.open(ledger, read_only=True) as book:
        moves = book.tag_history(name)
    if name is not None and not moves:
        raise NameNotFoundError(f"there is no tag {name!r}, and there never was; `reprofp tag` lists them")
    if as_json:
        found = [
            {"name": one.name, "time": time_json(one.time_ns), "id": one.id, "previous": one.previous} for one in moves
        ]
        print_json({"schema": "reprofp/tag-history/1", "moves": found})
        return
    for one in moves:
        where = "removed" if one.id is None else one.id[:_SHOWN]
        came = f", was {one.previous[:_SHOWN]}" if one.previous else ""
        print_text(f"{format_time(one.time_ns)}  {clean(one.name)}  {where}{came}\n")


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


def _set(name: str, record: str, ledger: Path | None, *, move: bool) -> None:
    from reprofp.cli.names import load_record
    from reprofp.cli.output import remark
    from reprofp.errors import UsageError
    from reprofp.ledger import Ledger

    found = load_record(record, ledger)
    with Ledger.open(ledger) as book:
        now = book.tags().get(name)
        if now not in (None, found.id) and not move:
            raise UsageError(f"{name!r} is the name of {now[:_SHOWN]}: to point it to {found.id[:_SHOWN]}, say --move")
        book.append(found)
        book.tag(name, found.id)
    remark(f"{name} is {found.id}")


def _delete(name: str, ledger: Path | None) -> None:
    from reprofp.cli.output import remark
    from reprofp.ledger import Ledger

    with Ledger.open(ledger) as book:
        book.untag(name)
    remark(f"removed the tag {name}; its record stays")
