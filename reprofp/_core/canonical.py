"""Canonical bytes by the native core: surely canonical, or to be judged by ``reprofp.model.canonical``.

In: bytes. Out: yes, or "not surely" (which says nothing). Guaranteed: a yes is never wrong; nothing is built of the
bytes, whatever they hold.
"""

from __future__ import annotations

from reprofp._core import ffi, lib

__all__ = ["find_facet_name", "is_canonical"]

_MANY = 1 << 62


def is_canonical(data: bytes | memoryview, max_items: int = _MANY, max_depth: int = 32) -> bool:
    """Whether ``data`` is surely one canonical value of at most ``max_items`` items, ``max_depth`` deep."""
    return bool(lib.rfp_canonical_is_sure(ffi.from_buffer(data), len(data), max_items, max_depth))


def find_facet_name(data: bytes) -> str | None:
    """Return the name of the facet whose canonical bytes ``data`` surely is, else None."""
    name = ffi.new("rfp_span *")
    if not lib.rfp_facet_is_sure(ffi.from_buffer(data), len(data), name):
        return None
    return bytes(ffi.buffer(name.data, name.bytes)).decode()
