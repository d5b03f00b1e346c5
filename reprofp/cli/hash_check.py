"""``reprofp hash --check``: does a folder still match a list of checksums?

A list of BLAKE3 digests is compared with the folder's manifest; for other algorithms the files are hashed by Python's
own. Files that the list does not name count as added.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reprofp.cli.checksums import Checksums, Comparison, compare_checksums, parse_lines
from reprofp.cli.output import print_json, print_text, remark
from reprofp.errors import InputError, ReprofpError
from reprofp.render.values import clean

if TYPE_CHECKING:
    from reprofp.datasets import TreeDigest

__all__ = ["check"]

_BLOCK = 1 << 20
_MOST_TRIED = 3
Walk = Callable[[Path], "TreeDigest"]


def check(listed: Path, folder: Path, walk: Walk, *, as_json: bool) -> int:
    """Compare a folder with a list, print what differs, and return the exit code; ``walk`` hashes a folder."""
    given = parse_lines(_read(listed), str(listed))
    expected = {_normalise(path): digest for path, digest in given.digests.items()}
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}: check the path")
    algorithm = _choose_algorithm(given, folder)
    found = _hash_all(expected, folder, algorithm, walk)
    own = os.path.relpath(os.path.realpath(listed), os.path.realpath(folder))
    if os.fsencode(own) not in expected:
        found.pop(os.fsencode(own), None)
    result = compare_checksums(expected, found)
    _show(result, algorithm, as_json=as_json)
    return ReprofpError.exit_code if result.unreadable else 1 if result else 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the list of checksums {path}: {error.strerror}; check the path") from error


def _normalise(path: bytes) -> bytes:
    return os.path.normpath(path) if path.startswith(b"./") or b"//" in path else path


def _choose_algorithm(given: Checksums, folder: Path) -> str:
    """Say which algorithm a list is of; where its lines leave two, one of the first files that are there tells."""
    if len(given.algorithms) > 1:
        there = (path for path in given.digests if os.path.isfile(os.path.join(os.fsencode(folder), path)))
        for path in islice(there, _MOST_TRIED):
            for algorithm in given.algorithms:
                if _try_hash(algorithm, os.path.join(os.fsencode(folder), path)) == given.digests[path]:
                    return algorithm
    return given.algorithms[0] if given.algorithms else "blake3"


def _try_hash(algorithm: str, path: bytes) -> bytes | None:
    try:
        return _hash_file(algorithm, path, threading.Event())
    except (OSError, ReprofpError):
        return None


def _hash_all(expected: Mapping[bytes, bytes], folder: Path, algorithm: str, walk: Walk) -> dict[bytes, bytes | None]:
    inside = all(not path.startswith((b"/", b"../")) for path in expected)
    if algorithm == "blake3" and inside:
        return dict(parse_lines(walk(folder).manifest, str(folder)).digests)
    root = os.fsencode(folder)
    names = {name for name in expected if os.path.lexists(os.path.join(root, name))}
    return _hash_files(algorithm, root, sorted({*names, *_list_files(root)}))


def _list_files(root: bytes) -> Iterator[bytes]:
    for above, _folders, files in os.walk(root):
        for name in files:
            path = os.path.join(above, name)
            if os.path.isfile(path) and not os.path.islink(path):
                yield os.path.relpath(path, root)


def _hash_files(algorithm: str, root: bytes, names: list[bytes]) -> dict[bytes, bytes | None]:
    """Hash files in several threads; an interrupt stops them at once."""
    stop = threading.Event()

    def hash_one(name: bytes) -> bytes | None:
        try:
            return _hash_file(algorithm, os.path.join(root, name), stop)
        except OSError as error:
            remark(f"{clean(os.fsdecode(name))}: {error.strerror or error}; make it readable, or leave it out")
            return None

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        try:
            return dict(zip(names, pool.map(hash_one, names), strict=True))
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _hash_file(algorithm: str, path: bytes, stop: threading.Event) -> bytes:
    if algorithm == "blake3":
        from reprofp.datasets import hash_file

        return hash_file(path).digest.value
    hasher = hashlib.new(algorithm, usedforsecurity=False)
    with open(path, "rb", buffering=0) as file:
        while not stop.is_set() and (block := file.read(_BLOCK)):
            hasher.update(block)
    return hasher.digest()


def _show(result: Comparison, algorithm: str, *, as_json: bool) -> None:
    lists = {"changed": result.changed, "missing": result.missing, "added": result.added}
    if result.unreadable:
        lists["unreadable"] = result.unreadable
    if as_json:
        named = {name: [os.fsdecode(path) for path in paths] for name, paths in lists.items()}
        head = {"schema": "reprofp/hash-check/1", "match": not result and not result.unreadable}
        print_json({**head, "algorithm": algorithm, "equal": result.equal, "unreadable": [], **named})
        return
    for name, paths in lists.items():
        for path in paths:
            print_text(f"{name:8} {clean(os.fsdecode(path))}\n")
    counts = ", ".join(f"{len(paths)} {name}" for name, paths in lists.items())
    print_text(f"{result.equal} equal, {counts}\n")
