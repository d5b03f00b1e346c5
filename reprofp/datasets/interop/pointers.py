"""Pointer files of Git LFS: a few lines that stand where the data should be.

In: a file's first bytes. Out: which data it stands for. Guaranteed: only what the format allows is a pointer.
The format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["LARGEST_POINTER", "SMALLEST_POINTER", "Pointer", "parse_pointer"]

LARGEST_POINTER = 1023
"""A pointer file has less than 1,024 bytes."""

SMALLEST_POINTER = 127
"""The shortest pointer: of one digit's length."""

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
