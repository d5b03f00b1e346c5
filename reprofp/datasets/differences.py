"""What differs between two trees: by name, by content, and in which folders.

In: two attachments (the bytes under two trees' digests), or two manifests. Out: what was changed, added, removed and
renamed, folders that moved as a whole, and the few folders that explain most. Guaranteed: every path that differs is
told of exactly once; a rename is of exactly the same content; nothing depends on the order of anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reprofp._core.hashing import hash_bytes
from reprofp.datasets.manifest import BlockEntry, Manifest, parse_manifest
from reprofp.datasets.moves import FolderMove, find_moves
from reprofp.datasets.rollup import FolderChange, summarise_folders

__all__ = ["FolderChange", "FolderMove", "TreeDifference", "compare_manifests", "compare_trees"]

_NOTHING = hash_bytes(b"")
"""The digest of an empty file: equal ones say nothing about where a file went."""


@dataclass(frozen=True, slots=True)
class TreeDifference:
    """How the second of two trees differs from the first; paths are raw bytes, sorted."""

    changed: tuple[bytes, ...] = field(default=(), repr=False)
    """In both, with other content, or of another kind."""
    added: tuple[bytes, ...] = field(default=(), repr=False)
    """Only in the second."""
    removed: tuple[bytes, ...] = field(default=(), repr=False)
    """Only in the first."""
    renamed: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """Files of the first, and where the second has the same content; not those in folders that moved."""
    moved: tuple[FolderMove, ...] = field(default=(), repr=False)
    """Folders that have another path in the second, with the same files and links in and below them."""
    folders: tuple[FolderChange, ...] = ()
    """The few folders that explain most of it, by path."""
    equal: int = 0
    """How many files and other entries are the same."""

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.added or self.removed or self.renamed or self.moved)


def compare_trees(a: bytes, b: bytes, *, most_folders: int = 10) -> TreeDifference:
    """Compare two trees by their attachments.

    Raises:
        FormatError: one of them is not exactly what is hashed for some tree.
    """
    if a == b:
        manifest = parse_manifest(a)
        return TreeDifference(equal=len(_contents(manifest)))
    return compare_manifests(parse_manifest(a), parse_manifest(b), most_folders=most_folders)


def compare_manifests(a: Manifest, b: Manifest, *, most_folders: int = 10) -> TreeDifference:
    """Compare two trees by their manifests, naming at most so many folders."""
    before, after = _contents(a), _contents(b)
    changed = sorted(path for path, content in before.items() if after.get(path, content) != content)
    removed = {path: content for path, content in before.items() if path not in after}
    added = {path: content for path, content in after.items() if path not in before}
    moved = find_moves(removed, added, before, after) if removed and added else ()
    for move in moved:
        for path in move.paths:
            del removed[move.old + b"/" + path], added[move.new + b"/" + path]
    renamed = _find_renames(removed, added)
    for old, new in renamed:
        del removed[old], added[new]
    return TreeDifference(
        changed=tuple(changed),
        added=tuple(sorted(added)),
        removed=tuple(sorted(removed)),
        renamed=tuple(renamed),
        moved=moved,
        folders=summarise_folders(
            before.keys() | after.keys(),
            changed=changed,
            added=added,
            removed=removed,
            renamed=[new for _, new in renamed] + [move.new + b"/" + path for move in moved for path in move.paths],
            most=most_folders,
        ),
        equal=len(before) - len(changed) - len(removed) - len(renamed) - sum(move.files for move in moved),
    )


def _contents(manifest: Manifest) -> dict[bytes, bytes]:
    """Return for each path what is there, as comparable bytes: a file's digest, or kind and target."""
    contents = dict(manifest.files)
    contents.update((entry.path, _describe(entry)) for entry in manifest.block if entry.kind != "file")
    return contents


def _describe(entry: BlockEntry) -> bytes:
    return entry.kind.encode() + b":" + (entry.detail or b"")


def _find_renames(removed: Mapping[bytes, bytes], added: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Pair files of equal content: equal base names first, then in the order of the paths."""
    olds, news = _by_content(removed), _by_content(added)
    pairs: list[tuple[bytes, bytes]] = []
    for content in olds.keys() & news.keys():
        pairs += _pair(olds[content], news[content], only_same_names=content == _NOTHING)
    return sorted(pairs)


def _by_content(paths: Mapping[bytes, bytes]) -> dict[bytes, list[bytes]]:
    found = defaultdict(list)
    for path in sorted(paths):
        found[paths[path]].append(path)
    return found


def _pair(olds: list[bytes], news: list[bytes], *, only_same_names: bool) -> Iterable[tuple[bytes, bytes]]:
    by_name = defaultdict(list)
    for new in reversed(news):
        by_name[_base(new)].append(new)
    pairs = [(old, by_name[_base(old)].pop()) for old in olds if by_name.get(_base(old))]
    if only_same_names:
        return pairs
    taken_old, taken_new = {old for old, _ in pairs}, {new for _, new in pairs}
    left_old, left_new = (old for old in olds if old not in taken_old), (new for new in news if new not in taken_new)
    return [*pairs, *zip(left_old, left_new, strict=False)]


def _base(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]
