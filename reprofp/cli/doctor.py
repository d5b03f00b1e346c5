"""``reprofp doctor``: what makes runs in this environment unrepeatable, and how to remove it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import RECORD, json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.model.records import Record
    from reprofp.verdict import Reason

_EXAMPLES = (
    ("the environment that is active in this shell", "reprofp doctor"),
    ("what made a run unrepeatable", "reprofp doctor @-1"),
    ("for a program", "reprofp doctor --json"),
)
_EXITS = {**ANSWER_EXITS, 0: "nothing is known to make runs unrepeatable", 1: "something does"}


@click.command(cls=Command, short_help="What makes runs here unrepeatable?", examples=_EXAMPLES, exits=_EXITS)
@click.argument("record", type=RECORD, default="@now")
@ledger_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    record: str,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Say what makes runs unrepeatable here, and the exact remedy.

    Looks at the settings that are unsafe even when two runs have the same; of @now (the default) or of
    a recorded run, which knows more.
    """
    from reprofp.api import NOW
    from reprofp.cli.names import load_record, take_now

    # A Python that would be started here settles what no environment does by itself, such as the hash seed.
    gates = _find_gates(take_now("python3") if record == NOW else load_record(record, ledger))
    sure = [gate for gate in gates if gate.lowers == "both"]
    _show(gates, as_json=as_json)
    ctx.exit(1 if sure else 0)


def _find_gates(record: Record) -> list[Reason]:
    """Compare the record with its own twin: what remains is unsafe although nothing differs."""
    from reprofp.verdict import compare

    twin = replace(record, time_ns=record.time_ns + 1)
    return [reason for reason in compare(record, twin).reasons if reason.kind == "gate"]


def _show(gates: list[Reason], *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_lines, screen_width
    from reprofp.render.json import reason_json
    from reprofp.render.text import Shown, draw_doctor

    if as_json:
        print_json({"schema": "reprofp/doctor/1", "gates": [reason_json(gate) for gate in gates]})
        return
    print_lines(draw_doctor(gates, Shown(screen_width(), everything=True)))
