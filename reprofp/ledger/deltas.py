"""Deltas: which earlier object a new one is stored against, and the zstd frames with it as a dictionary.

In: an object with the name of its lineage. Out: its bytes as they are stored: whole, or a frame against a base. A lineage is a chain of objects of one name (a facet's, or a kind's) that resemble each other. Its
n-th object rests on the one whose number is n without its lowest set bit (skip-deltas), so that it is at
most ``MAX_DEPTH`` steps from a full copy, and the bases that can still be needed fit on a short stack.
Several chains of one name exist beside each other, as where projects or hosts alternate.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack

from reprofp.errors import LedgerError

if TYPE_CHECKING:
    import zstandard

__all__ = [
    "MAX_DEPTH",
    "PERIOD",
    "SMALL",
    "Chain",
    "Chains",
    "Encoding",
    "Packed",
    "compress",
    "decompress",
    "pack",
    "read_stack",
]

MAX_DEPTH = 6
"""How many deltas an object may be away from a full copy."""

PERIOD = 1024
"""A chain begins again with a full copy after so many objects, so that damage does not reach further."""

_LEVEL = 3
_SMALL_LEVEL = 5
"""For what has a little change in many places, as side blobs: a seventh smaller than at level 3, and as fast."""

_SMALL_DELTA = 16_384
SMALL = 64
"""Bytes that are not worth a frame."""

_LARGE = 1 << 20
_LARGE_LOG = 20
"""Tables that hold all of a large base: with the usual ones its beginning is forgotten."""

_MAX_WINDOW_LOG = 27
_MAX_CHAINS = 64
_TRIED = 4
_GOOD = 0.15
"""A delta of this part of the plain size is taken at once; else other chains are tried too."""
_WORTH = 0.7
"""A delta that saves less starts another chain instead."""
_own = threading.local()
_CACHE_BYTES = 16 << 20
_MAX_COMPRESSORS = 24
"""Of half a megabyte at most each."""


@dataclass
class Chain:
    """A lineage: how many objects it has had, and the path from its full copy to its newest object."""

    name: str
    host: bytes
    position: int = 0
    stack: tuple[int, ...] = ()
    number: int | None = None
    """The number of its row, once it has one."""

    def find_depth(self) -> int:
        """Return the depth of the next object; 0 asks for a full copy."""
        return 0 if self.position % PERIOD == 0 else min(self.position.bit_count(), MAX_DEPTH, len(self.stack))

    def advance(self, depth: int, number: int) -> None:
        """Take in the object ``number``, which was stored at ``depth``."""
        self.stack = (*self.stack[:depth], number)
        self.position = self.position + 1 if depth else 1


class Encoding:
    """How the bytes of an object are kept."""

    PLAIN = 0
    ZSTD = 1
    ZSTD_DELTA = 2


@dataclass(frozen=True, slots=True)
class Packed:
    """An object as its row holds it, and the chain that it continues."""

    encoding: int
    data: bytes
    depth: int = 0
    base: int | None = None
    chain: Chain | None = None

    @property
    def size(self) -> int:
        """The bytes that the row's data takes."""
        return len(self.data)


def pack(data: bytes, chain: Chain | None = None) -> Packed:
    """Return the shorter of the encodings without a base."""
    frame = compress(data) if len(data) >= SMALL else data
    if len(frame) < len(data):
        return Packed(Encoding.ZSTD, frame, chain=chain)
    return Packed(Encoding.PLAIN, data, chain=chain)


def compress(data: bytes, base: bytes | None = None) -> bytes:
    """Return a zstd frame of ``data``; with ``base`` as a dictionary, one without its magic number."""
    return (_make_compressor() if base is None else _make_delta_compressor(len(data), base)).compress(data)


def _make_compressor() -> zstandard.ZstdCompressor:
    """Return this thread's compressor without a base: making one costs more than using it."""
    import zstandard  # noqa: PLC0415  log and tag need none of it

    found: zstandard.ZstdCompressor | None = getattr(_own, "compressor", None)
    if found is None:
        found = _own.compressor = zstandard.ZstdCompressor(level=_LEVEL, write_content_size=False)
    return found


