"""Measures what this process computes: digests of the output bits of small fixed kernels.

Uses the standard library of Python 3.8 and later only and nothing of reprofp, since the run hook loads it by
its path inside programs that do not have reprofp; ``python measuring.py OPTIONS`` measures in a process of its
own. Guaranteed: only frameworks that are loaded are asked, unless ``import`` is among the options; no flag,
generator or thread count is touched; between two kernels the clock is looked at, and what is not measured in
time says so; a kernel that fails costs its family's class and nothing else.

The result is a dict that can be written as JSON. By backend and family it has ``{"class": "k1:hex"}``, or
``{"class": "k1:unstable"}`` where a kernel gave different bits for the same input in one process, or
``{"error": code}``.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

__all__ = ["BACKENDS", "Inputs", "find_used", "main", "measure"]

SCHEMA = 1
"""The version of the result's form."""
PASSES = 2
"""How often each kernel is run; the passes go over all kernels in turn, on memory of their own."""
UNSTABLE = "unstable"
_PERIOD = 4093

BACKENDS = {
    "libm": ("libm.py", ""),
    "numpy": ("numpy_cpu.py", "numpy"),
    "scipy": ("scipy_cpu.py", "scipy"),
    "torch_cpu": ("torch_any.py", "torch"),
    "torch_cuda": ("torch_any.py", "torch"),
    "jax": ("jax_cpu.py", "jax"),
    "tensorflow": ("tensorflow_cpu.py", "tensorflow"),
}
"""Each backend's file, and the module that must be loaded for it."""


