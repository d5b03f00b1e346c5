"""Versions that libraries of the CUDA family tell of themselves: facts ``cuda.deep.<name>``, on request only.

A small program of the package (csrc/helper/library_versions.c) loads each library in a process of its own, within a time
limit, since one that misses its parts or its driver may abort or hang. Asked are, as far as they are there, the copies that
the described process has mapped, else those of installed wheels, else those that the loader finds by name: cuda (the
driver's library), cudart, cudnn, cublas, cublasLt, nccl, cufft, curand, cusparse, cusolver and nvrtc.

Absent: there is none. Unknown(failed): it ended its process or has no version to give. Unknown(timed out): it hung. What became of a library
that did not answer is the circumstance ``cuda.deep.<name>``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reprofp._core.probing import find_program
from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context, Report
from reprofp.probes.environments import find_environment
from reprofp.probes.machine import FAILED, attempt, find_environ, read_part
from reprofp.probes.subprocesses import ask_program

__all__ = ["PROGRAM", "add_deep_versions"]

PROGRAM = find_program("reprofp-library-versions")

_SECONDS = 1.2
_SLACK = 0.3
_BYTES = 1 << 14
_TIMED_OUT = Unknown(UnknownCode.TIMED_OUT)


def _split_hundreds(number: int) -> str:
    """91002 is 9.10.2."""
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _split_short(number: int, longest: int) -> str:
    """Up to some release the parts had fewer digits: 8902 of cuDNN is 8.9.2, 2708 of NCCL is 2.7.8."""
    if number >= longest:
        return _split_hundreds(number)
    return f"{number // 1000}.{number // 100 % 10}.{number % 100}"


def _split_cuda(number: int) -> str:
    """12040 is 12.4."""
    return f"{number // 1000}.{number % 1000 // 10}"


_FORMS: Mapping[str, Callable[[int], str]] = {
    "cuda": _split_cuda,
    "cudart": _split_cuda,
    "cudnn": lambda number: _split_short(number, 90000),
    "cublasLt": lambda number: _split_short(number, 100000 + 1),
    "nccl": lambda number: _split_short(number, 20900),
    "cufft": lambda number: _split_short(number, 100000),
    "curand": lambda number: _split_short(number, 100000),
}
"""How the single number that a library gives is written; those that give parts need none."""
_SONAMES: Mapping[str, tuple[str, ...]] = {
    "cuda": ("libcuda.so.1",),
    "cudart": ("libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0"),
    "cudnn": ("libcudnn.so.9", "libcudnn.so.8"),
    "cublas": ("libcublas.so.13", "libcublas.so.12", "libcublas.so.11"),
    "cublasLt": ("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"),
    "nccl": ("libnccl.so.2",),
    "cufft": ("libcufft.so.12", "libcufft.so.11"),
    "curand": ("libcurand.so.10",),
    "cusparse": ("libcusparse.so.12", "libcusparse.so.11"),
    "cusolver": ("libcusolver.so.12", "libcusolver.so.11"),
    "nvrtc": ("libnvrtc.so.13", "libnvrtc.so.12"),
}
_BASE = re.compile(r"lib(\w+)(?:-[0-9a-f]{8})?\.so(?:\.[\d.]+)?")


def add_deep_versions(report: Report, context: Context) -> None:
    """Ask, where the context says so."""
    if not context.deep:
        return
    answers = attempt(lambda: _ask(report, context))
    if answers != Observed(value=True):
        report.add("deep", fact=answers)


def _ask(report: Report, context: Context) -> bool:
    places = dict(_find_mapped(context)) or dict(_find_wheels(context))
    questions = [
        f"{name}={path}" for name in _SONAMES for path in ([places[name]] if name in places else _SONAMES[name])
    ]
    environ = {key: value for key, value in find_environ(context).items() if key != "LD_PRELOAD"}
    command = [os.fspath(PROGRAM), str(int(_SECONDS * 1000)), *questions]
    answer = ask_program(command, cwd="/", environ=environ, seconds=_SECONDS + _SLACK, limit=_BYTES)
    if answer.code:
        raise ValueError(f"{PROGRAM.name} ended with {answer.code}")
    told: dict[str, list[str]] = {}
    for line in answer.out.decode("utf-8", "replace").splitlines():
        name, _, words = line.partition(" ")
        told.setdefault(name, []).append(words)
    for name in _SONAMES:
        _add_answer(report, name, told.get(name, []))
    return True


def _add_answer(report: Report, name: str, answers: list[str]) -> None:
    """Of several copies by name, the first that is there counts, as for the loader."""
    found = next((words for words in answers if words != "missing"), "missing" if answers else "silent")
    fact = _read_answer(name, found)
    report.add("deep", name, fact=fact)
    if isinstance(fact, Unknown):
        report.circumstances[f"cuda.deep.{name}"] = found


def _read_answer(name: str, words: str) -> Observation:
    kind, *numbers = words.split()
    if kind == "version" and numbers and all(number.isdecimal() for number in numbers):
        form = _FORMS.get(name)
        return Observed(form(int(numbers[0])) if form and len(numbers) == 1 else ".".join(numbers))
    return ABSENT if kind == "missing" else _TIMED_OUT if kind == "late" else FAILED


def _find_mapped(context: Context) -> Iterator[tuple[str, str]]:
    libraries = read_part(context, "libraries", list) if context.process is not None else []
    for library in [] if isinstance(libraries, Unknown) else libraries:
        path = library.get("path") if isinstance(library, dict) else None
        if isinstance(path, str) and (name := _name(os.path.basename(path))):
            yield name, path


def _find_wheels(context: Context) -> Iterator[tuple[str, str]]:
    """Find the copies that wheels named nvidia-* brought: nvidia/<library>/lib/lib*.so.N, and nvidia/cu13/lib."""
    for folder in reversed(find_environment(context).path):
        for path in sorted(Path(folder).glob("nvidia/*/lib/lib*.so.*")):
            if name := _name(path.name):
                yield name, str(path)


def _name(base: str) -> str | None:
    match = _BASE.fullmatch(base)
    return match[1] if match and match[1] in _SONAMES else None