def _make_delta_compressor(length: int, base: bytes) -> zstandard.ZstdCompressor:
    """Return a compressor against ``base``, for data of about ``length`` bytes."""
    import zstandard  # noqa: PLC0415  log and tag need none of it

    size = len(base) + length
    options: dict[str, int] = {}
    if size > _LARGE:
        options = {
            "window_log": min(_MAX_WINDOW_LOG, size.bit_length()),
            "hash_log": _LARGE_LOG,
            "chain_log": _LARGE_LOG,
        }
    parameters = zstandard.ZstdCompressionParameters.from_level(
        _SMALL_LEVEL if size < _SMALL_DELTA else _LEVEL,
        source_size=length,
        dict_size=len(base),
        write_content_size=False,
        format=zstandard.FORMAT_ZSTD1_MAGICLESS,
        **options,
    )
    words = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    return zstandard.ZstdCompressor(dict_data=words, compression_params=parameters)


def decompress(data: bytes, size: int, base: bytes | None = None) -> bytes:
    """Return the content of a frame, cut off one byte after ``size``.

    Raises:
        ValueError: the frame is damaged.
    """
    import zstandard  # noqa: PLC0415  log and tag need none of it

    reader = zstandard.ZstdDecompressor()
    if base is not None:
        words = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        reader = zstandard.ZstdDecompressor(dict_data=words, format=zstandard.FORMAT_ZSTD1_MAGICLESS)
    try:
        # One byte more than allowed, so that a longer content shows; the library takes 0 for no limit.
        return reader.stream_reader(data).read(size + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"is not readable: {error}") from error


