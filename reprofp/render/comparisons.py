"""How the content of two places compares, and whether a record's data is still as it says.

In: comparisons and verifications. Out: lines, JSON-able values, Markdown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reprofp.model.paths import format_path
from reprofp.render.contents import content_json, content_markdown, draw_content, escape, summarise_content
from reprofp.render.json import value_json
from reprofp.render.layout import Line, Span, align, indent, line
from reprofp.render.values import clean
from reprofp.render.wording import ANSWERS

if TYPE_CHECKING:
    from reprofp.model.contents import CheckedPlace, PathComparison, PlaceDigest, ValueDifference, Verification

__all__ = [
    "comparison_json",
    "comparison_markdown",
    "draw_comparison",
    "draw_verification",
    "say_comparison",
    "verification_json",
]

_MANY = 12


def say_comparison(found: PathComparison) -> str:
    """Say in one line how the content of two places compares."""
    if found.is_same:
        words = {"folder": "the same files", "weights": "the same tensors", "file": "the same bytes"}[found.a.kind]
        return f"{words}; {found.note}" if found.note else words
    if not found.contents:
        return "the bytes differ, and the format is not known: nothing more can be told"
    said = "; ".join(summarise_content(content) for content in found.contents)
    return f"{said}; {found.note}" if found.note else said


def draw_comparison(found: PathComparison, answer: str = "", *, everything: bool = False) -> list[Line]:
    """Draw how the content of two places compares; ``answer`` goes before its line."""
    said = say_comparison(found)
    style = "good" if found.is_same else "bad" if answer else "strong"
    lines = [line(Span(f"{answer}: {said}" if answer else said, style))]
    lines += align([[Span(side, "dim"), Span(place.digest), Span(clean(place.path))] for side, place in _sides(found)])
    drawn = [draw_content(content, everything=everything) for content in found.contents]
    if len(drawn) == 1:
        lines += drawn[0][1:]  # the first line has said what its head says
    else:
        lines += [spans for group in drawn for spans in (line(), *group)]
    return [*lines, *_draw_values(found.values, everything=everything)]


def _draw_values(values: Sequence[ValueDifference] | None, *, everything: bool) -> list[Line]:
    """Draw by how much values differ, the farthest apart first."""
    if not values:
        return []
    ordered = sorted(values, key=lambda item: -item.relative_norm)
    kept = ordered if everything else ordered[:_MANY]
    head = [Span(name, "dim") for name in ("tensor", "type", "differ", "max abs", "relative norm", "max ULPs")]
    rows = [head, *map(_draw_value, kept)]
    left = len(ordered) - len(kept)
    more = [line(Span(f"  and {left} more (--all)", "dim"))] if left else []
    return [line(), *(indent(spans, 2) for spans in align(rows)), *more]


def _draw_value(item: ValueDifference) -> list[Span]:
    ulps = "" if item.max_ulps is None else str(item.max_ulps)
    cells = [f"{item.different} of {item.elements}", f"{item.max_abs:.3g}", f"{item.relative_norm:.3g}", ulps]
    bad = [f"{item.not_finite} not finite on one side"] if item.not_finite else []
    return [Span(clean(item.name), "path"), Span(item.dtype), *map(Span, cells), *map(Span, bad)]


def _sides(found: PathComparison) -> tuple[tuple[str, PlaceDigest], ...]:
    return ("a", found.a), ("b", found.b)


def comparison_json(found: PathComparison, *, level: str | None = None, answer: str = "") -> dict[str, Any]:
    """Return the answer of ``compare`` on two places (schema compare-contents.schema.json)."""
    return {
        "schema": "reprofp/compare-contents/1",
        **{side: _place_json(place) for side, place in _sides(found)},
        "same": found.is_same,
        "contents": [content_json(content) for content in found.contents],
        "values": None if found.values is None else [_value_json(item) for item in found.values],
        "note": found.note,
        "requirement": {"level": level, "answer": answer} if answer else None,
    }


def _value_json(item: ValueDifference) -> dict[str, Any]:
    return {
        "tensor": item.name,
        "dtype": item.dtype,
        "elements": item.elements,
        "different": item.different,
        "max_abs": value_json(item.max_abs),
        "relative_norm": value_json(item.relative_norm),
        "max_ulps": None if item.max_ulps is None else value_json(item.max_ulps),
        "not_finite": item.not_finite,
    }


def _place_json(place: PlaceDigest) -> dict[str, Any]:
    return {"path": clean_path(place.path), "kind": place.kind, "digest": place.digest, "bytes": place.bytes}


def clean_path(path: str) -> str:
    """Return a path as text that JSON can hold: what is not UTF-8 is written as escapes."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def comparison_markdown(found: PathComparison, answer: str = "") -> str:
    """Return how the content of two places compares as Markdown."""
    said = say_comparison(found)
    rows = [f"| {side} | {escape(clean(place.path))} | `{place.digest}` |" for side, place in _sides(found)]
    head = [
        f"**{escape(f'{answer}: {said}' if answer else said)}**\n",
        "| | place | digest |",
        "|---|---|---|",
        *rows,
        "",
    ]
    return "\n".join(head) + (f"\n{content_markdown(found.contents)}" if found.contents else "")


