"""The text of ``python -m torch.utils.collect_env``, which bug reports of PyTorch hold.

In: its lines ``name: value``, its block of lscpu(1), and its lists of packages (torch/utils/collect_env.py). Out: facts of
``os``, ``python``, ``cpu``, ``gpu``, ``cuda`` and ``packages``. "Could not collect" and "N/A" tell nothing: its author could not
say whether there is none or it could not be asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reprofp._core.probing import known_features
from reprofp.importing.found import Found
from reprofp.importing.platforms import add_libc, add_platform
from reprofp.importing.sources import Source

__all__ = ["read_collect_env", "recognise_collect_env"]

_LINE = re.compile(r"(?P<name>[A-Za-z][^:]{0,80}?):[ \t]*(?P<value>.*)")
_NOTHING = {"", "N/A", "Could not collect", "No CUDA", "Could not collect.", "None"}
_PYTHON = re.compile(r"(?P<version>\d+\.\d+\.\S+) \((?P<build>[^()]*)\) ?\[(?P<compiler>[^\]]*)\].*")
_OLD_PYTHON = re.compile(r"(?P<version>\d+\.\d+\.\d+\S*)(?: .*)?")
_SYSTEMS = {"Ubuntu": "ubuntu", "Debian GNU/Linux": "debian", "Fedora Linux": "fedora", "Rocky Linux": "rocky"}
_SYSTEM = re.compile(r"(?P<name>[A-Za-z/ ]+?) (?P<version>\d+(?:\.\d+)?)(?:[ .].*)?")
_DEVICE = re.compile(r"GPU (?P<index>\d{1,4}): (?P<name>.+?)(?: \(UUID:.*\))?")
_PACKAGE = re.compile(
    r"\[(?P<tool>pip\d*|conda)\] (?P<name>[\w.-]+)(?:==|[ \t]+)(?P<version>[0-9][\w.!+]*)(?:[ \t]+(?P<build>\S+).*)?"
)
_CACHE = re.compile(r"(?P<size>[\d.]+) (?P<unit>[KMG])iB(?: \((?P<count>\d+) instances?\))?")
_CACHES = {"L1d cache": "l1d", "L1i cache": "l1i", "L2 cache": "l2", "L3 cache": "l3"}
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_HYPERVISORS = {"KVM": "kvm", "VMware": "vmware", "Xen": "xen", "Microsoft": "microsoft"}
_NUMBERS = {"CPU family": ("family",), "Model": ("model",), "Stepping": ("stepping",), "NUMA node(s)": ("numa_nodes",)}
_MOST_DIGITS = 9
_LIBRARIES = "Versions of relevant libraries:"


def recognise_collect_env(source: Source) -> bool:
    """Whether it has the lines that every release prints."""
    if source.is_folder:
        return False
    text = source.try_read("text") or ""
    return "PyTorch version:" in text and ("Is debug build:" in text or _LIBRARIES in text)


def read_collect_env(source: Source, found: Found) -> None:
    """Take what the text tells."""
    text = _drop_cut(source, found)
    values = _read_lines(text)
    _add_system(found, values)
    _add_python(found, values.get("Python version", ""))
    _add_gpus(found, text, values)
    if values.get("Vendor ID") and "Model name" in values:
        _add_processor(found, values)
    for match in _PACKAGE.finditer(text):
        kept = found.add_package(match["name"], match["version"])
        if match["tool"] == "conda" and match["build"]:
            found.observe("packages", "installed", kept, "conda_build", value=match["build"])
    if torch := values.get("PyTorch version"):
        found.add_package("torch", torch)


def _drop_cut(source: Source, found: Found) -> str:
    """Return the text without a package in a last line that nothing ends; say where the list of libraries is missing."""
    text = source.text
    if _LIBRARIES not in text:
        found.note(f"{source.path}: it ends before {_LIBRARIES!r}: is it cut off? what is not in it is unknown")
    match = _PACKAGE.fullmatch(source.cut_line)
    if match is None:
        return text
    found.note_cut(source.path, match["name"])
    found.add_package(match["name"], None)
    return text[: text.rindex(source.cut_line)]


def _read_lines(text: str) -> dict[str, str]:
    """Return the first value of each name; a value that tells nothing is left out."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        match = _LINE.match(line.strip())
        if match is not None and match["value"].strip() not in _NOTHING:
            values.setdefault(match["name"], match["value"].strip())
    return values


