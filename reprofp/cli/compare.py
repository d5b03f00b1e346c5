"""``reprofp compare``: may these two results be compared, and what is in the way?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reprofp.cli.verdicts import Wanted
    from reprofp.policies import Policy

from reprofp.cli.command import REQUIRE_EXITS, Command
from reprofp.cli.options import RECORD, json_option, ledger_option, require_option, vary_options
from reprofp.cli.policies import policy_options

_EXAMPLES = (
    ("the newest record against the one before it", "reprofp compare @-2 @-1"),
    ("a named record against this environment as it is now", "reprofp compare last-known-good @now"),
    ("ask for the same bits; the exit code answers", "reprofp compare @-2 @-1 --require bitwise"),
    ("the learning rate differs on purpose", "reprofp compare @-2 @-1 --vary config.lr"),
    ("every reason, for a program", "reprofp compare @-2 @-1 --json"),
    ("a table for a pull request", "reprofp compare @-2 @-1 --markdown"),
    ("which files of two folders differ", "reprofp compare data backup/data"),
    (
        "which tensors of two checkpoints differ, and by how much",
        "reprofp compare monday.safetensors tuesday.safetensors --values",
    ),
)


@click.command(
    cls=Command, short_help="Compare two records: what is in the way?", examples=_EXAMPLES, exits=REQUIRE_EXITS
)
@click.argument("a", type=RECORD)
@click.argument("b", type=RECORD)
@require_option
@vary_options
@policy_options
@click.option("--all", "everything", is_flag=True, help="Show all reasons, also those that are not relevant.")
@click.option("--values", is_flag=True, help="Of two files of weights: measure by how much the tensors' values differ.")
@click.option("--markdown", is_flag=True, help="Answer in Markdown.")
@ledger_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    a: str,
    b: str,
    level: str | None,
    vary: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    accept_measured: bool,
    policy: Policy | None,
    everything: bool,
    values: bool,
    markdown: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Say what may be expected of two records, and what is in the way of more.

    A and B: an id or a prefix of 6 or more of its digits, a tag, a record file, an fp1: fingerprint,
    @-1 (the newest record), @-2 (the one before), @now (taken now, not recorded).

    Where both are folders or files that are no records, their content is compared: which files, or of
    weights which tensors, changed, were added, removed or renamed. --require then asks for the same
    content, whatever the level.
    """
    from reprofp.cli.compare_contents import are_contents, compare_contents
    from reprofp.cli.names import load_record
    from reprofp.cli.policies import judge
    from reprofp.cli.verdicts import Named, Wanted, answer, show
    from reprofp.ledger import find_content
    from reprofp.verdict import compare

    if markdown and as_json:
        raise click.UsageError("--markdown and --json exclude each other")
    wanted = Wanted(
        level, accept_measured=accept_measured, everything=everything, form=_form(markdown=markdown, as_json=as_json)
    )
    if are_contents(a, b, ledger):
        if vary or ignore:
            raise click.UsageError("--vary and --ignore name facts of records, and A and B are folders or files")
        ctx.exit(compare_contents(a, b, wanted, values=values))
    if values:
        raise click.UsageError("--values measures files of weights, and A and B are records")
    first, second = load_record(a, ledger), load_record(b, ledger)
    asked = {"vary": vary, "ignore": ignore, "accept_measured": accept_measured}
    verdict, ruling = judge(policy, compare, first, second, **asked)
    wanted = replace(wanted, **_take_policy(policy, wanted), ruling=ruling)
    sides = [Named(name, record, partial(find_content, record, ledger)) for name, record in ((a, first), (b, second))]
    show(verdict, sides[0], sides[1], wanted)
    ctx.exit(answer(verdict, wanted) or 0)


def _take_policy(policy: Policy | None, wanted: Wanted) -> dict[str, Any]:
    """Return what a policy asks for where the command line did not."""
    if policy is None:
        return {}
    level = wanted.level or (None if policy.require is None else policy.require.label)
    return {"level": level, "accept_measured": wanted.accept_measured or policy.accept_measured}


def _form(*, markdown: bool, as_json: bool) -> str:
    return "markdown" if markdown else "json" if as_json else "text"
