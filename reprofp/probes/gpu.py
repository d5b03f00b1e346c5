"""The facet ``gpu``: GPU devices as NVIDIA's driver lists them.

All facts are Absent (one fact for the facet) where there is no driver, Unknown where there is one that cannot be
asked. Read through NVML ("NVML API
Reference Guide", device queries), for device ``<i>`` in the driver's order, by PCI address:

- ``count``; ``device.<i>.name``, ``.memory_bytes`` (total), ``.vbios``.
- ``device.<i>.compute_capability``: "9.0".
- ``device.<i>.sm_count``: the number of CUDA cores divided by those that one multiprocessor of this compute capability
  has (CUDA C++ Programming Guide, "Compute Capabilities"); Unknown for a capability that is not in our list.
- ``device.<i>.mig_mode``, ``.ecc_mode``: whether it is on now; Absent where the device cannot.
- ``device.<i>.mig.<j>.name``, ``.sm_count``, ``.memory_bytes``: the instances that it is divided into.

What else is told of a device, and of pairs of them, stands in gpu_details.py; other makers' devices in accelerators.py.
A device that is lost is Unknown(failed) as a whole. Circumstances: ``gpu.device.<i>.uuid``, ``.serial``, ``.pci``.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from reprofp.model.observations import Observation, Observed, Value
from reprofp.probes.accelerators import add_accelerators, has_accelerators
from reprofp.probes.base import Context, Report
from reprofp.probes.gpu_details import add_details, add_system, to_plain_text
from reprofp.probes.machine import FAILED, NOT_ASKED
from reprofp.probes.nvml import DeviceLostError, NvmlUnavailableError, ask_nvml, open_nvml

__all__ = ["GpuProbe"]

_CORES_PER_MULTIPROCESSOR = {
    **dict.fromkeys(("5.0", "5.2", "5.3", "6.1", "6.2"), 128),
    **dict.fromkeys(("6.0", "7.0", "7.2", "7.5", "8.0"), 64),
    **dict.fromkeys(("8.6", "8.7", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1"), 128),
}
_MOST_DEVICES = 1024
_MOST_INSTANCES = 64
_MIB = 1 << 20


class GpuProbe:
    """Looks at the GPUs."""

    name = "gpu"
    version = 1

    def applies(self, context: Context) -> bool:
        """Not to have a GPU is a fact too."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report every device, or why none can be reported."""
        report = Report()
        try:
            with open_nvml(context) as nvml:
                _add_devices(report, nvml)
        except NvmlUnavailableError as error:
            if not has_accelerators(context):
                report.add(fact=error.fact)
                return report
            report.add("count", fact=error.fact)
            report.add("device", fact=error.fact)
        add_accelerators(report, context)
        return report


def _add_devices(report: Report, nvml: ModuleType) -> None:
    try:
        count = ask_nvml(nvml, nvml.nvmlDeviceGetCount)
    except DeviceLostError:
        count = FAILED
    report.add("count", fact=count)
    if not isinstance(count, Observed) or not isinstance(count.value, int):
        report.add("device", fact=count)
        return
    for index in range(min(count.value, _MOST_DEVICES)):
        _add_device(report, nvml, index)
    add_system(report, nvml, count.value)


def _add_device(report: Report, nvml: ModuleType, index: int) -> None:
    seen = Report()
    try:
        _look_at_device(seen, nvml, index)
    except DeviceLostError:
        report.add("device", str(index), fact=FAILED)
        return
    report.facts.update(seen.facts)
    report.circumstances.update(seen.circumstances)


def _look_at_device(report: Report, nvml: ModuleType, index: int) -> None:
    place = ("device", str(index))
    handle, failure = _get_handle(nvml, lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if failure is not None:
        report.add(*place, fact=failure)
        return
    capability = ask_nvml(nvml, lambda: _read_capability(nvml, handle))
    readers: dict[str, Callable[[], Value]] = {
        "name": lambda: to_plain_text(nvml.nvmlDeviceGetName(handle)),
        "memory_bytes": lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).total),
        "vbios": lambda: to_plain_text(nvml.nvmlDeviceGetVbiosVersion(handle)),
        "ecc_mode": lambda: bool(nvml.nvmlDeviceGetEccMode(handle)[0]),
        "mig_mode": lambda: bool(nvml.nvmlDeviceGetMigMode(handle)[0]),
    }
    facts = {name: ask_nvml(nvml, read) for name, read in readers.items()}
    facts["compute_capability"] = capability
    facts["sm_count"] = _count_multiprocessors(
        ask_nvml(nvml, lambda: nvml.nvmlDeviceGetNumGpuCores(handle)), capability
    )
    for name, fact in facts.items():
        report.add(*place, name, fact=fact)
    if facts["mig_mode"] == Observed(value=True):
        _add_instances(report, nvml, place, handle)
    add_details(report, nvml, index, handle)
    _add_circumstances(report, nvml, place, handle)


def _get_handle(nvml: ModuleType, get: Callable[[], Any]) -> tuple[Any, Observation | None]:
    """Return a handle, or the observation that stands for the device."""
    kept: list[Any] = []
    fact = ask_nvml(nvml, lambda: kept.append(get()))
    return (kept[0], None) if kept else (None, fact)


def _read_capability(nvml: ModuleType, handle: Any) -> str:
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
    return f"{major}.{minor}"


def _count_multiprocessors(cores: Observation, capability: Observation) -> Observation:
    if not isinstance(cores, Observed) or not isinstance(cores.value, int):
        return NOT_ASKED
    size = _CORES_PER_MULTIPROCESSOR.get(str(capability.value)) if isinstance(capability, Observed) else None
    if size is None or cores.value <= 0 or cores.value % size:
        return NOT_ASKED
    return Observed(cores.value // size)


def _add_instances(report: Report, nvml: ModuleType, place: tuple[str, ...], device: Any) -> None:
    count = ask_nvml(nvml, lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(device))
    most = count.value if isinstance(count, Observed) and isinstance(count.value, int) else 0
    for index in range(min(most, _MOST_INSTANCES)):
        handle, failure = _get_handle(nvml, lambda index=index: nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, index))  # type: ignore[misc]
        if failure is None:
            _add_instance(report, nvml, (*place, "mig", str(index)), handle)


def _add_instance(report: Report, nvml: ModuleType, place: tuple[str, ...], handle: Any) -> None:
    readers: dict[str, Callable[[], Value]] = {
        "name": lambda: to_plain_text(nvml.nvmlDeviceGetName(handle)),
        "sm_count": lambda: int(nvml.nvmlDeviceGetAttributes(handle).multiprocessorCount),
        "memory_bytes": lambda: int(nvml.nvmlDeviceGetAttributes(handle).memorySizeMB) * _MIB,
    }
    for name, read in readers.items():
        report.add(*place, name, fact=ask_nvml(nvml, read))


def _add_circumstances(report: Report, nvml: ModuleType, place: tuple[str, ...], handle: Any) -> None:
    readers: dict[str, Callable[[], Value]] = {
        "uuid": lambda: to_plain_text(nvml.nvmlDeviceGetUUID(handle)),
        "serial": lambda: to_plain_text(nvml.nvmlDeviceGetSerial(handle)),
        "pci": lambda: to_plain_text(nvml.nvmlDeviceGetPciInfo(handle).busId),
    }
    for name, read in readers.items():
        answer = ask_nvml(nvml, read)
        if isinstance(answer, Observed):
            report.circumstances[".".join(("gpu", *place, name))] = answer.value
