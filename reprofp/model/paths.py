"""Paths of facts: lists of strings, written with dots, quoted where a part needs it.

``("packages", "installed", "ruamel.yaml", "version")`` is written
``packages.installed."ruamel.yaml".version``. A part is quoted as a JSON string when it is empty or
holds a dot, a quote, a backslash, white space or a control character. ``parse_path`` reads exactly
what ``format_path`` writes, and plain parts as people type them.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

from reprofp.errors import UsageError

__all__ = ["FactPath", "format_path", "parse_path", "starts_with"]

FactPath: TypeAlias = tuple[str, ...]

_NEEDS_QUOTES = re.compile(r'[."\\\s\x00-\x1f\x7f]')
_PART = re.compile(r'"(?:[^"\\]|\\.)*"|[^."]+')


def format_path(path: FactPath) -> str:
    """Write ``path`` with dots."""
    return ".".join(
        json.dumps(part, ensure_ascii=False) if not part or _NEEDS_QUOTES.search(part) else part for part in path
    )


def parse_path(text: str) -> FactPath:
    """Read a dotted path.

    Raises:
        UsageError: a part is empty, or a quoted part is not closed.
    """
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(text, position)
        if match is None:
            raise UsageError(f"{text!r} is not a path of a fact: expected parts divided by dots, as in config.lr")
        parts.append(_read_part(match.group(), text))
        position = match.end()
        if position == len(text):
            return tuple(parts)
        if text[position] != ".":
            raise UsageError(f"{text!r} is not a path of a fact: expected a dot at character {position + 1}")
        position += 1


def _read_part(part: str, text: str) -> str:
    if not part.startswith('"'):
        return part
    try:
        return str(json.loads(part, strict=False))
    except ValueError as error:
        raise UsageError(f"{text!r} is not a path of a fact: bad quoting in {part}") from error


def starts_with(path: FactPath, prefix: FactPath) -> bool:
    """Whether ``prefix`` is ``path`` or one of its ancestors."""
    return path[: len(prefix)] == prefix