def _add_system(found: Found, values: Mapping[str, str]) -> None:
    add_platform(found, values.get("Python platform", ""))
    name, _, version = values.get("Libc version", "").partition("-")
    if version:
        add_libc(found, name, version)
    system = _SYSTEM.match(values.get("OS", ""))
    if system is not None and system["name"] in _SYSTEMS:
        found.observe("os", "distribution", "id", value=_SYSTEMS[system["name"]])
        found.observe("os", "distribution", "version", value=system["version"])
    order = {"Little Endian": "little", "Big Endian": "big"}.get(values.get("Byte Order", ""))
    found.observe("os", "byteorder", value=order)
    found.observe("os", "hypervisor", value=_HYPERVISORS.get(values.get("Hypervisor vendor", "")))


def _add_python(found: Found, text: str) -> None:
    match = _PYTHON.fullmatch(text)
    if match is not None:
        for name in ("version", "build", "compiler"):
            found.observe("python", name, value=match[name].strip())
    elif old := _OLD_PYTHON.fullmatch(text):
        found.observe("python", "version", value=old["version"])


def _add_gpus(found: Found, text: str, values: Mapping[str, str]) -> None:
    """Add the devices that ``nvidia-smi -L`` listed, in the driver's order, and the driver."""
    devices = [match for line in text.splitlines() if (match := _DEVICE.fullmatch(line.strip()))]
    if first := _DEVICE.fullmatch(values.get("GPU models and configuration", "")):
        devices.insert(0, first)
    for match in devices:
        found.observe("gpu", "device", match["index"], "name", value=match["name"])
    if devices and [int(match["index"]) for match in devices] == list(range(len(devices))):
        found.observe("gpu", "count", value=len(devices))
    found.observe("cuda", "driver_version", value=values.get("Nvidia driver version", "").partition("\n")[0])


def _add_processor(found: Found, values: Mapping[str, str]) -> None:
    """Add what lscpu told, as the processor's own words and the kernel's."""
    found.observe("cpu", "vendor", value=values["Vendor ID"])
    found.observe("cpu", "brand", value=values["Model name"])
    found.observe("os", "architecture", value=values.get("Architecture"))
    for name, path in _NUMBERS.items():
        found.observe("cpu", *path, value=_read_number(values.get(name, "")))
    for name in sorted(known_features() & frozenset(values.get("Flags", "").split())):
        found.observe("cpu", "isa", name, value=True)
    for name, kept in _CACHES.items():
        found.observe("cpu", "cache", kept, value=_read_cache(values.get(name, "")))
    _add_cores(found, values)


def _add_cores(found: Found, values: Mapping[str, str]) -> None:
    found.observe("cpu", "cores", "logical", value=_read_number(values.get("CPU(s)", "")))
    cores, sockets = (_read_number(values.get(name, "")) for name in ("Core(s) per socket", "Socket(s)"))
    if cores and sockets:
        found.observe("cpu", "cores", "physical", value=cores * sockets)
    threads = _read_number(values.get("Thread(s) per core", ""))
    if threads:
        found.observe("cpu", "smt", value=threads > 1)


def _read_number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _read_cache(text: str) -> int | None:
    """Return the bytes of one instance, where that is exact."""
    match = _CACHE.fullmatch(text)
    if match is None:
        return None
    total = float(match["size"]) * _UNITS[match["unit"]]
    count = int(match["count"] or 1)
    return int(total) // count if count and total == int(total) and int(total) % count == 0 else None
