"""A verdict as Markdown, for a pull request or a report."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reprofp.model.records import Record, Run
from reprofp.render.contents import content_markdown
from reprofp.render.grouping import gather_rows
from reprofp.render.text import say_metric
from reprofp.render.values import clean, format_time, short_id
from reprofp.render.wording import format_interval, headline

if TYPE_CHECKING:
    from reprofp.model.contents import ContentDifference
    from reprofp.verdict import MetricComparison, Reason, Verdict

__all__ = ["verdict_markdown"]

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#&!~])")
_FEW = 20


def verdict_markdown(
    verdict: Verdict, a: Record, b: Record, answer: str = "", contents: Sequence[ContentDifference] = ()
) -> str:
    """Return the verdict on two records as Markdown; ``answer`` goes before its line.

    ``contents`` tell what differs in data and weights.
    """
    title = f"{answer}: {headline(verdict)}" if answer else headline(verdict)
    parts = [f"**{_escape(title)}**\n", _draw_records(a, b)]
    if not verdict.same_record:
        parts.append(f"Conditions {format_interval(verdict.conditions)}, overall {format_interval(verdict.overall)}.\n")
        parts += [_draw_table(title, reasons) for title, reasons in _tables(verdict) if reasons]
        parts += [content_markdown(contents)] if contents else []
        parts += [_draw_metrics(verdict.metrics)] if verdict.metrics else []
        parts += ["\n".join(f"- {_escape(clean(note))}" for note in verdict.notes) + "\n"] if verdict.notes else []
        parts.append(
            f"{verdict.equal} equal, {verdict.irrelevant} not relevant, {verdict.unknown} unknown"
            f" ({_escape(verdict.rules_version)}).\n"
        )
    return "\n".join(parts)


def _draw_records(a: Record, b: Record) -> str:
    rows = [
        f"| {side} | {_name(record)} | {format_time(record.time_ns)} | `{str(record.fingerprint)[:16]}` |"
        for side, record in (("a", a), ("b", b))
    ]
    return "\n".join(["| | record | time | fingerprint |", "|---|---|---|---|", *rows]) + "\n"


def _name(record: Record) -> str:
    return f"`{short_id('rn1' if isinstance(record, Run) else 'sn1', record.raw_id)}`"


def _tables(verdict: Verdict) -> list[tuple[str, Sequence[Reason]]]:
    experiment = verdict.experiment
    told = {id(reason) for reason in (*experiment.differs, *experiment.unknown, *experiment.varied)}
    lowering = [reason for reason in verdict.reasons if reason.lowers != "nothing" and id(reason) not in told]
    return [
        ("The experiment differs", experiment.differs),
        ("Varied on purpose", experiment.varied),
        ("The conditions", lowering),
        ("The experiment is unknown", experiment.unknown),
    ]


def _draw_metrics(metrics: Sequence[MetricComparison]) -> str:
    rows = ["| " + " | ".join(_escape(cell) for cell in say_metric(metric)) + " |" for metric in metrics]
    return "\n".join(["| metric | A -> B | deviation | says | over |", "|---|---|---|---|---|", *rows]) + "\n"


def _draw_table(title: str, reasons: Sequence[Reason]) -> str:
    rows = gather_rows(reasons)
    lines = [f"{title}:\n", "| fact | A -> B | why | fix |", "|---|---|---|---|"]
    lines += [
        f"| {_escape(row.fact)} | {_escape(row.change)} | {_escape(row.why)} | {_escape(row.fix)} |"
        for row in rows[:_FEW]
    ]
    if len(rows) > _FEW:
        lines.append(f"| and {len(rows) - _FEW} more | | | |")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text.replace("\n", " "))
