"""The C library's mathematical functions and the processor's conversions, by a small library without Python.

It is loaded through the compiled half of ctypes: the other half takes longer to import than all kernels to run.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

REVISION = 1
_NAME_BYTES, _OUTPUT_BYTES = 32, 8192


def is_used(_backend: str) -> bool:
    """Say yes: every Python calls these functions."""
    return True


class Library:
    """The kernels' library, called with numbers and buffers only."""

    def __init__(self, path: str) -> None:
        """Load it for this process alone."""
        import _ctypes

        self._ctypes = _ctypes
        self._handle = _ctypes.dlopen(path, os.RTLD_NOW | os.RTLD_LOCAL)
        byte = type("byte", (_ctypes._SimpleCData,), {"_type_": "B"})  # noqa: SLF001
        self._name = type("name", (_ctypes.Array,), {"_type_": byte, "_length_": _NAME_BYTES})()
        self._output = type("output", (_ctypes.Array,), {"_type_": byte, "_length_": _OUTPUT_BYTES})()

    def _call(self, function: str, *args: Any) -> int:
        return int(self._ctypes.call_function(self._ctypes.dlsym(self._handle, function), args))

    def list_names(self) -> list[str]:
        """Return the kernels' names, ``family/name``, by their numbers."""
        names = []
        for kernel in range(self._call("rfp_kernel_count")):
            self._call("rfp_kernel_name", kernel, self._ctypes.byref(self._name))
            names.append(bytes(self._name).partition(b"\0")[0].decode("ascii"))
        return names

    def run(self, kernel: int) -> bytes:
        """Return a kernel's output."""
        size = self._call("rfp_kernel_run", kernel, self._ctypes.byref(self._output))
        return memoryview(self._output).tobytes()[:size]

    def close(self) -> None:
        """Unload it, so that the process maps what it mapped before."""
        self._ctypes.dlclose(self._handle)


def open_backend(_backend: str, options: Any) -> Library:
    """Load the library that the options name."""
    return Library(options["library"])


def close_backend(state: Library) -> None:
    """Unload it."""
    state.close()


def list_kernels(state: Library, _inputs: Any) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Yield each family with its kernels."""
    families: dict[str, list[tuple[str, Any]]] = {}
    for number, name in enumerate(state.list_names()):
        family, _, kernel = name.partition("/")
        families.setdefault(family, []).append((kernel, lambda number=number: state.run(number)))
    yield from families.items()


def to_bytes(result: bytes) -> tuple[bytes, ...]:
    """Return the output's bits."""
    return (result,)
