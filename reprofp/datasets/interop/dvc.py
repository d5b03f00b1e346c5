"""Data that DVC tracks, held against what its files say, without DVC.

In: a ``.dvc`` file or a ``dvc.lock``. Out: for each output (and, of stages, each dependency) what was expected and what
is there. Guaranteed: files are read, never a cache or a time; a folder's digest is DVC's own (the MD5 of its sorted
list of names and MD5s), leaving out what ``.dvcignore`` files say. Both of DVC's ways are known: ``hash: md5``, and the
older one, where nothing is said and text counts with the line ends of Unix.

The formats: https://dvc.org/doc/user-guide/project-structure/dvc-files and .../dvcyaml-files#dvclock-file
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace

from reprofp._core.reading import default_threads
from reprofp.datasets.interop.checks import Check, Verification
from reprofp.datasets.interop.digests import read_path
from reprofp.datasets.interop.dvc_files import list_folder
from reprofp.datasets.interop.mapping import read_mapping
from reprofp.errors import FormatError, InputError, ReprofpError

__all__ = ["MAX_DVC_BYTES", "verify_dvc"]

MAX_DVC_BYTES = 64 * 1024 * 1024
"""The largest ``.dvc`` file or ``dvc.lock`` that is read."""

_FOLDER = ".dir"


def verify_dvc(path: str | os.PathLike[str], *, threads: int | None = None) -> Verification:
    """Hold the data beside a ``.dvc`` file, or that of the stages of a ``dvc.lock``, against it.

    Raises:
        InputError: the file is not there or cannot be read.
        FormatError: it is no file of DVC.
    """
    raw = os.fsencode(path)
    document = read_mapping(raw, MAX_DVC_BYTES)
    items = list(_take_items(document, os.fsdecode(raw)))
    folder = os.path.join(os.path.dirname(raw), os.fsencode(_take_text(document, "wdir") or b""))
    known: dict[tuple[bytes, str], Check] = {}  # stages name the same data again and again
    checks = []
    for item in items:
        check = _expect(item, os.fsdecode(raw))
        found = known.get((check.path, check.algorithm))
        if found is None:
            found = known[check.path, check.algorithm] = _check(check, folder, threads)
        checks.append(replace(found, expected=check.expected))
    return Verification("dvc", tuple(checks))


def _take_items(document: Mapping[str, object], where: str) -> Iterator[Mapping[str, object]]:
    """Yield the entries that name data."""
    if "stages" in document:
        stages = document["stages"]
        if not isinstance(stages, dict) or not all(isinstance(stage, dict) for stage in stages.values()):
            raise FormatError(f"{where}: the stages are not named maps; is it a dvc.lock?")
        for stage in stages.values():
            yield from _take_list(stage, "deps", where)
            yield from _take_list(stage, "outs", where)
    elif "outs" in document:
        yield from _take_list(document, "outs", where)
    else:
        raise FormatError(f"{where} has neither outs nor stages: give a .dvc file or a dvc.lock")


def _take_list(document: Mapping[str, object], key: str, where: str) -> list[Mapping[str, object]]:
    items = document.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise FormatError(f"{where}: {key} is not a list of maps")
    return items


def _take_text(item: Mapping[str, object], key: str) -> str:
    value = item.get(key, "")
    return value if isinstance(value, str) else ""


def _expect(item: Mapping[str, object], where: str) -> Check:
    path, expected = _take_text(item, "path"), _take_text(item, "md5")
    if not path or "\0" in path:
        raise FormatError(f"{where}: an entry has no path")
    algorithm = "md5" if _take_text(item, "hash") == "md5" else "md5-dos2unix"
    check = Check(os.fsencode(path), algorithm, expected)
    if expected:
        return check
    return replace(check, algorithm="", problem="it has no MD5 in this file (kept elsewhere, or never computed)")


def _check(check: Check, folder: bytes, threads: int | None) -> Check:
    if check.problem is not None:
        return check
    if b"://" in check.path:
        return replace(check, problem="it is not on this machine")
    full = os.path.join(folder, check.path)
    try:
        if os.path.isdir(full):
            return replace(check, found=_digest_folder(full, check.algorithm, threads))
        return replace(check, found=read_path(full, [check.algorithm], threads=threads).others[check.algorithm])
    except ReprofpError as error:
        return replace(check, problem=str(error))


def _digest_folder(folder: bytes, algorithm: str, threads: int | None) -> str:
    """Return the digest of a folder as DVC writes it."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  a file needs none

    def read(path: bytes) -> dict[str, str]:
        found = read_path(os.path.join(folder, path), [algorithm], threads=1)
        return {"md5": found.others[algorithm], "relpath": os.fsdecode(path)}

    with ThreadPoolExecutor(threads or default_threads()) as pool:
        try:
            items = list(pool.map(read, list_folder(folder)))
        except OSError as error:
            raise InputError(f"cannot read {os.fsdecode(folder)!r}: {error.strerror}; make it readable") from error
    listed = json.dumps(sorted(items, key=lambda item: item["relpath"]), sort_keys=True)
    return hashlib.md5(listed.encode(), usedforsecurity=False).hexdigest() + _FOLDER
