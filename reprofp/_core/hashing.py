"""BLAKE3 of bytes in memory, by the native core, without the GIL.

In: any contiguous bytes-like object. Out: 32 bytes. Guaranteed: the digest depends on the content alone, not on
how it was split, the instruction set or threads.
"""

from __future__ import annotations

from typing import Any

from reprofp._core import ffi, lib
from reprofp.errors import UsageError

__all__ = ["DIGEST_BYTES", "KEY_BYTES", "Hasher", "hash_bytes", "hash_many"]

DIGEST_BYTES: int = lib.RFP_DIGEST_BYTES
"""The length of a digest."""

KEY_BYTES: int = lib.RFP_KEY_BYTES
"""The length of a key."""

Buffer = bytes | bytearray | memoryview


class Hasher:
    """BLAKE3 of input that comes in pieces: plain, keyed, or in derive-key mode."""

    __slots__ = ("_state",)

    def __init__(self, *, key: bytes | None = None, derive_key_context: str | bytes | None = None) -> None:
        """Begin a hash.

        Raises:
            UsageError: the key has not KEY_BYTES bytes, or both a key and a context were given.
        """
        self._state: Any = ffi.new("rfp_hasher *")
        if key is not None and derive_key_context is not None:
            raise UsageError("a hash is either keyed or in derive-key mode: give key or derive_key_context, not both")
        if key is not None:
            lib.rfp_hasher_init_keyed(self._state, _check_key(key))
        elif derive_key_context is not None:
            context = derive_key_context.encode() if isinstance(derive_key_context, str) else derive_key_context
            lib.rfp_hasher_init_derive_key(self._state, context, len(context))
        else:
            lib.rfp_hasher_init(self._state)

    def update(self, data: Buffer) -> None:
        """Add input."""
        view = ffi.from_buffer(data)
        lib.rfp_hasher_update(self._state, view, len(view))

    def digest(self) -> bytes:
        """Return the digest of what was added so far; more may be added afterwards."""
        out = ffi.new("uint8_t[]", DIGEST_BYTES)
        lib.rfp_hasher_finish(self._state, out)
        return bytes(ffi.buffer(out))

    def hexdigest(self) -> str:
        """Return the digest in hexadecimal."""
        return self.digest().hex()

    def copy(self) -> Hasher:
        """Return a hasher of its own that continues from the same input."""
        twin = Hasher()
        ffi.buffer(twin._state)[:] = ffi.buffer(self._state)[:]
        return twin


def hash_bytes(data: Buffer, *, key: bytes | None = None, context: str | bytes | None = None) -> bytes:
    """Return the BLAKE3 digest of ``data``: plain, keyed, or in derive-key mode with ``context``.

    Raises:
        UsageError: the key has not KEY_BYTES bytes, or both a key and a context were given.
    """
    if key is not None or context is not None:
        hasher = Hasher(key=key, derive_key_context=context)
        hasher.update(data)
        return hasher.digest()
    view = ffi.from_buffer(data)
    out = ffi.new("uint8_t[]", DIGEST_BYTES)
    lib.rfp_bytes_hash(view, len(view), out)
    return bytes(ffi.buffer(out))


def hash_many(inputs: list[bytes]) -> list[bytes]:
    """Return the plain digests of many inputs, several times faster than one by one where they are small."""
    spans = ffi.new("rfp_span[]", len(inputs))
    views = [ffi.from_buffer(data) for data in inputs]
    for span, view in zip(spans, views, strict=True):
        span.data, span.bytes = view, len(view)
    out = ffi.new("uint8_t[]", DIGEST_BYTES * len(inputs))
    lib.rfp_batch_hash(spans, len(inputs), out)
    digests = bytes(ffi.buffer(out))
    return [digests[i : i + DIGEST_BYTES] for i in range(0, len(digests), DIGEST_BYTES)]


def _check_key(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise UsageError(f"a BLAKE3 key has {KEY_BYTES} bytes, not {len(key)}")
    return key
