"""Which files, folders and tensors differ where the digests of data, weights or outputs do.

In: two records, and a way to find what their digests stand for. Out: for each digest that differs, what differs in it,
or why that cannot be told. Guaranteed: an attachment counts only if it is what its digest says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from reprofp._core.hashing import hash_bytes
from reprofp.datasets.differences import TreeDifference, compare_trees
from reprofp.datasets.weight_differences import WeightsDifference, compare_weights
from reprofp.datasets.weights import CONTEXT, WEIGHTS_ALGORITHM
from reprofp.errors import FormatError
from reprofp.model.contents import ContentDifference
from reprofp.model.digests import list_differing
from reprofp.model.paths import FactPath
from reprofp.model.records import Record

__all__ = ["Find", "compare_contents", "tell_difference"]

Find: TypeAlias = Callable[[str], "bytes | None"]
"""Returns what a digest stands for, by the digest's text; None where that was not kept."""

_NOT_KEPT = (
    "the list of what is in it was not kept with the record; 'reprofp compare' takes the folders themselves, too"
)


def compare_contents(a: Record, b: Record, find_a: Find, find_b: Find) -> list[ContentDifference]:
    """Return what differs in the data, weights and outputs of two records whose digests differ."""
    return [tell_difference(path, digests, (find_a, find_b)) for path, digests in list_differing(a, b).items()]


def tell_difference(path: FactPath, digests: tuple[str, str], find: tuple[Find, Find]) -> ContentDifference:
    """Return what differs between the two contents that two digests stand for."""
    what = "tensors" if digests[0].startswith(WEIGHTS_ALGORITHM) else "files"
    if _algorithm(digests[0]) != _algorithm(digests[1]):
        return ContentDifference(path, what, problem="the two were digested in different ways")
    contents = [find_one(digest) for find_one, digest in zip(find, digests, strict=True)]
    if contents[0] is None or contents[1] is None:
        return ContentDifference(path, what, problem=_NOT_KEPT)
    try:
        for content, digest in zip(contents, digests, strict=True):
            _check(content or b"", digest)
        found: TreeDifference | WeightsDifference
        found = (compare_weights if what == "tensors" else compare_trees)(contents[0], contents[1])
    except FormatError as error:
        return ContentDifference(path, what, problem=str(error))
    return _tell(path, what, found)


def _tell(path: FactPath, what: str, found: TreeDifference | WeightsDifference) -> ContentDifference:
    return ContentDifference(
        path,
        what,
        tuple(map(_to_text, found.changed)),
        tuple(map(_to_text, found.added)),
        tuple(map(_to_text, found.removed)),
        tuple((_to_text(old), _to_text(new)) for old, new in found.renamed),
        tuple((_to_text(move.old), _to_text(move.new), move.files) for move in getattr(found, "moved", ())),
        tuple(getattr(found, "retyped", ())),
    )


def _to_text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")


def _algorithm(digest: str) -> str:
    return digest.partition(":")[0]


def _check(content: bytes, digest: str) -> None:
    context = CONTEXT if digest.startswith(WEIGHTS_ALGORITHM) else None
    if hash_bytes(content, context=context).hex() != digest.rpartition(":")[2]:
        raise FormatError("the kept list of what is in it does not match its digest: it is damaged")
