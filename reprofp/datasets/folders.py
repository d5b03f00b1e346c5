"""The digest of each folder of a tree, from its entries in one pass.

In: entries, sorted by the bytes of their paths. Out: folders, each when its last entry has passed. Guaranteed: a
folder's digest is the digest of its part of the tree taken alone, paths beginning below it (for a folder without links
that lead out of it, what ``hash_tree`` of that folder gives); memory is bounded by the depth of the tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from reprofp._core.hashing import Hasher
from reprofp._core.reading import ScannedEntry
from reprofp.datasets.manifest import FAILED, TREE_ALGORITHM, BlockEntry, is_listed, write_block, write_line
from reprofp.model.ids import Digest

__all__ = ["FolderDigest", "digest_folders"]

RawBytes = bytes  # where a field is called bytes

_FLUSH_LINES = 512


@dataclass(frozen=True, slots=True)
class FolderDigest:
    """The digest of a folder of a tree, and how many files with how many bytes lie in and below it."""

    digest: Digest
    files: int
    bytes: int


@dataclass(slots=True)
class _Open:
    """A folder whose entries are passing."""

    path: RawBytes
    hasher: Hasher = field(default_factory=Hasher)
    lines: list[RawBytes] = field(default_factory=list)
    block: list[BlockEntry] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    def add_line(self, line: RawBytes, length: int) -> None:
        self.lines.append(line)
        self.files += 1
        self.bytes += length
        if len(self.lines) >= _FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        self.hasher.update(b"".join(self.lines))
        self.lines.clear()

    def close(self, algorithm: str) -> FolderDigest:
        self.flush()
        block = write_block(self.block)
        if block:
            self.hasher.update(b"\0" + block)
        return FolderDigest(Digest(algorithm, self.hasher.digest()), self.files, self.bytes)


def digest_folders(
    entries: Iterable[ScannedEntry], algorithm: str = TREE_ALGORITHM, *, empty: bool = True
) -> Iterator[tuple[bytes, FolderDigest]]:
    """Yield each folder below the root with its digest, deeper ones before those that hold them.

    ``empty`` says whether empty folders are part of the tree. Where an entry could not be read, the algorithm must say
    that the digest is that of a part.
    """
    opened: list[_Open] = []
    for entry in entries:
        is_folder = entry.kind == "folder"
        if is_folder and not entry.status and not empty:
            continue
        parent = entry.path if is_folder else entry.path.rpartition(b"/")[0]
        while opened and not _holds(opened[-1].path, entry.path):
            done = opened.pop()
            yield done.path, done.close(algorithm)
        opened.extend(_Open(path) for path in _ways_down(opened[-1].path if opened else b"", parent))
        _add(opened, entry)
    while opened:
        done = opened.pop()
        yield done.path, done.close(algorithm)


def _holds(folder: bytes, path: bytes) -> bool:
    return path.startswith(folder) and path[len(folder) : len(folder) + 1] in {b"/", b""}


def _ways_down(above: bytes, folder: bytes) -> Iterator[bytes]:
    """Yield the folders from below ``above`` down to ``folder``."""
    at = len(above) + 1 if above else 0
    while at <= len(folder) and folder:
        end = folder.find(b"/", at)
        end = len(folder) if end < 0 else end
        if end > len(above):
            yield folder[:end]
        at = end + 1


def _add(opened: list[_Open], entry: ScannedEntry) -> None:
    """Add an entry to all folders that it lies in."""
    path, digest = entry.path, entry.digest
    if digest is None or entry.status or not entry.listed or b"\\" in path or b"\n" in path:
        for folder in opened:
            _add_slowly(folder, entry)
        return
    head = digest.hex().encode() + b"  "
    for folder in opened:
        folder.add_line(head + path[len(folder.path) + 1 :] + b"\n", entry.bytes)


def _add_slowly(folder: _Open, entry: ScannedEntry) -> None:
    path = entry.path[len(folder.path) + 1 :]
    if entry.status:
        folder.block.append(BlockEntry(FAILED, path))
    elif entry.digest is None:
        if path:
            folder.block.append(BlockEntry(entry.kind, path, entry.target))
    elif is_listed(path):
        folder.add_line(write_line(path, entry.digest), entry.bytes)
    else:
        folder.block.append(BlockEntry("file", path, entry.digest))
        folder.files += 1
        folder.bytes += entry.bytes
