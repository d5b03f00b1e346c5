"""What a reader of a format finds in a file: tensors, and named values beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NoReturn

from reprofp._core.hashing import hash_bytes
from reprofp.errors import FormatError

__all__ = [
    "MAX_DIMENSIONS",
    "Contents",
    "Hashed",
    "NamedValue",
    "Opaque",
    "Packed",
    "Piece",
    "Stored",
    "quote",
    "refuse",
    "row_major_strides",
    "store_view",
]

RawBytes = bytes  # where a field is called bytes

MAX_DIMENSIONS = 64
"""The most dimensions of a tensor that are plausible."""

_MAX_BYTES = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor whose elements lie in the file, from ``offset`` on.

    ``strides`` are bytes from element to element along each dimension; None: row-major without gaps. Units of
    ``swap_bytes`` bytes have to be reversed (0: none). ``bytes`` is the length of the contents.
    """

    dtype: str
    shape: tuple[int, ...]
    offset: int
    bytes: int
    strides: tuple[int, ...] | None = None
    item_bytes: int = 1
    swap_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Packed:
    """A tensor whose elements have to be unpacked (decompressed) first; ``stored`` says where they lie then."""

    stored: Stored
    unpack: Callable[[], Iterator[RawBytes]]

    @property
    def dtype(self) -> str:
        """Return the element type."""
        return self.stored.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape."""
        return self.stored.shape


@dataclass(frozen=True, slots=True)
class Hashed:
    """A tensor that was hashed where it was read."""

    dtype: str
    shape: tuple[int, ...]
    digest: RawBytes


Piece = Stored | Packed | Hashed


@dataclass(frozen=True, slots=True)
class NamedValue:
    """A value that is no tensor: its type in the format's words, and the BLAKE3 digest of its bytes."""

    kind: str
    digest: RawBytes

    @classmethod
    def of(cls, kind: str, content: RawBytes) -> NamedValue:
        """Return the value with that content."""
        return cls(kind, hash_bytes(content))


@dataclass(frozen=True, slots=True)
class Contents:
    """The tensors of a file by name, and the named values beside them."""

    format: str
    tensors: dict[str, Piece]
    metadata: dict[str, NamedValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A file that is not read, and why, in a sentence for people (empty: the format is not known)."""

    remark: str = ""


def refuse(where: str, why: str) -> NoReturn:
    """Raise the error for a malformed file.

    Raises:
        FormatError: always.
    """
    raise FormatError(f"{where}: {why}")


def quote(name: str) -> str:
    """Return a name from a file for a message: quoted, on one line, not too long."""
    return repr(name[:200])


def row_major_strides(shape: Sequence[int], item_bytes: int) -> tuple[int, ...]:
    """Return the strides, in bytes, of row-major contents without gaps."""
    return tuple(item_bytes * prod(shape[axis + 1 :]) for axis in range(len(shape)))


def store_view(
    dtype: str, shape: Sequence[int], offset: int, strides: Sequence[int], item_bytes: int, swap_bytes: int
) -> Stored:
    """Return where a view lies, as row-major contents without gaps where it is that.

    Raises:
        FormatError: the contents would be implausibly long.
    """
    size = prod(shape) * item_bytes
    if size > _MAX_BYTES:
        raise FormatError(f"{dtype} of shape {str(tuple(shape))[:80]} is too large for any file")
    plain = row_major_strides(shape, item_bytes)
    is_plain = all(size < 2 or a == b for size, a, b in zip(shape, strides, plain, strict=True))  # noqa: PLR2004  one needs no stride
    if size == 0 or (is_plain and swap_bytes <= 1):
        return Stored(dtype, tuple(shape), offset, size, None, item_bytes)
    return Stored(dtype, tuple(shape), offset, size, tuple(strides), item_bytes, swap_bytes)
