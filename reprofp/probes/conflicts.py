"""Where what is installed and what is in force part: facts ``cuda.conflicts.<name>``, each a sentence.

- ``driver``: the driver's library that is mapped is of another release than the kernel's driver (forward compatibility, or
  a container that brought its own).
- ``<wheel>``: a wheel of the library is installed, and the copy that is mapped is another.
- ``toolkit``: a CUDA toolkit is installed, whose nvcc would tell its version, while the torch that is loaded was built
  without CUDA, or for another major release.

A toolkit is looked for at CUDA_HOME, CUDA_PATH and /usr/local/cuda, by its version.json. Silence: there is no conflict, or
no process is described.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reprofp.model.observations import Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.framework_loaded import take_framework
from reprofp.probes.machine import attempt, find_environ, read_part, read_text

__all__ = ["add_conflicts"]

_DRIVER = re.compile(r"libcuda\.so\.(\d+\.[\d.]+)")
_LIBRARIES = {
    "libcudart": "runtime",
    "libcudnn": "cudnn",
    "libcublas": "cublas",
    "libnccl": "nccl",
    "libcufft": "cufft",
}
_CUDA = re.compile(r"-cu(?:da)?\d+$")


def add_conflicts(report: Report, context: Context) -> None:
    """Add what the facts that were reported so far, and the mapped files, disagree on."""
    libraries = read_part(context, "libraries", list) if context.process is not None else []
    if isinstance(libraries, Unknown):
        report.add("conflicts", fact=libraries)
        return
    paths = [str(item.get("path")) for item in libraries if isinstance(item, dict)]
    for name, words in (*_compare_driver(report, paths), *_compare_wheels(report, paths), *_compare_toolkit(context)):
        report.observe("conflicts", name, value=words)


def _compare_driver(report: Report, paths: list[str]) -> Iterator[tuple[str, str]]:
    driver = report.facts.get(("driver_version",))
    for match in filter(None, (_DRIVER.fullmatch(os.path.basename(path)) for path in paths)):
        if isinstance(driver, Observed) and match[1] != driver.value:
            yield "driver", f"libcuda {match[1]} is mapped beside driver {driver.value!s}"


def _compare_wheels(report: Report, paths: list[str]) -> Iterator[tuple[str, str]]:
    wheels = {path[1]: fact for path, fact in report.facts.items() if path[0] == "installed" and len(path) > 1}
    for stem, words in _LIBRARIES.items():
        mapped = [path for path in paths if os.path.basename(path).startswith(f"{stem}.so")]
        wheel = next((name for name in wheels if words in _CUDA.sub("", name)), None)
        if wheel is not None and mapped and not any("/nvidia/" in path for path in mapped):
            yield wheel, f"{os.path.basename(mapped[0])} is mapped from elsewhere"


def _compare_toolkit(context: Context) -> Iterator[tuple[str, str]]:
    toolkit = attempt(lambda: _find_toolkit(context))
    described = take_framework(context, "torch")
    facts = described.get("facts") if isinstance(described, Mapping) else None
    if not isinstance(toolkit, Observed) or not isinstance(facts, Mapping) or "cuda" not in facts:
        return
    built, version = facts["cuda"], str(toolkit.value)
    if built is None:
        yield "toolkit", f"toolkit {version} is installed, and torch was built without CUDA"
    elif isinstance(built, str) and built.partition(".")[0] != version.partition(".")[0]:
        yield "toolkit", f"toolkit {version} is installed, and torch was built for CUDA {built}"


def _find_toolkit(context: Context) -> str | Observation | None:
    environ = find_environ(context)
    for place in (environ.get("CUDA_HOME"), environ.get("CUDA_PATH"), "/usr/local/cuda"):
        if not place or not place.startswith("/"):
            continue
        text = attempt(lambda place=place: read_text(context.root / place.lstrip("/") / "version.json"))  # type: ignore[misc]
        if isinstance(text, Observed):
            return _read_version(json.loads(str(text.value)))
    return None


def _read_version(table: Any) -> str:
    for name in ("cuda", "cuda_nvcc", "cuda_cudart"):
        version = table.get(name, {}).get("version") if isinstance(table, dict) else None
        if isinstance(version, str):
            return version
    raise ValueError("version.json names no version")
