"""The facet ``cuda``: NVIDIA's driver, and the libraries of the CUDA family, installed and loaded.

How each fact is read:

- ``driver_version``: /proc/driver/nvidia/version, else /sys/module/nvidia/version, else NVML.
- ``driver_flavor``: "open" or "proprietary", by the words of /proc/driver/nvidia/version.
- ``driver_cuda_version``: the newest CUDA that the driver can run, from NVML, which is started without waking the
  GPUs ("NVML API Reference Guide", nvmlSystemGetCudaDriverVersion_v2). Both are Absent without a driver.
- ``installed.<name>``: the version of each wheel named nvidia-*, by its dist-info folder ("Recording installed
  projects", packaging.python.org).
- ``loaded.<soname>.version`` and ``.build_id``: of each mapped library of the family in the raw observations of the
  process; the soname and the build-id stand in the file (see elf.py), the version in its name. A second
  library of one name, a hazard in itself, is ``<soname>#2``. Without a process: Unknown(not loaded yet).
- ``conflicts.<name>``: where what is installed and what is mapped part (see conflicts.py).
- ``deep.<name>``: what libraries tell of themselves, where that was asked for (see deep.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context, Report
from reprofp.probes.conflicts import add_conflicts
from reprofp.probes.deep import add_deep_versions
from reprofp.probes.elf import ElfIdentity, read_elf
from reprofp.probes.environments import find_environment
from reprofp.probes.machine import FAILED, NOT_ASKED, absent_unless, attempt, read_part, read_text
from reprofp.probes.nvml import DeviceLostError, NvmlUnavailableError, ask_nvml, find_driver_version, open_nvml

__all__ = ["CudaProbe"]

_FAMILY = re.compile(
    r"lib(?:cuda|cudart|cudadevrt|cublas|cublasLt|nvblas|cudnn\w*|cufft|cufftw|curand|cusolver|cusolverMg|cusparse"
    r"|cusparseLt|cudss\w*|cutensor\w*|custatevec|cufile\w*|cupti|nccl|nvshmem\w*|nvrtc|nvrtc-builtins|nvJitLink"
    r"|nvfatbin|nvptxcompiler|nvToolsExt|nvinfer\w*|nvonnxparser|nvidia-\w[\w-]*|npp\w+|nvjpeg\w*|nvvm)(?=[-.])"
)
_HASH = re.compile(r"-[0-9a-f]{8}(?=[-.])")
_VERSION = re.compile(r"\.so\.(\d+(?:\.\d+)+)$")
_WHEEL = re.compile(r"(nvidia[-_.][\w.]+?)-([\w.+!]+)\.(?:dist|egg)-info", re.IGNORECASE)
_OWN = frozenset({"nvidia-ml-py"})
"""Comes with reprofp, and computes nothing."""


class CudaProbe:
    """Looks at the CUDA family."""

    name = "cuda"
    version = 1

    def applies(self, context: Context) -> bool:
        """Not to have CUDA is a fact too."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report driver, wheels and mapped libraries."""
        report = Report()
        _add_driver(report, context)
        _add_installed(report, context)
        _add_loaded(report, context)
        add_deep_versions(report, context)
        add_conflicts(report, context)
        return report


def _add_driver(report: Report, context: Context) -> None:
    version = attempt(lambda: find_driver_version(context), ABSENT)
    answered, cuda = _ask_driver(context)
    known = version if isinstance(version, Observed) else _prefer(answered, version)
    report.add("driver_version", fact=known)
    report.add("driver_cuda_version", fact=cuda)
    report.add("driver_flavor", fact=attempt(lambda: _read_flavor(context), ABSENT if known == ABSENT else FAILED))


def _read_flavor(context: Context) -> str:
    return "open" if "Open Kernel Module" in read_text(context.proc / "driver/nvidia/version") else "proprietary"


def _prefer(first: Observation, second: Observation) -> Observation:
    """Take what was observed; else what is Unknown, for it may be there."""
    ranked = sorted((first, second), key=lambda fact: (isinstance(fact, Observed), isinstance(fact, Unknown)))
    return ranked[-1]


def _ask_driver(context: Context) -> tuple[Observation, Observation]:
    try:
        with open_nvml(context, attach=False) as nvml:
            version = ask_nvml(nvml, nvml.nvmlSystemGetDriverVersion)
            return version, ask_nvml(nvml, lambda: _format_version(nvml.nvmlSystemGetCudaDriverVersion_v2()))
    except NvmlUnavailableError as error:
        # Another vendor's accelerator needs nothing of this driver.
        fact = ABSENT if error.fact == NOT_ASKED else error.fact
        return fact, fact
    except DeviceLostError:
        return FAILED, FAILED


def _format_version(number: int) -> str:
    """12040 is 12.4."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _add_installed(report: Report, context: Context) -> None:
    failure = attempt(lambda: _list_wheels(report, context))
    if isinstance(failure, Unknown):
        report.add("installed", fact=failure)


def _list_wheels(report: Report, context: Context) -> bool:
    """Add the wheels in the order in which Python looks: the first of one name is the one that is imported."""
    for folder in find_environment(context).path:
        try:
            names = sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            continue
        for match in filter(None, map(_WHEEL.fullmatch, names)):
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            if name not in _OWN:
                report.facts.setdefault(("installed", name), Observed(match[2]))
    return True


def _add_loaded(report: Report, context: Context) -> None:
    if context.process is None:
        report.add("loaded", fact=Unknown(UnknownCode.NOT_LOADED))
        return
    libraries = read_part(context, "libraries", list)
    if isinstance(libraries, Unknown):
        report.add("loaded", fact=libraries)
        return
    taken: dict[str, int] = {}
    for name, version, build_id in sorted(_describe(context, libraries), key=repr):
        taken[name] = taken.get(name, 0) + 1
        label = name if taken[name] == 1 else f"{name}#{taken[name]}"
        report.add("loaded", label, "version", fact=version)
        report.add("loaded", label, "build_id", fact=build_id)


def _describe(context: Context, libraries: list[Any]) -> Iterator[tuple[str, Observation, Observation]]:
    for library in libraries:
        path = library.get("path") if isinstance(library, dict) else None
        base = path.rpartition("/")[2] if isinstance(path, str) else ""
        if not isinstance(path, str) or not _FAMILY.match(base):
            continue
        identity = _read_identity(context.root / path.lstrip("/"), library)
        soname = identity.soname if identity is not None and identity.soname else base
        version = _VERSION.search(base)
        yield (
            _clean(soname),
            NOT_ASKED if version is None else Observed(version[1]),
            FAILED if identity is None else absent_unless(identity.build_id),
        )


def _read_identity(path: Path, library: dict[str, Any]) -> ElfIdentity | None:
    """Read the file, unless it is no longer the one that was mapped."""
    try:
        inode = path.stat().st_ino
        is_replaced = library.get("deleted") or library.get("inode", inode) != inode
        return None if is_replaced else read_elf(path)
    except (OSError, ValueError):
        return None


def _clean(soname: str) -> str:
    """Return the name without folder, and without the hash that auditwheel adds."""
    name = _HASH.sub("", soname.rpartition("/")[2])
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
