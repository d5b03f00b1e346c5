"""``reprofp check``: is anything in the way of a run that should repeat a baseline?"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.options import (
    LEVELS,
    NAMED_PATH,
    RECORD,
    collect_names,
    experiment_options,
    json_option,
    ledger_option,
    vary_options,
)
from reprofp.cli.policies import policy_options

if TYPE_CHECKING:
    from reprofp.model.records import Record
    from reprofp.policies import Policy
    from reprofp.probes.base import Experiment

_EXAMPLES = (
    (
        "before a run: is anything in the way of the same bits?",
        "reprofp check --baseline last-known-good --require bitwise",
    ),
    (
        "with what is going to run, its data and its configuration",
        "reprofp check --baseline last-known-good --require statistical --data train=data -- python train.py",
    ),
    (
        "fail also while anything can only be known later",
        "reprofp check --baseline last-known-good --require bitwise --strict",
    ),
)
_NAMED = 3
_EXITS = {
    0: "nothing that can be known now is in the way",
    1: "no: the level is out of reach",
    2: "undecided; with --strict also while anything settles only later",
    3: "usage error, or input that cannot be read",
    130: "interrupted",
}


@click.command(cls=Command, short_help="Before a run: can it repeat a baseline?", examples=_EXAMPLES, exits=_EXITS)
@click.option("--baseline", type=RECORD, help="The record that the run should repeat; by default the policy's.")
@click.option(
    "--require",
    "level",
    type=click.Choice(LEVELS),
    help="The level that the run should reach; by default the policy's, else bitwise.",
)
@click.option("--strict", is_flag=True, help="Count what can only be known later as undecided.")
@vary_options
@policy_options
@experiment_options
@click.option("--output", "outputs", type=NAMED_PATH, multiple=True, help="What the command makes. Repeatable.")
@click.option("--python", type=click.Path(path_type=Path), metavar="PATH", help="The interpreter that will run.")
@click.option("--all", "everything", is_flag=True, help="Show all reasons, also those that are not relevant.")
@ledger_option
@json_option
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD...]")
@click.pass_context
def command(
    ctx: click.Context,
    baseline: str | None,
    level: str | None,
    strict: bool,
    vary: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    accept_measured: bool,
    policy: Policy | None,
    experiment: Experiment,
    outputs: tuple[tuple[str, Path], ...],
    python: Path | None,
    everything: bool,
    ledger: Path | None,
    as_json: bool,
    argv: tuple[str, ...],
) -> None:
    """Say before a run whether anything is in the way of repeating a baseline.

    CMD is not run; its arguments are compared with the baseline's. What only a running program can
    show is listed as settling later: "reprofp run --check" asks again when the run has ended.
    """
    from reprofp.capture import describe_environment
    from reprofp.cli.facts import check_named
    from reprofp.cli.names import load_record
    from reprofp.cli.policies import judge
    from reprofp.cli.verdicts import Named, Wanted, answer, show
    from reprofp.ledger import find_content
    from reprofp.verdict import check_before_run

    baseline = baseline or _find_baseline(policy)
    record = load_record(baseline, ledger)
    now = describe_environment(replace(experiment, argv=argv, outputs=collect_names(outputs)), python)
    check_named(vary, ignore, (record, now))
    _remark_undeclared(record, now)
    asked = {"vary": vary, "ignore": ignore, "accept_measured": accept_measured}
    verdict, ruling = judge(policy, check_before_run, record, now, **asked)
    wanted = Wanted(
        level or (policy.require.label if policy and policy.require else "bitwise"),
        accept_measured=accept_measured or (policy is not None and policy.accept_measured),
        everything=everything,
        form="json" if as_json else "text",
        strict=strict,
        ruling=ruling,
    )
    sides = [
        Named(name, side, partial(find_content, side, ledger)) for name, side in ((baseline, record), ("@now", now))
    ]
    show(verdict, sides[0], sides[1], wanted)
    ctx.exit(answer(verdict, wanted) or 0)


def _remark_undeclared(record: Record, now: Record) -> None:
    """Name the data and weights that the baseline declared and nobody declares here: they stand in its arguments."""
    from reprofp.cli.facts import list_paths
    from reprofp.cli.output import remark
    from reprofp.render.values import clean

    for option, head in (("data", ("datasets", "declared")), ("weights", ("weights",))):
        sides = [
            [path[len(head)] for path in list_paths([side]) if path[: len(head)] == head] for side in (record, now)
        ]
        missing = list(dict.fromkeys(name for name in sides[0] if name not in sides[1]))
        if missing:
            named = " ".join(f"--{option} {name}=PATH" for name in missing[:_NAMED])
            remark(f"the baseline declared its {option}: declare them here too, with {clean(named)}")


def _find_baseline(policy: Policy | None) -> str:
    """Return the baseline that the policy has for the branch that is checked out here."""
    from reprofp.policies import find_branch

    branch = find_branch(Path.cwd())
    name = "" if policy is None else policy.baseline_of(branch)
    if not name:
        where = f"on branch {branch!r}, " if policy is not None and branch else ""
        raise click.UsageError(f"{where}no policy names a baseline: name one with --baseline RECORD")
    return name
