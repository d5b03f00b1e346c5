"""A verdict on the screen: one line that says it, few reasons, what was counted.

In: a verdict, the two records' names, the width. Out: lines (see ``layout``).
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprofp.model.paths import format_path
from reprofp.render.contents import draw_contents
from reprofp.render.grouping import Row, gather_rows
from reprofp.render.layout import Line, Span, align, cell_width, indent, line, wrap
from reprofp.render.values import clean
from reprofp.render.wording import ANSWERS, MEANINGS, format_interval, headline, plural, tone

if TYPE_CHECKING:
    from reprofp.model.contents import ContentDifference
    from reprofp.verdict import MetricComparison, Reason, Verdict
    from reprofp.verdict.metrics import SeriesComparison

__all__ = ["Shown", "draw_doctor", "draw_metrics", "draw_reasons", "draw_verdict", "say_metric"]

_FEW = 5
_INDENT = 2
_LEAST_WIDTH = 40
_OF_EXPERIMENT = 2
"""How many of the groups tell of what differs in the experiment; what differs in content comes after them."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a verdict is shown."""

    width: int = 80
    everything: bool = False
    level: str = ""
    """The level that was required, if one was."""
    answer: int | None = None
    """The answer to the requirement: 0, 1 or 2."""
    pins: str = ""
    """What a policy pins and does not hold, where that decides the answer."""


def draw_verdict(
    verdict: Verdict, a: str, b: str, shown: Shown, contents: Sequence[ContentDifference] = ()
) -> list[Line]:
    """Draw a verdict on the records named ``a`` and ``b``; ``contents`` tell what differs in data and weights."""
    lines = _draw_headline(verdict, shown)
    lines += _spread([[Span("a ", "dim"), Span(clean(a))], [Span("b ", "dim"), Span(clean(b))]], shown.width)
    if verdict.same_record:
        return lines
    lines += [
        *_draw_parts(verdict, shown.width),
        *_draw_groups(verdict, shown, contents),
        *_draw_metrics(verdict, shown.width),
    ]
    notes = [note for note in verdict.notes if not _is_said(note, headline(verdict))]
    lines += [line(), *(drawn for note in notes for drawn in _draw_note(note, shown.width))] if notes else []
    return [*lines, line(), *_draw_counts(verdict, shown)]


def _draw_note(note: str, width: int) -> list[Line]:
    first, *rest = wrap(f"note: {clean(note)}", max(width, _LEAST_WIDTH))
    return [line(Span(first, "dim")), *(indent(line(Span(piece, "dim")), _INDENT) for piece in rest)]


def _is_said(note: str, said: str) -> bool:
    return note in said or (note == "nothing observed differs" and said.startswith("same conditions"))


def draw_doctor(gates: Sequence[Reason], shown: Shown) -> list[Line]:
    """Draw what makes runs unrepeatable: what does, and what may if a run reaches it."""
    if not gates:
        return [line(Span("nothing is known to make runs here unrepeatable", "good"))]
    sure, maybe = _pick(gates, "both"), _pick(gates, "promised")
    lines = [line(Span(f"{plural(len(sure), 'setting')} that cannot repeat, {len(maybe)} that may not", "bad"))]
    for level in sorted({gate.cap for gate in gates}):
        lost = MEANINGS[level.label]
        for title, reasons in (("cannot repeat", sure), ("may not repeat, if a run reaches it", maybe)):
            kept = [reason for reason in reasons if reason.cap == level]
            if kept:
                title_of = f"{title}; left is {level.label}: {lost}"
                lines += [line(), line(Span(title_of, "strong")), *draw_reasons(kept, shown)]
    return [
        *lines,
        line(),
        line(Span("reprofp doctor --fix-env, --fix-code print remedies to paste, with their cost", "dim")),
    ]


