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

if TYPE_CHECKING:
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
_EXITS = {
    0: "nothing that can be known now is in the way",
    1: "no: the level is out of reach",
    2: "undecided; with --strict also while anything settles only later",
    3: "usage error, or input that cannot be read",
    130: "interrupted",
}


@click.command(cls=Command, short_help="Before a run: can it repeat a baseline?", examples=_EXAMPLES, exits=_EXITS)
@click.option("--baseline", type=RECORD, required=True, help="The record that the run should repeat.")
@click.option(
    "--require",
    "level",
    type=click.Choice(LEVELS),
    default="bitwise",
    show_default=True,
    help="The level that the run should reach.",
)
@click.option("--strict", is_flag=True, help="Count what can only be known later as undecided.")
@vary_options
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
    baseline: str,
    level: str,
    strict: bool,
    vary: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    accept_measured: bool,
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
    from reprofp.cli.names import load_record
    from reprofp.cli.verdicts import Named, Wanted, answer, show
    from reprofp.ledger import find_content
    from reprofp.verdict import check_before_run

    record = load_record(baseline, ledger)
    now = describe_environment(replace(experiment, argv=argv, outputs=collect_names(outputs)), python)
    verdict = check_before_run(record, now, vary=vary, ignore=ignore, accept_measured=accept_measured)
    wanted = Wanted(
        level,
        accept_measured=accept_measured,
        everything=everything,
        form="json" if as_json else "text",
        strict=strict,
    )
    sides = [
        Named(name, side, partial(find_content, side, ledger)) for name, side in ((baseline, record), ("@now", now))
    ]
    show(verdict, sides[0], sides[1], wanted)
    ctx.exit(answer(verdict, wanted) or 0)
