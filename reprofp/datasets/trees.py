"""The digest of a tree: all that lies in and below a folder.

In: a folder. Out: its manifest, digest and entries. Guaranteed: the digest depends on names and content alone (not on
modes, times, threads or the order of reading), and a tree that changed while it was read, or that could not be read
whole, is an error. The exact rules are in docs/formats/tree-manifest.md.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from reprofp._core import reading
from reprofp._core.reading import ProgressCallback, ScannedEntry, TreeScan
from reprofp.datasets.files import FILE_ALGORITHM, FileDigest, hash_file
from reprofp.datasets.manifest import BlockEntry, digest_manifest, write_block
from reprofp.errors import InputError, UnstableFileError
from reprofp.model.ids import Digest

__all__ = ["Problem", "TreeDigest", "TreeEntry", "hash_path", "hash_tree"]

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]
RawBytes = bytes  # where a field is called bytes

_UNCOVERED = {
    "dangling": "a symbolic link that leads nowhere: only its text is part of the digest",
    "fifo": "a FIFO: only its presence is part of the digest",
    "socket": "a socket: only its presence is part of the digest",
    "device": "a device: only its presence is part of the digest",
}
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry: a file with digest and length, a link with its target, or what else lies there."""

    path: RawBytes
    kind: str
    digest: Digest | None = None
    bytes: int | None = None
    target: RawBytes | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """An entry whose content the digest cannot cover, and why."""

    path: RawBytes
    what: str


@dataclass(frozen=True, slots=True)
class TreeDigest:
    """The digest of a tree, its manifest (lines) and canonical block, and how much was read."""

    digest: Digest
    files: int
    bytes: int
    manifest: RawBytes = field(repr=False)
    block: RawBytes = field(repr=False)
    problems: tuple[Problem, ...] = field(repr=False)
    _scan: TreeScan = field(repr=False, compare=False)

    def attachment(self) -> RawBytes | None:
        """Return the bytes whose BLAKE3 is the digest: the lines, and a zero byte and the block where there is one."""
        return self.manifest + b"\0" + self.block if self.block else self.manifest

    @property
    def entries(self) -> tuple[TreeEntry, ...]:
        """All entries, sorted by the bytes of their paths (made when asked for)."""
        return tuple(_make_entry(entry) for entry in self._scan.entries())


def hash_tree(path: PathLike, *, threads: int | None = None, progress: ProgressCallback | None = None) -> TreeDigest:
    """Return the digest of all that lies in and below a folder.

    Raises:
        InputError: it is no folder, or something in it cannot be read.
        UnstableFileError: something in it changed while it was read.
    """
    raw = os.fsencode(path)
    scan = reading.scan_tree(raw, threads=threads, progress=progress)
    unlisted = scan.unlisted()
    _raise_failures(raw, [entry for entry in unlisted if entry.status])
    manifest = scan.manifest()
    block = write_block(map(_make_block_entry, unlisted))
    files, length = scan.totals()
    return TreeDigest(
        digest=digest_manifest(manifest, block),
        files=files,
        bytes=length,
        manifest=manifest,
        block=block,
        problems=tuple(Problem(e.path, _UNCOVERED[e.kind]) for e in unlisted if e.kind in _UNCOVERED),
        _scan=scan,
    )


def hash_path(
    path: PathLike, *, threads: int | None = None, progress: ProgressCallback | None = None
) -> FileDigest | TreeDigest:
    """Return the digest of a file or of a tree, whichever is there.

    Raises:
        InputError: it is not there or cannot be read.
        UnstableFileError: it changed while it was read.
    """
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        is_folder = False  # hash_file says what is wrong
    call = partial(hash_tree if is_folder else hash_file, path)
    return call(threads=threads, progress=progress)


def _raise_failures(root: bytes, failures: Sequence[ScannedEntry]) -> None:
    if not failures:
        return
    errors = [reading.failure_error(os.path.join(root, e.path), e.status, e.system_error) for e in failures]
    text = "\n".join(str(error) for error in errors[:_MOST_NAMED])
    if len(errors) > _MOST_NAMED:
        text += f"\n... and {len(errors) - _MOST_NAMED} more in {os.fsdecode(root)!r}"
    if any(isinstance(error, UnstableFileError) for error in errors):
        raise UnstableFileError(text)
    raise InputError(text)


def _make_block_entry(entry: ScannedEntry) -> BlockEntry:
    return BlockEntry(entry.kind, entry.path, entry.digest if entry.kind == "file" else entry.target)


def _make_entry(entry: ScannedEntry) -> TreeEntry:
    if entry.digest is None:
        return TreeEntry(entry.path, entry.kind, target=entry.target)
    return TreeEntry(entry.path, entry.kind, Digest(FILE_ALGORITHM, entry.digest), entry.bytes)
