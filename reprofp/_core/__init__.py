"""The native core: the only place that touches cffi."""

from __future__ import annotations

from typing import Any

from reprofp._core._native import ffi as _ffi
from reprofp._core._native import lib as _lib

__all__ = ["ffi", "lib", "native_version"]

ffi: Any = _ffi
lib: Any = _lib


def native_version() -> str:
    """Return the version of the C core's contract."""
    text: bytes = ffi.string(lib.rfp_version())
    return text.decode()