def _draw_headline(verdict: Verdict, shown: Shown) -> list[Line]:
    text = headline(verdict)
    if shown.answer is not None:
        why = f", {shown.pins}" if shown.pins else _answer(shown, text, before_run=verdict.before_run)
        text = f"{ANSWERS[shown.answer]}{why}: {text}"
    first, *rest = wrap(text, max(shown.width, _LEAST_WIDTH))
    style = tone(verdict, shown.answer)
    return [line(Span(first, style)), *(indent(line(Span(piece, style)), _INDENT) for piece in rest)]


def _answer(shown: Shown, said: str, *, before_run: bool) -> str:
    """Say what the answer is about, unless the verdict's line says it."""
    if not shown.level:
        return ""
    is_said = MEANINGS[shown.level] in said or f"{shown.level} is promised" in said
    if (shown.answer == 0 and is_said) or f"{shown.level} is possible" in said:
        return ""
    about = {
        0: f"nothing is in the way of {shown.level}" if before_run else f"{shown.level} is promised",
        1: f"{shown.level} is out of reach",
        2: f"{shown.level} is possible but not promised",
    }
    return f", {about[shown.answer or 0]}"


def _spread(parts: Sequence[Sequence[Span]], width: int) -> list[Line]:
    """Set the parts on one line where they fit, else each on its own."""
    if sum(cell_width(span.text) for part in parts for span in part) + 3 * (len(parts) - 1) > width:
        return [tuple(part) for part in parts]
    gap = Span("   ")
    return [tuple(span for number, part in enumerate(parts) for span in ((gap, *part) if number else part))]


def _draw_parts(verdict: Verdict, width: int) -> list[Line]:
    parts = [("conditions ", format_interval(verdict.conditions)), ("experiment ", _name_experiment(verdict))]
    if not _is_another_experiment(verdict):
        parts.append(("overall ", format_interval(verdict.overall)))
    return _spread([[Span(name, "dim"), Span(text)] for name, text in parts], width)


def _is_another_experiment(verdict: Verdict) -> bool:
    return any(reason.level is None for reason in verdict.experiment.differs)


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


def _draw_groups(verdict: Verdict, shown: Shown, contents: Sequence[ContentDifference]) -> list[Line]:
    lines: list[Line] = []
    groups = _group(verdict, everything=shown.everything)
    for title, reasons in groups[:_OF_EXPERIMENT]:
        lines += _draw_group(title, reasons, shown)
    lines += _draw_contents(contents, shown)
    for title, reasons in groups[_OF_EXPERIMENT:]:
        lines += _draw_group(title, reasons, shown)
    if _is_another_experiment(verdict):
        path = clean(shlex.quote(format_path(verdict.experiment.differs[0].path)))
        lines += [line(), line(Span(f"on purpose? name what may differ: --vary {path}", "dim"))]
    return lines


def _draw_group(title: str, reasons: Sequence[Reason], shown: Shown) -> list[Line]:
    return [line(), line(Span(title, "strong")), *draw_reasons(reasons, shown)] if reasons else []


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
        ("the experiment differs", [] if _is_told(experiment.differs) else experiment.differs),
        ("varied on purpose", [] if _is_told(experiment.varied) else experiment.varied),
        ("in the way", _pick(rest, "both")),
        ("possibly in the way", _pick(rest, "promised")),
        ("would decide it", verdict.missing),
        ("the experiment is unknown", _without(experiment.unknown, missing)),
    ]
    if everything:
        groups += [
            ("not relevant", [*_pick(rest, "nothing"), *verdict.not_relevant]),
            ("settles later", verdict.settles_later),
        ]
    return groups


def _draw_contents(contents: Sequence[ContentDifference], shown: Shown) -> list[Line]:
    if not contents:
        return []
    drawn = draw_contents(contents, everything=shown.everything)
    return [line(), line(Span("what differs in the content", "strong")), *(indent(spans, _INDENT) for spans in drawn)]


def _draw_metrics(verdict: Verdict, width: int) -> list[Line]:
    if not verdict.metrics:
        return []
    return [line(), line(Span("metrics", "strong")), *draw_metrics(verdict.metrics, width)]


