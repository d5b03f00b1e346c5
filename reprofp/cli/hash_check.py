"""``reprofp hash --check``: does a folder still match a list of checksums?

The list may be of any tool whose lists are known. Files that it does not name count as added, files that cannot be read
are named, and all others are compared.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reprofp.cli.checksums import Comparison, compare_checksums
from reprofp.cli.output import print_json, print_text, remark
from reprofp.errors import FormatError, InputError, ReprofpError
from reprofp.render.values import clean

if TYPE_CHECKING:
    from reprofp.datasets import TreeDigest
    from reprofp.datasets.interop.checks import Check

__all__ = ["check", "guess_algorithm"]

Walk = Callable[..., "TreeDigest"]

_BLAKE3 = "blake3"
_SHA256 = "sha256"
_MOST_TRIED = 3


def check(listed: Path, folder: Path, walk: Walk, *, as_json: bool) -> int:
    """Compare a folder with a list, print what differs, and return the exit code.

    ``walk`` hashes a folder; it takes the options of ``hash_tree`` that are given here.
    """
    from reprofp.datasets.manifest import is_listed

    checks = _read_list(listed, folder)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: check the path")
    algorithm = _find_algorithm(checks, listed)
    expected = _join_expected(checks, listed)
    found = dict(_hash_inside(walk, folder, algorithm))
    found.update(_hash_outside(folder, [path for path in expected if _leads_elsewhere(path)], algorithm))
    own = os.path.relpath(os.path.realpath(listed), os.path.realpath(folder))
    if os.fsencode(own) not in expected:
        found.pop(os.fsencode(own), None)
    if algorithm == _BLAKE3:  # what its lists cannot hold was remarked on, and is no addition
        found = {path: digits for path, digits in found.items() if path in expected or is_listed(path)}
    result = compare_checksums(expected, found)
    _show(result, algorithm, as_json=as_json)
    return ReprofpError.exit_code if result.unreadable else 1 if result else 0


def _find_algorithm(checks: Sequence[Check], listed: Path) -> str:
    names = sorted({item.algorithm for item in checks})
    if len(names) > 1:
        raise FormatError(
            f"{listed} holds digests of {' and '.join(names)}; --check takes a list of one algorithm. 'reprofp verify'"
            " takes such lists, but does not tell of added files"
        )
    return names[0] if names else _BLAKE3


def _join_expected(checks: Sequence[Check], listed: Path) -> dict[bytes, str]:
    """Return the digests by path; two spellings of one path may not ask for two contents."""
    expected: dict[bytes, str] = {}
    for item in checks:
        path = _tidy(item.path)
        if expected.setdefault(path, item.expected) != item.expected:
            raise FormatError(f"{listed}: {os.fsdecode(path)!r} stands twice, with two digests")
    return expected


def _tidy(path: bytes) -> bytes:
    """Write a path as a walk would; a step up is left alone, since it may come back from where a link led."""
    if _leads_elsewhere(path):
        return path
    return b"/".join(part for part in path.split(b"/") if part not in (b"", b".")) or b"."


def _leads_elsewhere(path: bytes) -> bool:
    return path.startswith(b"/") or b".." in path.split(b"/")


def _read_list(listed: Path, folder: Path) -> Sequence[Check]:
    from reprofp.datasets.interop.lists import parse_list

    data = _read(listed)
    return parse_list(data, str(listed), _guess(data, str(listed), folder))


def _read(listed: Path) -> bytes:
    from reprofp.datasets.interop.lists import MAX_LIST_BYTES

    try:
        with open(listed, "rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read the list of checksums {listed}: {error.strerror}; check the path") from error
    if len(data) > MAX_LIST_BYTES:
        raise FormatError(f"{listed}: a list of more than {MAX_LIST_BYTES} bytes is not plausible")
    return data


def guess_algorithm(listed: Path, folder: Path) -> str | None:
    """Say what a list is of where its digests may be of two algorithms; None where the list itself tells.

    One of the first of its files that are there tells: that has one of the two digests.

    Raises:
        InputError: the list cannot be read.
        FormatError: it is no list of checksums.
    """
    return _guess(_read(listed), str(listed), folder)


def _guess(data: bytes, listed: str, folder: Path) -> str | None:
    from reprofp.datasets.interop.lists import parse_list

    checks = parse_list(data, listed)
    is_open = bool(checks) and checks[0].algorithm == _BLAKE3 and b"BLAKE3 (" not in data
    return _SHA256 if is_open and _is_sha256(checks, folder) else None


def _is_sha256(checks: Sequence[Check], folder: Path) -> bool:
    from reprofp.datasets.interop.digests import read_path

    places = ((item, os.path.join(os.fsencode(folder), item.path)) for item in checks)
    for item, path in islice(((item, path) for item, path in places if os.path.isfile(path)), _MOST_TRIED):
        try:
            found = read_path(path, [_SHA256])
        except ReprofpError:
            continue  # it is told of later
        if item.expected in (found.blake3.hex(), found.others[_SHA256]):
            return item.expected == found.others[_SHA256]
    return False


def _hash_inside(walk: Walk, folder: Path, algorithm: str) -> Iterator[tuple[bytes, str | None]]:
    """Yield the digest of every file in the folder; None for one that cannot be read."""
    also = {} if algorithm == _BLAKE3 else {"also": (algorithm,)}
    tree = walk(folder, partial=True, **also)
    yield from ((failure.path, None) for failure in tree.failures)
    for entry in tree.entries:
        if entry.digest is not None:
            digits = tree.others[entry.path][algorithm] if also else entry.digest.value.hex()
            yield entry.path, digits


def _hash_outside(folder: Path, paths: Sequence[bytes], algorithm: str) -> Iterator[tuple[bytes, str | None]]:
    from reprofp.datasets.interop.digests import read_path

    for path in paths:
        place = os.path.join(os.fsencode(folder), path)
        if os.path.lexists(place):
            try:
                found = read_path(place, [] if algorithm == _BLAKE3 else [algorithm])
                yield path, found.others.get(algorithm, found.blake3.hex())
            except ReprofpError as error:
                remark(str(error))
                yield path, None


def _show(result: Comparison, algorithm: str, *, as_json: bool) -> None:
    lists = {"changed": result.changed, "missing": result.missing, "added": result.added}
    if as_json:
        named = {
            name: [path.decode("utf-8", "backslashreplace") for path in paths]
            for name, paths in {**lists, "unreadable": result.unreadable}.items()
        }
        head = {"schema": "reprofp/hash-check/1", "match": not result and not result.unreadable}
        print_json({**head, "algorithm": algorithm, "equal": result.equal, **named})
        return
    lists.update({"unreadable": result.unreadable} if result.unreadable else {})
    for name, paths in lists.items():
        for path in paths:
            print_text(f"{name:8} {clean(os.fsdecode(path))}\n")
    counts = ", ".join(f"{len(paths)} {name}" for name, paths in lists.items())
    print_text(f"{result.equal} equal, {counts}\n")
