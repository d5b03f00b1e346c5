"""The Merkle tree of a ledger, as RFC 6962 section 2.1 has it, over the manifests of its records.

In: leaves (the bytes of manifests). Out: roots, the frontier that lets a tree grow without its leaves,
inclusion and consistency proofs, and their verification, which needs no ledger. Guaranteed: plain
SHA-256 trees of RFC 6962 with its prefixes 0x00 for leaves and 0x01 for nodes, and nothing of our own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

from reprofp.ledger.verifier import hash_leaf, hash_node, verify_consistency, verify_inclusion

__all__ = [
    "EMPTY_ROOT",
    "Frontier",
    "Node",
    "hash_leaf",
    "hash_node",
    "hash_range",
    "prove_consistency",
    "prove_inclusion",
    "verify_consistency",
    "verify_inclusion",
]

EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""

_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Node:
    """A complete subtree: the ``2**level`` leaves that begin at ``position * 2**level``."""

    level: int
    position: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree as its size and the roots of its complete subtrees, the largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def append(self, leaf_hash: bytes) -> tuple[Frontier, list[Node]]:
        """Return the frontier after one more leaf, and the subtrees that it completes, smallest first."""
        nodes = [Node(0, self.size, leaf_hash)]
        rest = list(self.hashes)
        # One bits at the end of the size are complete subtrees that the new leaf closes.
        while self.size >> nodes[-1].level & 1:
            last = nodes[-1]
            nodes.append(Node(last.level + 1, last.position >> 1, hash_node(rest.pop(), last.hash)))
        return Frontier(self.size + 1, (*rest, nodes[-1].hash)), nodes

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        if not self.hashes:
            return EMPTY_ROOT
        return reduce(lambda right, left: hash_node(left, right), reversed(self.hashes))

    @property
    def packed(self) -> bytes:
        """The hashes in one piece, as they are stored."""
        return b"".join(self.hashes)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Read what ``packed`` gave.

        Raises:
            ValueError: the number of hashes is not that of a tree of ``size`` leaves.
        """
        if size < 0 or len(packed) != _HASH_BYTES * size.bit_count():
            raise ValueError(f"{len(packed)} bytes are not the frontier of a tree of {size} leaves")
        return cls(size, tuple(packed[at : at + _HASH_BYTES] for at in range(0, len(packed), _HASH_BYTES)))


NodeReader = Callable[[int, int], "bytes | None"]
"""Takes a level and a position; gives the hash of that complete subtree, None where it is not kept.

At level 0 it gives the hash of the leaf, always.
"""


def hash_range(start: int, end: int, read_node: NodeReader) -> bytes:
    """Return the root of the tree over the leaves ``start`` to ``end - 1``, MTH(D[start:end])."""
    if start == end:
        return EMPTY_ROOT
    count = end - start
    if count & (count - 1) == 0 and start % count == 0:
        kept = read_node(count.bit_length() - 1, start // count)
        if kept is not None:
            return kept
    middle = start + _split(count)
    return hash_node(hash_range(start, middle, read_node), hash_range(middle, end, read_node))


def _split(count: int) -> int:
    """Return the largest power of two below ``count`` (RFC 6962's k)."""
    return 1 << ((count - 1).bit_length() - 1)


def prove_inclusion(index: int, size: int, read_node: NodeReader) -> list[bytes]:
    """Return the audit path of the leaf ``index`` in the tree of the first ``size`` leaves.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(hash_range(middle, end, read_node))
            end = middle
        else:
            path.append(hash_range(start, middle, read_node))
            start = middle
    return path[::-1]


def prove_consistency(first: int, second: int, read_node: NodeReader) -> list[bytes]:
    """Return the proof that the tree of ``second`` leaves continues the tree of ``first`` leaves.

    Raises:
        ValueError: the first tree is empty or larger than the second.
    """
    if not 0 < first <= second:
        raise ValueError(f"a tree of {second} leaves does not continue one of {first}")
    path: list[bytes] = []
    start, end, whole = 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(hash_range(middle, end, read_node))
            end = middle
        else:
            path.append(hash_range(start, middle, read_node))
            start, whole = middle, False
    if not whole:
        path.append(hash_range(start, end, read_node))
    return path[::-1]
