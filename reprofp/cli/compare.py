"""``reprofp compare``: may these two results be compared, and what is in the way?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from reprofp.cli.verdicts import Wanted
    from reprofp.model.records import Record
    from reprofp.policies import Policy
    from reprofp.verdict import Verdict

from reprofp.cli.command import REQUIRE_EXITS, Command
from reprofp.cli.options import FACT, RECORD, json_option, ledger_option, require_option, vary_options
from reprofp.cli.policies import policy_options

_EXAMPLES = (
    ("the newest record against the one before it", "reprofp compare @-2 @-1"),
    ("a named record against this environment as it is now", "reprofp compare last-known-good @now"),
    ("ask for the same bits; the exit code answers", "reprofp compare @-2 @-1 --require bitwise"),
    ("the learning rate differs on purpose", "reprofp compare @-2 @-1 --vary config.lr"),
    ("every reason, for a program", "reprofp compare @-2 @-1 --json"),
    ("a table for a pull request", "reprofp compare @-2 @-1 --markdown"),
    ("a page to mail", "reprofp compare @-2 @-1 --html verdict.html"),
    ("more than two: which of them may be compared", "reprofp compare @-1 @-2 @-3"),
    ("by the value of a fact, metrics of the groups included", "reprofp compare @-1 @-2 @-3 --group-by config.lr"),
    ("which files of two folders differ", "reprofp compare data backup/data"),
    (
        "which tensors of two checkpoints differ, and by how much",
        "reprofp compare monday.safetensors tuesday.safetensors --values",
    ),
)


@click.command(
    cls=Command, short_help="Compare two records: what is in the way?", examples=_EXAMPLES, exits=REQUIRE_EXITS
)
@click.argument("names", type=RECORD, nargs=-1, required=True, metavar="A B [C]...")
@require_option
@vary_options
@policy_options
@click.option(
    "--group-by", type=FACT, help="Divide the records by the value of a fact, and compare within and between."
)
@click.option("--all", "everything", is_flag=True, help="Show all reasons, also those that are not relevant.")
@click.option("--values", is_flag=True, help="Of two files of weights: measure by how much the tensors' values differ.")
@click.option("--markdown", is_flag=True, help="Answer in Markdown.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write one page of HTML that can be mailed (- for standard output).",
)
@ledger_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    level: str | None,
    vary: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    accept_measured: bool,
    policy: Policy | None,
    group_by: tuple[str, ...] | None,
    everything: bool,
    values: bool,
    markdown: bool,
    page: Path | None,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Say what may be expected of two records, and what is in the way of more.

    A and B: an id or a prefix of 6 or more of its digits, a tag, a record file, an fp1: fingerprint,
    @-1 (the newest record), @-2 (the one before), @now (taken now, not recorded).

    Of more than two, every pair is judged: the answer is a table, the groups in which every pair is
    promised a level, and what most often stands between them. --group-by divides them by a fact; metrics
    of groups with five or more runs are tested for equivalence.

    Where both are folders or files that are no records, their content is compared: which files, or of
    weights which tensors, changed, were added, removed or renamed. --require then asks for the same
    content, whatever the level.
    """
    from reprofp.cli.verdicts import Wanted

    wanted = Wanted(level, accept_measured=accept_measured, everything=everything, form=_form(markdown, page, as_json))
    wanted = replace(wanted, page=page)
    asked = {"vary": vary, "ignore": ignore, "accept_measured": accept_measured}
    _refuse_one(names)
    if len(names) > _TWO or group_by is not None:
        ctx.exit(_compare_many(names, wanted, policy, asked, ledger, group_by))
    ctx.exit(_compare_two((names[0], names[1]), wanted, policy, asked, ledger, values=values))


_TWO = 2


def _refuse_one(names: tuple[str, ...]) -> None:
    if len(names) < _TWO:
        raise click.UsageError(f"{names[0]!r} is one record: name another to compare it with, @now for instance")


def _compare_two(
    names: tuple[str, str],
    wanted: Wanted,
    policy: Policy | None,
    asked: dict[str, Any],
    ledger: Path | None,
    *,
    values: bool,
) -> int:
    from reprofp.cli.compare_contents import are_contents, compare_contents
    from reprofp.cli.facts import check_named
    from reprofp.cli.names import load_record
    from reprofp.cli.policies import judge
    from reprofp.cli.verdicts import Named, answer, show
    from reprofp.ledger import find_content
    from reprofp.verdict import compare

    if are_contents(*names, ledger):
        if asked["vary"] or asked["ignore"]:
            raise click.UsageError("--vary and --ignore name facts of records, and A and B are folders or files")
        if wanted.form == "html":
            raise click.UsageError("--html shows the verdict on two records, and A and B are folders or files")
        return compare_contents(*names, wanted, values=values)
    if values:
        raise click.UsageError("--values measures files of weights, and A and B are records")
    wanted = replace(wanted, **_take_policy(policy, wanted))
    first, second = (load_record(name, ledger) for name in names)
    check_named(asked["vary"], asked["ignore"], (first, second))
    verdict, ruling = judge(policy, compare, first, second, **asked)
    wanted = replace(wanted, ruling=ruling)
    sides = [
        Named(name, record, partial(find_content, record, ledger))
        for name, record in zip(names, (first, second), strict=True)
    ]
    show(verdict, sides[0], sides[1], wanted)
    return answer(verdict, wanted) or 0


def _compare_many(
    names: tuple[str, ...],
    wanted: Wanted,
    policy: Policy | None,
    asked: dict[str, Any],
    ledger: Path | None,
    group_by: tuple[str, ...] | None,
) -> int:
    from reprofp.cli.compare_many import compare_many
    from reprofp.cli.facts import check_named

    wanted = replace(wanted, **_take_policy(policy, wanted))
    check = partial(check_named, asked["vary"], asked["ignore"])
    return compare_many(names, _make_judge(policy, asked), wanted, ledger, check, group_by=group_by, policy=policy)


def _make_judge(policy: Policy | None, asked: dict[str, Any]) -> Callable[[Record, Record], Verdict]:
    from reprofp.cli.policies import judge
    from reprofp.verdict import compare

    return lambda a, b: judge(policy, compare, a, b, **asked)[0]


def _take_policy(policy: Policy | None, wanted: Wanted) -> dict[str, Any]:
    """Return what a policy asks for where the command line did not."""
    if policy is None:
        return {}
    level = wanted.level or (None if policy.require is None else policy.require.label)
    return {"level": level, "accept_measured": wanted.accept_measured or policy.accept_measured}


def _form(markdown: bool, page: Path | None, as_json: bool) -> str:
    forms = [name for name, asked in (("markdown", markdown), ("html", page is not None), ("json", as_json)) if asked]
    if len(forms) > 1:
        raise click.UsageError(f"--{forms[0]} and --{forms[1]} exclude each other")
    return forms[0] if forms else "text"
