"""Several digests of one file from a single read: BLAKE3 by the core, the others by hashlib (OpenSSL).

In: an open file and names of algorithms. Out: the digest of each. Guaranteed: all are of the same bytes, those of a
file that did not change while it was read; it is read once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from reprofp._core import reading
from reprofp._core.hashing import Hasher
from reprofp.datasets.interop.legacy import Dos2UnixMD5
from reprofp.errors import InputError, UsageError

__all__ = ["OTHER_ALGORITHMS", "ReadDigests", "check_names", "read_digests", "read_path"]

OTHER_ALGORITHMS = ("sha256", "sha512", "sha1", "md5", "git-sha1", "git-sha256")
"""The digests that can be asked for: of the content, and (git-) the ids that git gives to blobs."""

_ALIASES = {"git": "git-sha1"}
_PIECE_BYTES = 1024 * 1024
_LEAST_BYTES = 64 * 1024  # files of /proc tell no length
_LARGE_BYTES = 8 * _PIECE_BYTES

RawBytes = bytes  # where a field is called bytes
Advance = Callable[[int], None]


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...

    def digest(self) -> RawBytes: ...


@dataclass(frozen=True, slots=True)
class ReadDigests:
    """What a single read gave: BLAKE3, and the others in hexadecimal by name."""

    blake3: RawBytes
    bytes: int
    others: Mapping[str, str]


def check_names(names: Collection[str]) -> tuple[str, ...]:
    """Return the algorithms' names in their one order; ``git`` stands for ``git-sha1``.

    Raises:
        UsageError: there is no such digest.
    """
    if isinstance(names, str):
        raise UsageError(f"also is a list of names, not one text: write [{names!r}]")
    wanted = {_ALIASES.get(name, name) for name in names}
    unknown = sorted(wanted - {*OTHER_ALGORITHMS})
    if unknown:
        raise UsageError(f"no digest is called {unknown[0]!r}: there are {', '.join(OTHER_ALGORITHMS)} and git")
    return tuple(name for name in OTHER_ALGORITHMS if name in wanted)


def read_path(
    path: bytes, names: Collection[str], *, threads: int | None = None, advance: Advance | None = None
) -> ReadDigests:
    """Return the digests of the regular file at a path.

    Raises:
        InputError: it is not there, not readable or not a regular file.
        UnstableFileError: it changed while it was read.
    """
    with reading.open_stable(path) as file:
        return read_digests(file, names, threads=threads, advance=advance)


def read_digests(
    file: reading.StableFile, names: Collection[str], *, threads: int | None = None, advance: Advance | None = None
) -> ReadDigests:
    """Return the digests of an open file whose stability the caller watches.

    Several threads share the work on a large file, an algorithm each.

    Raises:
        InputError: it cannot be read, or git's ids were asked of what tells no length.
    """
    blake3 = Hasher()
    hashes: dict[str, _Hash] = {name: _begin(name, file.bytes) for name in names}
    workers = min(threads or reading.default_threads(), len(hashes) + 1)
    length = _feed(file, [blake3, *hashes.values()], workers, advance)
    if length != file.bytes and any(name.startswith("git-") for name in names):
        raise InputError(
            f"cannot hash {os.fsdecode(file.path)!r} as git does: its length is told as {file.bytes} and is {length} "
            "bytes; copy it to a regular file first"
        )
    return ReadDigests(blake3.digest(), length, {name: found.digest().hex() for name, found in hashes.items()})


def _begin(name: str, length: int) -> _Hash:
    if name == "md5-dos2unix":
        return Dos2UnixMD5()
    started = hashlib.new(name.removeprefix("git-"), usedforsecurity=False)
    if name.startswith("git-"):
        started.update(b"blob %d\0" % length)
    return started


def _feed(file: reading.StableFile, hashes: list[_Hash], workers: int, advance: Advance | None) -> int:
    length = 0
    pool: AbstractContextManager[ThreadPoolExecutor | None] = nullcontext()
    if workers > 1 and file.bytes >= _LARGE_BYTES:
        pool = ThreadPoolExecutor(workers, "reprofp-digest")
    with pool as executor:
        pending: list[Future[None]] = []
        for piece in _read_pieces(file):
            for work in pending:
                work.result()
            pending = _update_all(hashes, piece, executor)
            length += len(piece)
            if advance is not None:
                advance(len(piece))
        for work in pending:
            work.result()
    return length


def _update_all(hashes: list[_Hash], piece: memoryview, executor: ThreadPoolExecutor | None) -> list[Future[None]]:
    if executor is None:
        for found in hashes:
            found.update(piece)
        return []
    return [executor.submit(found.update, piece) for found in hashes]


def _read_pieces(file: reading.StableFile) -> Iterator[memoryview]:
    """Yield the content in pieces; each stays as it is until the one after the next is asked for."""
    size = max(_LEAST_BYTES, min(_PIECE_BYTES, file.bytes + 1))
    buffers = [bytearray(size), bytearray(size)]
    offset = turn = 0
    while True:
        view = memoryview(buffers[turn])
        try:
            got = _fill(file.fd, view, offset)
        except OSError as error:
            raise InputError(
                f"cannot hash {os.fsdecode(file.path)!r}: {error.strerror}; check the disk or the network mount"
            ) from error
        if got:
            yield view[:got]
        if got < size:
            return
        offset += got
        turn = 1 - turn


def _fill(fd: int, view: memoryview, offset: int) -> int:
    filled = 0
    while filled < len(view):
        got = os.preadv(fd, [view[filled:]], offset + filled)
        if not got:
            break
        filled += got
    return filled
