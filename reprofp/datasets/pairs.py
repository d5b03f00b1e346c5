"""Comparing two places by their content: two folders, or two files or folders of weights.

In: two paths. Out: whether their content is the same, and which files or tensors differ. Guaranteed: both are read as
``hash_tree``, ``hash_weights`` and ``hash_file`` read them, so what is said here is what their digests say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from reprofp._core.reading import ProgressCallback
from reprofp.datasets.contents import tell_difference
from reprofp.datasets.trees import TreeDigest, hash_tree
from reprofp.datasets.weights import WeightsDigest, hash_weights
from reprofp.errors import InputError
from reprofp.model.contents import ContentDifference, PathComparison, PlaceDigest, ValueDifference

__all__ = ["compare_paths"]

_OPAQUE = "opaque"


def compare_paths(
    a: Path, b: Path, *, values: bool = False, progress: ProgressCallback | None = None
) -> PathComparison:
    """Compare two folders, two files of weights, or the one with the other.

    Two folders are compared file by file; where both hold weights of a known format, also tensor by tensor. Two files
    are compared tensor by tensor where their formats are known, else as bytes. With ``values``, by how much the values
    of tensors differ is measured, too.

    Raises:
        InputError: one is not there or cannot be read, or a folder is to be compared with what is no weights.
        UnstableFileError: something changed while it was read.
        FormatError: a file of weights is not valid.
    """
    found = _compare_folders(a, b, progress) if a.is_dir() and b.is_dir() else _compare_files(a, b, progress)
    return replace(found, values=tuple(_measure(a, b, progress))) if values else found


def _measure(a: Path, b: Path, progress: ProgressCallback | None) -> Iterator[ValueDifference]:
    from reprofp.datasets.weight_values import measure_values  # noqa: PLC0415  few ask for it

    for item in measure_values(a, b, progress=progress):
        if item.different:
            bad = item.nan_changes + item.inf_changes
            numbers = item.max_abs, item.relative_norm, item.max_ulps
            yield ValueDifference(item.name, item.dtype, item.elements, item.different, *numbers, bad)


def _compare_files(a: Path, b: Path, progress: ProgressCallback | None) -> PathComparison:
    first, second = hash_weights(a, progress=progress), hash_weights(b, progress=progress)
    if _OPAQUE in (first.format, second.format):
        return _compare_opaque((a, first), (b, second))
    return _compare_weights((a, first), (b, second))


def _compare_folders(a: Path, b: Path, progress: ProgressCallback | None) -> PathComparison:
    first, second = hash_tree(a, progress=progress), hash_tree(b, progress=progress)
    places = _describe_tree(a, first), _describe_tree(b, second)
    if first.digest == second.digest:
        return PathComparison(*places)
    files = _tell("files", (str(first.digest), first.attachment()), (str(second.digest), second.attachment()))
    weights = hash_weights(a, progress=progress), hash_weights(b, progress=progress)
    if any(found.format == _OPAQUE for found in weights):
        return PathComparison(*places, (files,))
    if weights[0].digest == weights[1].digest:
        return PathComparison(*places, (files,), "the tensors in them are the same")
    return PathComparison(*places, (files, _tell_tensors(*weights)))


def _describe_tree(path: Path, tree: TreeDigest) -> PlaceDigest:
    return PlaceDigest(os.fspath(path), "folder", str(tree.digest), tree.bytes)


def _compare_weights(a: tuple[Path, WeightsDigest], b: tuple[Path, WeightsDigest]) -> PathComparison:
    places = _describe_weights(*a), _describe_weights(*b)
    if a[1].digest != b[1].digest:
        return PathComparison(*places, (_tell_tensors(a[1], b[1]),))
    if a[1].metadata_digest != b[1].metadata_digest:
        return PathComparison(*places, (), "the values beside the tensors differ (metadata, hyper-parameters, steps)")
    other_bytes = a[1].file_digest != b[1].file_digest
    return PathComparison(
        *places, (), "the files differ in what is not tensors, or in their order" if other_bytes else ""
    )


def _describe_weights(path: Path, weights: WeightsDigest) -> PlaceDigest:
    return PlaceDigest(os.fspath(path), "weights", str(weights.digest), weights.bytes)


def _compare_opaque(a: tuple[Path, WeightsDigest], b: tuple[Path, WeightsDigest]) -> PathComparison:
    for path, other in ((a[0], b[0]), (b[0], a[0])):
        if path.is_dir():
            raise InputError(f"{path} is a folder and {other} is not: compare two folders, or two files")
    first, second = (PlaceDigest(os.fspath(path), "file", str(one.file_digest), one.bytes) for path, one in (a, b))
    return PathComparison(first, second)


def _tell_tensors(a: WeightsDigest, b: WeightsDigest) -> ContentDifference:
    return _tell("tensors", (str(a.digest), a.attachment()), (str(b.digest), b.attachment()))


def _tell(name: str, a: tuple[str, bytes | None], b: tuple[str, bytes | None]) -> ContentDifference:
    return tell_difference((name,), (a[0], b[0]), (lambda _digest: a[1], lambda _digest: b[1]))
