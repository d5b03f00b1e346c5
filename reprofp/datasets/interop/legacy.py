"""MD5 as DVC before version 3 took it: of text with the line ends of Unix.

In: a file's bytes in pieces of one MiB. Out: the digest. Guaranteed: the same as DVC's ``md5-dos2unix``, piece by piece
with its own rule for what is text (the first 512 bytes of a piece hold no zero byte, and at most 30 % of them are no
printable ASCII).
"""

from __future__ import annotations

import hashlib

__all__ = ["Dos2UnixMD5"]

_TEXT = bytes(range(32, 127)) + b"\n\r\t\f\b"
_HEAD_BYTES = 512
_MOST_OTHERS = 0.30


class Dos2UnixMD5:
    """The digest of content that comes in the pieces in which DVC reads it."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._hash = hashlib.md5(usedforsecurity=False)

    def update(self, data: memoryview) -> None:
        """Add the next MiB, or what is left."""
        self._hash.update(bytes(data).replace(b"\r\n", b"\n") if _is_text(bytes(data[:_HEAD_BYTES])) else data)

    def digest(self) -> bytes:
        """Return the digest of what was added."""
        return self._hash.digest()


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and len(head.translate(None, _TEXT)) <= _MOST_OTHERS * len(head)