_STYLES = {"equal": "good", "differs": "bad", "unchecked": "doubt"}


def draw_verification(found: Verification, *, everything: bool = False) -> list[Line]:
    """Draw whether what a record speaks of is still as it says."""
    style = ("good", "bad", "doubt")[found.answer]
    lines = [
        line(
            Span(f"{ANSWERS[found.answer]}: {_say_verification(found)}", style),
            Span(f"  {_name_record(found.record)}", "dim"),
        )
    ]
    shown = [place for place in found.places if everything or len(found.places) <= _MANY or place.status != "equal"]
    heads = align([_head_place(place) for place in shown])
    for place, head in zip(shown, heads, strict=True):
        lines.append(indent(head, 2))
        if place.content is not None and not place.content.problem:
            lines += [indent(spans, 4) for spans in draw_content(place.content, everything=everything)[1:]]
    return lines


def _name_record(record: str) -> str:
    return record[:16] if record.startswith(("sn1:", "rn1:")) else clean(record)


def _name_place(place: CheckedPlace) -> str:
    """Write the path of a fact; of another tool's list, the path of the file itself."""
    return place.path[0] if len(place.path) == 1 else format_path(place.path)


def _say_verification(found: Verification) -> str:
    count = len(found.places)
    if not count:
        return "the record holds no digest of data, weights or outputs"
    counts = Counter(place.status for place in found.places)
    if counts["equal"] == count:
        return f"all {count} are as recorded" if count > 1 else "it is as recorded"
    said = [f"{counts['differs']} of {count} differ"] if counts["differs"] else []
    said += [f"{counts['unchecked']} of {count} could not be checked"] if counts["unchecked"] else []
    return ", ".join(said).replace("1 of 1 differ", "it differs").replace("1 of 1 could", "it could")


def _head_place(place: CheckedPlace) -> list[Span]:
    said = clean(place.problem)
    if place.content is not None:
        said = summarise_content(place.content)
    cells = [Span(clean(_name_place(place)), "path"), Span(place.status, _STYLES[place.status])]
    return [*cells, *(Span(text) for text in (clean(place.place), said) if text)]


def verification_json(found: Verification) -> dict[str, Any]:
    """Return one record's part of the answer of ``verify`` (schema verify.schema.json)."""
    return {
        "record": found.record,
        "answer": ANSWERS[found.answer],
        "places": [
            {
                "path": clean_path(_name_place(place)),
                "status": place.status,
                "place": clean_path(place.place),
                "expected": place.expected,
                "found": place.found,
                "content": None if place.content is None else content_json(place.content),
                "problem": clean_path(place.problem),
            }
            for place in found.places
        ],
    }
