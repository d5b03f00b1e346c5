"""What the machine is and what is in force natively, as plain values.

Everything is looked at where it is, and nothing is changed: no library is loaded, no thread is made, no flag
is set. ``floating_point_state`` and ``loaded_thread_pools`` speak of the calling thread.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from reprofp._core import _native, ffi, lib

__all__ = [
    "cpuid",
    "environ",
    "find_program",
    "floating_point_state",
    "known_features",
    "library_name",
    "loaded_thread_pools",
]

_CACHES = ("l1d", "l1i", "l2", "l3")
_TRAILING = re.compile(r"(?:-[0-9a-f]{8,}|-r?\d+(?:\.\d+)+)+$")


def library_name(path: str) -> str:
    """Return what a library is called whatever its version and whoever packed it.

    The folder goes, and what follows ``.so``; so do the hashes that auditwheel adds, and a version in the
    name: ``libscipy_openblas64_-32a4b2a6.so`` is ``libscipy_openblas64_``, ``libgomp.so.1.0.0`` is ``libgomp``.
    """
    base = path.rpartition("/")[2]
    stem = base.partition(".so")[0] or base
    return _TRAILING.sub("", stem) or stem


def find_program(name: str) -> Path:
    """Return where a program of the package lies: beside the compiled part."""
    return Path(str(_native.__file__)).with_name(name)


def cpuid() -> dict[str, Any]:
    """Return what CPUID says of the processor, or an empty dictionary where there is no such instruction.

    Keys: ``vendor``, ``family``, ``model``, ``stepping``, ``brand``, ``features`` (a sorted list of those that
    the operating system lets us use, by Linux's names), ``hypervisor`` (its signature, empty where it has
    none, or None on bare metal) and ``caches`` (bytes by ``l1d``, ``l1i``, ``l2`` and ``l3``, as far as told).
    """
    cpu = ffi.new("rfp_cpu *")
    lib.rfp_cpu_read(cpu)
    if not cpu.is_x86:
        return {}
    return {
        "vendor": _text(cpu.vendor),
        "family": cpu.family,
        "model": cpu.model,
        "stepping": cpu.stepping,
        "brand": _text(cpu.brand),
        "features": sorted(_list_features(cpu)),
        "hypervisor": _text(cpu.hypervisor) if cpu.in_hypervisor else None,
        "caches": {name: size for name in _CACHES if (size := getattr(cpu, f"cache_{name}_bytes"))},
    }


def known_features() -> frozenset[str]:
    """Return the names of the x86 instruction sets that numerical code chooses its kernels by."""
    return frozenset(_text(lib.rfp_cpu_feature_name(index)) for index in range(lib.rfp_cpu_feature_count()))


def floating_point_state() -> dict[str, Any]:
    """Return the floating-point control state of the calling thread.

    Keys: ``mxcsr`` (without its sticky exception flags), ``x87_control``, ``fpcr``, each None where the
    architecture has no such register, and ``rounding``: "nearest", "downward", "upward", "toward_zero", or
    None where it is another.
    """
    state = ffi.new("rfp_floating_point *")
    lib.rfp_floating_point_read(state)
    name = lib.rfp_rounding_name(state.rounding)
    return {
        "mxcsr": state.mxcsr if state.has & lib.RFP_HAS_MXCSR else None,
        "x87_control": state.x87_control if state.has & lib.RFP_HAS_X87 else None,
        "fpcr": state.fpcr if state.has & lib.RFP_HAS_FPCR else None,
        "rounding": _text(name) if name else None,
    }


def environ() -> dict[bytes, bytes]:
    """Return the C library's environment, which native code may have changed behind ``os.environ``.

    As for getenv, the first of several entries with one name counts.

    Raises:
        OSError: other threads keep changing it, or the system does not let us read it carefully.
    """
    entries, size = ffi.new("char **"), ffi.new("size_t *")
    _check(lib.rfp_environ_copy(entries, size), "the environment cannot be read")
    try:
        block = bytes(ffi.buffer(entries[0], size[0])) if size[0] else b""
    finally:
        lib.rfp_environ_free(entries[0])
    found: dict[bytes, bytes] = {}
    for entry in block.split(b"\0")[:-1]:
        name, equals, value = entry.partition(b"=")
        if equals:
            found.setdefault(name, value)
    return found


def loaded_thread_pools() -> list[dict[str, Any]]:
    """Return the thread pools of the libraries that are mapped already, in the order of the loader.

    Keys: ``api`` ("openmp", "openblas", "mkl", "blis"), ``name`` (see ``library_name``), ``threads`` (None
    where asking would start the library), ``dynamic``, ``version``, ``core`` and ``layer`` (None where the
    library does not tell).

    Raises:
        OSError: there is no memory left.
    """
    pools = ffi.new("rfp_thread_pools **")
    _check(lib.rfp_thread_pools_open(pools), "the thread pools cannot be listed")
    try:
        count = lib.rfp_thread_pools_count(pools[0])
        return [_describe_pool(lib.rfp_thread_pools_get(pools[0], index)) for index in range(count)]
    finally:
        lib.rfp_thread_pools_free(pools[0])


def _list_features(cpu: Any) -> list[str]:
    return [
        _text(lib.rfp_cpu_feature_name(index))
        for index in range(lib.rfp_cpu_feature_count())
        if lib.rfp_cpu_feature_usable(cpu, index)
    ]


def _describe_pool(pool: Any) -> dict[str, Any]:
    return {
        "api": _text(pool.api),
        "name": library_name(_text(pool.library)),
        "threads": pool.threads if pool.threads >= 0 else None,
        "dynamic": bool(pool.dynamic) if pool.dynamic >= 0 else None,
        "version": _text(pool.version) or None,
        "core": _text(pool.core) or None,
        "layer": _text(pool.layer) or None,
    }


def _text(chars: Any) -> str:
    value: bytes = ffi.string(chars)
    return value.decode("utf-8", "backslashreplace")


def _check(status: int, what: str) -> None:
    if status != lib.RFP_OK:
        raise OSError(f"{what}: {_text(lib.rfp_strerror(status))}")
