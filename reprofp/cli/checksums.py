"""Lines of checksums as b3sum and sha256sum write them, and how a tree differs from a list of such lines.

A path that holds a backslash or a newline is escaped, and its line begins with a backslash.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Comparison", "compare_checksums", "format_line", "format_tagged"]


def format_line(digest: bytes, path: str) -> bytes:
    """Write one line, with its newline."""
    name, mark = _escape(path)
    return mark + digest.hex().encode() + b"  " + name + b"\n"


def format_tagged(algorithm: str, digits: str, path: str) -> bytes:
    """Write one line that names its algorithm, as ``sha256sum --tag`` does, with its newline."""
    name, mark = _escape(path)
    return mark + algorithm.upper().encode() + b" (" + name + b") = " + digits.encode() + b"\n"


def _escape(path: str) -> tuple[bytes, bytes]:
    """Return the path as a line has it, and what its line begins with."""
    name = os.fsencode(path)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return escaped, b"\\" if escaped != name else b""


@dataclass
class Comparison:
    """How a tree differs from its checksums."""

    changed: list[bytes] = field(default_factory=list)
    missing: list[bytes] = field(default_factory=list)
    added: list[bytes] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    equal: int = 0

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.missing or self.added)


def compare_checksums(expected: Mapping[bytes, str], found: Mapping[bytes, str | None]) -> Comparison:
    """Compare digests by path; unlike b3sum, an added file counts. None stands for a file that cannot be read."""
    result = Comparison(
        missing=sorted(expected.keys() - found.keys()),
        added=sorted(found.keys() - expected.keys()),
    )
    for path in sorted(expected.keys() & found.keys()):
        if found[path] is None:
            result.unreadable.append(path)
        elif expected[path] == found[path]:
            result.equal += 1
        else:
            result.changed.append(path)
    return result
