"""``reprofp ledger``: is the ledger whole, what does it prove, and how is it kept?"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Any

import click

from reprofp.cli.command import Command

ACTIONS = {
    "verify": "ledger_verify",
    "checkpoint": "ledger_checkpoint",
    "prove": "ledger_prove",
    "export": "ledger_export",
    "import": "ledger_import",
    "backup": "ledger_backup",
    "compact": "ledger_compact",
    "expire": "ledger_expire",
    "purge": "ledger_purge",
    "doctor": "ledger_doctor",
}
"""The actions, in the order of the help, each with the module that it lives in."""

_EXAMPLES = (
    ("read every byte of the ledger and check every link", "reprofp ledger verify"),
    ("a checkpoint to keep where the ledger's owner cannot change it", "reprofp ledger checkpoint"),
    ("is something wrong, and what to do", "reprofp ledger doctor"),
)
_EXITS = {0: "done, or yes", 1: "no", 3: "usage error, or input that cannot be read", 130: "interrupted"}


class _Actions(Command, click.Group):
    """A group that imports an action's module when the action is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(ACTIONS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ACTIONS:
            return None
        action: click.Command = import_module(f"reprofp.cli.{ACTIONS[cmd_name]}").command
        return action

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in ACTIONS:
            close = difflib.get_close_matches(args[0], ACTIONS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(ACTIONS)}"
            ctx.fail(f"there is no action {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        Command.format_epilog(self, ctx, formatter)


@click.command(cls=_Actions, short_help="Check, prove and keep the ledger.", examples=_EXAMPLES, exits=_EXITS)
def command() -> None:
    """Check the ledger, prove what is in it, and keep it for years.

    `reprofp ledger ACTION --help` tells of an action.
    """
