"""Folders that moved: the same entries in and below a folder of another path.

In: what only the first tree has and what only the second has, and both trees. Out: moves of whole folders, the
outermost ones. Guaranteed: every entry below the old path was removed and every one below the new path was added, with
the same paths below the folder and the same contents; folders that hold nothing but empty files do not count.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reprofp._core.hashing import hash_bytes

__all__ = ["FolderMove", "find_moves"]

_NOTHING = hash_bytes(b"")


@dataclass(frozen=True, slots=True)
class FolderMove:
    """A folder that is elsewhere in the second tree, with how many entries; ``paths`` are below it."""

    old: bytes
    new: bytes
    files: int
    paths: tuple[bytes, ...] = field(repr=False, compare=False)


def find_moves(
    removed: Mapping[bytes, bytes], added: Mapping[bytes, bytes], before: Collection[bytes], after: Collection[bytes]
) -> tuple[FolderMove, ...]:
    """Return the moves, sorted by the old path."""
    olds = _digest_folders(removed, _folders_of(after))
    news = _digest_folders(added, _folders_of(before)) if olds else {}
    by_digest = defaultdict(list)
    for folder in sorted(news, reverse=True):
        by_digest[news[folder]].append(folder)
    ordered = sorted(removed)
    moves: dict[bytes, FolderMove] = {}
    taken: set[bytes] = set()
    above: set[bytes] = set()  # folders that hold one that is taken
    for old in sorted(olds):  # a folder comes before what lies in it
        candidates = by_digest.get(olds[old])
        if not candidates or candidates[-1] in above or _lies_in(old, moves) or _lies_in(candidates[-1], taken):
            continue
        new = candidates.pop()
        taken.add(new)
        above |= _folders_of([new])
        paths = tuple(path[len(old) + 1 :] for path in list_below(ordered, old))
        moves[old] = FolderMove(old, new, len(paths), paths)
    return tuple(moves.values())


def list_below(ordered: Sequence[bytes], folder: bytes) -> Sequence[bytes]:
    """Return those of some sorted paths that lie in and below a folder."""
    return ordered[bisect_left(ordered, folder + b"/") : bisect_left(ordered, folder + b"0")]  # 0 follows /


def _folders_of(paths: Iterable[bytes]) -> set[bytes]:
    """Return all folders that hold one of the paths."""
    found: set[bytes] = set()
    for path in paths:
        folder = path.rpartition(b"/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition(b"/")[0]
    return found


def _digest_folders(paths: Mapping[bytes, bytes], other_folders: Collection[bytes]) -> dict[bytes, bytes]:
    """Digest the folders that the other tree does not have, each with what lies below it."""
    pieces: dict[bytes, list[bytes]] = {}
    telling: set[bytes] = set()
    for path in sorted(paths):
        content = paths[path]
        folder = path.rpartition(b"/")[0]
        while folder and folder not in other_folders:
            name = path[len(folder) + 1 :]
            pieces.setdefault(folder, []).append(b"%d:%d:%s%s" % (len(name), len(content), name, content))
            if content != _NOTHING:
                telling.add(folder)
            folder = folder.rpartition(b"/")[0]
    return {folder: hash_bytes(b"".join(found)) for folder, found in pieces.items() if folder in telling}


def _lies_in(path: bytes, folders: Collection[bytes]) -> bool:
    while path:
        if path in folders:
            return True
        path = path.rpartition(b"/")[0]
    return False
