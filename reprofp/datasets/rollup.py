"""Which folders explain most of a difference: few lines for many files.

In: all paths of two trees, and those that differ. Out: at most so many folders, none of which lies in another of them
unless it is told of apart from it, and which together hold every path that differs. Guaranteed: the same for the same
input; a folder is opened up only while that tells more (never one of which everything differs).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

__all__ = ["FolderChange", "summarise_folders"]

_Counts = dict[bytes, "Counter[str]"]


@dataclass(frozen=True, slots=True)
class FolderChange:
    """What differs in a folder, with what lies below it or (not ``deep``) only directly in it; the root is empty."""

    path: bytes
    deep: bool
    files: int
    """How many entries the two trees have there together."""
    changed: int = 0
    added: int = 0
    removed: int = 0
    renamed: int = 0
    """Counted where they are now."""

    @property
    def differing(self) -> int:
        """How many entries differ."""
        return self.changed + self.added + self.removed + self.renamed


def summarise_folders(
    paths: Collection[bytes],
    *,
    changed: Iterable[bytes],
    added: Iterable[bytes],
    removed: Iterable[bytes],
    renamed: Iterable[bytes],
    most: int,
) -> tuple[FolderChange, ...]:
    """Return the folders, sorted by path."""
    counts: _Counts = {}
    for what, found in (("changed", changed), ("added", added), ("removed", removed), ("renamed", renamed)):
        for folder, number in Counter(path.rpartition(b"/")[0] for path in found).items():
            counts.setdefault(folder, Counter())[what] += number
    if not counts:
        return ()
    table = _Table(counts, Counter(path.rpartition(b"/")[0] for path in paths))
    return tuple(sorted(_open_up(table, most), key=lambda change: (change.path, change.deep)))


class _Table:
    """Counts of folders, with and without what lies below them."""

    def __init__(self, counts: _Counts, totals: Counter[bytes]) -> None:
        self.direct = counts
        self.direct_totals = totals
        self.deep: _Counts = {}
        self.deep_totals: Counter[bytes] = Counter()
        self.below: dict[bytes, set[bytes]] = {}
        for folder, counter in counts.items():
            child = folder
            for above in _ways_up(folder):
                self.deep.setdefault(above, Counter()).update(counter)
                if above != child:
                    self.below.setdefault(above, set()).add(child)
                child = above
        for folder, number in totals.items():
            for above in _ways_up(folder):
                if above in self.deep:
                    self.deep_totals[above] += number

    def describe(self, folder: bytes, *, deep: bool) -> FolderChange:
        counts = (self.deep if deep else self.direct)[folder]
        files = (self.deep_totals if deep else self.direct_totals)[folder]
        return FolderChange(folder, deep, files, **counts)

    def open_up(self, change: FolderChange) -> list[FolderChange]:
        """Return what a folder is made of: itself without what lies below, and the folders in it."""
        parts = [self.describe(child, deep=True) for child in sorted(self.below.get(change.path, ()))]
        if change.path in self.direct:
            parts.insert(0, self.describe(change.path, deep=not parts))
        return parts


def _ways_up(folder: bytes) -> Iterator[bytes]:
    """Yield a folder and all above it, the root (no bytes) last."""
    while folder:
        yield folder
        folder = folder.rpartition(b"/")[0]
    yield b""


def _open_up(table: _Table, most: int) -> list[FolderChange]:
    """Open the folder with most differences, as long as there is room for what it is made of."""
    done: list[FolderChange] = []
    waiting = [table.describe(b"", deep=True)]
    while waiting:
        change = max(waiting, key=lambda held: (held.differing, held.path))
        waiting.remove(change)
        parts = table.open_up(change) if change.deep and change.differing < change.files else [change]
        fits = len(parts) + len(waiting) + len(done) <= max(most, 1)
        if parts == [change] or not fits:
            done.append(change)
        else:
            waiting += parts
    return done
