"""``reprofp show``: one record, with its facts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.options import FACT, RECORD, json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.model.records import Record

_EXAMPLES = (
    ("the newest record", "reprofp show @-1"),
    ("only some of its facts", "reprofp show @-1 cpu python.version"),
    ("everything, also the long lists", "reprofp show @-1 --all"),
    ("for a program", "reprofp show @-1 --json"),
    ("also host names, times and full paths", "reprofp show @-1 --circumstances"),
)


@click.command(cls=Command, short_help="Show one record.", examples=_EXAMPLES)
@click.argument("record", type=RECORD)
@click.argument("facts", type=FACT, nargs=-1, metavar="[FACT...]")
@click.option("--all", "everything", is_flag=True, help="Do not shorten long lists of facts.")
@click.option(
    "--circumstances",
    is_flag=True,
    help="Show also what stands beside the facts: host names, times, full paths. Think before you paste them.",
)
@ledger_option
@json_option
def command(
    record: str,
    facts: tuple[tuple[str, ...], ...],
    everything: bool,
    circumstances: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Show one record: its ids, what came out of it, and its facts.

    With FACTs (dotted paths, or prefixes of them), only those facts.
    """
    from reprofp.cli.names import load_record
    from reprofp.cli.output import print_json, print_lines

    found = load_record(record, ledger)
    _refuse_unknown(facts, found, record)
    if as_json:
        from reprofp.render.json import record_json

        print_json(record_json(found, prefixes=facts, circumstances=circumstances))
        return
    from reprofp.render.records import draw_record

    print_lines(draw_record(found, prefixes=facts, everything=everything, circumstances=circumstances))


def _refuse_unknown(wanted: tuple[tuple[str, ...], ...], record: Record, name: str) -> None:
    """Say of each fact that the record does not hold which ones have a name like it; it is an error if none is there."""
    from reprofp.cli.facts import list_paths, suggest_facts
    from reprofp.cli.output import remark
    from reprofp.errors import UsageError
    from reprofp.model.paths import format_path, starts_with

    paths = list_paths([record]) if wanted else []
    missing = [fact for fact in wanted if not any(starts_with(path, fact) for path in paths)]
    for fact in missing:
        near = suggest_facts(fact, paths)
        hint = f"did you mean {', '.join(near)}?" if near else f"'reprofp show {name} --all' lists its facts"
        said = f"{name} has no fact {format_path(fact)!r}: {hint}"
        if len(missing) == len(wanted):
            raise UsageError(said)
        remark(said)
