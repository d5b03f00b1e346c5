"""The digest of a sequence: in which order a dataset was gone through.

In: integers, texts, bytes, and tuples (or lists) of these, from anything that yields them; arrays of integers are taken
as they lie in memory. Out: a digest, ``blake3-sequence``. Guaranteed: the same values in the same order give the same
digest, from a list, a generator, an array or a tensor, however they were split over calls. The exact bytes are in
docs/formats/sequence.md.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain, groupby, islice
from typing import Any, Protocol, cast, runtime_checkable

import msgpack

from reprofp._core.hashing import Hasher
from reprofp.errors import UsageError
from reprofp.model.canonical import encode
from reprofp.model.ids import Digest

__all__ = ["SEQUENCE_ALGORITHM", "SEQUENCE_CONTEXT", "SequenceHasher", "hash_sequence"]

SEQUENCE_ALGORITHM = "blake3-sequence"
"""The algorithm's name for the digest of a sequence."""

SEQUENCE_CONTEXT = "reprofp 2026-11-21 blake3-sequence digest of an order"
"""The context string of BLAKE3's derive-key mode."""

_INTEGERS = b"i"
_OTHERS = b"o"
_BATCH = 1 << 15
_INT64 = range(-(2**63), 2**63)
_PLAIN_TYPES = frozenset({str, bytes})
_SWAP = sys.byteorder == "big"


@runtime_checkable
class _Sliceable(Protocol):
    """An array of some library: it can be cut, and gives its values as Python's."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any) -> Any: ...

    def tolist(self) -> Any: ...


class SequenceHasher:
    """The digest of a sequence that comes in pieces."""

    __slots__ = ("_count", "_kind", "_outer", "_run", "items")

    def __init__(self) -> None:
        """Begin with no items."""
        self._outer = Hasher(derive_key_context=SEQUENCE_CONTEXT)
        self._run = Hasher()
        self._kind = b""
        self._count = 0
        self.items = 0
        """How many items were added."""

    def update(self, items: Iterable[object]) -> None:
        """Add items: an iterable of integers, texts, bytes and tuples of these, or an array of integers.

        Raises:
            UsageError: an item is of another type, such as a float or a bool; the items before it may have been added.
        """
        if isinstance(items, (str, bytes, bytearray)):
            raise UsageError(f"a sequence is a list of items, not {type(items).__name__}: put it in a list to add it")
        if isinstance(items, AbstractSet):
            raise UsageError(f"a {type(items).__name__} has no order: give a list, for instance sorted(...)")
        for kind, count, data in _encode(items):
            self._add(kind, count, data)

    def digest(self) -> Digest:
        """Return the digest of what was added so far; more may be added afterwards."""
        outer = self._outer.copy()
        if self._count:
            outer.update(self._describe_run())
        return Digest(SEQUENCE_ALGORITHM, outer.digest())

    def _add(self, kind: bytes, count: int, data: bytes | memoryview) -> None:
        if not count:
            return
        if kind != self._kind and self._count:
            self._outer.update(self._describe_run())
            self._run, self._count = Hasher(), 0
        self._kind = kind
        self._run.update(data)
        self._count += count
        self.items += count

    def _describe_run(self) -> bytes:
        return self._kind + self._count.to_bytes(8, "little") + self._run.digest()


def hash_sequence(items: Iterable[object]) -> Digest:
    """Return the digest of a sequence of integers, texts, bytes and tuples of these, in their order.

    Raises:
        UsageError: an item is of another type.
    """
    hasher = SequenceHasher()
    hasher.update(items)
    return hasher.digest()


_Piece = tuple[bytes, int, "bytes | memoryview"]


def _encode(items: Iterable[object]) -> Iterator[_Piece]:
    """Yield pieces of runs: kind, number of items, bytes."""
    whole = _view_integers(items)
    if whole is not None:
        yield _INTEGERS, len(whole) // 8, whole
        return
    for batch in _cut(items):
        yield from _encode_batch(batch)


def _view_integers(items: object) -> memoryview | None:
    """Return the bytes of an array of 64-bit integers as they lie in memory, or None for anything else."""
    if _SWAP:
        return None
    if not _is_flat_int64(items):
        items = _ask_numpy(items)
    if items is None:
        return None
    view = memoryview(cast("bytes", items))
    return view.cast("B") if view.nbytes else memoryview(b"")


def _is_flat_int64(items: object) -> bool:
    try:
        view = memoryview(cast("bytes", items))
    except TypeError:
        return False
    return view.ndim == 1 and view.format in {"q", "l"} and view.itemsize == 8 and view.c_contiguous  # noqa: PLR2004


def _ask_numpy(items: object) -> object | None:
    """A tensor in the processor's memory shows its values as an array without copying them."""
    show = getattr(items, "numpy", None)
    if show is None or isinstance(items, type):
        return None
    try:
        shown: object = show()
    except (TypeError, ValueError, RuntimeError, ImportError):  # on a device, with a gradient, without numpy
        return None
    return shown if _is_flat_int64(shown) else None


