"""Wildcards as git matches them, as regular expressions over bytes.

In: a glob (``*``, ``?``, ``[...]``, ``**``, backslashes). Out: a regular expression for whole paths. Guaranteed: it
matches what git's own matcher does where a path's parts must match part by part; a glob that git never matches
(a backslash at the end, a bracket that does not close) has no expression. No glob makes matching slow: a star keeps
the first place where what follows it fits, which is as good as any other, and is never tried again.

The rules: https://git-scm.com/docs/gitignore#_pattern_format and wildmatch.c of git.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

__all__ = ["ANY_FOLDERS", "translate"]

ANY_FOLDERS = b"(?:[^/]*/)*?"
"""An expression for any number of folders, and none."""

_CLASSES = {
    b"alnum": rb"0-9A-Za-z",
    b"alpha": rb"A-Za-z",
    b"blank": rb" \t",
    b"cntrl": rb"\x00-\x1f\x7f",
    b"digit": rb"0-9",
    b"graph": rb"!-~",
    b"lower": rb"a-z",
    b"print": rb" -~",
    b"punct": rb"!-/:-@\[-`{-~",
    b"space": rb"\t-\r ",
    b"upper": rb"A-Z",
    b"xdigit": rb"0-9A-Fa-f",
}

_SPECIAL = frozenset(b"*?[\\")
_STAR = "star"
_FOLDERS = "folders"
_Token = bytes | str


class _NeverMatchesError(Exception):
    """Nothing can match the glob."""


def translate(glob: bytes, names: Iterator[int] | None = None, *, whole: bool = True) -> bytes | None:
    """Return a regular expression (with DOTALL, for ``fullmatch``), or None where nothing can match.

    The glob is for whole paths, or (not ``whole``) for single names. Expressions that are joined into one need numbers
    for their groups from the same ``names``.
    """
    try:
        tokens = list(_Scanner(glob, whole=whole).tokens())
    except _NeverMatchesError:
        return None
    return _join_segments(_split(tokens, _FOLDERS), names or count())


def _split(tokens: list[_Token], mark: str) -> list[list[_Token]]:
    parts: list[list[_Token]] = [[]]
    for token in tokens:
        if token == mark:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _join_segments(segments: list[list[_Token]], names: Iterator[int]) -> bytes:
    """Join what lies between the ``**/``: only the last may be tried at several places."""
    pieces = []
    for i, segment in enumerate(segments):
        last = i == len(segments) - 1
        body = (ANY_FOLDERS if i else b"") + _join_chunks(_split(segment, _STAR), names, last=last)
        pieces.append(body if last or not i else _keep_first(body, names))
    return b"".join(pieces)


def _join_chunks(chunks: list[list[_Token]], names: Iterator[int], *, last: bool) -> bytes:
    """Join what lies between the stars: only the last star may be tried at several lengths."""
    texts = [b"".join(token for token in chunk if isinstance(token, bytes)) for chunk in chunks]
    pieces = [texts[0]]
    for i, text in enumerate(texts[1:], 1):
        at_end = last and i == len(texts) - 1
        pieces.append(b"[^/]*" + text if at_end else _keep_first(b"[^/]*?" + text, names))
    return b"".join(pieces)


def _keep_first(body: bytes, names: Iterator[int]) -> bytes:
    """Match as ``body`` does the first time, never again: an atomic group, which Python 3.10 lacks."""
    name = b"g%d" % next(names)
    return b"(?=(?P<" + name + b">" + body + b"))(?P=" + name + b")"


class _Scanner:
    """Reads a glob from left to right."""

    def __init__(self, glob: bytes, *, whole: bool) -> None:
        self.glob = glob
        self.at = 0
        self.whole = whole

    def tokens(self) -> Iterator[_Token]:
        """Yield expressions of fixed length (but for ``**`` at the end), and the marks of stars."""
        while self.at < len(self.glob):
            character = self._take()
            if character == b"*":
                yield self._stars()
            elif character == b"?":
                yield b"[^/]"
            elif character == b"[":
                yield self._bracket()
            else:
                yield re.escape(self._take() if character == b"\\" else character)

    def _take(self) -> bytes:
        character = self._peek()
        if not character:
            raise _NeverMatchesError
        self.at += 1
        return character

    def _peek(self) -> bytes:
        return self.glob[self.at : self.at + 1]

    def _stars(self) -> _Token:
        begin = self.at - 1
        while self._peek() == b"*":
            self.at += 1
        if self.at - begin == 1 or not self._is_part(begin):
            return _STAR
        if not self._peek():
            return b".*"
        self.at += 1
        return _FOLDERS

    def _is_part(self, begin: int) -> bool:
        """Whether stars stand for folders: between slashes, or where git cut plain text off before them."""
        before = self.glob[:begin]
        starts = before.endswith(b"/") or not _SPECIAL.intersection(before)
        return self.whole and starts and self._peek() in {b"/", b""}

    def _bracket(self) -> bytes:
        negative = self._peek() in {b"!", b"^"}
        self.at += negative
        members = [self._member()]
        while self._peek() != b"]":
            members.append(self._member())
        self.at += 1
        inside = b"".join(members)
        if negative:
            return b"[^/" + inside + b"]"
        return b"(?!/)[" + inside + b"]" if inside else b"(?!)"

    def _member(self) -> bytes:
        character = self._take()
        if character == b"[" and self._peek() == b":":
            return self._class()
        low = self._take() if character == b"\\" else character
        if self._peek() != b"-" or self.glob[self.at + 1 : self.at + 2] in {b"]", b""}:
            return _escape_member(low)
        self.at += 1
        high = self._take()
        high = self._take() if high == b"\\" else high
        if low > high:
            return _escape_member(low)  # git has looked at the beginning of a range before it knows that it is one
        return _escape_member(low) + b"-" + _escape_member(high)

    def _class(self) -> bytes:
        end = self.glob.find(b"]", self.at)
        if end < 0:
            raise _NeverMatchesError
        if self.glob[end - 1 : end] != b":" or end - 1 == self.at:
            return _escape_member(b"[")  # no class after all: the bracket stands for itself
        name = self.glob[self.at + 1 : end - 1]
        if name not in _CLASSES:
            raise _NeverMatchesError
        self.at = end + 1
        return _CLASSES[name]


def _escape_member(character: bytes) -> bytes:
    return b"\\x%02x" % character[0]
