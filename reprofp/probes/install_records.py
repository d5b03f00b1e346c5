"""RECORD: the list of installed files with their digests, without what installing makes volatile.

In: the path of a RECORD file. Out: its digest and the top-level modules that it lists. Two installations of one wheel
give the same digest, whoever installed it and wherever: compiled files, the names of the installer and of the source,
and the digests of scripts (their first line holds the interpreter's path) are left out, and the lines are sorted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from reprofp.probes.files import read_bounded
from reprofp.probes.warm import Warm, make_key

__all__ = ["InstallRecord", "keep_records", "recall_records"]

_LIMIT = 64 << 20
_NEW_LINE = b"\n"
_AFTER_SLASH = bytes([ord("/") + 1])
_VOLATILE = frozenset(
    {b"INSTALLER", b"REQUESTED", b"RECORD", b"RECORD.jws", b"direct_url.json", b"uv_cache.json", b"uv_build.json"}
)
_SETTLED_NS = 2_000_000_000
"""A file that changed less than so long ago may change again within one tick of the clock of its file system."""
_MOST_KNOWN = 4096
_FORM = "install record/1"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SCRIPT = re.compile(rb"(?:\.\./)+(?:bin|Scripts)/([^,]*),")
_OUTSIDE = re.compile(rb"^(?:\.\./)+")


class InstallRecord:
    """What one RECORD says; it is read when asked for, and again only when the file has changed."""

    def __init__(self, path: str) -> None:
        """Look whether the file is there.

        Raises:
            OSError: the file cannot be looked at.
        """
        self._state = _look(path)

    @property
    def digest(self) -> str:
        """``sha256:hex`` of the stable lines.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no regular file, or unreasonably long.
        """
        return _read_record(self._state).digest

    @property
    def modules(self) -> frozenset[str]:
        """The modules and packages at the top level.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no regular file, or unreasonably long.
        """
        return _read_record(self._state).modules


class _State(NamedTuple):
    """Which file lies at a path; it is another state when the file was written or replaced."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @property
    def is_telling(self) -> bool:
        """Whether the time of the last change tells files apart that lay at this path one after the other.

        In an image (squashfs, as of Apptainer) it is what its builder set, in whole seconds, often one for all files; and the
        numbers of devices and inodes come again with the next image.
        """
        return self.ctime_ns % 1_000_000_000 != 0


class _Said(NamedTuple):
    """What a RECORD says."""

    digest: str
    modules: frozenset[str]


_known: dict[_State, _Said] = {}


def _look(path: str) -> _State:
    found = os.stat(path)
    return _State(path, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _read_record(state: _State) -> _Said:
    said = _known.get(state)
    if said is None:
        lines = _read_stable_lines(state.path)
        digest = f"sha256:{hashlib.sha256(_NEW_LINE.join(lines)).hexdigest()}"
        said = _remember(state, _Said(digest, frozenset(_find_modules(lines))))
    return said


def _remember(state: _State, said: _Said) -> _Said:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[state] = said
    return said


def recall_records(paths: Iterable[str], warm: Warm) -> list[str]:
    """Take from ``warm`` what the RECORD files ``paths`` say, as they lie there now; return those that must be read."""
    states: list[_State] = []
    for path in paths:
        with suppress(OSError):
            states.append(_look(path))
    unread = [state for state in states if state not in _known]
    unknown = [state for state in unread if state.is_telling]
    missing = [state.path for state in unread if not state.is_telling]
    for state, kept in zip(unknown, warm.find([_make_key(state) for state in unknown]), strict=True):
        said = None if kept is None else _unpack(kept)
        if said is None:
            missing.append(state.path)
        else:
            _remember(state, said)
    return missing


def keep_records(paths: Iterable[str], warm: Warm) -> None:
    """Hand to ``warm`` what RECORD files said that were read, where they still are as they were and settled long ago."""
    before, found = time.time_ns() - _SETTLED_NS, dict[bytes, bytes]()
    for path in paths:
        with suppress(OSError):
            state = _look(path)
            said = _known.get(state)
            if said is not None and state.is_telling and max(state.mtime_ns, state.ctime_ns) < before:
                found[_make_key(state)] = json.dumps([said.digest, sorted(said.modules)]).encode()
    warm.add(found)


def _make_key(state: _State) -> bytes:
    return make_key(_FORM, os.fsencode(state.path), *(b"%d" % number for number in state[1:]))


def _unpack(kept: bytes) -> _Said | None:
    try:
        digest, modules = json.loads(kept)
    except ValueError:
        return None
    is_digest = isinstance(digest, str) and _DIGEST.fullmatch(digest)
    is_list = isinstance(modules, list) and all(isinstance(name, str) for name in modules)
    return _Said(digest, frozenset(modules)) if is_digest and is_list else None


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
