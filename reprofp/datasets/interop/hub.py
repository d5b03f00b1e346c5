"""The cache of the Hugging Face hub: contents that are named by their digests.

In: the folder of one repository in the cache (``models--ORG--NAME``), or a snapshot in it. Out: for each content what
its name says and what it is. Guaranteed: contents are read, never believed; links that lead nowhere and downloads that
did not end are named.

The layout: https://huggingface.co/docs/huggingface_hub/guides/manage-cache
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import replace

from reprofp.datasets.interop.checks import Check, Verification
from reprofp.datasets.interop.digests import read_path
from reprofp.errors import InputError, ReprofpError

__all__ = ["verify_hub"]

_ALGORITHMS = {40: "git-sha1", 64: "sha256"}
_HEX = re.compile(rb"[0-9a-f]+")


def verify_hub(path: str | os.PathLike[str], *, threads: int | None = None) -> Verification:
    """Verify the contents of a repository in the cache, or those that one snapshot links to.

    Raises:
        InputError: it is no such folder, or cannot be read.
    """
    raw = os.fsencode(path)
    blobs = os.path.join(raw, b"blobs")
    try:
        if os.path.isdir(blobs):
            items = [*_list_blobs(blobs), *_list_links(os.path.join(raw, b"snapshots"), only_broken=True)]
        elif os.path.basename(os.path.dirname(os.path.abspath(raw))) == b"snapshots":
            items = list(_list_links(raw, only_broken=False))
        else:
            raise InputError(
                f"{os.fsdecode(raw)!r} is no repository in the hub's cache: give the folder that holds blobs and "
                "snapshots, or one of its snapshots"
            )
    except OSError as error:
        raise InputError(f"cannot read {os.fsdecode(raw)!r}: {error.strerror}; check the path") from error
    return Verification("hub", tuple(_check(raw, check, threads) for check in sorted(items, key=lambda c: c.path)))


def _list_blobs(folder: bytes) -> Iterator[Check]:
    for name in os.listdir(folder):
        yield _expect(os.path.join(b"blobs", name), name)


def _expect(path: bytes, name: bytes) -> Check:
    if name.endswith(b".incomplete"):
        return Check(path, "", "", problem="a download that did not end: remove it, or download again")
    algorithm = _ALGORITHMS.get(len(name), "") if _HEX.fullmatch(name) else ""
    if not algorithm:
        return Check(path, "", "", problem="its name is no digest that the hub gives")
    return Check(path, algorithm, name.decode())


def _list_links(folder: bytes, *, only_broken: bool) -> Iterator[Check]:
    """Yield what the links of snapshots lead to, and the links that lead nowhere."""
    if not os.path.isdir(folder):
        return
    for above, _, names in os.walk(folder, onerror=_raise):
        for name in names:
            full = os.path.join(above, name)
            path = os.path.relpath(full, os.path.dirname(folder) if only_broken else folder)
            if os.path.islink(full) and not os.path.exists(full):
                yield Check(path, "", "", problem="its content is missing: download it again")
            elif not only_broken:
                yield _expect(path, os.path.basename(os.path.realpath(full)))


def _raise(error: OSError) -> None:
    raise error


def _check(root: bytes, check: Check, threads: int | None) -> Check:
    if check.problem is not None:
        return check
    try:
        found = read_path(os.path.join(root, check.path), [check.algorithm], threads=threads)
    except ReprofpError as error:
        return replace(check, problem=str(error))
    return replace(check, found=found.others[check.algorithm])
