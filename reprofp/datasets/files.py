"""The digest of one file: BLAKE3 of its content, as ``b3sum`` prints it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from reprofp._core import reading
from reprofp._core.reading import ProgressCallback
from reprofp.model.ids import Digest

__all__ = ["FILE_ALGORITHM", "FileDigest", "hash_file"]

FILE_ALGORITHM = "blake3"
"""The algorithm's name for the digest of a file: BLAKE3-256 of its bytes."""


@dataclass(frozen=True, slots=True)
class FileDigest:
    """The digest of a file's content, and its length."""

    digest: Digest
    bytes: int


def hash_file(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> FileDigest:
    """Return the digest of a regular file; a symbolic link is followed.

    Raises:
        InputError: it is not there, not readable or not a regular file.
        UnstableFileError: it changed while it was read.
    """
    value, length = reading.hash_file(os.fsencode(path), threads=threads, progress=progress)
    return FileDigest(Digest(FILE_ALGORITHM, value), length)
