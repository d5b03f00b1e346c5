"""The digest of one file: BLAKE3 of its content, as ``b3sum`` prints it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reprofp._core import reading
from reprofp._core.reading import Progress, ProgressCallback
from reprofp.datasets.cache import open_cache
from reprofp.model.ids import Digest

__all__ = ["FILE_ALGORITHM", "FileDigest", "hash_file", "is_large"]

FILE_ALGORITHM = "blake3"
"""The algorithm's name for the digest of a file: BLAKE3-256 of its bytes."""

LEAST_CACHED_BYTES = 64 * 1024 * 1024
"""The smallest single file of which the cache is asked."""


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The digest of a file's content, and its length."""

    digest: Digest
    bytes: int
    others: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Other digests that were asked for, in hexadecimal, by algorithm."""


def hash_file(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    cache: bool = True,
    also: Collection[str] = (),
) -> FileDigest:
    """Return the digest of a regular file; a symbolic link is followed.

    The digest of a large file that did not change may come from the cache, unless ``cache`` is False.

    ``also`` names other digests that come from the same single read: any of ``interop.OTHER_ALGORITHMS``.

    Raises:
        InputError: it is not there, not readable or not a regular file.
        UnstableFileError: it changed while it was read.
        UsageError: there is no such digest, or the number of threads is not plausible.
    """
    if also:
        return _hash_for_others(os.fsencode(path), also, threads, progress)
    raw = os.fsencode(path)
    with open_cache(enabled=cache and is_large(raw)) as opened:
        value, length = reading.hash_file(raw, threads=threads, progress=progress, cache=opened)
    return FileDigest(Digest(FILE_ALGORITHM, value), length)


def is_large(path: bytes) -> bool:
    """Whether reading takes longer than asking and saving the cache."""
    try:
        return os.stat(path).st_size >= LEAST_CACHED_BYTES
    except (OSError, ValueError):
        return False  # whoever opens it says what is wrong


def _hash_for_others(
    path: bytes, also: Collection[str], threads: int | None, progress: ProgressCallback | None
) -> FileDigest:
    from reprofp.datasets.interop.digests import check_names, read_path  # noqa: PLC0415  loads hashlib

    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(Progress(0, done, 0))

    found = read_path(path, check_names(also), threads=threads, advance=advance)
    if progress is not None:
        progress(Progress(1, found.bytes, 0, found.bytes))
    return FileDigest(Digest(FILE_ALGORITHM, found.blake3), found.bytes, found.others)
