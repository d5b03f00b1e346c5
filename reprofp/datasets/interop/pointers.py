"""Pointer files of Git LFS: a few lines that stand where the data should be.

In: a file's first bytes. Out: which data it stands for. Guaranteed: only what the format allows is a pointer.
The format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from reprofp._core.reading import ScannedEntry
from reprofp.datasets.opening import open_below

__all__ = ["LARGEST_POINTER", "SMALLEST_POINTER", "Pointer", "find_pointers", "parse_pointer", "uses_lfs"]

LARGEST_POINTER = 1023
"""A pointer file has less than 1,024 bytes."""

SMALLEST_POINTER = 127
"""The shortest pointer: of one digit's length."""

_ATTRIBUTES_BYTES = 1024 * 1024

_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n(?:ext-\d-[\w.-]+ [^\n]+\n)*"
    rb"oid sha256:([0-9a-f]{64})\nsize (\d{1,18})\n?"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer stands for: data with this SHA-256 (hexadecimal) and so many bytes."""

    sha256: str
    bytes: int


def parse_pointer(content: bytes) -> Pointer | None:
    """Return what the whole content of a file points to; None where it is no pointer."""
    match = _POINTER.fullmatch(content) if len(content) <= LARGEST_POINTER else None
    return Pointer(match.group(1).decode(), int(match.group(2))) if match else None


def uses_lfs(root: bytes) -> bool:
    """Whether the attributes in a tree's root say that files in it are kept by Git LFS."""
    return b"filter=lfs" in _read_head(root, b".gitattributes", _ATTRIBUTES_BYTES)


def find_pointers(root: bytes, entries: Iterable[ScannedEntry]) -> dict[bytes, Pointer]:
    """Return the pointers among the files of a tree; only files as short as pointers are read."""
    found = {}
    for entry in entries:
        if entry.kind == "file" and not entry.status and SMALLEST_POINTER <= entry.bytes <= LARGEST_POINTER:
            pointer = parse_pointer(_read_head(root, entry.path, LARGEST_POINTER + 1))
            if pointer is not None:
                found[entry.path] = pointer
    return found


def _read_head(root: bytes, path: bytes, most: int) -> bytes:
    """Return the beginning of a file; nothing where it cannot be read, since then no digest covers it either."""
    try:
        with os.fdopen(open_below(root, path), "rb") as file:
            return file.read(most)
    except OSError:
        return b""
