"""What differs in content, in few lines: files and tensors rolled up to the folders that explain them.

In: content differences. Out: lines, a JSON-able value, or Markdown. Guaranteed: every name is counted in some line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reprofp.model.paths import format_path
from reprofp.render.layout import Line, Span, align, indent, line
from reprofp.render.values import clean
from reprofp.render.wording import plural

if TYPE_CHECKING:
    from reprofp.model.contents import ContentDifference

__all__ = [
    "content_json",
    "content_markdown",
    "draw_content",
    "draw_contents",
    "escape",
    "roll_up",
    "summarise_content",
]

_FEW = 6
_SOME = 200
_KINDS = ("changed", "retyped", "added", "removed")
_ORDER = (*_KINDS, "renamed")


@dataclass(frozen=True, slots=True)
class Rolled:
    """One line: what happened, to a name or to all of ``count`` names below one."""

    kind: str
    name: str
    count: int
    """How many files or tensors; 1 for the name itself."""


def draw_contents(contents: Sequence[ContentDifference], *, everything: bool = False) -> list[Line]:
    """Draw what differs in each content; with ``everything`` no name is rolled up."""
    return [spans for content in contents for spans in draw_content(content, everything=everything)]


def draw_content(content: ContentDifference, *, everything: bool = False) -> list[Line]:
    """Draw what differs in one content: a line that counts, then few lines that name."""
    head = line(Span(clean(format_path(content.path)), "path"), "  ", Span(summarise_content(content)))
    rows = [
        [Span(item.kind, "dim"), Span(_name(item, content.what))] for item in roll_up(content, everything=everything)
    ]
    return [head, *(indent(spans, 2) for spans in align(rows))]


def _name(item: Rolled, what: str) -> str:
    if item.count == 1:
        return clean(item.name)
    return f"{clean(item.name)}  ({item.count} {what})" if item.name else f"{item.count} {what}"


def summarise_content(content: ContentDifference) -> str:
    """Count what differs, in one phrase."""
    if content.problem:
        return clean(content.problem)
    counts = [(kind, len(names)) for kind, names in _list_kinds(content)]
    counts.append(("moved with their folder", sum(files for _old, _new, files in content.moved)))
    said = [f"{count} {kind}" for kind, count in counts if count]
    if not said:
        return "no difference"
    total = sum(count for _kind, count in counts)
    return f"{plural(total, content.what[:-1])}: {', '.join(said)}" if len(said) > 1 else _say_one(counts, content.what)


def _say_one(counts: Iterable[tuple[str, int]], what: str) -> str:
    kind, count = next(item for item in counts if item[1])
    return f"{plural(count, what[:-1])} {kind}"


_Names = tuple[str, ...]


def _list_kinds(content: ContentDifference) -> list[tuple[str, Sequence[_Names]]]:
    """Return by kind the names, each one or, of what was renamed, two."""
    named: list[tuple[str, Sequence[_Names]]] = [
        (kind, [(name,) for name in getattr(content, kind)]) for kind in _KINDS
    ]
    return [*named, ("renamed", content.renamed)]


def roll_up(content: ContentDifference, *, everything: bool = False) -> list[Rolled]:
    """Return few lines that together count every name: the deepest common folders that make them few.

    A folder's name ends in a slash, that of a group of tensors in ``.*``; no name at all stands for the whole.
    """
    moved = [Rolled("moved", f"{old}/ -> {new}/", files) for old, new, files in content.moved]
    names = [(kind, name) for kind, listed in _list_kinds(content) for name in listed]
    if everything or len(names) <= _FEW:
        return [*moved, *(Rolled(kind, _write(name), 1) for kind, name in names)]
    return [*moved, *_group(names, "/" if content.what == "files" else ".")]


def _group(names: Sequence[tuple[str, _Names]], separator: str) -> list[Rolled]:
    """Close folders, first all of the deepest ones, then the fullest, until few lines are left."""
    depth = max(part.count(separator) for _kind, name in names for part in name)
    groups = _group_at(names, separator, depth + 1)
    while len(groups) > _SOME and depth >= 0:
        groups = _group_at(names, separator, depth)
        depth -= 1
    while len(groups) > _FEW:
        groups = _close_fullest(groups, separator)
    return [
        Rolled(kind, _write(held[0]) if len(held) == 1 else _write(heads), len(held))
        for (kind, heads), held in sorted(groups.items(), key=lambda item: (_ORDER.index(item[0][0]), item[0][1]))
    ]


_Groups = dict[tuple[str, _Names], list[_Names]]


def _group_at(names: Sequence[tuple[str, _Names]], separator: str, depth: int) -> _Groups:
    groups: _Groups = {}
    for kind, name in names:
        groups.setdefault((kind, tuple(_head(part, separator, depth) for part in name)), []).append(name)
    return groups


def _head(name: str, separator: str, depth: int) -> str:
    """Return the name, or that of what holds it at ``depth``."""
    parts = name.split(separator)
    return name if len(parts) <= depth else _close(parts[:depth], separator)


def _close(parts: Sequence[str], separator: str) -> str:
    return separator.join(parts) + ("/" if separator == "/" else ".*") if parts else ""


def _close_fullest(groups: _Groups, separator: str) -> _Groups:
    """Close one of the deepest folders that hold several groups, the one that holds most; all below goes into it."""
    ways = {key: list(_ways_up(key[1], separator)) for key in groups}
    counts = Counter((key[0], above) for key, found in ways.items() for above in found)
    several = [key for key, count in counts.items() if count > 1]
    chosen = max(several, key=lambda key: (_depth(key[1], separator), counts[key], key))
    closed: _Groups = {}
    for key, held in groups.items():
        inside = key[0] == chosen[0] and chosen[1] in ways[key]
        closed.setdefault(chosen if inside else key, []).extend(held)
    return closed


def _ways_up(heads: _Names, separator: str) -> Iterator[_Names]:
    """Yield what holds a name or a folder, up to the whole (no name)."""
    inner = [head.removesuffix("/" if separator == "/" else ".*").split(separator) for head in heads]
    for depth in range(max(map(len, inner)) - 1, -1, -1):
        yield tuple(_close(parts[: min(depth, len(parts) - 1)], separator) for parts in inner)


def _depth(heads: _Names, separator: str) -> int:
    return max(head.count(separator) for head in heads)


def _write(names: _Names) -> str:
    return " -> ".join(names) if any(names) else ""


def content_json(content: ContentDifference) -> dict[str, Any]:
    """Return one content's difference as a JSON-able value, with every name."""
    return {
        "path": format_path(content.path),
        "what": content.what,
        **{kind: list(getattr(content, kind)) for kind in _KINDS},
        "renamed": [list(pair) for pair in content.renamed],
        "moved": [{"from": old, "to": new, "files": files} for old, new, files in content.moved],
        "problem": content.problem,
    }


def content_markdown(contents: Sequence[ContentDifference]) -> str:
    """Return a Markdown table of what differs in content."""
    lines = ["What differs in the content:\n", "| content | what | name |", "|---|---|---|"]
    for content in contents:
        where = format_path(content.path)
        lines.append(f"| {escape(where)} | {escape(summarise_content(content))} | |")
        lines += [f"| | {item.kind} | {escape(_name(item, content.what))} |" for item in roll_up(content)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return (
        clean(text)
        .replace("\\", "\\\\")
        .replace("|", "\\|")
        .replace("`", "\\`")
        .replace("*", "\\*")
        .replace("_", "\\_")
    )