def draw_metrics(metrics: Sequence[MetricComparison], width: int) -> list[Line]:
    """Draw metrics as rows: both values, by how much they differ, and what that says; on two lines where it is long."""
    room = max(width, _LEAST_WIDTH) - _INDENT
    rows = list(map(_metric, metrics))
    table = align(rows)
    if any(cell_width("".join(span.text for span in spans)) > room for spans in table):
        table = [spans for row in rows for spans in _stack_metric(row, room)]
    return [indent(spans, _INDENT) for spans in table]


def _stack_metric(row: Sequence[Span], width: int) -> list[Line]:
    name, values, change, *said = row
    return [line(name, "  ", values, "  ", change), *_hang("; ".join(span.text for span in said if span.text), width)]


def _metric(metric: MetricComparison) -> list[Span]:
    name, values, change, said, over = say_metric(metric)
    return [Span(name, "path"), Span(values), Span(change), Span(said), Span(over, "dim")]


def say_metric(metric: MetricComparison) -> tuple[str, str, str, str, str]:
    """Return a metric's name, its values, by how much they differ, what that says, and over what."""
    change = "" if metric.deviation is None else f"{metric.deviation:+.3%}"
    verdict = {True: f"equivalent within {100 * metric.margin:.3g} %", False: "not equivalent", None: "undecided"}
    said = _say_tolerance(metric) or verdict[metric.equivalent]
    runs = f"{metric.runs_a} and {plural(metric.runs_b, 'run')}"
    values = f"{metric.mean_a:.6g} -> {metric.mean_b:.6g}"
    series = "" if metric.series is None else _say_series(metric.series)
    return clean(metric.name), values, change, said, series or runs


def _say_tolerance(metric: MetricComparison) -> str:
    """Say of what allows no inference whether the deviation is within the tolerance all the same."""
    if not metric.mark or metric.deviation is None:
        return metric.mark
    side = "within" if abs(metric.deviation) <= metric.margin else "beyond"
    return f"{side} {100 * metric.margin:.3g} % ({metric.mark})"


def _say_series(series: SeriesComparison) -> str:
    """Say where two series part, and from where on they are too far apart."""
    only = series.only_a + series.only_b
    rest = f", {plural(only, 'step')} on one side only" if only else ""
    if series.steps <= 1:
        return rest.removeprefix(", ")
    if series.parts_at is None or series.values is None:
        return f"the same at all {series.steps} steps{rest}"
    first, second = series.values
    beyond = "" if series.beyond_at is None else f", too far apart from step {series.beyond_at} on"
    return f"part at step {series.parts_at} ({first:.9g} -> {second:.9g}){beyond}{rest}"


def _is_told(differs: Sequence[Reason]) -> bool:
    """Whether the verdict's line has said all there is to say of what differs in the experiment."""
    return len(differs) == 1 and differs[0].level is None and not differs[0].mark


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
    return [*cells, Span(f"fix: {row.fix}")] if row.fix else cells


def _stack(row: Row, width: int) -> list[Line]:
    """Lay one row out on several lines: fact and change, then why, then the fix."""
    head = line(Span(row.fact, "path"), "  ", row.change)
    lines = [head]
    if cell_width(row.fact) + cell_width(row.change) + _INDENT > width:
        lines = [line(Span(row.fact, "path")), *_hang(row.change, width)]
    if row.why:
        lines += _hang(row.why, width)
    if row.fix:
        lines += _hang(f"fix: {row.fix}", width)
    return lines


def _hang(text: str, width: int) -> list[Line]:
    return [line("    " + piece) for piece in wrap(text, width - 4)]


def _draw_counts(verdict: Verdict, shown: Shown) -> list[Line]:
    counts = f"{verdict.equal} equal, {verdict.irrelevant} not relevant, {verdict.unknown} unknown"
    hint = "" if shown.everything else "; --all shows everything"
    return _spread([[Span(counts)], [Span(f"({clean(verdict.rules_version)}{hint})", "dim")]], shown.width)
