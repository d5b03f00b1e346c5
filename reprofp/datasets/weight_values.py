"""By how much the values of equally named tensors differ.

In: two files, indexes or folders of weights. Out: for each tensor that both hold with the same dtype and shape, how its
values differ. Guaranteed: files are streamed, so that memory stays bounded; the number of threads changes no result.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from reprofp._core import reading
from reprofp._core.reading import ProgressCallback, StableFile
from reprofp._core.tensors import Difference, measure_files, number_bytes
from reprofp.datasets.formats.contents import Contents, Hashed, Packed, Stored, quote
from reprofp.datasets.formats.detect import read_contents
from reprofp.datasets.weight_files import find_files, is_index, read_index
from reprofp.datasets.weight_reading import check_growth, open_flat
from reprofp.errors import FormatError, InputError

__all__ = ["TensorDifference", "measure_values"]

_INTEGERS = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64"}


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """How the second one's values of a tensor differ from the first one's.

    ``elements`` is how many numbers it has (a complex element has two), ``different`` how many differ in any bit.
    ``max_abs`` is the greatest distance of two finite numbers, ``relative_norm`` the Euclidean norm of all distances
    over that of the first one's numbers (inf where those are all zero and not the same). ``max_ulps`` is the greatest
    distance in steps from one number of the type to the next; None for integers. ``nan_changes`` and ``inf_changes``
    count numbers that are not finite on one side alone (or an infinity of the other sign).
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    elements: int
    different: int
    max_abs: float
    relative_norm: float
    max_ulps: int | None
    nan_changes: int
    inf_changes: int


_Piece = tuple[StableFile, Stored | Packed]


def measure_values(
    first: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    second: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> Iterator[TensorDifference]:
    """Yield the difference of each tensor that both hold with the same dtype and shape, sorted by name.

    Tensors of types whose values are not numbers of their own (quantised blocks, texts) are left out, and so are
    those of HDF5 files.

    Raises:
        InputError: something is not there or cannot be read, or is of a format whose tensors are not read.
        UnstableFileError: something changed while it was read.
        FormatError: a file or index is not valid.
    """
    with ExitStack() as stack:
        before = _open_tensors(os.fsencode(first), threads, stack)
        after = _open_tensors(os.fsencode(second), threads, stack)
        for name in sorted(before.keys() & after.keys(), key=str.encode):
            a, b = before[name], after[name]
            if (a[1].dtype, a[1].shape) == (b[1].dtype, b[1].shape) and number_bytes(a[1].dtype):
                yield _measure(name, a, b, threads, progress)


def _open_tensors(path: bytes, threads: int | None, stack: ExitStack) -> dict[str, _Piece]:
    """Open the files of weights until the stack is closed, and find their tensors."""
    found: dict[str, _Piece] = {}
    for shard in _shards(path):
        file = stack.enter_context(reading.open_stable(shard))
        where = os.fsdecode(shard)
        contents = read_contents(file, where, threads or reading.default_threads())
        if not isinstance(contents, Contents):
            why = contents.remark or "its format is not known"
            raise InputError(f"cannot compare the values in {where!r}: {why}")
        check_growth(file, contents.tensors, where)
        for name, piece in contents.tensors.items():
            if isinstance(piece, Hashed):
                raise InputError(f"cannot compare the values in {where!r}: those of HDF5 files are not read in place")
            if name in found:
                raise FormatError(f"{where}: tensor {quote(name)} is in another file, too; name one file or its index")
            found[name] = (file, piece)
    return found


def _shards(path: bytes) -> list[bytes]:
    files = find_files(path)
    if not files:
        raise InputError(f"no weights of a known format in {os.fsdecode(path)!r}; name a file")
    if not is_index(files[0]):
        return files
    with reading.open_stable(files[0]) as file:
        owners = read_index(file)
    folder = os.path.dirname(files[0])
    return [os.path.join(folder, os.fsencode(name)) for name in sorted(set(owners.values()))]


def _measure(
    name: str, a: _Piece, b: _Piece, threads: int | None, progress: ProgressCallback | None
) -> TensorDifference:
    dtype, shape = a[1].dtype, a[1].shape
    stored = a[1].stored if isinstance(a[1], Packed) else a[1]
    count = stored.bytes // number_bytes(dtype)
    with open_flat(*a) as first, open_flat(*b) as second:
        d = measure_files(dtype, first, second, count, a[0].path, threads=threads, progress=progress)
    ulps = None if dtype in _INTEGERS else d.max_ulps
    return TensorDifference(
        name,
        dtype,
        shape,
        d.elements,
        d.different,
        d.max_abs,
        _relative_norm(d),
        ulps,
        d.nan_changes,
        d.inf_changes,
    )


def _relative_norm(difference: Difference) -> float:
    if difference.squares == 0:
        return 0.0
    if difference.squares_first == 0:
        return math.inf
    return math.sqrt(difference.squares / difference.squares_first)
