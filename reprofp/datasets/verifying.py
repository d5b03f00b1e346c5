"""Holding a record's digests against what lies at their places now.

In: a record, other places for what was moved, a way to find what digests stand for. Out: for each digest of declared
data, weights and outputs whether it is still right, and what differs. Guaranteed: every byte is read again; a cache of
unchanged files is never asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

from reprofp._core.reading import ProgressCallback
from reprofp.datasets.contents import Find, tell_difference
from reprofp.datasets.files import FileDigest
from reprofp.datasets.trees import TreeDigest, hash_path
from reprofp.datasets.weights import WeightsDigest, hash_weights
from reprofp.errors import ReprofpError
from reprofp.model.contents import CheckedPlace, Verification
from reprofp.model.digests import list_promised
from reprofp.model.paths import FactPath, format_path
from reprofp.model.records import Record, Run

__all__ = ["Places", "verify_record"]

Places: TypeAlias = Mapping[FactPath, Path]
"""Where something lies now, by the fact that holds its digest."""

_Found = FileDigest | TreeDigest | WeightsDigest
_OPTIONS = {"datasets": "--data", "weights": "--weights", "outputs": "--output"}


def verify_record(
    record: Record, find: Find, *, places: Places | None = None, progress: ProgressCallback | None = None
) -> Verification:
    """Compute the digests of a record again, at the places that it names or at others.

    Args:
        record: The record.
        find: Returns what a digest of the record stands for, so that what differs can be named.
        places: Where something lies now, by the fact that holds its digest (``("weights", "init")``).
        progress: Called now and then while something is hashed.
    """
    given = dict(places or {})
    known = {**_list_places(record), **given}
    checked = [
        _check(path, expected, known.get(path), find, progress)
        for path, expected in sorted(list_promised(record).items())
    ]
    return Verification(record.id, tuple(checked))


def _check(
    path: FactPath, expected: str | None, place: Path | None, find: Find, progress: ProgressCallback | None
) -> CheckedPlace:
    bare = CheckedPlace(path, "unchecked", expected or "", place=os.fspath(place or ""))
    problem = _find_problem(path, expected, place)
    if expected is None or place is None or problem:
        return replace(bare, problem=problem)
    try:
        found = _hash(expected, place, progress)
    except ReprofpError as error:
        return replace(bare, problem=str(error))
    if str(found.digest) == expected:
        return replace(bare, status="equal", found=str(found.digest))
    return _tell(bare, found, find)


def _find_problem(path: FactPath, expected: str | None, place: Path | None) -> str:
    """Say why a digest cannot be checked, as far as that shows before anything is read."""
    if expected is None:
        return "the record does not know its digest"
    if expected.partition(":")[0] not in _CALLS:
        return f"{expected.partition(':')[0]} was made with options; hash it with the same ones to compare"
    if place is None:
        return f"the record does not know its place; name it with {_name_option(path)}"
    return "" if place.exists() else f"there is nothing at its place; name the new one with {_name_option(path)}"


def _tell(bare: CheckedPlace, found: _Found, find: Find) -> CheckedPlace:
    digests = bare.expected, str(found.digest)
    content = None
    if not isinstance(found, FileDigest) and found.attachment() is not None:
        content = tell_difference(bare.path, digests, (find, lambda _digest: found.attachment()))
    return replace(bare, status="differs", found=digests[1], content=content)


_CALLS: Mapping[str, Callable[..., _Found]] = {
    "blake3": partial(hash_path, cache=False),
    "blake3-tree": partial(hash_path, cache=False),
    "blake3-tensors": partial(hash_weights, cache=False),
}


def _hash(expected: str, place: Path, progress: ProgressCallback | None) -> _Found:
    """Hash what lies at a place as the expected digest was made."""
    return _CALLS[expected.partition(":")[0]](place, progress=progress)


def _name_option(path: FactPath) -> str:
    return f"{_OPTIONS.get(path[0], '--data')} {path[-1]}=PATH"


def _list_places(record: Record) -> dict[FactPath, Path]:
    """Return where the record says that things lay."""
    sides = [record.side, record.start.side] if isinstance(record, Run) else [record.side]
    places: dict[FactPath, Path] = {}
    for path in list_promised(record):
        key = format_path((*path, "path"))
        for side in sides:
            text = side.circumstances.get(key)
            if isinstance(text, str):
                places.setdefault(path, _open(text))
    return places


def _open(text: str) -> Path:
    """Return the place that a circumstance speaks of: it has ``~`` for a home and ``USER`` for its owner's name."""
    path = Path(text)
    try:
        home = Path.home()
    except RuntimeError:
        return path
    path = path.expanduser() if path.parts[:1] == ("~",) else path
    if "USER" in path.parts and not path.exists():
        return Path(*(home.name if part == "USER" else part for part in path.parts))
    return path
