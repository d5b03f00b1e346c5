"""Showing a verdict in the form that was asked for, and its exit code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprofp.cli.names import describe_record
from reprofp.cli.output import print_json, print_lines, print_text, screen_width

if TYPE_CHECKING:
    from reprofp.model.records import Record
    from reprofp.verdict import Verdict

__all__ = ["Wanted", "answer", "show"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked of a verdict: a level, and a form."""

    level: str | None = None
    accept_measured: bool = False
    everything: bool = False
    form: str = "text"
    strict: bool = False
    """Whether what settles only later leaves the answer undecided."""


def answer(verdict: Verdict, wanted: Wanted) -> int | None:
    """Return the answer to the requirement (0, 1 or 2), or None where there was none."""
    if wanted.level is None:
        return None
    from reprofp.verdict import Level, answer_requirement

    level = Level.parse(wanted.level)
    return answer_requirement(verdict, level, accept_measured=wanted.accept_measured, strict=wanted.strict)


def show(verdict: Verdict, a: tuple[str, Record], b: tuple[str, Record], wanted: Wanted) -> None:
    """Print a verdict on two named records."""
    code = answer(verdict, wanted)
    if wanted.form == "json":
        _show_json(verdict, a[1], b[1], wanted, code)
    elif wanted.form == "markdown":
        _show_markdown(verdict, a[1], b[1], code)
    else:
        _show_text(verdict, a, b, wanted, code)


def _show_json(verdict: Verdict, a: Record, b: Record, wanted: Wanted, code: int | None) -> None:
    from reprofp.render.json import verdict_json

    print_json(verdict_json(verdict, a, b, level=wanted.level, answer=code))


def _show_markdown(verdict: Verdict, a: Record, b: Record, code: int | None) -> None:
    from reprofp.render.markdown import verdict_markdown
    from reprofp.render.wording import ANSWERS

    print_text(verdict_markdown(verdict, a, b, "" if code is None else ANSWERS[code]))


def _show_text(
    verdict: Verdict, a: tuple[str, Record], b: tuple[str, Record], wanted: Wanted, code: int | None
) -> None:
    from reprofp.render.text import Shown, draw_verdict

    shown = Shown(screen_width(), wanted.everything, wanted.level or "", code)
    print_lines(draw_verdict(verdict, describe_record(*a), describe_record(*b), shown))
