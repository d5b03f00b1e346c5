"""``reprofp doctor``: what makes runs in this environment unrepeatable, and how to remove it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import LEVELS, RECORD, json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.model.records import Record
    from reprofp.verdict import Reason

_EXAMPLES = (
    ("the environment that is active in this shell", "reprofp doctor"),
    ("what made a run unrepeatable", "reprofp doctor @-1"),
    ("the remedies as exports for a shell", "reprofp doctor --fix-env"),
    ("the lines for the frameworks in use", "reprofp doctor --fix-code"),
    ("only what breaks more than bits", "reprofp doctor @-1 --level statistical"),
    ("for a program", "reprofp doctor --json"),
)
_EXITS = {
    **ANSWER_EXITS,
    0: "nothing is known to make runs unrepeatable; or remedies were printed",
    1: "something does",
}


@click.command(cls=Command, short_help="What makes runs here unrepeatable?", examples=_EXAMPLES, exits=_EXITS)
@click.argument("record", type=RECORD, default="@now")
@click.option("--level", type=click.Choice(LEVELS), help="Only what stands in the way of this level.")
@click.option("--fix-env", is_flag=True, help="Print the remedies as exports for a shell, with what they cost.")
@click.option("--fix-code", is_flag=True, help="Print the lines for the frameworks in use, with what they cost.")
@ledger_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    record: str,
    level: str | None,
    fix_env: bool,
    fix_code: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Say what makes runs unrepeatable here, and the exact remedy.

    Looks at the settings that are unsafe even when two runs have the same; of @now (the default) or of
    a recorded run, which knows more. --fix-env and --fix-code print remedies to paste.
    """
    from reprofp.api import NOW
    from reprofp.cli.names import load_record, take_now

    if sum((fix_env, fix_code, as_json)) > 1:
        raise click.UsageError("--fix-env, --fix-code and --json exclude each other")
    # A Python that would be started here settles what no environment does by itself, such as the hash seed.
    looked_at = take_now("python3") if record == NOW else load_record(record, ledger)
    gates = _keep_level(_find_gates(looked_at), level)
    if fix_env or fix_code:
        _print_remedies(looked_at, gates, env=fix_env)
        return
    _show(looked_at, gates, as_json=as_json)
    ctx.exit(1 if any(gate.lowers == "both" for gate in gates) else 0)


def _find_gates(record: Record) -> list[Reason]:
    """Compare the record with its own twin: what remains is unsafe although nothing differs."""
    from reprofp.verdict import compare

    twin = replace(record, time_ns=record.time_ns + 1)
    return [reason for reason in compare(record, twin).reasons if reason.kind == "gate"]


def _keep_level(gates: list[Reason], level: str | None) -> list[Reason]:
    if level is None:
        return gates
    from reprofp.verdict import Level

    return [gate for gate in gates if gate.cap < Level.parse(level)]


def _print_remedies(record: Record, gates: list[Reason], *, env: bool) -> None:
    from reprofp.cli.output import print_text
    from reprofp.render.remedies import find_exports, find_frameworks, write_code, write_exports

    if env:
        exports = find_exports(gates)
        known = {export.rule for export in exports}
        lines = write_exports(exports, [gate for gate in gates if gate.rule not in known])
    else:
        lines = write_code(find_frameworks(record))
    print_text("".join(f"{line}\n" for line in lines))


def _show(record: Record, gates: list[Reason], *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_lines, screen_width
    from reprofp.render.json import reason_json
    from reprofp.render.remedies import find_exports, find_frameworks, remedies_json
    from reprofp.render.text import Shown, draw_doctor

    if as_json:
        remedies = remedies_json(find_exports(gates), find_frameworks(record))
        print_json({"schema": "reprofp/doctor/1", "gates": [reason_json(gate) for gate in gates], **remedies})
        return
    print_lines(draw_doctor(gates, Shown(screen_width(), everything=True)))
