"""A snapshot of mlenv-cli: ``mlenv snapshot --output FILE``, its schema 1.

In: JSON with ``sections`` of texts. Out: facts of the interpreter, the system, packages, GPUs and the variables that it
keeps. It names an absent section and a failed one alike, so a section that is missing is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp.importing.found import Found
from reprofp.importing.platforms import add_libc, add_python_version
from reprofp.importing.sources import Source, as_table, as_text

__all__ = ["read_mlenv", "recognise_mlenv"]

_MOST_DEVICES = 1024


def recognise_mlenv(source: Source) -> bool:
    """Whether it is JSON with a schema's version and sections."""
    if source.is_folder or '"schema_version"' not in (source.try_read("text") or ""):
        return False
    return "python" in as_table(as_table(source.try_read("json")).get("sections"))


def read_mlenv(source: Source, found: Found) -> None:
    """Take what the sections tell."""
    sections = {name: as_table(values) for name, values in as_table(as_table(source.json).get("sections")).items()}
    python, platform = sections.get("python", {}), sections.get("platform", {})
    add_python_version(found, as_text(python.get("version")))
    found.observe("python", "implementation", value=as_text(python.get("implementation")).lower())
    found.observe("os", "sysname", value=as_text(platform.get("system")))
    found.observe("os", "kernel", "release", value=as_text(platform.get("release")))
    found.observe("os", "architecture", value=as_text(platform.get("machine")))
    libc, _, version = as_text(platform.get("libc")).partition(" ")
    if version:
        add_libc(found, libc, version)
    for name, number in sections.get("packages", {}).items():
        found.add_package(name, as_text(number) or None)
    _add_gpus(found, sections.get("gpus", {}))
    found.add_environ(sections.get("env", {}))


def _add_gpus(found: Found, gpus: Mapping[str, Any]) -> None:
    count = as_text(gpus.get("count"))
    if count.isdecimal() and int(count) <= _MOST_DEVICES:
        found.observe("gpu", "count", value=int(count))
        for index in range(int(count)):
            found.observe("gpu", "device", str(index), "name", value=as_text(gpus.get(f"gpu{index}")))
    found.observe("cuda", "driver_version", value=as_text(gpus.get("driver")))
