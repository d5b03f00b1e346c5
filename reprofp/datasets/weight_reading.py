"""Digests of what a file of weights holds: tensor by tensor, and the file itself.

In: an open file. Out: the digests of its tensors and of its bytes. Guaranteed: contents that lie in a row are hashed
where they are, others without holding a tensor in memory; contents that several names share are read once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from reprofp._core import reading, tensors
from reprofp._core.caching import Cache
from reprofp._core.hashing import Hasher
from reprofp._core.reading import Progress, ProgressCallback, StableFile
from reprofp._core.tensors import View
from reprofp.datasets.formats.contents import Contents, Hashed, Opaque, Packed, Piece, Stored, refuse
from reprofp.datasets.formats.detect import read_contents
from reprofp.datasets.weight_lists import WeightLists

__all__ = ["FileContents", "check_growth", "hash_contents", "open_flat", "take_stamp", "view_of"]

RawBytes = bytes  # where a field is called bytes

_MOST_GROWTH = 16
_FEWEST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds, with the digest of each tensor's contents, and the digest of the file."""

    contents: Contents | Opaque
    digests: Mapping[str, RawBytes]
    file_digest: RawBytes
    bytes: int
    stamp: tuple[int, ...]
    """What tells whether the file was changed since."""


def take_stamp(found: os.stat_result) -> tuple[int, ...]:
    """Return what changes with a file, or with another one in its place."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def hash_contents(
    path: bytes, threads: int | None, progress: ProgressCallback | None, cache: Cache | None = None
) -> FileContents:
    """Read a file of weights, or with a cache know what an unchanged one holds.

    Raises:
        InputError: it is not there or cannot be read.
        UnstableFileError: it changed while it was read.
        FormatError: it is damaged, or asks for what only an attack needs.
    """
    if cache is None:
        return _read_file(path, threads, progress, None)
    lists = WeightLists(cache.path.parent / "weights")
    known = _find_known(path, cache, lists)
    if known is not None:
        if progress is not None:
            progress(Progress(1, known.bytes, 0, known.bytes))
        return known
    found = _read_file(path, threads, progress, cache)
    if isinstance(found.contents, Contents):
        lists.keep(found.file_digest, path, found.contents, found.digests)
    return found


def _find_known(path: bytes, cache: Cache, lists: WeightLists) -> FileContents | None:
    try:
        info = os.stat(path)  # before the cache is asked: what changes later shows in it
    except (OSError, ValueError):
        return None  # whoever opens it says what is wrong
    digest = cache.find(path)
    contents = lists.find(digest, path) if digest is not None else None
    if digest is None or contents is None:
        return None
    digests = {name: piece.digest for name, piece in contents.tensors.items() if isinstance(piece, Hashed)}
    return FileContents(contents, digests, digest, info.st_size, take_stamp(info))


def _read_file(
    path: bytes, threads: int | None, progress: ProgressCallback | None, cache: Cache | None
) -> FileContents:
    where = os.fsdecode(path)
    with reading.open_stable(path, cache) as file:
        contents = read_contents(file, where, threads or reading.default_threads())
        pieces = contents.tensors if isinstance(contents, Contents) else {}
        check_growth(file, pieces, where)
        whole, digests = _hash_pieces(file, pieces, threads, progress)
        stamp = take_stamp(os.fstat(file.fd))
        file.digest = whole
    return FileContents(contents, digests, whole, file.bytes, stamp)


def check_growth(file: StableFile, pieces: Mapping[str, Piece], where: str) -> None:
    """Refuse tensors that repeat the file's bytes far more often than weights do.

    Raises:
        FormatError: they do.
    """
    total = sum(piece.bytes for piece in {piece for piece in pieces.values() if isinstance(piece, Stored)})
    if total > _FEWEST_BYTES + _MOST_GROWTH * file.bytes:
        refuse(
            where, f"tensors of {total} bytes in a file of {file.bytes}: it repeats itself more often than is plausible"
        )


def _hash_pieces(
    file: StableFile, pieces: Mapping[str, Piece], threads: int | None, progress: ProgressCallback | None
) -> tuple[bytes, dict[str, bytes]]:
    known = _hash_flat(file, pieces, threads, progress)
    whole = known.pop(None)
    digests = {}
    for name, piece in pieces.items():
        if isinstance(piece, Hashed):
            digests[name] = piece.digest
        elif isinstance(piece, Packed):
            digests[name] = _hash_packed(file, piece)
        else:
            if piece not in known:
                known[piece] = tensors.hash_file_view(file.fd, piece.offset, view_of(piece), file.path)
            digests[name] = known[piece]
    return whole, digests


def _hash_flat(
    file: StableFile, pieces: Mapping[str, Piece], threads: int | None, progress: ProgressCallback | None
) -> dict[Stored | None, bytes]:
    """Hash the file (under None) and all contents that lie in it in a row."""
    flat = list({piece: None for piece in pieces.values() if isinstance(piece, Stored) and piece.strides is None})
    ranges = [(0, file.bytes), *((piece.offset, piece.bytes) for piece in flat)]
    found = reading.hash_ranges(file.fd, ranges, file.path, threads=threads, progress=progress)
    return dict(zip([None, *flat], found, strict=True))


def view_of(piece: Stored) -> View:
    """Return the view of a piece."""
    if piece.strides is None:
        return View((piece.bytes,), (1,), 1)
    return View(piece.shape, piece.strides, piece.item_bytes, piece.swap_bytes)


def _hash_packed(file: StableFile, piece: Packed) -> bytes:
    if piece.stored.strides is None:
        hasher = Hasher()
        for part in piece.unpack():
            hasher.update(part)
        return hasher.digest()
    with open_flat(file, piece) as (fd, offset):
        return reading.hash_ranges(fd, [(offset, piece.stored.bytes)], file.path)[0]


@contextmanager
def open_flat(file: StableFile, piece: Stored | Packed) -> Iterator[tuple[int, int]]:
    """Give an open file and an offset at which the contents of a piece lie in a row, for the block.

    Raises:
        InputError: it cannot be read, or the temporary file cannot be written.
    """
    if isinstance(piece, Stored) and piece.strides is None:
        yield file.fd, piece.offset
        return
    with tempfile.TemporaryFile(prefix="reprofp-") as flat:
        if isinstance(piece, Stored):
            tensors.copy_file_view(file.fd, piece.offset, view_of(piece), file.path, flat.fileno())
        elif piece.stored.strides is None:
            _unpack(piece, flat.fileno())
        else:
            with tempfile.TemporaryFile(prefix="reprofp-") as unpacked:
                _unpack(piece, unpacked.fileno())
                tensors.copy_file_view(unpacked.fileno(), 0, view_of(piece.stored), file.path, flat.fileno())
        yield flat.fileno(), 0


def _unpack(piece: Packed, fd: int) -> None:
    for part in piece.unpack():
        left = part
        while left:
            left = left[os.write(fd, left) :]
