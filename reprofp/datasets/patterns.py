"""Which entries of a tree count: patterns in the syntax of ``.gitignore``, given or found in ignore files.

In: patterns to include and to exclude, and the names of ignore files. Out: for each folder and entry, whether it is
kept. Guaranteed: the answers are git's for the same patterns (tests ask git itself), on names as raw bytes; a folder
that is left out is never opened, nor is an ignore file in it read. The rules, and the form that names them in a
digest's algorithm, are in docs/formats/tree-manifest.md.

The syntax: https://git-scm.com/docs/gitignore#_pattern_format
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

from reprofp._core.hashing import hash_bytes
from reprofp.datasets.wildcards import ANY_FOLDERS, translate
from reprofp.errors import UsageError
from reprofp.model.canonical import encode

__all__ = [
    "MAX_PATTERN_BYTES",
    "Pattern",
    "PatternList",
    "Selection",
    "make_selection",
    "may_match_below",
    "parse_ignore_file",
    "parse_pattern",
    "parse_patterns",
]

MAX_PATTERN_BYTES = 16 * 1024
"""The longest pattern; git refuses none, but no name can be as long."""

_NAME_BYTES = 16
_BOM = b"\xef\xbb\xbf"
_ALWAYS_OUT = {b".gitignore": (b".git",), b".dvcignore": (b".git", b".hg/", b".dvc/")}
"""What git and DVC leave out beside what their ignore files say."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern: ``glob`` without its marks, and what the marks say."""

    glob: bytes
    negative: bool
    folders_only: bool
    anchored: bool

    @property
    def text(self) -> bytes:
        """The pattern as it is written, in its shortest form."""
        lead = b"!" if self.negative else b""
        if self.anchored and (b"/" not in self.glob or self.glob.startswith(b"/")):
            lead += b"/"
        elif not self.negative and self.glob[:1] in (b"#", b"!"):
            lead += b"\\"
        return lead + self.glob + (b"/" if self.folders_only else b"")

    def regex(self, names: Iterator[int]) -> bytes | None:
        """Return a regular expression for whole paths, or None where nothing can match."""
        body = translate(self.glob, names, whole=self.anchored)
        return body if body is None or self.anchored else ANY_FOLDERS + body


def parse_pattern(line: bytes) -> Pattern | None:
    """Read one line of an ignore file; None where it is empty or a comment.

    Raises:
        UsageError: it is longer than MAX_PATTERN_BYTES, or holds a zero byte.
    """
    text = _trim(line)
    if not text or text.startswith(b"#"):
        return None
    if len(text) > MAX_PATTERN_BYTES or b"\0" in text:
        raise UsageError(f"no pattern: {text[:60]!r}... is too long or holds a zero byte; shorten or remove it")
    negative = text.startswith(b"!")
    text = text[negative:]
    folders_only = text.endswith(b"/")
    text = text[: len(text) - folders_only]
    anchored = b"/" in text
    glob = text.removeprefix(b"/")
    return Pattern(glob, negative, folders_only, anchored) if glob else None


def parse_patterns(lines: Iterable[bytes]) -> tuple[Pattern, ...]:
    """Read lines, leaving out those that are empty or comments.

    Raises:
        UsageError: one of them is no pattern.
    """
    return tuple(pattern for pattern in map(parse_pattern, lines) if pattern is not None)


def parse_ignore_file(content: bytes) -> tuple[Pattern, ...]:
    """Read an ignore file as git does: a byte order mark is skipped, lines end by LF or CR LF.

    Raises:
        UsageError: one of the lines is no pattern.
    """
    lines = content.removeprefix(_BOM).split(b"\n")
    return parse_patterns(line.removesuffix(b"\r") for line in lines)


