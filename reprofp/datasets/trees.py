"""The digest of a tree: all that lies in and below a folder, or a selection of it.

In: a folder. Out: its manifest, digest and entries. Guaranteed: the digest depends on names and content alone (not on
modes, times, threads or the order of reading), and a tree that changed while it was read, or that could not be read
whole, is an error, unless a part was asked for: then the digest's algorithm says so. The exact rules are in
docs/formats/tree-manifest.md.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial as bind
from typing import Protocol

from reprofp._core import reading
from reprofp._core.hashing import hash_bytes
from reprofp._core.reading import ProgressCallback, ScannedEntry
from reprofp.datasets.cache import open_cache
from reprofp.datasets.files import FILE_ALGORITHM, FileDigest, hash_file
from reprofp.datasets.folders import FolderDigest, digest_folders
from reprofp.datasets.interop.pointers import find_pointers, uses_lfs
from reprofp.datasets.manifest import FAILED, TREE_ALGORITHM, BlockEntry, write_block
from reprofp.datasets.patterns import Selection, make_selection
from reprofp.datasets.selecting import Selector
from reprofp.errors import InputError, ReprofpError, UnstableFileError
from reprofp.model.ids import Digest

__all__ = ["MOST_ATTACHED_BYTES", "PARTIAL", "Problem", "TreeDigest", "TreeEntry", "hash_path", "hash_tree"]

PathLike = str | bytes | os.PathLike[str] | os.PathLike[bytes]
RawBytes = bytes  # where a field is called bytes

PARTIAL = "+partial"
"""The end of the algorithm's name where something could not be read."""

MOST_ATTACHED_BYTES = 8 * 1024 * 1024
"""The largest attachment by default."""

MOST_NAMED = 1000
"""So many failures are named one by one in an error; the rest is counted."""

_UNCOVERED = {
    "dangling": "a symbolic link that leads nowhere: only its text is part of the digest",
    "fifo": "a FIFO: only its presence is part of the digest",
    "socket": "a socket: only its presence is part of the digest",
    "device": "a device: only its presence is part of the digest",
}


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


class Source(Protocol):
    """A tree that was read."""

    @property
    def reused(self) -> int:
        """How many files' digests came from a cache."""

    def entries(self) -> Iterator[ScannedEntry]:
        """Yield all entries, sorted by the bytes of their paths, and behind them folders that changed."""

    def unlisted(self) -> list[ScannedEntry]:
        """Return the entries that failed or that no line of the manifest holds."""

    def totals(self) -> tuple[int, int]:
        """Return how many files there are, and their bytes."""

    def manifest(self) -> bytes:
        """Return the lines."""

    def manifest_digest(self, extra: bytes = b"") -> bytes:
        """Return BLAKE3 of the lines, and of a zero byte and ``extra`` where there is more."""


@dataclass(frozen=True, slots=True)
class TreeDigest:
    """The digest of a tree, its canonical block, and how much was read; the rest is made when it is asked for."""

    digest: Digest
    files: int
    bytes: int
    block: RawBytes = field(repr=False)
    problems: tuple[Problem, ...] = field(repr=False)
    failures: tuple[Problem, ...] = field(default=(), repr=False)
    """What could not be read; not empty only where a part was asked for."""
    others: Mapping[RawBytes, Mapping[str, str]] = field(default_factory=dict, repr=False, compare=False)
    """Other digests that were asked for, in hexadecimal: by path, then by algorithm."""
    selection: Selection = field(default_factory=Selection, repr=False)
    _source: Source | None = field(default=None, repr=False, compare=False)

    @property
    def manifest(self) -> RawBytes:
        """The lines of the manifest, as ``b3sum`` writes them."""
        return self._take_source().manifest()

    @property
    def entries(self) -> tuple[TreeEntry, ...]:
        """All entries that were read, sorted by the bytes of their paths."""
        entries = (entry for entry in self._take_source().entries() if not entry.status)
        return tuple(_make_entry(entry) for entry in entries if not self.selection or entry.kind != "folder")

    @property
    def reused(self) -> int:
        """How many files' digests came from the cache of unchanged files."""
        return self._take_source().reused

    def attachment(self, limit: int | None = MOST_ATTACHED_BYTES) -> RawBytes | None:
        """Return the very bytes whose BLAKE3 is the digest, or None where they are more than ``limit``."""
        size = self.files * (64 + len("  x\n")) + len(self.block)  # at least
        if limit is not None and size > limit:
            return None
        data = self.manifest + (b"\0" + self.block if self.block else b"")
        return None if limit is not None and len(data) > limit else data

    def walk_folders(self) -> Iterator[tuple[RawBytes, FolderDigest]]:
        """Yield each folder below the root with its digest, deeper ones first, in memory bounded by their depth."""
        entries: Iterable[ScannedEntry] = self._take_source().entries()
        if self.failures:
            entries = sorted(entries, key=lambda entry: entry.path)
        return digest_folders(entries, self.digest.algorithm, empty=not self.selection)

    def folders(self) -> dict[RawBytes, FolderDigest]:
        """Return the digest of each folder below the root, sorted by path."""
        return dict(sorted(self.walk_folders()))

    def _take_source(self) -> Source:
        if self._source is None:
            raise InputError("this digest was made without its tree: hash the tree again")
        return self._source


