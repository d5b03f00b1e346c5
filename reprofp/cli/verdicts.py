"""Showing a verdict in the form that was asked for, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from reprofp.cli.names import describe_record
from reprofp.cli.output import print_json, print_lines, print_text, screen_width

if TYPE_CHECKING:
    from reprofp.model.contents import ContentDifference
    from reprofp.model.records import Record
    from reprofp.policies import Ruling
    from reprofp.verdict import Verdict

__all__ = ["Named", "Wanted", "answer", "show", "write_page"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked of a verdict: a level, and a form."""

    level: str | None = None
    accept_measured: bool = False
    everything: bool = False
    form: str = "text"
    strict: bool = False
    """Whether what settles only later leaves the answer undecided."""
    page: Path | None = None
    """The file that a page of HTML goes into."""
    ruling: Ruling | None = None
    """What a policy did."""


def answer(verdict: Verdict, wanted: Wanted) -> int | None:
    """Return the answer to the requirement and to what a policy pins (0, 1 or 2), or None where there was neither."""
    pinned = None if wanted.ruling is None else wanted.ruling.answer
    given = [code for code in (_answer_level(verdict, wanted), pinned) if code is not None]
    # No before undecided before yes.
    return min(given, key=(1, 2, 0).index) if given else None


def _answer_level(verdict: Verdict, wanted: Wanted) -> int | None:
    if wanted.level is None:
        return None
    from reprofp.verdict import Level, answer_requirement

    level = Level.parse(wanted.level)
    return answer_requirement(verdict, level, accept_measured=wanted.accept_measured, strict=wanted.strict)


@dataclass(frozen=True, slots=True)
class Named:
    """A record, what it was called on the command line, and what digests of it stand for."""

    name: str
    record: Record
    find: Callable[[str], bytes | None]


def show(verdict: Verdict, a: Named, b: Named, wanted: Wanted) -> None:
    """Print a verdict on two named records."""
    code = answer(verdict, wanted)
    from reprofp.render.imported import say_unrecorded

    told = say_unrecorded(a.record, b.record)
    if wanted.ruling is not None:
        from reprofp.render.rulings import say_ruling

        told = [*say_ruling(wanted.ruling), *told]
    verdict = replace(verdict, notes=(*told, *verdict.notes)) if told else verdict
    contents = [] if verdict.same_record else _compare_contents(a, b)
    if wanted.form == "json":
        from reprofp.render.json import verdict_json

        print_json(
            verdict_json(
                verdict, a.record, b.record, level=wanted.level, answer=code, contents=contents, ruling=wanted.ruling
            )
        )
    elif wanted.form == "html":
        from reprofp.render.html import verdict_html

        write_page(verdict_html(verdict, [(a.name, a.record), (b.name, b.record)], code, contents), wanted.page)
    elif wanted.form == "markdown":
        from reprofp.render.markdown import verdict_markdown
        from reprofp.render.wording import ANSWERS

        print_text(verdict_markdown(verdict, a.record, b.record, "" if code is None else ANSWERS[code], contents))
    else:
        from reprofp.render.text import Shown, draw_verdict

        shown = Shown(screen_width(), wanted.everything, wanted.level or "", code, _name_pins(verdict, wanted))
        names = describe_record(a.name, a.record), describe_record(b.name, b.record)
        print_lines(draw_verdict(verdict, *names, shown, contents))


def write_page(page: str, place: Path | None) -> None:
    """Write a page to a file, whole or not at all, or to standard output for ``-``.

    Raises:
        InputError: the file cannot be written.
    """
    from reprofp.cli.output import remark
    from reprofp.errors import InputError
    from reprofp.ledger.folders import replace_file

    if place is None or str(place) == "-":
        print_text(page)
        return
    try:
        replace_file(place, page.encode("utf-8"))
    except OSError as error:
        raise InputError(f"{place}: cannot be written ({error.strerror or error}); choose another place") from error
    remark(f"written to {place}")


def _name_pins(verdict: Verdict, wanted: Wanted) -> str:
    """Say which pins do not hold, where they alone decide the answer."""
    if wanted.ruling is None or answer(verdict, wanted) == _answer_level(verdict, wanted):
        return ""
    from reprofp.render.rulings import say_pins

    return say_pins(wanted.ruling)


def _compare_contents(a: Named, b: Named) -> list[ContentDifference]:
    """Tell what differs where digests do; most pairs have none, and then the native core is not loaded."""
    from reprofp.model.digests import list_differing

    if not list_differing(a.record, b.record):
        return []
    from reprofp.datasets.contents import compare_contents

    return compare_contents(a.record, b.record, a.find, b.find)
