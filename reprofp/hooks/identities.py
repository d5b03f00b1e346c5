"""What changes when a file or a folder's content changes, without reading it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

__all__ = ["Identity", "State", "identify", "identify_all"]

Identity: TypeAlias = tuple[int, ...]
"""Device, inode, size, time of modification and of change."""

State: TypeAlias = frozenset[tuple[str, "Identity | None"]]
"""The identity of everything at and below a path; empty where there is nothing."""


def identify(path: str | os.PathLike[str]) -> Identity | None:
    """Return the identity of what ``path`` leads to, or None where it leads nowhere."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns


def identify_all(path: Path) -> State:
    """Return the identities at and below ``path``, also behind links."""
    if not os.path.lexists(path):
        return frozenset()
    return frozenset({(str(path), identify(path)), *_walk(str(path))})


def _walk(path: str) -> Iterator[tuple[str, Identity | None]]:
    waiting, seen = [path], set()
    while waiting:
        folder = waiting.pop()
        try:
            info, names = os.stat(folder), os.listdir(folder)
        except OSError:
            continue  # a file, or one that cannot be listed: it has its own identity
        if (info.st_dev, info.st_ino) in seen:
            continue  # links can lead in circles
        seen.add((info.st_dev, info.st_ino))
        entries = [os.path.join(folder, name) for name in names]
        yield from ((entry, identify(entry)) for entry in entries)
        waiting += [entry for entry in entries if os.path.isdir(entry)]
