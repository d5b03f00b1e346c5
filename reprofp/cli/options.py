"""Options and argument types that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reprofp.errors import ReprofpError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from reprofp.probes.base import Experiment

__all__ = [
    "FACT",
    "LEVELS",
    "NAMED_PATH",
    "RECORD",
    "ParamType",
    "collect_names",
    "experiment_options",
    "json_option",
    "ledger_option",
    "read_named_paths",
    "require_option",
    "vary_options",
]

LEVELS = ("bitwise", "statistical", "functional")
"""The levels that may be required."""

if TYPE_CHECKING:
    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType
"""Generic only in the newest releases of click, and only for a type checker."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


class _NamedPath(ParamType):
    """``NAME=PATH`` or ``PATH``; a path that is there wins over its reading as a pair."""

    name = "[NAME=]PATH"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        name, equals, rest = value.partition("=")
        if not value or (equals and not rest):  # Python takes an empty path for this folder
            self.fail(f"{value!r} names no path: is a variable not set?")
        if equals and name and not Path(value).exists():
            return self._check_name(name), Path(rest)
        return self._check_name(Path(value).absolute().name), Path(value)

    def _check_name(self, name: str) -> str:
        """Refuse a name that no record can hold, before anything runs."""
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            self.fail(f"{name.encode('utf-8', 'backslashreplace').decode()!r} is not UTF-8; name it, as in NAME=PATH")
        return name

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, _incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        return [CompletionItem("", type="file")]


class _Seed(ParamType):
    """``NAME=VALUE`` or ``VALUE``."""

    name = "[NAME=]VALUE"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> tuple[str, int | str]:
        if isinstance(value, tuple):
            return value
        name, equals, text = value.rpartition("=")
        try:
            number: int | str = int(text, 0)
        except ValueError:
            number = text
        return (name if equals else "seed"), number


class _Fact(ParamType):
    """A dotted path of a fact."""

    name = "PATH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        from reprofp.model.paths import parse_path

        if isinstance(value, tuple):
            return value
        try:
            return parse_path(value)
        except ReprofpError as error:
            self.fail(str(error), param, ctx)


class _Record(ParamType):
    """A name of a record; completion offers tags and the newest ids."""

    name = "RECORD"

    def shell_complete(self, ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer what the ledger holds; a ledger that cannot be read offers nothing."""
        from click.shell_completion import CompletionItem

        from reprofp.cli.names import offer_names

        offers = offer_names(ctx.params.get("ledger"))
        found = [CompletionItem(name, help=about) for name, about in offers if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]


NAMED_PATH = _NamedPath()
FACT = _Fact()
RECORD = _Record()

json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON (schemas are in docs/formats/json).")
ledger_option = click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The ledger to use instead of your own (see REPROFP_HOME).",
)
require_option = click.option(
    "--require", "level", type=click.Choice(LEVELS), help="Ask whether this level is reached; the exit code answers."
)


def experiment_options(function: _Function) -> _Function:
    """Add the options that declare an experiment; the command gets one ``experiment``."""

    @functools.wraps(function)
    def declare(*args: Any, **kwargs: Any) -> Any:
        parts = {name: kwargs.pop(name) for name in ("data", "weights", "config", "seeds")}
        return function(*args, experiment=_read_experiment(**parts), **kwargs)

    decorators = (
        click.option("--data", type=NAMED_PATH, multiple=True, help="A dataset: a file or folder. Repeatable."),
        click.option("--weights", type=NAMED_PATH, multiple=True, help="A file or folder of weights. Repeatable."),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            multiple=True,
            metavar="FILE",
            help="A file of hyper-parameters (YAML, JSON, TOML). Repeatable.",
        ),
        click.option("--seed", "seeds", type=_Seed(), multiple=True, help="A seed. Repeatable."),
    )
    for decorator in reversed(decorators):
        declare = decorator(declare)
    return declare  # type: ignore[return-value]  # the wrapper takes the options' own parameters


def _read_experiment(**parts: tuple[Any, ...]) -> Experiment:
    from reprofp.api import declare

    return declare(
        data=read_named_paths(parts["data"]),
        weights=read_named_paths(parts["weights"]),
        config=parts["config"],
        seeds=dict(parts["seeds"]),
    )


def collect_names(pairs: tuple[tuple[str, Path], ...]) -> dict[str, Path]:
    """Collect named paths that need not be there yet.

    Raises:
        click.UsageError: a name stands twice.
    """
    named = dict(pairs)
    if len(named) < len(pairs):
        raise click.UsageError(f"two outputs have the same name: name them, as in NAME={pairs[-1][1]}")
    return named


def read_named_paths(pairs: tuple[tuple[str, Path], ...]) -> dict[str, Path]:
    """Collect named paths, refusing a name that stands twice or a path that is not there.

    Raises:
        InputError: a path is not there, or two have the same name.
    """
    from reprofp.api import check_pairs

    return check_pairs(pairs)


def vary_options(function: _Function) -> _Function:
    """Add ``--vary``, ``--ignore`` and ``--accept-measured``."""
    decorators = (
        click.option(
            "--vary",
            type=FACT,
            multiple=True,
            help="A fact of the experiment that differs on purpose, or a prefix (config.lr). Repeatable.",
        ),
        click.option("--ignore", type=FACT, multiple=True, help="A fact to leave out, or a prefix. Repeatable."),
        click.option("--accept-measured", is_flag=True, help="Let measured or repeated evidence stand for a promise."),
    )
    for decorator in reversed(decorators):
        function = decorator(function)
    return function
