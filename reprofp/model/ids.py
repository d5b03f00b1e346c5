"""Ids and digests.

An id is SHA-256 over a kind prefix (``reprofp KIND`` and a zero byte) and canonical bytes, written
``KIND:hex``; any language can recompute it. A digest names a hash of content together with the
algorithm, whose name holds every parameter that changes the result.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from reprofp.errors import FormatError

__all__ = ["ID_KINDS", "Digest", "format_id", "hash_bytes", "parse_id"]

ID_KINDS = {
    "fa1": "a facet",
    "fp1": "a fingerprint",
    "fc1": "the conditions' part of a fingerprint",
    "fe1": "the experiment's part of a fingerprint",
    "sn1": "a snapshot",
    "rn1": "a run",
    "sb1": "a side blob",
    "pl1": "a run's list of processes",
    "rs1": "a run's result",
    "at1": "an attachment",
}
"""The kinds of id, each with what it names."""

_ID = re.compile(r"([a-z]{2}[0-9]+):([0-9a-f]{64})")
_DIGEST = re.compile(r"([a-z0-9][a-z0-9._+/-]*):([0-9a-f]+)")


def hash_bytes(kind: str, canonical: bytes) -> bytes:
    """Return the 32 bytes of the id of ``canonical`` bytes of one kind."""
    return hashlib.sha256(b"reprofp " + kind.encode() + b"\0" + canonical).digest()


def format_id(kind: str, raw: bytes) -> str:
    """Write an id as ``kind:hex``."""
    return f"{kind}:{raw.hex()}"


def parse_id(text: str) -> tuple[str, bytes]:
    """Read ``kind:hex``.

    Raises:
        FormatError: ``text`` is no id, or of a kind that this version does not know.
    """
    match = _ID.fullmatch(text)
    if match is None or match.group(1) not in ID_KINDS:
        raise FormatError(f"{text!r} is not an id of reprofp (expected for instance sn1: and 64 hex digits)")
    return match.group(1), bytes.fromhex(match.group(2))


@dataclass(frozen=True, slots=True, order=True)
class Digest:
    """A content hash: ``algorithm`` (with every parameter that changes the result) and ``value``."""

    algorithm: str
    value: bytes

    def __str__(self) -> str:
        """Write the digest as ``algorithm:hex``."""
        return f"{self.algorithm}:{self.value.hex()}"

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``algorithm:hex``.

        Raises:
            FormatError: ``text`` is no digest.
        """
        match = _DIGEST.fullmatch(text)
        if match is None or len(match.group(2)) % 2:
            raise FormatError(f"{text!r} is not a digest (expected for instance blake3: and hex digits)")
        return cls(match.group(1), bytes.fromhex(match.group(2)))
