"""NVIDIA's management library, through nvidia-ml-py: a session, and what its answers and errors mean.

Source: NVIDIA, "NVML API Reference Guide", nvmlReturn_t and nvmlInitWithFlags. nvidia-ml-py is imported only
where the library is there, since that import costs more than all other probes; it opens the library by the
same name, and so gets the one that was opened here.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterator
from types import ModuleType

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode, Value
from reprofp.probes.accelerators import has_accelerators
from reprofp.probes.base import Context
from reprofp.probes.machine import DENIED, FAILED, NOT_ASKED, attempt, is_live, read_text, try_text

__all__ = ["LIBRARY", "DeviceLostError", "NvmlUnavailableError", "ask_nvml", "find_driver_version", "open_nvml"]

LIBRARY = "libnvidia-ml.so.1"

_NO_PERMISSION, _NOT_SUPPORTED, _DRIVER_NOT_LOADED, _TIMEOUT, _GPU_IS_LOST = 4, 3, 9, 10, 15
_MEANINGS: dict[int, Observation] = {
    _NO_PERMISSION: DENIED,
    _NOT_SUPPORTED: ABSENT,
    _DRIVER_NOT_LOADED: ABSENT,
    _TIMEOUT: Unknown(UnknownCode.TIMED_OUT),
}
_NO_ATTACH = 2
"""Start without waking the GPUs: NVML_INIT_FLAG_NO_ATTACH."""


class NvmlUnavailableError(Exception):
    """NVML cannot be asked; ``fact`` is what that says of the GPUs."""

    def __init__(self, fact: Observation) -> None:
        """Keep the observation that stands for all that cannot be asked."""
        super().__init__(fact)
        self.fact = fact


class DeviceLostError(Exception):
    """The device fell off the bus: nothing that it said before can be relied on either."""


@contextlib.contextmanager
def open_nvml(context: Context, *, attach: bool = True) -> Iterator[ModuleType]:
    """Yield nvidia-ml-py's module with NVML started, and end it afterwards.

    Raises:
        NvmlUnavailableError: there is no driver, or it cannot be asked.
    """
    _load_library(context)
    import pynvml  # noqa: PLC0415  see the module's docstring

    try:
        pynvml.nvmlInitWithFlags(0 if attach else _NO_ATTACH)
    except pynvml.NVMLError as error:
        raise NvmlUnavailableError(_MEANINGS.get(error.value, FAILED)) from error
    try:
        yield pynvml
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _load_library(context: Context) -> None:
    if context.load_library is None and not is_live(context):
        raise NvmlUnavailableError(_explain_absence(context))
    try:
        (context.load_library or ctypes.CDLL)(LIBRARY)
    except OSError as error:
        raise NvmlUnavailableError(_explain_absence(context)) from error


def _explain_absence(context: Context) -> Observation:
    """Without the library: no GPU, unless something shows a driver (a container may bring compute libraries only)."""
    driver = attempt(lambda: find_driver_version(context), ABSENT)
    if driver != ABSENT or (context.root / "dev/dxg").exists():
        return FAILED
    return NOT_ASKED if has_accelerators(context) else ABSENT


def find_driver_version(context: Context) -> str | None:
    """Return the version of the kernel's driver, or None where none is loaded.

    /proc/driver/nvidia/version begins ``NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat ...``,
    and for the open modules ``NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release ...``.

    Raises:
        OSError: the file is there and cannot be read.
        ValueError: it holds no version.
    """
    try:
        text = read_text(context.proc / "driver/nvidia/version")
    except (FileNotFoundError, NotADirectoryError):
        return try_text(context.sys / "module/nvidia/version")
    words = text.partition("\n")[0].split()
    version = next((word for word in words if word.count(".") >= 1 and word.replace(".", "").isdecimal()), None)
    if version is None:
        raise ValueError("/proc/driver/nvidia/version holds no version")
    return version


def ask_nvml(nvml: ModuleType, read: Callable[[], Value]) -> Observation:
    """Observe one answer.

    Raises:
        DeviceLostError: the device is lost.
    """
    try:
        return Observed(read())
    except nvml.NVMLError as error:
        if error.value == _GPU_IS_LOST:
            raise DeviceLostError from error
        return _MEANINGS.get(error.value, FAILED)
    except ValueError:  # text that is no UTF-8
        return FAILED