def _cut(items: Iterable[object]) -> Iterator[list[object]]:
    """Yield lists of at most _BATCH values of Python's own types."""
    if isinstance(items, memoryview):
        yield list(items.tolist())
    elif isinstance(items, _Sliceable) and getattr(items, "shape", (1,)) != ():
        for begin in range(0, len(items), _BATCH):
            yield items[begin : begin + _BATCH].tolist()
    else:
        yield from _cut_iterable(items)


def _cut_iterable(items: Iterable[object]) -> Iterator[list[object]]:
    try:
        values = iter(items)
    except TypeError:
        raise UsageError(f"a sequence is something to go through, not {type(items).__name__}") from None
    while batch := list(islice(values, _BATCH)):
        yield batch


def _encode_batch(batch: list[object]) -> Iterator[_Piece]:
    """Encode a batch at once where all items are of one type, else run by run."""
    types = set(map(type, batch))
    packed = _pack_integers(batch) if all(map(_is_integer_type, types)) else None
    if packed is not None:
        yield _INTEGERS, len(batch), packed
        return
    packed = _pack_plain(batch) if types <= _PLAIN_TYPES or _holds_plain(batch, types) else None
    if packed is not None:
        yield _OTHERS, len(batch), packed
        return
    for is_integer, run in groupby(map(_take_plain, batch), _fits):
        values = list(run)
        if is_integer:
            yield _INTEGERS, len(values), _pack_integers(values) or b""
        else:
            yield _OTHERS, len(values), b"".join(encode(cast("Any", value)) for value in values)


@lru_cache(maxsize=64)
def _is_integer_type(kind: type) -> bool:
    """Whether values of a type are integers and nothing else: int, and the integer scalars of array libraries."""
    if kind is int:
        return True
    return (
        hasattr(kind, "__index__")
        and not issubclass(kind, (bool, str, bytes))
        and "bool" not in kind.__name__
        and (not hasattr(kind, "__len__"))
    )


def _holds_plain(batch: list[object], types: set[type]) -> bool:
    """Whether all items are tuples or lists of integers, texts and bytes."""
    if not types <= {tuple, list}:
        return False
    return set(map(type, chain.from_iterable(cast("list[list[object]]", batch)))) <= {int, str, bytes}


def _pack_integers(values: list[object]) -> bytes | None:
    try:
        packed = array("q", cast("list[int]", values))
    except (OverflowError, TypeError):
        return None
    if _SWAP:
        packed.byteswap()
    return packed.tobytes()


def _pack_plain(values: list[object]) -> bytes | None:
    """Return the canonical bytes of the items, one after the other: those of a list, without its head.

    None where one needs a closer look (a large integer, a lone surrogate).
    """
    try:
        packed = cast("bytes", msgpack.packb(values, use_bin_type=True))
    except (OverflowError, UnicodeEncodeError):
        return None
    return packed[len(cast("bytes", msgpack.Packer().pack_array_header(len(values)))) :]


def _fits(value: object) -> bool:
    return type(value) is int and value in _INT64


def _take_plain(value: object) -> object:
    """Return a value as one of Python's own types.

    Raises:
        UsageError: it is of a type that no sequence holds.
    """
    kind = type(value)
    if kind in {int, str, bytes}:
        return _check_text(value)
    if kind in {tuple, list}:
        return [_take_plain(item) for item in cast("list[object]", value)]
    if isinstance(value, (str, bytes)):
        return _check_text(str(value) if isinstance(value, str) else bytes(value))
    taken = getattr(value, "tolist", None)
    if taken is not None and not isinstance(value, type):  # a scalar or a row of an array library
        return _take_plain(taken())
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise UsageError(f"a sequence holds integers, texts, bytes and tuples of these, not {kind.__name__}: {value!r:.80}")


def _check_text(value: object) -> object:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"a text with a lone surrogate has no canonical form: {value!r:.80}") from error
    return value