class Inputs:
    """Numbers made out of integers bit by bit, so that they are the same on every machine; little-endian.

    Their bits come from a Mersenne Twister of their own, seeded with the bytes of a label (the same in every
    version of Python); byte by byte a table sets signs and exponents, so that magnitudes lie around one,
    between 2^-3 and 2^3.
    """

    def __init__(self) -> None:
        """Begin with nothing made."""
        from _random import Random  # the compiled half: importing the other one would seed a generator

        self._generator = Random
        self._made: dict[tuple[str, int, str, bool], bytes] = {}

    def make(self, kind: str, count: int, label: str, *, positive: bool = False) -> bytearray:
        """Return the bytes of ``count`` numbers of ``kind``: f2, f4, f8, bf2, u1 or i8 (from 0 to 255).

        They repeat after a prime number of them, which no row of a kernel's matrices is a multiple of.
        """
        key = (kind, count, label, positive)
        if key not in self._made:
            drawn = bytes(self._draw(kind, min(count, _PERIOD), label, positive))
            self._made[key] = (drawn * -(-count // _PERIOD))[: count * (len(drawn) // min(count, _PERIOD))]
        return bytearray(self._made[key])

    def _draw(self, kind: str, count: int, label: str, positive: bool) -> bytearray:  # noqa: FBT001
        size = int(kind.lstrip("bfiu"))
        generator = self._generator(int.from_bytes(("%s %s" % (kind, label)).encode(), "little"))
        data = bytearray(generator.getrandbits(8 * size * count).to_bytes(size * count, "little"))
        if kind == "i8":
            for place in range(1, size):
                data[place::size] = bytes(count)
        elif kind != "u1":
            data[size - 1 :: size] = data[size - 1 :: size].translate(_make_tops(kind, positive=positive))
        if kind == "f8":
            data[6::8] = data[6::8].translate(bytes(0xC0 | value & 0x3F for value in range(256)))
        return data


def _make_tops(kind: str, *, positive: bool) -> bytes:
    """Return the table for the byte that holds the sign and most of the exponent."""
    sign = 0 if positive else 0x80
    if kind == "f8":
        return bytes(value & sign | 0x3F for value in range(256))
    if kind == "f2":
        return bytes(value & sign | 0x34 + (value & 0xF) for value in range(256))
    return bytes(value & sign | (0x3E, 0x3F, 0x3F, 0x40)[value & 3] for value in range(256))


def hash_bytes(*parts: bytes) -> str:
    """Return the SHA-256 of ``parts`` in hex."""
    if not _found:
        _found.append(_find_sha256())
    digest = _found[0]()
    for part in parts:
        digest.update(part)
    return str(digest.hexdigest())


_found: list[Callable[[], Any]] = []


def _find_sha256() -> Callable[[], Any]:
    """Return OpenSSL's function where the program has loaded it, else the interpreter's own small module."""
    if "hashlib" in sys.modules:
        return sys.modules["hashlib"].sha256  # type: ignore[no-any-return]
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]  # up to 3.11
        except ImportError:
            from hashlib import sha256
    return sha256  # type: ignore[no-any-return]


def find_used() -> list[str]:
    """List the backends that this process can have used: their modules are loaded, their devices started."""
    found = []
    for name, (_file, module) in BACKENDS.items():
        if not module or module in sys.modules:
            names = _load(name)
            if names["is_used"](name):
                found.append(name)
    return found


_loaded: dict[str, dict[str, Any]] = {}


def _load(backend: str) -> dict[str, Any]:
    """Return the names of a backend's file, found beside this one."""
    file = BACKENDS[backend][0]
    if file not in _loaded:
        from _frozen_importlib_external import SourceFileLoader

        path = os.path.join(os.path.dirname(os.path.abspath(__file__)), file)
        names: dict[str, Any] = {"__name__": "reprofp_numerics_" + file[:-3], "__file__": path}
        exec(SourceFileLoader(file[:-3], path).get_code(file[:-3]), names)  # type: ignore[arg-type]  # noqa: S102
        _loaded[file] = names
    return _loaded[file]


def measure(options: Mapping[str, Any]) -> dict[str, Any]:
    """Measure backends.

    Options: ``backends``, a list of names, or None for those that this process used; ``library``, where the
    shared library of the libm kernels lies; ``limit_s``, after how many seconds no further kernel begins;
    ``import``, whether to import frameworks that are not loaded.
    """
    found: dict[str, Any] = {}
    told: dict[str, str] = {}
    taken: dict[str, int] = {}
    began = time.monotonic()
    deadline = began + float(options.get("limit_s") or 10.0)
    names = options.get("backends")
    for backend in find_used() if names is None else names:
        start = time.monotonic_ns()
        try:
            if options.get("import") and BACKENDS[backend][1]:
                __import__(BACKENDS[backend][1])
                deadline, start = _restart(deadline, start)
            families, kernels = _measure_backend(backend, options, deadline)
        except Exception as error:  # noqa: BLE001 - another backend may well work
            families, kernels = {"": {"error": "failed", "message": _describe(error)}}, {}
        found[backend] = families
        told.update({backend + "." + name: value for name, value in kernels.items()})
        taken[backend] = time.monotonic_ns() - start
    return {"schema": SCHEMA, "backends": found, "kernels": told, "duration_ns": taken}


def _restart(deadline: float, start: int) -> tuple[float, int]:
    """Move the deadline by the time since ``start``: importing is not measuring."""
    now = time.monotonic_ns()
    return deadline + (now - start) / 1e9, now


def _describe(error: BaseException) -> str:
    return ("%s: %s" % (type(error).__name__, error))[:200]


def _measure_backend(
    backend: str, options: Mapping[str, Any], deadline: float
) -> tuple[dict[str, Any], dict[str, str]]:
    names = _load(backend)
    inputs = Inputs()
    state = names["open_backend"](backend, options)
    try:
        revision = "k%d:" % names["REVISION"]
        taken = [_run_pass(names, state, inputs, deadline) for _ in range(PASSES)]
    finally:
        names["close_backend"](state)
    return _classify(revision, taken)


def _run_pass(
    names: Mapping[str, Any], state: Any, inputs: Inputs, deadline: float
) -> dict[str, dict[str, tuple[str, str]]]:
    """Run every kernel once; return by family and kernel its digest, or a code and what went wrong."""
    taken: dict[str, dict[str, tuple[str, str]]] = {}
    for family, kernels in names["list_kernels"](state, inputs):
        told = taken.setdefault(family, {})
        for name, run in kernels:
            if time.monotonic() > deadline:
                told[name] = ("timed out", "")
                continue
            try:
                told[name] = ("", hash_bytes(*names["to_bytes"](run())))
            except Exception as error:  # noqa: BLE001 - this kernel's family is not known then
                told[name] = ("failed", _describe(error))
    return taken


def _classify(
    revision: str, taken: list[dict[str, dict[str, tuple[str, str]]]]
) -> tuple[dict[str, Any], dict[str, str]]:
    families: dict[str, Any] = {}
    kernels: dict[str, str] = {}
    for family, first in taken[0].items():
        stable = True
        problem: dict[str, str] = {}
        for name, (code, text) in first.items():
            others = [other.get(family, {}).get(name, ("failed", "")) for other in taken[1:]]
            codes = [item for item in [(code, text), *others] if item[0]]
            if codes:
                problem = {"error": codes[0][0], "message": "%s: %s" % (name, codes[0][1])}
                continue
            same = all(other == (code, text) for other in others)
            kernels[family + "." + name] = text[:16] if same else UNSTABLE
            stable = stable and same
        families[family] = problem or {"class": revision + (_join(first) if stable else UNSTABLE)}
    return families, kernels


def _join(digests: Mapping[str, tuple[str, str]]) -> str:
    return hash_bytes(*(("%s %s\n" % (name, text)).encode() for name, (_code, text) in digests.items()))


def main(arguments: Iterable[str]) -> None:
    """Measure as the JSON text in the first argument says, and print the result."""
    import json

    sys.path[:] = [entry for entry in sys.path if entry != os.path.dirname(os.path.abspath(__file__))]
    options = json.loads(next(iter(arguments)))
    sys.stdout.write(json.dumps(measure(options)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
