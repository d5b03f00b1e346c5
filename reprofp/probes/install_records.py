"""RECORD: the list of installed files with their digests, without what installing makes volatile.

In: the path of a RECORD file. Out: its digest and the top-level modules that it lists. Two installations of one wheel
give the same digest, whoever installed it and wherever: compiled files, the names of the installer and of the source,
and the digests of scripts (their first line holds the interpreter's path) are left out, and the lines are sorted.
"""

from __future__ import annotations

import hashlib
import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from functools import lru_cache

from reprofp.probes.files import read_bounded

__all__ = ["InstallRecord"]

_LIMIT = 64 << 20
_NEW_LINE = b"\n"
_AFTER_SLASH = bytes([ord("/") + 1])
_VOLATILE = frozenset(
    {b"INSTALLER", b"REQUESTED", b"RECORD", b"RECORD.jws", b"direct_url.json", b"uv_cache.json", b"uv_build.json"}
)
_SCRIPT = re.compile(rb"(?:\.\./)+(?:bin|Scripts)/([^,]*),")
_OUTSIDE = re.compile(rb"^(?:\.\./)+")


class InstallRecord:
    """What one RECORD says; it is read when asked for, and again only when the file has changed."""

    def __init__(self, path: str) -> None:
        """Look whether the file is there.

        Raises:
            OSError: the file cannot be looked at.
        """
        state = os.stat(path)
        self._state = (path, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)

    @property
    def digest(self) -> str:
        """``sha256:hex`` of the stable lines.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no regular file, or unreasonably long.
        """
        return _read_record(*self._state)[0]

    @property
    def modules(self) -> frozenset[str]:
        """The modules and packages at the top level.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no regular file, or unreasonably long.
        """
        return _read_record(*self._state)[1]


@lru_cache(maxsize=4096)
def _read_record(path: str, *_state: int) -> tuple[str, frozenset[str]]:
    lines = _read_stable_lines(path)
    return f"sha256:{hashlib.sha256(_NEW_LINE.join(lines)).hexdigest()}", frozenset(_find_modules(lines))


def _find_modules(lines: list[bytes]) -> Iterable[str]:
    """Yield names at the top level; the sorted lines below one folder are passed over at once."""
    index = 0
    while index < len(lines):
        top, is_folder, _ = lines[index].partition(b"/")
        first = top.partition(b",")[0]
        index = bisect_left(lines, first + _AFTER_SLASH, index) if is_folder and first == top else index + 1
        if not first.endswith((b".pth", b".dist-info", b".data")) and not first.startswith(b"."):
            yield os.fsdecode(first).partition(".")[0]


def _read_stable_lines(path: str) -> list[bytes]:
    """Return the sorted lines without the volatile ones; sorting brings those that need a look together."""
    data = read_bounded(path, _LIMIT)
    lines = data.splitlines() if b"\r" in data else data.split(b"\n")
    if b"__pycache__/" in data:
        lines = [line for line in lines if b"__pycache__/" not in line]
    lines.sort()
    del lines[: bisect_right(lines, b"")]
    info = os.fsencode(os.path.basename(os.path.dirname(path))) + b"/"
    special: list[bytes] = []
    for prefix in (b"..", b"/", info):
        start, end = bisect_left(lines, prefix), bisect_left(lines, prefix[:-1] + bytes([prefix[-1] + 1]))
        special += lines[start:end]
        del lines[start:end]
    return sorted([*lines, *_normalise_special(special, info)])


def _normalise_special(lines: Iterable[bytes], info: bytes) -> Iterable[bytes]:
    for line in lines:
        if line.startswith(info):
            if line[len(info) :].partition(b",")[0] not in _VOLATILE:
                yield line
        elif match := _SCRIPT.match(line):
            yield b"bin/" + match[1]
        else:
            yield _OUTSIDE.sub(b"../", line) if line.startswith(b"..") else line.rpartition(b"/")[2]
