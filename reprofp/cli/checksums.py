"""Lines of checksums as b3sum writes and checks them: ``HEX  PATH``.

A path that holds a backslash or a newline is escaped, and its line begins with a backslash.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reprofp.errors import FormatError

__all__ = ["Comparison", "compare_checksums", "format_line", "parse_lines"]

_LINE = re.compile(rb"(\\?)([0-9a-f]{64})  (.+)")
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_PLAIN = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def format_line(digest: bytes, path: str) -> bytes:
    """Write one line, with its newline."""
    name = os.fsencode(path)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return (b"\\" if escaped != name else b"") + digest.hex().encode() + b"  " + escaped + b"\n"


def parse_lines(data: bytes, name: str) -> dict[bytes, bytes]:
    """Read lines into digests by path; ``name`` is what errors call them.

    Raises:
        FormatError: a line is malformed, or a path stands twice.
    """
    digests: dict[bytes, bytes] = {}
    for number, text in enumerate(data.split(b"\n"), 1):
        if text:
            path, digest = _parse_line(text, f"{name}, line {number}")
            if digests.setdefault(path, digest) != digest:
                raise FormatError(f"{name}, line {number}: {os.fsdecode(path)} stands twice, with two digests")
    return digests


def _parse_line(text: bytes, where: str) -> tuple[bytes, bytes]:
    match = _LINE.fullmatch(text)
    if match is None:
        raise FormatError(f"{where}: not a line of checksums: expected 64 hex digits, two spaces and a path")
    path = (
        _ESCAPE.sub(lambda found: _unescape(found.group(1), where), match.group(3))
        if match.group(1)
        else match.group(3)
    )
    return path, bytes.fromhex(match.group(2).decode())


def _unescape(character: bytes, where: str) -> bytes:
    if character not in _PLAIN:
        raise FormatError(f"{where}: a backslash before {character!r} means nothing in a line of checksums")
    return _PLAIN[character]


@dataclass
class Comparison:
    """How a tree differs from its checksums."""

    changed: list[bytes] = field(default_factory=list)
    missing: list[bytes] = field(default_factory=list)
    added: list[bytes] = field(default_factory=list)
    equal: int = 0

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.missing or self.added)


def compare_checksums(expected: Mapping[bytes, bytes], found: Mapping[bytes, bytes]) -> Comparison:
    """Compare digests by path; unlike b3sum, an added file counts."""
    result = Comparison(
        missing=sorted(expected.keys() - found.keys()),
        added=sorted(found.keys() - expected.keys()),
    )
    for path in sorted(expected.keys() & found.keys()):
        if expected[path] == found[path]:
            result.equal += 1
        else:
            result.changed.append(path)
    return result
