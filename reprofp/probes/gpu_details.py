"""What NVML tells of a device beyond what decides its kernels: errors, links, firmware, modes; and how devices are joined.

Below ``device.<i>``:

- ``ecc_uncorrected``: memory errors that were not corrected since the driver was loaded; ``remapped_rows.corrected``,
  ``.uncorrected``, ``.pending``, ``.failed``: rows of memory that were replaced (nvmlDeviceGetRemappedRows).
- ``memory_bus_bits``, ``pcie.max_generation``, ``pcie.max_width``; ``nvlink.active`` (links that are up) and ``.version``.
- ``fabric.state``, ``fabric.clique``: its place in a fabric of NVLink switches.
- ``compute_mode``, ``virtualization``: as words of the "NVML API Reference Guide".
- ``board``, ``inforom``, ``gsp_firmware``: part number and firmware.

Of two devices ``<i>`` and ``<j>``: ``topology.<i>-<j>.path``, what they have in common (internal, single, multiple,
hostbridge, node, system), and ``topology.<i>-<j>.peer``, whether one reads the other's memory; of fewer than two, ``topology`` is Absent. For all:
``confidential_compute``.

Circumstances below ``gpu.device.<i>``: ``clocks.sm_mhz``, ``clocks.memory_mhz``, ``power_limit_watts``,
``temperature_celsius``, ``throttle_reasons`` (a bit mask), ``pcie.generation`` (it rises under load), ``persistence``,
``processes`` (how many compute there), ``fabric.cluster``.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed, Value
from reprofp.probes.base import Report
from reprofp.probes.machine import FAILED
from reprofp.probes.nvml import DeviceLostError, ask_nvml

__all__ = ["add_details", "add_system", "to_plain_text"]

_Reader = Callable[[ModuleType, Any], Value]
_UNCORRECTED, _SINCE_START = 1, 0
_SM, _MEMORY = 1, 2
_A_PAIR = 2
_MOST_LINKS = 36
_MOST_JOINED = 16
"""Pairs grow with the square: of more devices the first ones tell."""
_COMPUTE_MODES = ("default", "exclusive_thread", "prohibited", "exclusive_process")
_VIRTUALIZATION = ("none", "passthrough", "vgpu", "host_vgpu", "host_vsga")
_FABRIC_STATES = ("not_supported", "not_started", "in_progress", "completed")
_PATHS = {0: "internal", 10: "single", 20: "multiple", 30: "hostbridge", 40: "node", 50: "system"}
_PEER = ("ok", "chipset", "gpu", "topology", "disabled", "not_supported", "unknown")
_READ = 0


def to_plain_text(text: str | bytes) -> str:
    """Return a text of NVML, which older releases of nvidia-ml-py give as bytes."""
    return text.decode() if isinstance(text, bytes) else text


def _name(names: Sequence[str], number: int) -> str:
    return names[number] if 0 <= number < len(names) else str(number)


_FACTS: dict[str, _Reader] = {
    "ecc_uncorrected": lambda nvml, device: int(nvml.nvmlDeviceGetTotalEccErrors(device, _UNCORRECTED, _SINCE_START)),
    "memory_bus_bits": lambda nvml, device: int(nvml.nvmlDeviceGetMemoryBusWidth(device)),
    "pcie.max_generation": lambda nvml, device: int(nvml.nvmlDeviceGetMaxPcieLinkGeneration(device)),
    "pcie.max_width": lambda nvml, device: int(nvml.nvmlDeviceGetMaxPcieLinkWidth(device)),
    "compute_mode": lambda nvml, device: _name(_COMPUTE_MODES, nvml.nvmlDeviceGetComputeMode(device)),
    "virtualization": lambda nvml, device: _name(_VIRTUALIZATION, nvml.nvmlDeviceGetVirtualizationMode(device)),
    "board": lambda nvml, device: to_plain_text(nvml.nvmlDeviceGetBoardPartNumber(device)),
    "inforom": lambda nvml, device: to_plain_text(nvml.nvmlDeviceGetInforomImageVersion(device)),
    "gsp_firmware": lambda nvml, device: to_plain_text(nvml.nvmlDeviceGetGspFirmwareVersion(device)),
}
_CIRCUMSTANCES: dict[str, _Reader] = {
    "clocks.sm_mhz": lambda nvml, device: int(nvml.nvmlDeviceGetClockInfo(device, _SM)),
    "clocks.memory_mhz": lambda nvml, device: int(nvml.nvmlDeviceGetClockInfo(device, _MEMORY)),
    "power_limit_watts": lambda nvml, device: int(nvml.nvmlDeviceGetEnforcedPowerLimit(device)) // 1000,
    "temperature_celsius": lambda nvml, device: int(nvml.nvmlDeviceGetTemperature(device, 0)),
    "throttle_reasons": lambda nvml, device: int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(device)),
    "pcie.generation": lambda nvml, device: int(nvml.nvmlDeviceGetCurrPcieLinkGeneration(device)),
    "persistence": lambda nvml, device: bool(nvml.nvmlDeviceGetPersistenceMode(device)),
    "processes": lambda nvml, device: len(nvml.nvmlDeviceGetComputeRunningProcesses(device)),
}


def add_details(report: Report, nvml: ModuleType, index: int, handle: Any) -> None:
    """Add what is told of one device.

    Raises:
        DeviceLostError: the device is lost.
    """
    place = ("device", str(index))
    for name, read in _FACTS.items():
        report.add(*place, *name.split("."), fact=_ask(nvml, read, handle))
    for part, fact in _observe_rows(nvml, handle).items():
        report.add(*place, "remapped_rows", *part, fact=fact)
    for name, fact in _observe_links(nvml, handle).items():
        report.add(*place, "nvlink", name, fact=fact)
    _add_fabric(report, nvml, place, handle)
    for name, read in _CIRCUMSTANCES.items():
        answer = _ask(nvml, read, handle)
        if isinstance(answer, Observed):
            report.circumstances[".".join(("gpu", *place, name))] = answer.value


def _ask(nvml: ModuleType, read: _Reader, handle: Any) -> Observation:
    """Ask; a getter that this release of nvidia-ml-py does not have is not known."""
    try:
        return ask_nvml(nvml, lambda: read(nvml, handle))
    except AttributeError:
        return FAILED


def _observe_rows(nvml: ModuleType, handle: Any) -> dict[tuple[str, ...], Observation]:
    rows = _ask(nvml, lambda nvml, device: [int(item) for item in nvml.nvmlDeviceGetRemappedRows(device)], handle)
    if not isinstance(rows, Observed) or not isinstance(rows.value, list):
        return {(): rows}
    corrected, uncorrected, pending, failed = rows.value[:4]
    counts = {("corrected",): corrected, ("uncorrected",): uncorrected}
    flags = {("pending",): bool(pending), ("failed",): bool(failed)}
    return {part: Observed(value) for part, value in {**counts, **flags}.items()}


def _observe_links(nvml: ModuleType, handle: Any) -> dict[str, Observation]:
    """Count links until the first that the device does not have."""
    active: list[int] = []
    for link in range(_MOST_LINKS):
        state = _ask(nvml, lambda nvml, device, link=link: bool(nvml.nvmlDeviceGetNvLinkState(device, link)), handle)  # type: ignore[misc]
        if link == 0 and not isinstance(state, Observed):
            return {"active": state, "version": state}
        if not isinstance(state, Observed):
            break
        active += [link] if state.value else []
    if not active:
        return {"active": Observed(0), "version": ABSENT}
    version = _ask(nvml, lambda nvml, device: int(nvml.nvmlDeviceGetNvLinkVersion(device, active[0])), handle)
    return {"active": Observed(len(active)), "version": version}


def _add_fabric(report: Report, nvml: ModuleType, place: tuple[str, ...], handle: Any) -> None:
    kept: list[Any] = []

    def read(nvml: ModuleType, device: Any) -> Value:
        kept.append(nvml.c_nvmlGpuFabricInfo_t())
        nvml.nvmlDeviceGetGpuFabricInfo(device, ctypes.byref(kept[0]))
        return _name(_FABRIC_STATES, int(kept[0].state))

    state = _ask(nvml, read, handle)
    report.add(*place, "fabric", "state", fact=state)
    if state == Observed("completed"):
        report.observe(*place, "fabric", "clique", value=int(kept[0].cliqueId))
        report.circumstances[".".join(("gpu", *place, "fabric", "cluster"))] = bytes(kept[0].clusterUuid).hex()


def add_system(report: Report, nvml: ModuleType, count: int) -> None:
    """Add what is told of all devices together."""
    report.add("confidential_compute", fact=_observe_confidence(nvml))
    handles = _get_handles(nvml, min(count, _MOST_JOINED))
    if count < _A_PAIR:
        report.add("topology", fact=ABSENT)
    for first, one in handles.items():
        for second, other in handles.items():
            if first < second:
                _add_pair(report, nvml, f"{first}-{second}", one, other)


def _observe_confidence(nvml: ModuleType) -> Observation:
    try:
        return ask_nvml(nvml, lambda: bool(nvml.nvmlSystemGetConfComputeState().ccFeature))
    except (AttributeError, DeviceLostError):
        return FAILED


def _get_handles(nvml: ModuleType, count: int) -> dict[int, Any]:
    handles: dict[int, Any] = {}
    for index in range(count):
        with contextlib.suppress(DeviceLostError):
            ask_nvml(nvml, lambda index=index: handles.update({index: nvml.nvmlDeviceGetHandleByIndex(index)}))  # type: ignore[misc]
    return handles


def _add_pair(report: Report, nvml: ModuleType, name: str, one: Any, other: Any) -> None:
    def find_path(nvml: ModuleType, device: Any) -> Value:
        level = int(nvml.nvmlDeviceGetTopologyCommonAncestor(device, other))
        return _PATHS.get(level, str(level))

    readers: dict[str, _Reader] = {
        "path": find_path,
        "peer": lambda nvml, device: _name(_PEER, int(nvml.nvmlDeviceGetP2PStatus(device, other, _READ))),
    }
    for part, read in readers.items():
        report.add("topology", name, part, fact=FAILED)
        with contextlib.suppress(DeviceLostError):
            report.add("topology", name, part, fact=_ask(nvml, read, one))
