"""What every command has: examples that a test executes, and the exit codes it may give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

__all__ = ["ANSWER_EXITS", "EXITS", "REQUIRE_EXITS", "Command"]

_FAILING = {
    3: "usage error, or input that cannot be read",
    130: "interrupted",
}
EXITS: dict[int, str] = {0: "done", **_FAILING}
"""The exit codes of a command that only does something."""
ANSWER_EXITS: dict[int, str] = {0: "yes", 1: "no", **_FAILING}
"""The exit codes of a command that checks."""
REQUIRE_EXITS: dict[int, str] = {
    0: "yes; or no level was required and the question was answered",
    1: "no: the required level is out of reach",
    2: "undecided: possible but not promised",
    **_FAILING,
}
"""The exit codes of a command that can be given a required level."""


class Command(click.Command):
    """A command whose help teaches by example.

    ``examples`` are pairs of what it is for and the command line; ``exits`` tell the exit codes.
    """

    def __init__(
        self,
        *args: Any,
        examples: Sequence[tuple[str, str]] = (),
        exits: Mapping[Any, str] = EXITS,
        **kwargs: Any,
    ) -> None:
        """Keep the examples and the exit codes beside what click keeps."""
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)
        self.exits = dict(exits)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse empty texts before they are converted: an empty path would be taken for this folder.

        Raises:
            click.BadParameter: an option or argument is empty; those of a command to run are its own.
        """
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        for param in self.get_params(ctx):
            if param.type is not click.UNPROCESSED and _holds_empty(given.get(str(param.name))):
                raise click.BadParameter("an empty text names nothing: is a variable not set?", ctx, param)
        return super().parse_args(ctx, args)

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the exit codes below the options."""
        with formatter.section("Examples"):
            for purpose, words in self.examples:
                formatter.write(f"  # {purpose}\n  {words}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in self.exits.items()])


def _holds_empty(value: Any) -> bool:
    return value == "" or (isinstance(value, (list, tuple)) and "" in value)
