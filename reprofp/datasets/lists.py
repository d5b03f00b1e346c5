"""What differs between two trees, or between two sets of tensors, told from what their digests stand for.

In: the attachments of two digests (a manifest with its block, or the canonical list of tensors). Out: what changed, was
added, was removed and was renamed. Guaranteed: nothing is said of bytes that are not exactly what such a digest covers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from reprofp.datasets.manifest import parse_lines
from reprofp.errors import FormatError
from reprofp.model.canonical import decode
from reprofp.model.observations import Value

__all__ = ["TreeDifference", "WeightsDifference", "compare_trees", "compare_weights"]

_Name = TypeVar("_Name", bytes, str)


@dataclass(frozen=True, slots=True)
class _Difference(Generic[_Name]):
    changed: tuple[_Name, ...] = ()
    added: tuple[_Name, ...] = ()
    removed: tuple[_Name, ...] = ()
    renamed: tuple[tuple[_Name, _Name], ...] = ()

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.added or self.removed or self.renamed)


@dataclass(frozen=True, slots=True)
class TreeDifference(_Difference[bytes]):
    """How one tree differs from another: paths below the root, each list sorted by its bytes."""


@dataclass(frozen=True, slots=True)
class WeightsDifference(_Difference[str]):
    """How one set of tensors differs from another; ``retyped`` ones have another dtype or shape."""

    retyped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.added or self.removed or self.renamed or self.retyped)


def compare_trees(a: bytes, b: bytes) -> TreeDifference:
    """Compare two trees by the bytes that their digests stand for.

    A file is renamed where one of the same content was removed and one was added; where several were, the order of
    their paths pairs them.

    Raises:
        FormatError: the bytes are not those of a tree's digest.
    """
    return TreeDifference(*_compare(_read_tree(a), _read_tree(b)))


def compare_weights(a: bytes, b: bytes) -> WeightsDifference:
    """Compare two sets of tensors by the bytes that their digests stand for.

    Raises:
        FormatError: the bytes are not those of a digest of tensors.
    """
    first, second = _read_tensors(a), _read_tensors(b)
    changed, added, removed, renamed = _compare(first, second)
    retyped = tuple(name for name in changed if first[name][:2] != second[name][:2])
    return WeightsDifference(tuple(name for name in changed if name not in retyped), added, removed, renamed, retyped)


def _read_tree(data: bytes) -> dict[bytes, tuple[object, ...]]:
    lines, zero, block = data.partition(b"\0")
    if zero and not block:
        raise FormatError("not a tree's manifest and block: the block is empty")
    found: dict[bytes, tuple[object, ...]] = {path: ("file", digest) for path, digest in parse_lines(lines).items()}
    items = decode(block) if block else []
    if not isinstance(items, list):
        raise FormatError("not the block of a tree: expected a list of entries")
    return {**found, **dict(map(_read_block_entry, items))}


def _read_block_entry(item: Value) -> tuple[bytes, tuple[object, ...]]:
    match item:
        case [str(kind), bytes(path), *rest] if len(rest) <= 1:
            return path, (kind, *rest)
    raise FormatError("not the block of a tree: an entry is a kind, a path and perhaps a digest or target")


def _read_tensors(data: bytes) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    items = decode(data)
    if not isinstance(items, list):
        raise FormatError("not a list of tensors")
    return dict(map(_read_tensor, items))


def _read_tensor(item: Value) -> tuple[str, tuple[str, tuple[int, ...], bytes]]:
    match item:
        case [str(name), str(dtype), list(shape), bytes(digest)]:
            return name, (dtype, tuple(size for size in shape if isinstance(size, int)), digest)
    raise FormatError("not a list of tensors: a tensor is a name, a dtype, a shape and a digest")


_Names = tuple[_Name, ...]


def _compare(
    a: Mapping[_Name, Hashable], b: Mapping[_Name, Hashable]
) -> tuple[_Names[_Name], _Names[_Name], _Names[_Name], tuple[tuple[_Name, _Name], ...]]:
    changed = tuple(sorted(name for name in a.keys() & b.keys() if a[name] != b[name]))
    added, removed = sorted(b.keys() - a.keys()), sorted(a.keys() - b.keys())
    renamed = _pair(removed, added, a, b)
    gone, come = {old for old, _new in renamed}, {new for _old, new in renamed}
    return (
        changed,
        tuple(name for name in added if name not in come),
        tuple(name for name in removed if name not in gone),
        renamed,
    )


def _pair(
    removed: list[_Name], added: list[_Name], a: Mapping[_Name, Hashable], b: Mapping[_Name, Hashable]
) -> tuple[tuple[_Name, _Name], ...]:
    """Pair what was removed with what was added with the same content."""
    waiting: dict[Hashable, list[_Name]] = defaultdict(list)
    for name in reversed(added):
        waiting[b[name]].append(name)
    return tuple((name, waiting[a[name]].pop()) for name in removed if waiting.get(a[name]))
