"""``reprofp ledger doctor``: what is wrong with the ledger, what is affected, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.ledger.doctor import Diagnosis

_EXAMPLES = (
    ("is something wrong, and what to do", "reprofp ledger doctor"),
    ("for a program", "reprofp ledger doctor --json"),
)
_EXITS = {**ANSWER_EXITS, 0: "nothing is wrong", 1: "something is"}


@click.command(cls=Command, short_help="Say what is wrong, and what to do.", examples=_EXAMPLES, exits=_EXITS)
@ledger_option
@json_option
@click.pass_context
def command(ctx: click.Context, ledger: Path | None, as_json: bool) -> None:
    """Say what is wrong with the ledger, which records that affects, and what to do. Nothing is changed.

    Damaged records are fenced off already: reading one is an error, and the others stay readable.
    """
    from reprofp.cli.output import print_json
    from reprofp.ledger.doctor import examine

    diagnosis = examine(ledger)
    if as_json:
        print_json(_describe(diagnosis))
    else:
        _show(diagnosis)
    ctx.exit(0 if diagnosis.is_well else 1)


def _describe(diagnosis: Diagnosis) -> dict[str, object]:
    return {
        "schema": "reprofp/ledger-doctor/1",
        "well": diagnosis.is_well,
        "facts": dict(diagnosis.facts),
        "problems": [{"what": item.what, "remedy": item.remedy} for item in diagnosis.problems],
        "damaged": list(diagnosis.damaged),
    }


def _show(diagnosis: Diagnosis) -> None:
    from reprofp.cli.output import print_text
    from reprofp.render.values import clean

    for name, value in diagnosis.facts.items():
        print_text(f"{name:<14}{clean(str(value))}\n")
    for problem in diagnosis.problems:
        print_text(f"\nproblem: {clean(problem.what)}\n  {clean(problem.remedy)}\n")
    for name in diagnosis.damaged:
        print_text(f"damaged: {name}\n")
    if diagnosis.is_well:
        print_text("nothing is wrong\n")
