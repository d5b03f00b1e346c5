"""What files of weights were found to hold, kept by the digest of their bytes: an unchanged file is not read again.

In: the digest of a file. Out: its tensors, with their digests. Guaranteed: what is found is what reading the file would
find, since the same readers made it of the same bytes; what is damaged is not believed, and nothing here is an error.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reprofp._core.hashing import hash_bytes
from reprofp.datasets.formats.contents import Contents, Hashed, NamedValue
from reprofp.errors import ReprofpError
from reprofp.model.canonical import decode, encode
from reprofp.model.observations import Value

__all__ = ["READERS", "WeightLists"]

RawBytes = bytes  # where a name says bytes

READERS = 1
"""Counts the changes of what readers make of a file: what others made is not found."""

_CONTEXT = "reprofp 2026-11-21 list of what a file of weights holds, kept beside the cache"
_SUM_BYTES = 32
_MOST_BYTES = 8 * 1024 * 1024
_MOST_LISTS = 1000
# Formats that reprofp reads by itself: what another library reads depends on its version.
_FORMATS = frozenset({"safetensors", "gguf", "torch", "npy", "npz"})


class WeightLists:
    """A folder of lists, one file for each."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, which is made when something is kept."""
        self._folder = folder

    def find(self, file_digest: RawBytes, path: RawBytes) -> Contents | None:
        """Return what the file with that digest holds, if it was read before under such a name."""
        try:
            data = self._place(file_digest, path).read_bytes()
        except OSError:
            return None
        body, checksum = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
        if hash_bytes(body, context=_CONTEXT) != checksum:
            return None
        try:
            return _unpack(decode(body))
        except (ReprofpError, TypeError, ValueError, IndexError):
            return None

    def keep(self, file_digest: RawBytes, path: RawBytes, contents: Contents, digests: Mapping[str, RawBytes]) -> None:
        """Keep what the file with that digest holds; where that cannot be, nothing happens."""
        if contents.format not in _FORMATS:
            return
        body = encode(_pack(contents, digests))
        if len(body) > _MOST_BYTES:
            return
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._drop_oldest()
            self._write(self._place(file_digest, path), body + hash_bytes(body, context=_CONTEXT))

    def _place(self, file_digest: RawBytes, path: RawBytes) -> Path:
        """Return the file of a list; the name of weights decides only whether they are taken for safetensors."""
        key = encode([READERS, path.endswith(b".safetensors"), file_digest])
        return self._folder / hash_bytes(key, context=_CONTEXT).hex()

    def _write(self, place: Path, data: RawBytes) -> None:
        handle, name = tempfile.mkstemp(prefix=".new-", dir=self._folder)
        try:
            with open(handle, "wb") as file:
                file.write(data)
            os.replace(name, place)
        except BaseException:
            os.unlink(name)
            raise

    def _drop_oldest(self) -> None:
        """Make room for one more."""
        kept = sorted(os.scandir(self._folder), key=lambda entry: entry.stat().st_mtime_ns)
        for entry in kept[: max(0, len(kept) - _MOST_LISTS + 1)]:
            os.unlink(entry.path)


def _pack(contents: Contents, digests: Mapping[str, RawBytes]) -> Value:
    tensors: list[Value] = [
        [name, piece.dtype, list(piece.shape), digests[name]] for name, piece in contents.tensors.items()
    ]
    values: list[Value] = [[name, value.kind, value.digest] for name, value in contents.metadata.items()]
    return [contents.format, tensors, values]


def _unpack(found: Any) -> Contents:
    form, tensors, values = found
    return Contents(
        form,
        {name: Hashed(dtype, tuple(shape), digest) for name, dtype, shape, digest in tensors},
        {name: NamedValue(kind, digest) for name, kind, digest in values},
    )
