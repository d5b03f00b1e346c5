"""Reads an open HDF5 file and prints what it found: run in a process of its own by ``hdf5.py``.

In: a file descriptor. Out, on standard output: canonical bytes of ``{"tensors": [[path, dtype, shape, digest], ...],
"metadata": [[path@attribute, type, digest], ...]}``; or a line on standard error and exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import prod
from typing import Any

from reprofp._core.hashing import Hasher, hash_bytes
from reprofp.datasets.formats.npy import name_type
from reprofp.model.canonical import encode
from reprofp.model.observations import Value

__all__ = ["main"]

_BLOCK_BYTES = 8 * 1024 * 1024
_MOST_CHUNK_BYTES = 1024 * 1024 * 1024
_MOST_OBJECTS = 1_000_000
_MOST_DEPTH = 128
_MOST_GROWTH = 2048
_FEWEST_BYTES = 64 * 1024 * 1024


class _RefusedError(Exception):
    """The file holds what is not read."""


def main(fd: int) -> None:
    """Read the file and print what was found."""
    import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415

    try:
        with h5py.File(f"/proc/self/fd/{fd}", "r") as file:
            walk = _Walk(h5py)
            walk.enter("", file, 0)
            answer: dict[str, Value] = {"tensors": walk.tensors, "metadata": walk.metadata}
    except Exception as error:  # noqa: BLE001  h5py raises what it likes on damaged files; the parent names the file
        sys.stderr.write(f"{' '.join(str(error).split())[:400]}\n")
        raise SystemExit(1) from None
    sys.stdout.buffer.write(encode(answer))


class _Walk:
    """Collects the datasets and attributes of a file."""

    def __init__(self, h5py: Any) -> None:
        self._h5py = h5py
        self._objects = 0
        self.tensors: list[Value] = []
        self.metadata: list[Value] = []

    def enter(self, path: str, group: Any, depth: int) -> None:
        """Read a group and all below it."""
        self._add_attributes(path, group)
        for name in group:
            child = f"{path}/{name}" if path else name
            link = group.get(name, getlink=True)
            if not isinstance(link, self._h5py.HardLink):
                self._add_link(child, link)
                continue
            self._objects += 1
            if self._objects > _MOST_OBJECTS or depth > _MOST_DEPTH:
                raise _RefusedError("groups nest deeper, or are more, than is plausible")
            self._add(child, group[name], depth)

    def _add(self, path: str, item: Any, depth: int) -> None:
        if isinstance(item, self._h5py.Group):
            self.enter(path, item, depth + 1)
        elif isinstance(item, self._h5py.Dataset):
            self._add_attributes(path, item)
            self._add_dataset(path, item)

    def _add_link(self, path: str, link: Any) -> None:
        if isinstance(link, self._h5py.ExternalLink):
            raise _RefusedError(f"{path!r} leads to another file; such links are not followed")
        self.metadata.append([path, "link", hash_bytes(str(link.path).encode())])

    def _add_dataset(self, path: str, dataset: Any) -> None:
        if dataset.shape is None or dataset.dtype.kind == "O":
            self.metadata.append([path, *_describe(dataset[()])])
            return
        if dataset.external or dataset.is_virtual:
            raise _RefusedError(f"the data of {path!r} lie in other files, which are not read")
        if dataset.dtype.fields or dataset.dtype.subdtype:
            raise _RefusedError(f"the elements of {path!r} are records or arrays, which are not read")
        if names := self._h5py.check_enum_dtype(dataset.dtype):
            self.metadata.append([path, "enum", hash_bytes(encode(sorted(map(list, names.items()))))])
        dtype, item_bytes, _ = name_type(dataset.dtype.str, repr(path))
        _check_growth(path, dataset, item_bytes)
        hasher = Hasher()
        for selection in _blocks(dataset.shape, item_bytes, dataset.chunks):
            hasher.update(_little_endian(dataset[selection]))
        self.tensors.append([path, dtype, list(dataset.shape), hasher.digest()])

    def _add_attributes(self, path: str, item: Any) -> None:
        for name in sorted(item.attrs):
            self.metadata.append([f"{path}@{name}", *_describe(item.attrs[name])])


def _check_growth(path: str, dataset: Any, item_bytes: int) -> None:
    announced, stored = prod(dataset.shape) * item_bytes, dataset.id.get_storage_size()
    if announced > max(_FEWEST_BYTES, _MOST_GROWTH * stored):
        raise _RefusedError(f"{path!r} announces {announced} bytes and stores {stored}")
    if dataset.chunks and prod(dataset.chunks) * item_bytes > _MOST_CHUNK_BYTES:
        raise _RefusedError(f"the chunks of {path!r} are larger than is plausible")


def _blocks(shape: tuple[int, ...], item_bytes: int, chunks: tuple[int, ...] | None) -> Iterator[tuple[Any, ...]]:
    """Yield selections that cover a shape in row-major order, of about 8 MiB each."""
    if 0 in shape:
        return
    row_bytes, axis = item_bytes, len(shape)
    while axis > 0 and row_bytes * shape[axis - 1] <= _BLOCK_BYTES:
        axis -= 1
        row_bytes *= shape[axis]
    if axis == 0:
        yield ()
        return
    axis -= 1
    step = max(1, _BLOCK_BYTES // row_bytes)
    if chunks and chunks[axis] < shape[axis]:
        step = -(-step // chunks[axis]) * chunks[axis]
    for place in _places(shape[:axis]):
        for begin in range(0, shape[axis], step):
            yield (*place, slice(begin, min(begin + step, shape[axis])))


def _places(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    if not shape:
        yield ()
        return
    for first in range(shape[0]):
        for rest in _places(shape[1:]):
            yield (first, *rest)


def _little_endian(block: Any) -> bytes:
    return bytes(block.astype(block.dtype.newbyteorder("<"), copy=False).tobytes())


def _describe(value: Any) -> tuple[str, bytes]:
    """Return the type and digest of an attribute's value."""
    if isinstance(value, str):
        return "str", hash_bytes(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, bytes):
        return "bytes", hash_bytes(value)
    if not hasattr(value, "dtype"):
        return "object", hash_bytes(repr(value).encode("utf-8", "replace"))
    return _describe_array(value)


def _describe_array(value: Any) -> tuple[str, bytes]:
    if value.shape is None:
        return f"{value.dtype.str}", hash_bytes(b"")
    if value.dtype.kind == "O":  # texts and arrays of various lengths
        items: Value = [list(_describe(item)) for item in value.ravel().tolist()]
        return f"object{list(value.shape)}", hash_bytes(encode(items))
    if value.dtype.fields:  # with their names, and in the byte order that they have
        return f"{value.dtype.descr}{list(value.shape)}", hash_bytes(value.tobytes())
    return f"{value.dtype.newbyteorder('<').str}{list(value.shape)}", hash_bytes(_little_endian(value))
