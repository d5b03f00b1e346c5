"""Measuring what is computed, in this process or in one of its own.

In this process only what is loaded is asked. In another one, the interpreter that is described imports what
was asked for, each backend in a process of its own, under the environment as it is. The kernels lie in files
that need nothing of reprofp, so any Python from 3.8 on can run them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprofp.errors import InputError
from reprofp.numerics.kernels import measuring

__all__ = ["BACKENDS", "DEFAULT_LIMIT_S", "Request", "find_library", "measure_elsewhere", "measure_here"]

BACKENDS: tuple[str, ...] = tuple(measuring.BACKENDS)
"""The names of all backends."""

DEFAULT_LIMIT_S = 10.0
"""After how many seconds of measuring no further kernel begins."""

KERNELS_FOLDER = Path(__file__).parent / "kernels"
_LIBRARY = "libreprofp_numerics.so.1"  # by its plain name, Python would take it for a module
_PATIENCE_S = 300.0
"""How long another process may take: importing a framework from a slow disk takes a minute."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a process that measures: the file of the libm kernels, and a limit in seconds."""

    library: Path
    limit_s: float = DEFAULT_LIMIT_S

    @classmethod
    def make(cls) -> Request:
        """Return the request with everything as usual."""
        return cls(find_library())


def find_library() -> Path:
    """Return where the library of the libm kernels lies: where the native core was installed."""
    spec = importlib.util.find_spec("reprofp._core._native")
    core = Path(spec.origin).parent if spec is not None and spec.origin else KERNELS_FOLDER.parent.parent / "_core"
    return core.parent / "numerics" / "kernels" / _LIBRARY


def measure_here(limit_s: float = DEFAULT_LIMIT_S) -> dict[str, Any]:
    """Measure the backends that this process has used, and import none."""
    return measuring.measure({"library": str(find_library()), "limit_s": limit_s})


def measure_elsewhere(
    backends: Sequence[str] | None = None,
    *,
    python: Path | None = None,
    environ: Mapping[str, str] | None = None,
    limit_s: float = 3 * DEFAULT_LIMIT_S,
) -> dict[str, Any]:
    """Measure backends in processes of their own.

    Args:
        backends: Their names; None for all that the interpreter has.
        python: The interpreter; None for the one that runs reprofp.
        environ: The environment of the processes; None for this one's.
        limit_s: After how many seconds no further kernel begins, for each backend.

    Raises:
        InputError: the interpreter cannot be run, or has no backend of a name that was given.
    """
    interpreter = str(python or sys.executable)
    names = _list_likely() if backends is None else backends
    merged: dict[str, Any] = {"schema": measuring.SCHEMA, "backends": {}, "kernels": {}, "duration_ns": {}}
    for name in names:
        raw = _run(interpreter, name, environ, limit_s)
        if _is_missing(raw, name):
            if backends is not None:
                raise InputError(
                    f"{name} cannot be measured: {interpreter} has it not ({_read_problem(raw, name)}); "
                    "name another interpreter with --python"
                )
            continue
        for part in ("backends", "kernels", "duration_ns"):
            merged[part].update(raw[part])
    return merged


def _list_likely() -> list[str]:
    """List the backends to try: those of a GPU only where there is a driver for one."""
    gpu = os.path.exists("/dev/nvidiactl")
    return [name for name in BACKENDS if gpu or name != "torch_cuda"]


def _run(interpreter: str, backend: str, environ: Mapping[str, str] | None, limit_s: float) -> dict[str, Any]:
    options = {"backends": [backend], "library": str(find_library()), "limit_s": limit_s, "import": True}
    words = [interpreter, str(KERNELS_FOLDER / "measuring.py"), json.dumps(options)]
    try:
        done = subprocess.run(
            words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        return _fail(backend, "timed out", f"did not answer within {_PATIENCE_S:.0f} s")
    except OSError as error:
        raise InputError(f"nothing can be measured: {interpreter} cannot be run: {error.strerror}") from error
    try:
        raw = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no answer"]
        return _fail(backend, "failed", f"ended with exit code {done.returncode}: {said[-1][:200]}")
    return raw if isinstance(raw, dict) else _fail(backend, "failed", "gave no answer that can be read")


def _fail(backend: str, code: str, message: str) -> dict[str, Any]:
    families = {"": {"error": code, "message": message}}
    return {"schema": measuring.SCHEMA, "backends": {backend: families}, "kernels": {}, "duration_ns": {}}


def _read_problem(raw: Mapping[str, Any], backend: str) -> str:
    found = raw["backends"].get(backend, {}).get("", {})
    return str(found.get("message", ""))


def _is_missing(raw: Mapping[str, Any], backend: str) -> bool:
    """Whether the interpreter has no such backend, or no device for it."""
    problem = _read_problem(raw, backend)
    module = measuring.BACKENDS[backend][1]
    return problem in {f"ModuleNotFoundError: No module named '{module}'", "RuntimeError: torch has no GPU"}
