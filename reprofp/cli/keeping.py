"""The options that say where a new record goes: its tag, a file, the ledger; and doing what they say."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reprofp.cli.options import ledger_option

if TYPE_CHECKING:
    from reprofp.model.records import Record

__all__ = ["Keeping", "keeping_options", "tag_options"]

_Function = TypeVar("_Function", bound=Callable[..., Any])
_SHOWN = 16


def tag_options(function: _Function) -> _Function:
    """Add ``--tag`` and ``--move-tag``; the command gets a ``tag`` that may be set, or None.

    A tag that is in use is refused before any work is done, as ``reprofp tag`` refuses it: what took a day should not
    be found unnamed at its end, and a baseline that moves by mistake hides what it was kept for.
    """

    @functools.wraps(function)
    def check(*args: Any, **kwargs: Any) -> Any:
        _check_tag(kwargs["tag"], kwargs["ledger"], move=kwargs.pop("move_tag"))
        return function(*args, **kwargs)

    decorators = (
        click.option("--tag", metavar="NAME", help="A name for the record; one that is in use stays where it is."),
        click.option("--move-tag", is_flag=True, help="Let --tag take a name from the record that has it now."),
    )
    for decorator in reversed(decorators):
        check = decorator(check)
    return check  # type: ignore[return-value]  # the wrapper takes the options' own parameters


def _check_tag(tag: str | None, ledger: Path | None, *, move: bool) -> None:
    if tag is None:
        if move:
            raise click.UsageError("--move-tag moves the name that --tag gives: give that, too")
        return
    from reprofp.ledger.tags import check_tag_name

    check_tag_name(tag)
    held = None if move else _find_holder(tag, ledger)
    if held is not None:
        from reprofp.errors import UsageError

        raise UsageError(
            f"{tag!r} is the name of {held[:_SHOWN]}: nothing was done; "
            "say --move-tag to give it to the new record, or choose another name"
        )


def _find_holder(tag: str, ledger: Path | None) -> str | None:
    """Return the id of the record that has a name; a ledger that cannot be read is told of when it is written."""
    from reprofp.errors import LedgerError
    from reprofp.ledger import Ledger

    try:
        with Ledger.open(ledger, read_only=True) as book:
            return book.tags().get(tag)
    except LedgerError:
        return None


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where a new record goes."""

    tag: str | None
    output: Path | None
    record: bool
    ledger: Path | None

    def keep(self, made: Record) -> str:
        """Write a record to a file, add it to the ledger, and return what was done.

        Raises:
            InputError: the file cannot be written.
            LedgerError: the record can be neither added nor spooled.
        """
        if self.output is not None:
            from reprofp.ledger import write_record_file

            write_record_file(made, self.output)
        if self.record:
            self._record(made)
        written = () if self.output is None else (f"written to {self.output}",)
        return " and ".join([*(("recorded",) if self.record else ()), *written]) or "not recorded"

    def _record(self, made: Record) -> None:
        from reprofp.cli.output import remark
        from reprofp.connecting import keep

        kept = keep(made, self.ledger, tag=self.tag)
        if kept.spooled is not None:
            remark(f"{kept.reason}; the record waits in {kept.spooled} and is taken in later")


def keeping_options(function: _Function) -> _Function:
    """Add what says where a new record goes; the command gets one ``keeping``."""

    @functools.wraps(function)
    def gather(*args: Any, **kwargs: Any) -> Any:
        tag, output, ledger = (kwargs.pop(name) for name in ("tag", "output", "ledger"))
        no_record = kwargs.pop("no_record")
        if tag and no_record:
            raise click.UsageError("--tag names a record of the ledger, and --no-record asks for none: leave one out")
        return function(*args, keeping=Keeping(tag, output, not no_record, ledger), **kwargs)

    decorators = (
        tag_options,
        click.option(
            "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the record to a file, too."
        ),
        click.option("--no-record", is_flag=True, help="Do not add the record to the ledger."),
        ledger_option,
    )
    for decorator in reversed(decorators):
        gather = decorator(gather)
    return gather  # type: ignore[return-value]  # the wrapper takes the options' own parameters
