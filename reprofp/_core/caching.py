"""The native core's cache of digests of unchanged files.

In: the path of the cache's file. Out: a handle that hashing asks and tells. Guaranteed: a cache that is damaged, of
another version, or lies where others may write is not believed and is no error; docs/formats/digest-cache.md has the
rules.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, final

from reprofp._core import ffi, lib
from reprofp._core.reading import describe_failure
from reprofp.errors import InputError

__all__ = ["Cache", "CacheCounts"]


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What a cache knows, and what became of what it was told: numbers of files, which may be refused more than once.

    ``entries`` were known when it was opened, ``used`` of them were found, ``learned`` are new. Not remembered were
    ``young`` ones (changed just before the cache was opened, or since), ``written`` ones (open or mapped for writing),
    ``foreign`` ones (of another owner, and changed within the hour), and those ``elsewhere`` (on a file system whose
    times do not tell of every change).
    """

    entries: int
    used: int
    learned: int
    young: int
    written: int
    foreign: int
    elsewhere: int


@final
class Cache:
    """An open cache. Open one for each hashing: it learns only files that did not change since it was opened."""

    __slots__ = ("_cell", "path", "remark")

    def __init__(self, path: Path, cell: Any) -> None:
        """Take over the cell that owns the core's handle; see ``open``."""
        self.path = path
        self.remark: str | None = None
        """Why it could not be saved, and what to do, in one sentence; None if there is nothing to say."""
        self._cell = cell

    @classmethod
    def open(cls, path: Path) -> Cache:
        """Open the cache in a file; it begins empty where there is none that can be believed.

        Raises:
            InputError: no file can have that name, or there is no memory.
        """
        raw = os.fsencode(path)
        cell = ffi.gc(ffi.new("rfp_cache **"), lambda held: lib.rfp_cache_free(held[0]))
        status = lib.RFP_ERR_ARGUMENT if b"\0" in raw else lib.rfp_cache_open(raw, cell)
        if status != lib.RFP_OK:
            raise InputError(f"cannot use the cache {str(path)!r}: {describe_failure(status, 0)}")
        return cls(path, cell)

    @property
    def handle(self) -> Any:
        """The core's ``rfp_cache *``."""
        return self._cell[0]

    @property
    def is_usable(self) -> bool:
        """Whether it can be saved: its folder is there, and nobody else may write to it."""
        return bool(self._read_counts().usable)

    def find(self, path: bytes) -> bytes | None:
        """Return the digest of the file at a path, if it is known as it is now; it is not opened."""
        out = ffi.new("uint8_t[]", lib.RFP_DIGEST_BYTES)
        known = b"\0" not in path and lib.rfp_cache_find_file(self.handle, path, ffi.new("uint64_t *"), out)
        return bytes(ffi.buffer(out)) if known else None

    def save(self) -> bool:
        """Write what was learned, with what others wrote meanwhile; if that fails, ``remark`` says why."""
        status = lib.rfp_cache_save(self.handle)
        if status == lib.RFP_OK:
            return True
        reason = describe_failure(status, ffi.errno).partition(";")[0]
        self.remark = f"digests of unchanged files were not remembered in {str(self.path)!r}: {reason}"
        return False

    def counts(self) -> CacheCounts:
        """Return how many files were known, learned and refused so far."""
        counts = self._read_counts()
        return CacheCounts(
            entries=counts.entries,
            used=counts.used,
            learned=counts.learned,
            young=counts.young,
            written=counts.written,
            foreign=counts.foreign,
            elsewhere=counts.elsewhere,
        )

    def _read_counts(self) -> Any:
        counts = ffi.new("rfp_cache_counts *")
        lib.rfp_cache_count(self.handle, counts)
        return counts

    def __enter__(self) -> Cache:
        """Return the cache itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save, also what was learned before an error."""
        self.save()
