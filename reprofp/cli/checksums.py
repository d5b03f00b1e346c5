"""Lists of checksums: lines as b3sum writes and checks them, and as sha256sum, md5sum and their like do.

In: the bytes of a list. Out: digests by path, and the algorithm as far as the list tells. A line is ``HEX  PATH``,
``HEX *PATH``, or ``ALGORITHM (PATH) = HEX``; a path that holds a backslash or a newline is escaped, and its line begins
with a backslash.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reprofp.errors import FormatError

__all__ = ["ALGORITHMS", "Checksums", "Comparison", "compare_checksums", "format_line", "format_tagged", "parse_lines"]

ALGORITHMS: dict[int, tuple[str, ...]] = {
    32: ("md5",),
    40: ("sha1",),
    64: ("blake3", "sha256"),
    96: ("sha384",),
    128: ("sha512", "blake2b"),
}
"""By the number of hex digits, the algorithms that a list may be of; where there are two, a file tells which."""

_TAGS = {
    "BLAKE2B": "blake2b",
    "BLAKE3": "blake3",
    **{name.upper(): name for name in ("md5", "sha1", "sha256", "sha384", "sha512")},
}
_NAMES = {name: tag for tag, name in _TAGS.items()}
_PLAIN_LINE = re.compile(rb"(\\?)([0-9a-fA-F]{32,128}) [ *](.+)", re.DOTALL)
_TAGGED_LINE = re.compile(rb"(\\?)([A-Z0-9]+) \((.+)\) = ([0-9a-fA-F]{32,128})", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_PLAIN = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}


def format_line(digest: bytes, path: str) -> bytes:
    """Write one line, with its newline."""
    name, mark = _escape(path)
    return mark + digest.hex().encode() + b"  " + name + b"\n"


def format_tagged(algorithm: str, digits: str, path: str) -> bytes:
    """Write one line that names its algorithm, as ``sha256sum --tag`` does, with its newline."""
    name, mark = _escape(path)
    return mark + _NAMES.get(algorithm, algorithm.upper()).encode() + b" (" + name + b") = " + digits.encode() + b"\n"


def _escape(path: str) -> tuple[bytes, bytes]:
    """Return the path as a line has it, and what its line begins with."""
    name = os.fsencode(path)
    escaped = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return escaped, b"\\" if escaped != name else b""


@dataclass
class Checksums:
    """A list: digests by path as it is written there, and the algorithms that they may be of."""

    digests: dict[bytes, bytes] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ()


def parse_lines(data: bytes, name: str) -> Checksums:
    """Read a list; ``name`` is what errors call it. Lines that are empty or begin with ``#`` or ``;`` are skipped.

    Raises:
        FormatError: a line is malformed, a path stands twice, or lines are of different algorithms.
    """
    found = Checksums()
    for number, text in enumerate(data.split(b"\n"), 1):
        if text and not text.startswith((b"#", b";")):
            _add_line(text, f"{name}, line {number}", found)
    return found


def _add_line(line: bytes, where: str, into: Checksums) -> None:
    escaped, tag, path, digits = _split_line(line, where)
    algorithms = ALGORITHMS.get(len(digits), ()) if tag is None else (_TAGS.get(tag, ""),)
    if not algorithms or not any(algorithms):
        raise FormatError(
            f"{where}: digests of {len(digits)} hex digits or of {tag or 'that length'} are not known here"
        )
    common = tuple(name for name in into.algorithms or algorithms if name in algorithms)
    if not common:
        raise FormatError(f"{where}: another algorithm than in the lines before; give each its own list")
    into.algorithms = common
    path = _ESCAPE.sub(lambda match: _unescape(match.group(1), where), path) if escaped else path
    digest = bytes.fromhex(digits.decode())
    if into.digests.setdefault(path, digest) != digest:
        raise FormatError(f"{where}: {os.fsdecode(path)} stands twice, with two digests")


def _split_line(line: bytes, where: str) -> tuple[bytes, str | None, bytes, bytes]:
    """Return whether the path is escaped, the algorithm's tag if there is one, the path, and the hex digits."""
    plain = _PLAIN_LINE.fullmatch(line)
    if plain is not None:
        return plain.group(1), None, plain.group(3), plain.group(2)
    tagged = _TAGGED_LINE.fullmatch(line)
    if tagged is not None:
        return tagged.group(1), tagged.group(2).decode(), tagged.group(3), tagged.group(4)
    raise FormatError(f"{where}: not a line of checksums: expected hex digits, two spaces and a path")


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
    unreadable: list[bytes] = field(default_factory=list)
    equal: int = 0

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.missing or self.added)


def compare_checksums(expected: Mapping[bytes, bytes], found: Mapping[bytes, bytes | None]) -> Comparison:
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
