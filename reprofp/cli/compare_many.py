"""``reprofp compare A B C ...``: the levels of every pair, and the groups that may be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.verdicts import Wanted

if TYPE_CHECKING:
    from reprofp.model.paths import FactPath
    from reprofp.model.records import Record
    from reprofp.policies import Policy
    from reprofp.verdict import Verdict
    from reprofp.verdict.many import Division, Table

__all__ = ["compare_many"]


def compare_many(
    names: Sequence[str],
    judge: Callable[[Record, Record], Verdict],
    wanted: Wanted,
    ledger: Path | None,
    check: Callable[[Sequence[Record]], None],
    *,
    group_by: FactPath | None = None,
    policy: Policy | None = None,
) -> int:
    """Compare every pair of the records that ``names`` stand for, print that, and return the exit code.

    Raises:
        click.UsageError: the form that was asked for is none of a table.
        InputError: a name matches no record or several, or a record cannot be read.
        UsageError: there are too many records, or a fact is named that none has.
    """
    from reprofp.cli.names import describe_record, load_record
    from reprofp.cli.output import print_json, print_lines, screen_width
    from reprofp.render.many import draw_table, table_json
    from reprofp.verdict.many import Table
    from reprofp.verdict.many import compare_many as judge_all

    if wanted.form == "markdown":
        raise click.UsageError("--markdown shows two records: name two, or ask for text, --html or --json")
    records = tuple(load_record(name, ledger) for name in names)
    check(records)
    if group_by is not None:
        _refuse_unknown(group_by, records)
    table = Table(records, judge_all(records, judge), wanted.accept_measured)
    division = None if group_by is None else _divide(table, group_by, policy)
    code = _answer(table, division, wanted)
    if wanted.form == "json":
        print_json(table_json(table, names, wanted.level, code, division))
        return code or 0
    told = [describe_record(name, record) for name, record in zip(names, records, strict=True)]
    if wanted.form == "html":
        from reprofp.cli.verdicts import write_page
        from reprofp.render.many_html import table_html

        write_page(table_html(table, told, code, division), wanted.page)
    else:
        print_lines(draw_table(table, told, screen_width(), code, division))
    return code or 0


def _refuse_unknown(path: FactPath, records: Sequence[Record]) -> None:
    from reprofp.cli.facts import hint_facts, list_paths
    from reprofp.errors import UsageError
    from reprofp.model.observations import Observed
    from reprofp.model.paths import format_path

    paths = list_paths(records)
    if path not in paths and not any(isinstance(record.look_up(path), Observed) for record in records):
        raise UsageError(f"--group-by {format_path(path)}: none of the records has this fact{hint_facts(path, paths)}")


def _divide(table: Table, path: FactPath, policy: Policy | None) -> Division:
    from reprofp.verdict.many import divide
    from reprofp.verdict.metrics import DEFAULT_MARGIN

    if policy is None:
        return divide(table, path)
    margin = DEFAULT_MARGIN if policy.margin is None else policy.margin
    return divide(table, path, margin=margin, margins=policy.margins)


def _answer(table: Table, division: Division | None, wanted: Wanted) -> int | None:
    """Answer a requirement: of every pair, or with --group-by of every pair within a group."""
    if wanted.level is None:
        return None
    from reprofp.verdict import Level, answer_requirement
    from reprofp.verdict.requirement import NO, UNDECIDED, YES

    level = Level.parse(wanted.level)
    groups = (
        [set(part.members) for part in division.parts] if division is not None else [set(range(len(table.records)))]
    )
    codes = {
        0 if verdict.same_record else answer_requirement(verdict, level, accept_measured=wanted.accept_measured)
        for pair, verdict in table.verdicts.items()
        if any(set(pair) <= group for group in groups)
    }
    return next((code for code in (NO, UNDECIDED) if code in codes), YES)
