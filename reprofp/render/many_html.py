"""Many records as one page of HTML that can be mailed: the levels of every pair, the groups, what stands between them.

In: a table of verdicts. Out: a document as ``render.html`` makes it, with the same guarantees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reprofp.model.paths import format_path
from reprofp.render.html import escape_text, make_page
from reprofp.render.many import (
    COMPARED,
    LEGEND,
    NOT_TRANSITIVE,
    draw_cell,
    list_groups,
    name_column,
    say_part,
    say_table,
)
from reprofp.render.text import say_metric
from reprofp.render.values import format_change, format_observation
from reprofp.render.wording import plural

if TYPE_CHECKING:
    from reprofp.verdict.many import Division, Table

__all__ = ["table_html"]

_TONES = {0: "good", 1: "bad", 2: "doubt"}


def table_html(table: Table, names: Sequence[str], answer: int | None, division: Division | None) -> str:
    """Return a page on records that are called ``names``; ``answer`` is that to a requirement."""
    letters = [name_column(index) for index in range(len(names))]
    body = [
        _draw_names(letters, names),
        _draw_pairs(table, letters),
        *([] if division is None else _draw_division(division, letters)),
        *_draw_groups(table, letters),
        *_draw_causes(table),
        f"<footer>{escape_text(NOT_TRANSITIVE)}</footer>",
    ]
    return make_page(say_table(table), "" if answer is None else _TONES[answer], answer, body)


def _draw_names(letters: Sequence[str], names: Sequence[str]) -> str:
    rows = (f"<dt>{letter}</dt><dd>{escape_text(name)}</dd>" for letter, name in zip(letters, names, strict=True))
    return f"<dl>{''.join(rows)}</dl>"


def _draw_pairs(table: Table, letters: Sequence[str]) -> str:
    head = "".join(f"<th>{letter}</th>" for letter in ("", *letters))
    rows = "".join(
        f"<tr><th>{letter}</th>{''.join(_draw_cell(table, one, other) for other in range(len(letters)))}</tr>"
        for one, letter in enumerate(letters)
    )
    return f'<h2>Every pair</h2><table class="pairs"><tr>{head}</tr>{rows}</table><p>{escape_text(LEGEND)}</p>'


def _draw_cell(table: Table, one: int, other: int) -> str:
    if one == other:
        return '<td class="dim">=</td>'
    cell = draw_cell(table, one, other)
    return f'<td class="{cell.style}">{escape_text(cell.text)}</td>'


def _draw_groups(table: Table, letters: Sequence[str]) -> Iterator[str]:
    found = list(list_groups(table))
    for level, groups in found:
        items = "".join(f"<li>{', '.join(letters[index] for index in group)}</li>" for group in groups)
        yield f"<h2>{COMPARED[level.label].capitalize()}</h2><ul>{items}</ul>"
    if not found:
        yield "<h2>No two of them are promised to be comparable</h2>"


def _draw_causes(table: Table) -> Iterator[str]:
    causes = table.causes()
    if causes:
        rows = "".join(
            f'<tr><td class="fact">{escape_text(format_path(reason.path))}</td><td class="change">{plural(count, "pair")}</td>'
            f"<td>{escape_text(format_change(reason.a, reason.b) if count == 1 else reason.why)}</td></tr>"
            for reason, count in causes
        )
        yield f"<h2>What differs or is unsafe</h2><table><tbody>{rows}</tbody></table>"


def _draw_division(division: Division, letters: Sequence[str]) -> Iterator[str]:
    rows = "".join(
        f'<tr><td class="fact">{escape_text(format_observation(part.fact))}</td>'
        f"<td>{', '.join(letters[index] for index in part.members)}</td>"
        f"<td>{say_part(part)}</td></tr>"
        for part in division.parts
    )
    yield f"<h2>By {escape_text(format_path(division.path))}</h2><table><tbody>{rows}</tbody></table>"
    for pair, metrics in division.metrics:
        facts = (format_observation(division.parts[index].fact) for index in pair)
        cells = (
            "<tr>" + "".join(f"<td>{escape_text(cell)}</td>" for cell in say_metric(metric)) + "</tr>"
            for metric in metrics
        )
        yield f"<h2>Metrics, {escape_text(' against '.join(facts))}</h2><table><tbody>{''.join(cells)}</tbody></table>"
