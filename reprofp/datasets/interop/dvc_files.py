"""Which files of a folder DVC tracks.

In: a folder. Out: paths below it. Guaranteed: as DVC lists them: links to files count as files, links to folders do
not count, and neither does what the ``.dvcignore`` files from the repository's root down to the folder say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from reprofp.datasets.patterns import make_selection
from reprofp.datasets.selecting import Selector

__all__ = ["list_folder"]

_SELECTION = make_selection(ignore_files=[".dvcignore"])


def list_folder(folder: bytes) -> list[bytes]:
    """Return the paths below a folder, sorted.

    Raises:
        InputError: an ignore file cannot be read.
        OSError: a folder cannot be read.
    """
    root = _find_root(os.path.realpath(folder))
    inner = os.path.relpath(os.path.realpath(folder), root)
    selector = Selector(_SELECTION, root)
    paths = sorted(_walk(folder, b"", b"" if inner == b"." else inner, selector))
    if selector.failures:
        raise selector.failures[0]
    return paths


def _find_root(folder: bytes) -> bytes:
    """Return the repository that a folder lies in, or the folder."""
    above = folder
    while above != b"/":
        if os.path.isdir(os.path.join(above, b".dvc")):
            return above
        above = os.path.dirname(above)
    return folder


def _walk(folder: bytes, path: bytes, place: bytes, selector: Selector) -> Iterator[bytes]:
    waiting = [(path, place)]
    while waiting:
        path, place = waiting.pop()
        with os.scandir(os.path.join(folder, path)) as entries:
            for entry in entries:
                below, its_place = os.path.join(path, entry.name), os.path.join(place, entry.name)
                if entry.is_dir(follow_symlinks=False):
                    if selector.keep_folder(its_place):
                        waiting.append((below, its_place))
                elif not entry.is_dir() and selector.keep_entry(its_place, "file"):
                    yield below