def hash_tree(
    path: PathLike,
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    cache: bool = True,
    include: Iterable[str | bytes] = (),
    exclude: Iterable[str | bytes] = (),
    ignore_files: Iterable[str | bytes] = (),
    partial: bool = False,
    also: Collection[str] = (),
) -> TreeDigest:
    """Return the digest of all that lies in and below a folder, or of a selection of it.

    Args:
        path: the folder; a link to one is followed.
        threads: how many work at once; as many as there are processors by default.
        progress: called about ten times a second.
        cache: whether digests of unchanged files may come from the cache; False reads every file.
        include: patterns in the syntax of ``.gitignore``: only files that match, or lie in a folder that does, count.
        exclude: patterns in the same syntax: what matches is left out, and a folder that does is never opened.
        ignore_files: base names of files in the tree, such as ``.gitignore`` and ``.dvcignore``, whose patterns count.
        partial: give the digest of what could be read, under an algorithm that says so, and list the failures.
        also: other digests of each file, from the same single read (so without the cache): any of
            ``interop.OTHER_ALGORITHMS``.

    Raises:
        InputError: it is no folder, or something in it cannot be read; the error has a line for each.
        UnstableFileError: something in it changed while it was read.
        UsageError: a pattern or the name of an algorithm is not valid.
    """
    raw = os.fsencode(path)
    selection = make_selection(include, exclude, ignore_files)
    selector = Selector(selection, raw)
    source, others = _read_tree(raw, selector, threads, progress, also=also, cache=cache)
    selector.recheck()
    unlisted = source.unlisted()
    failed = sorted({entry.path: entry for entry in unlisted if entry.status}.values(), key=lambda entry: entry.path)
    if selector.failures or (failed and not partial):
        raise _make_error(raw, [*selector.failures, *(_explain(raw, entry) for entry in failed)])
    block = write_block(_make_block(unlisted, selection))
    files, length = source.totals()
    algorithm = TREE_ALGORITHM + selection.name + (PARTIAL if failed else "")
    return TreeDigest(
        digest=Digest(algorithm, source.manifest_digest(block)),
        files=files,
        bytes=length,
        block=block,
        problems=(
            *_find_nothing(selection, files, block),
            *sorted((*_find_uncovered(unlisted), *_find_pointers(raw, source)), key=lambda held: held.path),
        ),
        failures=tuple(Problem(e.path, reading.describe_failure(e.status, e.system_error)) for e in failed),
        others=others,
        selection=selection,
        _source=source,
    )


def hash_path(
    path: PathLike, *, threads: int | None = None, progress: ProgressCallback | None = None, cache: bool = True
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
    call = bind(hash_tree if is_folder else hash_file, path)
    return call(threads=threads, progress=progress, cache=cache)


def digest_attachment(data: bytes, algorithm: str = TREE_ALGORITHM) -> Digest:
    """Return the digest of a tree whose attachment this is."""
    return Digest(algorithm, hash_bytes(data))


def _read_tree(
    root: bytes,
    selector: Selector,
    threads: int | None,
    progress: ProgressCallback | None,
    *,
    also: Collection[str],
    cache: bool,
) -> tuple[Source, Mapping[bytes, Mapping[str, str]]]:
    if also:
        from reprofp.datasets.interop.trees import read_tree  # noqa: PLC0415  loads hashlib

        return read_tree(root, selector, also, threads=threads, progress=progress)
    selects = bool(selector.selection)
    with open_cache(enabled=cache) as opened:
        scan = reading.scan_tree(
            root,
            threads=threads,
            progress=progress,
            keep_folder=selector.keep_folder if selects else None,
            keep_entry=selector.keep_entry if selects else None,
            cache=opened,
        )
    return scan, {}


def _find_uncovered(unlisted: Iterable[ScannedEntry]) -> list[Problem]:
    return [Problem(e.path, _UNCOVERED[e.kind]) for e in unlisted if e.kind in _UNCOVERED and not e.status]


def _find_nothing(selection: Selection, files: int, block: bytes) -> list[Problem]:
    """All trees are equal by what was left out of all of them."""
    if not selection or files or block:
        return []
    return [Problem(b".", "nothing in it is selected: the digest is that of no files; check the patterns")]


def _find_pointers(root: bytes, source: Source) -> list[Problem]:
    """Name the files that only point to data: looked for where the tree says that Git LFS keeps some."""
    if not uses_lfs(root):
        return []
    return [
        Problem(path, f"a pointer of Git LFS to {pointer.bytes} bytes, not the data: fetch it (git lfs pull)")
        for path, pointer in find_pointers(root, source.entries()).items()
    ]


def _explain(root: bytes, entry: ScannedEntry) -> ReprofpError:
    return reading.failure_error(os.path.join(root, entry.path), entry.status, entry.system_error)


def _make_error(root: bytes, errors: list[ReprofpError]) -> ReprofpError:
    """Make one error of many, with a line for each."""
    text = "\n".join(str(error) for error in errors[:MOST_NAMED])
    if len(errors) > MOST_NAMED:
        text += f"\n... and {len(errors) - MOST_NAMED} more in {os.fsdecode(root)!r}"
    if any(isinstance(error, UnstableFileError) for error in errors):
        return UnstableFileError(text)
    return InputError(text)


def _make_block(unlisted: Iterable[ScannedEntry], selection: Selection) -> list[BlockEntry]:
    """Make the block's entries; a failure stands for whatever else is known of its path."""
    entries: dict[bytes, BlockEntry] = {}
    for entry in unlisted:
        if entry.status:
            entries[entry.path] = BlockEntry(FAILED, entry.path)
        elif entry.kind != "folder" or not selection:
            detail = entry.digest if entry.kind == "file" else entry.target
            entries.setdefault(entry.path, BlockEntry(entry.kind, entry.path, detail))
    return list(entries.values())


def _make_entry(entry: ScannedEntry) -> TreeEntry:
    if entry.digest is None:
        return TreeEntry(entry.path, entry.kind, target=entry.target)
    return TreeEntry(entry.path, entry.kind, Digest(FILE_ALGORITHM, entry.digest), entry.bytes)
