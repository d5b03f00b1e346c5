"""Lines of styled spans, and how they are wrapped and set in columns.

What is shown is a list of lines, each a tuple of spans; a span's style is a role (``good``, ``bad``,
``doubt``, ``strong``, ``dim``, ``path``), never a colour, and the text says everything without it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Line", "Span", "align", "cell_width", "indent", "line", "plain", "wrap"]

_GAP = 2
_WORD = re.compile(r"\S+(?: -> \S+)*")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of text and its role."""

    text: str
    style: str = ""


Line: TypeAlias = tuple[Span, ...]


def line(*parts: str | Span) -> Line:
    """Build a line of spans; a plain string has no role."""
    return tuple(part if isinstance(part, Span) else Span(part) for part in parts)


def plain(lines: Iterable[Line]) -> str:
    """Return the lines as text without any style, each ended by a newline."""
    return "".join("".join(span.text for span in spans).rstrip() + "\n" for spans in lines)


def indent(spans: Line, by: int) -> Line:
    """Return the line with ``by`` spaces before it."""
    return (Span(" " * by), *spans)


def cell_width(text: str) -> int:
    """Return how many cells of a terminal ``text`` takes (wide characters take two, combining ones none)."""
    if text.isascii():
        return len(text)
    return sum(_character_width(character) for character in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def wrap(text: str, width: int) -> list[str]:
    """Break ``text`` at spaces into pieces of at most ``width`` cells; a longer word and ``A -> B`` stay whole."""
    pieces: list[str] = []
    for word in _WORD.findall(text):
        if pieces and cell_width(pieces[-1]) + 1 + cell_width(word) <= width:
            pieces[-1] += " " + word
        else:
            pieces.append(word)
    return pieces or [""]


def align(rows: Sequence[Sequence[Span]]) -> list[Line]:
    """Set rows of cells in columns, left aligned, two spaces apart; the last cell of a row is not padded."""
    widths = _column_widths(rows)
    return [_pad(row, widths) for row in rows]


def _column_widths(rows: Sequence[Sequence[Span]]) -> list[int]:
    count = max(map(len, rows), default=0)
    return [
        max((cell_width(row[column].text) for row in rows if column < len(row)), default=0) for column in range(count)
    ]


def _pad(row: Sequence[Span], widths: Sequence[int]) -> Line:
    spans: list[Span] = []
    for cell, width in zip(row[:-1], widths, strict=False):
        spans += [cell, Span(" " * (width - cell_width(cell.text) + _GAP))]
    return (*spans, *row[-1:])
