"""Many records on the screen, and as JSON: the levels of every pair, the groups, and what stands between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from reprofp.model.paths import format_path
from reprofp.render.json import identity_json, interval_json, metric_json, observation_json
from reprofp.render.layout import Line, Span, align, cell_width, indent, line, wrap
from reprofp.render.text import draw_metrics
from reprofp.render.values import clean, format_change, format_observation
from reprofp.render.wording import ANSWERS, plural

if TYPE_CHECKING:
    from reprofp.verdict import Level, Verdict
    from reprofp.verdict.many import Division, Part, Table

__all__ = [
    "COMPARED",
    "LEGEND",
    "NOT_TRANSITIVE",
    "draw_cell",
    "draw_table",
    "list_groups",
    "name_column",
    "say_part",
    "say_table",
    "table_json",
]

NOT_TRANSITIVE = (
    "that a goes with b, and b with c, says nothing of a and c: in a group, every pair is promised the level for itself"
)
LEGEND = "bits, stat, func: bitwise, statistical, functional is promised; -: nothing is; (x): that is possible"
_SHORT = {"bitwise": "bits", "statistical": "stat", "functional": "func", "incomparable": "-"}
COMPARED = {
    "bitwise": "may be compared bit by bit",
    "statistical": "may be compared with a tolerance, or over several runs",
    "functional": "may be compared in quality, not in numbers",
}
_FEW = 8
_INDENT = 2
_LEAST_WIDTH = 40


def draw_table(
    table: Table, names: Sequence[str], width: int, answer: int | None, division: Division | None
) -> list[Line]:
    """Draw a table of records that are called ``names``."""
    letters = [name_column(index) for index in range(len(names))]
    said = say_table(table)
    lines = [line(Span(said if answer is None else f"{ANSWERS[answer]}: {said}", "strong")), line()]
    lines += align([[Span(letter, "path"), Span(clean(name))] for letter, name in zip(letters, names, strict=True)])
    lines += [line(), *_draw_matrix(table, letters)]
    if division is not None:
        lines += _draw_division(division, letters, width)
    lines += _draw_groups(table, letters)
    lines += _draw_causes(table, max(width, _LEAST_WIDTH) - _INDENT)
    first, *rest = wrap(f"note: {NOT_TRANSITIVE}", max(width, _LEAST_WIDTH))
    return [*lines, line(), line(Span(first, "dim")), *(indent(line(Span(text, "dim")), _INDENT) for text in rest)]


def name_column(index: int) -> str:
    """Name a column: a to z, then a1 and so on."""
    return "abcdefghijklmnopqrstuvwxyz"[index % 26] + (str(index // 26) if index >= 26 else "")  # noqa: PLR2004  letters


def say_table(table: Table) -> str:
    """Count the records, the pairs, and what is promised of them."""
    counts: dict[Level, int] = {}
    for one, other in table.verdicts:
        level = table.promised(one, other)
        counts[level] = counts.get(level, 0) + 1
    told = ", ".join(
        f"{counts[level]} {'promised ' + level.label if level else 'promised nothing'}"
        for level in sorted(counts, reverse=True)
    )
    return f"{plural(len(table.records), 'record')}, {plural(len(table.verdicts), 'pair')}: {told}"


def _draw_matrix(table: Table, letters: Sequence[str]) -> list[Line]:
    rows = [[Span(""), *(Span(letter, "path") for letter in letters)]]
    for one, letter in enumerate(letters):
        cells = [Span("=", "dim") if one == other else draw_cell(table, one, other) for other in range(len(letters))]
        rows.append([Span(letter, "path"), *cells])
    return [*align(rows), line(Span(LEGEND, "dim"))]


def draw_cell(table: Table, one: int, other: int) -> Span:
    """Write what is promised of a pair, and what is possible where that is more."""
    verdict = table.verdicts[min(one, other), max(one, other)]
    promised = table.promised(one, other)
    possible = promised if verdict.same_record else verdict.overall.possible
    text = _SHORT[promised.label]
    if possible > promised:
        text += f" ({_SHORT[possible.label]})"
    return Span(text, "good" if promised.label == "bitwise" else "doubt" if possible > promised else "")


def list_groups(table: Table) -> Iterator[tuple[Level, list[tuple[int, ...]]]]:
    """Yield the groups in which a level is promised of every pair, without those that lie in one of a higher level."""
    from reprofp.verdict import Level  # noqa: PLC0415  brings the rules

    told: list[tuple[int, ...]] = []
    for level in (Level.BITWISE, Level.STATISTICAL, Level.FUNCTIONAL):
        groups = [group for group in table.groups(level) if not any(set(group) <= set(other) for other in told)]
        if groups:
            yield level, groups
        told += groups


def _draw_groups(table: Table, letters: Sequence[str]) -> Iterator[Line]:
    found = list(list_groups(table))
    for level, groups in found:
        yield line()
        yield line(Span(COMPARED[level.label], "strong"))
        for group in groups[:_FEW]:
            yield indent(line(", ".join(letters[index] for index in group)), _INDENT)
        if len(groups) > _FEW:
            yield indent(line(Span(f"and {len(groups) - _FEW} more groups (--json)", "dim")), _INDENT)
    if not found:
        yield line()
        yield line(Span("no two of them are promised to be comparable", "strong"))


def _draw_causes(table: Table, width: int) -> Iterator[Line]:
    causes = table.causes()
    if causes:
        yield line()
        yield line(Span("what differs or is unsafe, by the number of pairs", "strong"))
        rows = [
            [
                Span(plural(count, "pair"), "dim"),
                Span(clean(format_path(reason.path)), "path"),
                Span(format_change(reason.a, reason.b) if count == 1 else clean(reason.why)),
            ]
            for reason, count in causes[:_FEW]
        ]
        drawn = align(rows)
        if any(cell_width("".join(span.text for span in spans)) > width for spans in drawn):
            drawn = [spans for row in rows for spans in _stack(row, width)]
        for spans in drawn:
            yield indent(spans, _INDENT)
        if len(causes) > _FEW:
            yield indent(line(Span(f"and {len(causes) - _FEW} more (--json)", "dim")), _INDENT)


def _stack(row: Sequence[Span], width: int) -> list[Line]:
    count, path, why = row
    return [line(count, "  ", path), *(line("    " + text) for text in wrap(why.text, width - 4))]


def say_part(part: Part) -> str:
    """Say what is promised of every pair of the records that have one value."""
    if part.promised is None:
        return "alone"
    return f"every pair: {part.promised.label if part.promised else 'nothing'}"


def _draw_division(division: Division, letters: Sequence[str], width: int) -> Iterator[Line]:
    yield line()
    yield line(Span(f"by {clean(format_path(division.path))}", "strong"))
    rows = []
    for part in division.parts:
        members = ", ".join(letters[index] for index in part.members)
        rows.append([Span(format_observation(part.fact), "path"), Span(members), Span(say_part(part))])
    for spans in align(rows):
        yield indent(spans, _INDENT)
    for (one, other), metrics in division.metrics:
        yield line()
        facts = (format_observation(division.parts[index].fact) for index in (one, other))
        yield line(Span(f"metrics, {' against '.join(facts)}", "strong"))
        yield from draw_metrics(metrics, width)


def table_json(
    table: Table, names: Sequence[str], level: str | None, answer: int | None, division: Division | None
) -> dict[str, Any]:
    """Return the answer of ``compare`` about more than two records (schema compare-many.schema.json)."""
    from reprofp.verdict import Level  # noqa: PLC0415  brings the rules

    levels = (Level.BITWISE, Level.STATISTICAL, Level.FUNCTIONAL)
    return {
        "schema": "reprofp/compare-many/1",
        "records": [{"name": name, **identity_json(record)} for name, record in zip(names, table.records, strict=True)],
        "pairs": [_pair_json(pair, verdict) for pair, verdict in table.verdicts.items()],
        "groups": {level.label: [list(group) for group in table.groups(level)] for level in levels},
        "group_by": None if division is None else _division_json(division),
        "requirement": None if answer is None else {"level": level, "answer": ANSWERS[answer]},
        "notes": [NOT_TRANSITIVE],
    }


def _pair_json(pair: tuple[int, int], verdict: Verdict) -> dict[str, Any]:
    differing = [reason for reason in verdict.lowering() if reason.kind != "unknown"]
    return {
        "records": list(pair),
        "same_record": verdict.same_record,
        "conditions": interval_json(verdict.conditions),
        "overall": interval_json(verdict.overall),
        "accepted": interval_json(verdict.accepted),
        "differs": list(dict.fromkeys(format_path(reason.path) for reason in differing)),
        "unknown": verdict.unknown,
    }


def _division_json(division: Division) -> dict[str, Any]:
    return {
        "fact": format_path(division.path),
        "groups": [
            {
                "value": observation_json(part.fact),
                "records": list(part.members),
                "promised": None if part.promised is None else part.promised.label,
            }
            for part in division.parts
        ],
        "metrics": [
            {"groups": list(pair), "metrics": [metric_json(metric) for metric in metrics]}
            for pair, metrics in division.metrics
        ],
    }
