"""``reprofp log``: the records of the ledger, newest first."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprofp.cli.command import Command
from reprofp.cli.options import LEVELS, RECORD, json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.ledger import Ledger, Summary
    from reprofp.ledger.searching import Condition

_NARROWING = ("tag", "kind", "since", "until", "host", "user", "facts", "before", "other")
_EXAMPLES = (
    ("the newest records", "reprofp log"),
    ("the last five runs", "reprofp log --kind run --limit 5"),
    ("what a tag names", "reprofp log --tag last-known-good"),
    ("by time, host, and a fact", "reprofp log --since 30d --host node-1 --where config.lr=0.1"),
    ("the next page", "reprofp log --limit 20 --before @-2"),
    ("what may be compared with the newest record, for the same statistics",
     "reprofp log --comparable-with @-1 --require statistical"),
    ("one JSON object a line", "reprofp log --json"),
)  # fmt: skip


@click.command(cls=Command, short_help="List the records, newest first.", examples=_EXAMPLES)
@click.option("--tag", metavar="NAME", help="Only the record with this tag.")
@click.option("--kind", type=click.Choice(["snapshot", "run"]), help="Only records of this kind.")
@click.option("--since", metavar="TIME", help="Only records from this time on (2026-11-21, 2026-11-21T14:00, 7d).")
@click.option("--until", metavar="TIME", help="Only records from before this time.")
@click.option("--host", metavar="NAME", help="Only records of this host.")
@click.option("--user", metavar="NAME", help="Only records that this user put, by name or number.")
@click.option(
    "--where",
    "facts",
    multiple=True,
    metavar="FACT=VALUE",
    help="Only records with this fact, or circumstance. Repeatable.",
)
@click.option("--before", type=RECORD, help="Only records appended before this one: the next page.")
@click.option("--comparable-with", "other", type=RECORD, help="Only records that may be compared with this one.")
@click.option(
    "--require",
    "level",
    type=click.Choice(LEVELS),
    default="statistical",
    show_default=True,
    help="What comparable means (with --comparable-with).",
)
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="At most so many records."
)
@ledger_option
@json_option
def command(ledger: Path | None, limit: int, as_json: bool, **asked: Any) -> None:
    """List the records of the ledger, newest first.

    What may be compared with a record is looked for among the nearest hundred: those with the same fingerprint, the
    same conditions, the same experiment, then the newest. With --json every line is an object that never loses a key.
    On a terminal the columns have a head.
    """  # fmt: skip
    from reprofp.cli.output import print_json_line, print_lines, remark
    from reprofp.ledger import Ledger
    from reprofp.render.json import summary_json
    from reprofp.render.records import draw_log

    with Ledger.open(ledger, read_only=True, spooled=True) as book:
        found = list(islice(_select(book, limit, **asked), limit))
    if as_json:
        for summary in found:
            print_json_line(summary_json(summary))
        return
    print_lines(draw_log(found, head=sys.stdout.isatty()))
    if not found:
        narrowed = any(asked[key] for key in _NARROWING)
        remark(
            "no record matches; 'reprofp log' alone lists all"
            if narrowed
            else "no records; 'reprofp snapshot' and 'reprofp run' make some"
        )


def _select(book: Ledger, limit: int, **asked: Any) -> Iterator[Summary]:
    from reprofp.cli.times import read_time
    from reprofp.ledger import Filter
    from reprofp.ledger.searching import search

    if asked["tag"]:
        _check_tag(book, asked["tag"])
    wanted = Filter(
        kind=asked["kind"],
        since_ns=read_time(asked["since"]),
        until_ns=read_time(asked["until"]),
        below=_find_leaf(book, asked["before"]),
    )
    conditions = _read_conditions(asked["host"], asked["facts"])
    if asked["other"] is None:
        owned = _find_owned(book, asked["user"])
        return search(book, wanted, tag=asked["tag"], conditions=conditions, owned=owned, limit=limit)
    if asked["tag"] or conditions or any(asked[key] for key in ("kind", "since", "until", "before", "user")):
        raise click.UsageError("--comparable-with stands alone, with --require and --limit")
    return _find_comparable(book, asked["other"], asked["level"])


def _find_owned(book: Ledger, user: str | None) -> Callable[[str], bool] | None:
    """Return what says whether a record is the user's; without a shared daemon all are of whose ledger it is."""
    if user is None:
        return None
    import pwd

    from reprofp.daemon.owners import Owners

    try:
        uid = int(user) if user.isdecimal() else pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        raise click.UsageError(f"there is no user {user!r} on this host; give a name, or a number") from None
    own = book.path.stat().st_uid if book.path.is_dir() else uid
    return Owners(book.path, own).owned_by(uid)


def _find_leaf(book: Ledger, name: str | None) -> int | None:
    if name is None:
        return None
    from reprofp.model.ids import format_id

    kind, raw_id, _ = book.resolve(name)
    return book.summary(format_id(kind, raw_id)).leaf


def _read_conditions(host: str | None, facts: tuple[str, ...]) -> tuple[Condition, ...]:
    from reprofp.ledger.searching import HOST, Condition
    from reprofp.model.paths import parse_path

    conditions = [] if host is None else [Condition(HOST, host)]
    for item in facts:
        path, equals, text = item.partition("=")
        if not equals:
            raise click.UsageError(f"{item!r} is no FACT=VALUE, as in config.lr=0.1")
        conditions.append(Condition(parse_path(path), text))
    return tuple(conditions)


def _find_comparable(book: Ledger, name: str, level: str) -> Iterator[Summary]:
    from reprofp.ledger.searching import find_nearest
    from reprofp.model.ids import format_id
    from reprofp.verdict import Level, answer_requirement, compare

    kind, raw_id, _ = book.resolve(name)
    record = book.get(format_id(kind, raw_id))
    for line in find_nearest(book, record):
        if answer_requirement(compare(record, book.get(line.id)), Level[level.upper()]) == 0:
            yield line


def _check_tag(book: Ledger, tag: str) -> None:
    from difflib import get_close_matches

    from reprofp.errors import NameNotFoundError

    tags = book.tags()
    if tag not in tags:
        near = get_close_matches(tag, tags, n=3)
        hint = f"did you mean {', '.join(near)}?" if near else "'reprofp tag' lists the tags"
        raise NameNotFoundError(f"the ledger in {book.path} has no tag {tag!r}: {hint}")
