"""The commands, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from reprofp import __version__
from reprofp.cli.failures import ClosedPipeError, StoppedError

__all__ = ["COMMANDS", "cli", "invoke"]

COMMANDS = (
    "snapshot",
    "run",
    "compare",
    "check",
    "import",
    "show",
    "log",
    "tag",
    "hash",
    "verify",
    "numerics",
    "ledger",
    "daemon",
    "doctor",
    "explain",
    "policy",
    "completion",
)
"""The names of the commands, in the order of the help; each lives in the module of its name."""

_MODULES = {"import": "import_records"}
"""Where a module cannot have that name."""


@contextmanager
def _past_click() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ClosedPipeError from error
    except KeyboardInterrupt:
        raise StoppedError from None  # click would write an empty line


class _Commands(click.Group):
    """A group that imports a command's module when the command is asked for."""

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        with _past_click():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _past_click():
            return super().invoke(ctx)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"reprofp.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the commands are {', '.join(COMMANDS)}"
            ctx.fail(f"there is no command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")
def cli() -> None:
    """May these two results be compared?

    reprofp records what a run depends on, and says of two records what may be expected of them: the
    same bits, the same statistics, the same quality; and what exactly is in the way.

    A and B stand for records: an id or a prefix of 6 or more of its digits, a tag, a record file, an
    fp1: fingerprint (its newest record), @-1 (the newest record), @now (taken now, not recorded).

    \b
    REPROFP_HOME         the ledger's folder
    REPROFP_DISABLE=1    no hook goes into a command that is run
    REPROFP_TRACEBACK=1  show where an error comes from
    NO_COLOR=1           no colour
    """  # noqa: D301 - click reads the control character itself


def invoke(words: list[str]) -> int:
    """Run the command that ``words`` ask for and return its exit code.

    Raises:
        click.ClickException: the words are not understood.
        ReprofpError: what a command needs is not there.
    """
    code = cli.main(words, prog_name="reprofp", standalone_mode=False)
    return code if isinstance(code, int) else 0