class Chains:
    """The table ``lineage`` of one open database, and what was last read of the objects that chains rest on."""

    def __init__(self, database: sqlite3.Connection, read: Callable[[int], bytes | None]) -> None:
        """Keep the connection, and how an object's bytes are read."""
        self._database = database
        self._read = read
        self._chains: dict[str, list[Chain]] = {}
        self._changed: dict[int, Chain] = {}
        self._bytes: OrderedDict[int, bytes] = OrderedDict()
        self._held = 0
        self._compressors: OrderedDict[tuple[int, int], zstandard.ZstdCompressor] = OrderedDict()

    def forget(self) -> None:
        """Forget what was not committed: the transaction was undone."""
        self._chains.clear()
        self._changed.clear()
        self._bytes.clear()
        self._held = 0
        self._compressors.clear()

    def choose(self, name: str, host: bytes, data: bytes) -> Packed:
        """Choose how ``data`` is stored: against the chain that it resembles most, or whole."""
        chains = self._load(name)
        best = self._find_best(chains, host, data)
        if best is not None and best.chain is not None:
            due = best.chain.find_depth() == 0
            if best.size <= _GOOD * len(data):
                return pack(data, best.chain) if due else best
            full = pack(data, best.chain)
            if best.size <= _WORTH * full.size:
                return full if due else best
        return pack(data, self._begin(chains, name, host))

    def _find_best(self, chains: list[Chain], host: bytes, data: bytes) -> Packed | None:
        """Return the smallest delta; one that is good enough ends the search."""
        best: Packed | None = None
        for chain in _order(chains, host):
            found = self._try_chain(chain, data)
            if found is not None and (best is None or found.size < best.size):
                best = found
            if best is not None and best.size <= _GOOD * len(data):
                break
        return best

    def _try_chain(self, chain: Chain, data: bytes) -> Packed | None:
        """Return the delta against a chain; where a full copy is due, it only shows how well the chain fits."""
        depth = chain.find_depth()
        base = chain.stack[max(depth, 1) - 1]
        held = self._fetch(base)
        if held is None:
            return None
        return Packed(Encoding.ZSTD_DELTA, self._compress(data, base, held), depth, base, chain)

    def _compress(self, data: bytes, number: int, base: bytes) -> bytes:
        """Return a frame against the object ``number``: several rest on the same one, whose tables are kept."""
        if len(base) + len(data) > _LARGE:
            return compress(data, base)
        key = number, len(data).bit_length()
        kept = self._compressors.get(key)
        if kept is None:
            kept = self._compressors[key] = _make_delta_compressor(1 << key[1], base)
            if len(self._compressors) > _MAX_COMPRESSORS:
                self._compressors.popitem(last=False)
        self._compressors.move_to_end(key)
        return kept.compress(data)

    def _fetch(self, number: int) -> bytes | None:
        if number in self._bytes:
            self._bytes.move_to_end(number)
            return self._bytes[number]
        try:
            data = self._read(number)
        except (LedgerError, ValueError):  # damage is reported by who asks for the object, not by who writes
            return None
        if data is not None:
            self.hold(number, data)
        return data

    def hold(self, number: int, data: bytes) -> None:
        """Keep the bytes of an object that others may soon rest on."""
        if number in self._bytes:
            return
        self._bytes[number] = data
        self._held += len(data)
        while self._held > _CACHE_BYTES:
            self._held -= len(self._bytes.popitem(last=False)[1])

    def _begin(self, chains: list[Chain], name: str, host: bytes) -> Chain:
        """Begin a chain; beyond a number of them, the one that was not used for longest becomes it."""
        if len(chains) < _MAX_CHAINS:
            chain = Chain(name, host)
            chains.append(chain)
        else:
            chain = min(chains, key=lambda item: item.stack[-1])
            chain.host, chain.position = host, 0
        return chain

    def advance(self, packed: Packed, number: int, data: bytes) -> None:
        """Note that ``data`` was stored in row ``number`` as ``packed`` says."""
        if packed.chain is not None:
            packed.chain.advance(packed.depth, number)
            self._changed[id(packed.chain)] = packed.chain
            self.hold(number, data)

    def flush(self) -> None:
        """Write the chains that changed; called once for each transaction."""
        for chain in self._changed.values():
            self._write(chain)
        self._changed.clear()

    def _write(self, chain: Chain) -> None:
        values = (chain.name, chain.host, chain.position, msgpack.packb(chain.stack))
        if chain.number is None:
            cursor = self._database.execute(
                "INSERT INTO lineage (name, host, position, stack) VALUES (?, ?, ?, ?)", values
            )
            chain.number = int(cursor.lastrowid or 0)
        else:
            self._database.execute(
                "UPDATE lineage SET name = ?, host = ?, position = ?, stack = ? WHERE number = ?",
                (*values, chain.number),
            )

    def _load(self, name: str) -> list[Chain]:
        if name not in self._chains:
            rows = self._database.execute(
                "SELECT name, host, position, stack, number FROM lineage WHERE name = ?", (name,)
            ).fetchall()
            self._chains[name] = [chain for row in rows if (chain := _read_chain(row)) is not None]
        return self._chains[name]


def _order(chains: list[Chain], host: bytes) -> list[Chain]:
    """Return the chains that are likely to help: those of the same host first, the newest first."""
    if len(chains) == 1:
        return chains
    return sorted(chains, key=lambda chain: (chain.host != host, -chain.stack[-1]))[:_TRIED]


def _read_chain(row: tuple[object, ...]) -> Chain | None:
    """Read a row; one that is damaged is left alone (a new chain is begun), and ``verify`` names it."""
    name, host, position, packed, number = row
    try:
        stack = read_stack(packed)
    except ValueError:
        return None
    if not isinstance(position, int) or not isinstance(host, bytes) or position < 1:
        return None
    return Chain(str(name), host, position, stack, number if isinstance(number, int) else None)


def read_stack(packed: object) -> tuple[int, ...]:
    """Read the path of a chain, the full copy first.

    Raises:
        ValueError: it is damaged.
    """
    try:
        stack = msgpack.unpackb(packed, use_list=False, max_array_len=MAX_DEPTH + 1)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise ValueError("its path of objects is not readable") from error
    if not isinstance(stack, tuple) or not stack or not all(type(item) is int and item > 0 for item in stack):
        raise ValueError("its path of objects is no list of objects")
    return stack
