"""Applies a selection to a tree while it is walked.

In: a selection and the root. Out: the two questions that the walk asks: keep this folder? keep this entry?
Guaranteed: what lies above decides first, so nothing in a folder that is left out is looked at; the ignore files that
were read are named with a digest of what they said, so that a later change of one can be told.
"""

from __future__ import annotations

import errno
import os

from reprofp._core.hashing import hash_bytes
from reprofp.datasets.opening import open_below
from reprofp.datasets.patterns import Pattern, PatternList, Selection, may_match_below, parse_ignore_file
from reprofp.errors import FormatError, InputError, ReprofpError, UnstableFileError

__all__ = ["MAX_IGNORE_BYTES", "Selector"]

MAX_IGNORE_BYTES = 4 * 1024 * 1024
"""The largest ignore file that is read."""

_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL})


class Selector:
    """Answers for one tree."""

    def __init__(self, selection: Selection, root: bytes) -> None:
        """Begin at the root; an ignore file is read when the first question about its folder is asked."""
        self.selection = selection
        self._root = root
        self._include = PatternList(selection.include)
        self._implied = PatternList(selection.implied)
        self._given = PatternList(selection.exclude)
        self._found: dict[bytes, PatternList] = {}
        self._looked: set[bytes] = set()
        self._read: dict[bytes, bytes] = {}
        self._included: dict[bytes, bool] = {b"": not selection.include}
        self.failures: list[ReprofpError] = []

    def keep_folder(self, path: bytes) -> bool:
        """Whether a folder is walked."""
        if self._is_excluded(path, folder=True):
            return False
        if self._is_included(path, folder=True):
            return True
        return any(may_match_below(pattern, path) for pattern in self.selection.include if not pattern.negative)

    def keep_entry(self, path: bytes, kind: str) -> bool:
        """Whether an entry counts; the folders above it were kept."""
        if kind == "folder":
            return True  # empty, or one that could not be read: not asked again
        return not self._is_excluded(path, folder=False) and self._is_included(path, folder=False)

    def recheck(self) -> None:
        """Read the ignore files again: one that says something else now is a failure, too."""
        for path, digest in self._read.items():
            try:
                content = _read_small(self._root, path)
            except ReprofpError as error:
                self.failures.append(error)
                continue
            if hash_bytes(content or b"") != digest:
                where = os.fsdecode(os.path.join(self._root, path))
                self.failures.append(
                    UnstableFileError(
                        f"the ignore file {where!r} changed while it was in use; "
                        "wait until nothing writes to it, then try again"
                    )
                )

    def _is_excluded(self, path: bytes, *, folder: bool) -> bool:
        decided = self._given.match(path, folder=folder)
        if decided is None:
            decided = self._implied.match(path, folder=folder)
        if decided is None and self.selection.ignore_files:
            decided = self._ask_files(path, folder=folder)
        return bool(decided)

    def _ask_files(self, path: bytes, *, folder: bool) -> bool | None:
        """Ask the ignore files from the nearest folder to the root."""
        above = path
        while above:
            above = above.rpartition(b"/")[0]
            self._look(above)
            patterns = self._found.get(above)
            if patterns is not None:
                decided = patterns.match(path[len(above) + bool(above) :], folder=folder)
                if decided is not None:
                    return decided
        return None

    def _look(self, folder: bytes) -> None:
        if folder in self._looked:
            return
        self._looked.add(folder)
        patterns = [pattern for name in self.selection.ignore_files for pattern in self._read_file(folder, name)]
        if patterns:
            self._found[folder] = PatternList(patterns)

    def _read_file(self, folder: bytes, name: bytes) -> tuple[Pattern, ...]:
        path = folder + b"/" + name if folder else name
        try:
            content = _read_small(self._root, path)
            self._read[path] = hash_bytes(content or b"")
            return parse_ignore_file(content) if content else ()
        except ReprofpError as error:
            self.failures.append(error)
            return ()

    def _is_included(self, path: bytes, *, folder: bool) -> bool:
        known = self._included.get(path) if folder else None
        if known is not None:
            return known
        decided = self._include.match(path, folder=folder)
        if decided is None:
            decided = self._is_included(path.rpartition(b"/")[0], folder=True)
        if folder:
            self._included[path] = decided
        return decided


def _read_small(root: bytes, path: bytes) -> bytes | None:
    """Return the content of an ignore file; None where there is none that is a regular file.

    Raises:
        InputError: it cannot be read.
        FormatError: it is too large.
    """
    where = os.fsdecode(os.path.join(root, path))
    try:
        with os.fdopen(open_below(root, path), "rb") as file:
            content = file.read(MAX_IGNORE_BYTES + 1)
    except OSError as error:
        if error.errno in _NOT_THERE:
            return None
        raise InputError(
            f"cannot read the ignore file {where!r}: {error.strerror}; make it readable, or do not ask for it"
        ) from error
    if len(content) > MAX_IGNORE_BYTES:
        raise FormatError(f"the ignore file {where!r} has more than {MAX_IGNORE_BYTES} bytes; shorten it")
    return content
