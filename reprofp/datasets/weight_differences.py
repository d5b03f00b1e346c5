"""Which tensors differ between two sets of weights, told from their canonical lists alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

from reprofp._core.hashing import DIGEST_BYTES
from reprofp.datasets.files import FILE_ALGORITHM
from reprofp.datasets.weights import Tensor
from reprofp.errors import FormatError
from reprofp.model.canonical import decode
from reprofp.model.ids import Digest

__all__ = ["WeightsDifference", "compare_weights", "parse_tensors"]

_FIELDS = 4


@dataclass(frozen=True, slots=True)
class WeightsDifference:
    """What differs, by the tensors' names, sorted.

    ``changed``: other contents. ``retyped``: another dtype or shape. ``renamed``: pairs of names, of a tensor that is
    gone and one that came with the same dtype, shape and contents. ``added`` and ``removed``: the rest of those.
    ``equal`` counts the others.
    """

    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    retyped: tuple[str, ...]
    equal: int

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.changed or self.added or self.removed or self.renamed or self.retyped)


def compare_weights(first: bytes, second: bytes) -> WeightsDifference:
    """Compare two canonical lists of tensors, as ``WeightsDigest.attachment`` gives them.

    Raises:
        FormatError: the bytes are no such list.
    """
    before, after = parse_tensors(first), parse_tensors(second)
    common = [name for name in before if name in after]
    retyped = [name for name in common if before[name][:2] != after[name][:2]]
    changed = [name for name in common if before[name][:2] == after[name][:2] and before[name] != after[name]]
    removed = {name: tensor for name, tensor in before.items() if name not in after}
    added = {name: tensor for name, tensor in after.items() if name not in before}
    renamed = _pair(removed, added)
    gone, come = {pair[0] for pair in renamed}, {pair[1] for pair in renamed}
    return WeightsDifference(
        tuple(changed),
        tuple(name for name in added if name not in come),
        tuple(name for name in removed if name not in gone),
        renamed,
        tuple(retyped),
        len(common) - len(changed) - len(retyped),
    )


def _pair(removed: dict[str, Tensor], added: dict[str, Tensor]) -> tuple[tuple[str, str], ...]:
    """Pair what is gone with what came and is the same; of several that are, in the order of their names."""
    waiting: dict[Tensor, list[str]] = defaultdict(list)
    for name in reversed(added):
        waiting[added[name]].append(name)
    return tuple((name, waiting[tensor].pop()) for name, tensor in removed.items() if waiting.get(tensor))


def parse_tensors(data: bytes) -> dict[str, Tensor]:
    """Read a canonical list of tensors.

    Raises:
        FormatError: the bytes are no such list.
    """
    items = decode(data)
    if not isinstance(items, list) or not all(map(_is_tensor, items)):
        raise FormatError("not a list of tensors: expected [name, dtype, shape, digest] for each")
    rows = cast("list[tuple[str, str, list[int], bytes]]", items)
    names = [row[0].encode() for row in rows]
    if any(a >= b for a, b in pairwise(names)):
        raise FormatError("not a canonical list of tensors: the names are not sorted, or one occurs twice")
    return {name: Tensor(dtype, tuple(shape), Digest(FILE_ALGORITHM, digest)) for name, dtype, shape, digest in rows}


def _is_tensor(item: object) -> bool:
    if not isinstance(item, list) or len(item) != _FIELDS:
        return False
    name, dtype, shape, digest = item
    is_shape = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    is_digest = isinstance(digest, bytes) and len(digest) == DIGEST_BYTES
    return isinstance(name, str) and isinstance(dtype, str) and is_shape and is_digest