class PatternList:
    """Patterns of one place, of which the last that matches decides."""

    __slots__ = ("_groups", "patterns")

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Compile them; consecutive ones with the same meaning become one expression."""
        self.patterns = tuple(patterns)
        self._groups = tuple(_compile_groups(self.patterns))

    def match(self, path: bytes, *, folder: bool) -> bool | None:
        """Return whether the last pattern that matches is a positive one; None where none does."""
        for positive, for_folders, for_files in self._groups:
            expression = for_folders if folder else for_files
            if expression is not None and expression.fullmatch(path):
                return positive
        return None


_Group = tuple[bool, "re.Pattern[bytes] | None", "re.Pattern[bytes] | None"]


def _compile_groups(patterns: Sequence[Pattern]) -> list[_Group]:
    """Group by sign, the last group first."""
    runs: list[list[Pattern]] = []
    for pattern in patterns:
        if not runs or runs[-1][0].negative != pattern.negative:
            runs.append([])
        runs[-1].append(pattern)
    return [
        (not run[0].negative, _compile(run), _compile([pattern for pattern in run if not pattern.folders_only]))
        for run in reversed(runs)
    ]


def _compile(patterns: Sequence[Pattern]) -> re.Pattern[bytes] | None:
    names = count()
    bodies = [body for body in (pattern.regex(names) for pattern in patterns) if body is not None]
    return re.compile(b"|".join(bodies), re.DOTALL) if bodies else None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a tree counts: nothing given is all of it."""

    include: tuple[Pattern, ...] = ()
    exclude: tuple[Pattern, ...] = ()
    ignore_files: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything could be left out."""
        return bool(self.include or self.exclude or self.ignore_files)

    def canonical(self) -> bytes:
        """Return the canonical bytes of what was asked for: three lists of bytes."""
        return encode(
            [
                [pattern.text for pattern in self.include],
                [pattern.text for pattern in self.exclude],
                list(self.ignore_files),
            ]
        )

    @property
    def name(self) -> str:
        """The part of a digest's algorithm that names the selection; empty for all of a tree."""
        return f"+patterns.{hash_bytes(self.canonical())[:_NAME_BYTES].hex()}" if self else ""

    @property
    def implied(self) -> tuple[Pattern, ...]:
        """What is left out with the ignore files that were asked for."""
        return parse_patterns(line for name in self.ignore_files for line in _ALWAYS_OUT.get(name, ()))


def make_selection(
    include: Iterable[str | bytes] = (), exclude: Iterable[str | bytes] = (), ignore_files: Iterable[str | bytes] = ()
) -> Selection:
    """Read what a caller gave: patterns, and base names of ignore files.

    Raises:
        UsageError: a pattern or a name is not valid, or the patterns to include are all negative.
    """
    chosen = Selection(
        parse_patterns(map(_to_bytes, _as_list(include, "include"))),
        parse_patterns(map(_to_bytes, _as_list(exclude, "exclude"))),
        tuple(map(_check_name, map(_to_bytes, _as_list(ignore_files, "ignore_files")))),
    )
    if chosen.include and all(pattern.negative for pattern in chosen.include):
        raise UsageError("the patterns to include only take away: give one without '!', or exclude them instead")
    return chosen


def _as_list(values: Iterable[str | bytes], what: str) -> Iterable[str | bytes]:
    if isinstance(values, (str, bytes)):
        raise UsageError(f"{what} is a list, not one text: write [{values!r}]")
    return values


def _to_bytes(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text


def _check_name(name: bytes) -> bytes:
    if not name or b"/" in name or b"\0" in name or name in {b".", b".."}:
        raise UsageError(f"{name!r} is not the base name of an ignore file (for instance .gitignore)")
    return name


def _trim(line: bytes) -> bytes:
    """Cut spaces at the end, but for one behind a backslash."""
    text = line.rstrip(b" ")
    backslashes = len(text) - len(text.rstrip(b"\\"))
    return text + b" " if backslashes % 2 and len(text) < len(line) else text


@lru_cache(maxsize=1024)
def _compile_part(part: bytes) -> re.Pattern[bytes] | None:
    body = translate(part, whole=False)
    return None if body is None else re.compile(body, re.DOTALL)


def may_match_below(pattern: Pattern, folder: bytes) -> bool:
    """Whether a pattern could match an entry somewhere below a folder."""
    if not pattern.anchored:
        return True
    parts = pattern.glob.split(b"/")
    names = folder.split(b"/")
    for part, name in zip(parts, names, strict=False):
        if part.startswith(b"**") or b"[" in part:  # a bracket may hold a slash that is none
            return True
        expression = _compile_part(part)
        if expression is None or not expression.fullmatch(name):
            return False
    return len(parts) > len(names)
