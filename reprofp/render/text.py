"""A verdict on the screen: one line that says it, few reasons, what was counted.

In: a verdict, the two records' names, the width. Out: lines (see ``layout``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprofp.render.grouping import Row, gather_rows
from reprofp.render.layout import Line, Span, align, cell_width, indent, line, wrap
from reprofp.render.values import clean
from reprofp.render.wording import ANSWERS, format_interval, headline, tone

if TYPE_CHECKING:
    from reprofp.verdict import Reason, Verdict

__all__ = ["Shown", "draw_reasons", "draw_verdict"]

_FEW = 5
_INDENT = 2
_LEAST_WIDTH = 40


@dataclass(frozen=True, slots=True)
class Shown:
    """How a verdict is shown."""

    width: int = 80
    everything: bool = False
    level: str = ""
    """The level that was required, if one was."""
    answer: int | None = None
    """The answer to the requirement: 0, 1 or 2."""


def draw_verdict(verdict: Verdict, a: str, b: str, shown: Shown) -> list[Line]:
    """Draw a verdict on the records named ``a`` and ``b``."""
    lines = _draw_headline(verdict, shown)
    lines += [line(Span("a ", "dim"), clean(a), Span("   b ", "dim"), clean(b))]
    if verdict.same_record:
        return lines
    lines += [_draw_parts(verdict), *_draw_groups(verdict, shown)]
    lines += [line(Span(f"note: {clean(note)}", "dim")) for note in verdict.notes]
    return [*lines, line(), _draw_counts(verdict, shown)]


def _draw_headline(verdict: Verdict, shown: Shown) -> list[Line]:
    text = headline(verdict)
    if shown.answer is not None:
        text = f"{ANSWERS[shown.answer]}, {_answer(shown)}: {text}"
    first, *rest = wrap(text, max(shown.width, _LEAST_WIDTH))
    style = tone(verdict, shown.answer)
    return [line(Span(first, style)), *(indent(line(Span(piece, style)), _INDENT) for piece in rest)]


def _answer(shown: Shown) -> str:
    return {
        0: f"{shown.level} is promised",
        1: f"{shown.level} is out of reach",
        2: f"{shown.level} is possible but not promised",
    }[shown.answer or 0]


def _draw_parts(verdict: Verdict) -> Line:
    return line(
        Span("conditions ", "dim"),
        format_interval(verdict.conditions),
        Span("   experiment ", "dim"),
        _name_experiment(verdict),
        Span("   overall ", "dim"),
        format_interval(verdict.overall),
    )


def _name_experiment(verdict: Verdict) -> str:
    experiment = verdict.experiment
    words = [
        word
        for word, reasons in (
            ("differs", experiment.differs),
            ("varied", experiment.varied),
            ("unknown", experiment.unknown),
        )
        if reasons
    ]
    return " and ".join(words) or "equal"


def _draw_groups(verdict: Verdict, shown: Shown) -> list[Line]:
    lines: list[Line] = []
    for title, reasons in _group(verdict, everything=shown.everything):
        if reasons:
            lines += [line(), line(Span(title, "strong")), *draw_reasons(reasons, shown)]
    return lines


def _group(verdict: Verdict, *, everything: bool) -> list[tuple[str, Sequence[Reason]]]:
    experiment = verdict.experiment
    told = {id(reason) for reason in (*experiment.differs, *experiment.unknown, *experiment.varied)}
    missing = {(reason.path, reason.rule) for reason in verdict.missing}
    rest = [
        reason
        for reason in verdict.reasons
        if id(reason) not in told and not (reason.kind == "unknown" and (reason.path, reason.rule) in missing)
    ]
    groups: list[tuple[str, Sequence[Reason]]] = [
        ("the experiment differs", experiment.differs),
        ("varied on purpose", experiment.varied),
        ("the conditions differ", _pick(rest, "both")),
        ("not sure to matter", _pick(rest, "promised")),
        ("would decide it", verdict.missing),
        ("the experiment is unknown", _without(experiment.unknown, missing)),
    ]
    return [*groups, ("not relevant", _pick(rest, "nothing"))] if everything else groups


def _pick(reasons: Sequence[Reason], lowers: str) -> list[Reason]:
    return [reason for reason in reasons if reason.lowers == lowers]


def _without(reasons: Sequence[Reason], missing: set[tuple[tuple[str, ...], str]]) -> list[Reason]:
    return [reason for reason in reasons if (reason.path, reason.rule) not in missing]


def draw_reasons(reasons: Sequence[Reason], shown: Shown) -> list[Line]:
    """Draw reasons as rows: in columns where all of them fit, else each on a few indented lines."""
    rows = gather_rows(reasons, everything=shown.everything)
    kept = rows if shown.everything else rows[:_FEW]
    width = max(shown.width, _LEAST_WIDTH) - _INDENT
    table = align([_cells(row) for row in kept])
    if any(cell_width("".join(span.text for span in spans)) > width for spans in table):
        table = [spans for row in kept for spans in _stack(row, width)]
    left = sum(row.count for row in rows[len(kept) :])
    if left:
        table.append(line(Span(f"and {left} more (--all)", "dim")))
    return [indent(spans, _INDENT) for spans in table]


def _cells(row: Row) -> list[Span]:
    cells = [Span(row.fact, "path"), Span(row.change), Span(row.why)]
    return [*cells, Span(f"fix: {clean(row.reason.remedy)}")] if row.reason.remedy else cells


def _stack(row: Row, width: int) -> list[Line]:
    """Lay one row out on several lines: fact and change, then why, then the fix."""
    head = line(Span(row.fact, "path"), "  ", row.change)
    lines = [head]
    if cell_width(row.fact) + cell_width(row.change) + _INDENT > width:
        lines = [line(Span(row.fact, "path")), *_hang(row.change, width)]
    if row.why:
        lines += _hang(row.why, width)
    if row.reason.remedy:
        lines += _hang(f"fix: {clean(row.reason.remedy)}", width)
    return lines


def _hang(text: str, width: int) -> list[Line]:
    return [line("    " + piece) for piece in wrap(text, width - 4)]


def _draw_counts(verdict: Verdict, shown: Shown) -> Line:
    counts = f"{verdict.equal} equal, {verdict.irrelevant} not relevant, {verdict.unknown} unknown"
    hint = "" if shown.everything else "; --all shows everything"
    return line(counts, Span(f"  (rules {clean(verdict.rules_version)}{hint})", "dim"))
