"""Texts about a platform that several tools write alike, as facts of ``os`` and ``python``."""

from __future__ import annotations

import re

from reprofp.importing.found import Found

__all__ = ["add_libc", "add_platform", "add_python_version"]

_PLATFORM = re.compile(
    r"(?P<system>[A-Za-z]+)-(?P<release>\S+?)-(?P<machine>x86_64|aarch64|arm64|ppc64le|s390x|riscv64|i686|armv7l)"
    r"(?:-with-(?P<libc>glibc|musl)(?P<version>[\d.]+)?)?"
)
_PYTHON = re.compile(r"(?:(?P<implementation>CPython|PyPy)\s+)?(?P<version>\d+\.\d+\.\d+\w*\+?)")


def add_platform(found: Found, text: str) -> None:
    """Add what ``platform.platform()`` printed on Linux: ``Linux-6.1.0-x86_64-with-glibc2.36``."""
    match = _PLATFORM.fullmatch(text)
    if match is None or match["system"] != "Linux":
        found.add_circumstance("import.platform", text)
        return
    found.observe("os", "sysname", value=match["system"])
    found.observe("os", "kernel", "release", value=match["release"])
    found.observe("os", "architecture", value=match["machine"])
    if match["libc"] and match["version"]:
        add_libc(found, match["libc"], match["version"])


def add_libc(found: Found, name: str, version: str) -> None:
    """Add the C library."""
    found.observe("os", "libc", "name", value=name)
    found.observe("os", "libc", "version", value=version)


def add_python_version(found: Found, text: str) -> None:
    """Add a version of Python of three parts, perhaps with the implementation before it."""
    match = _PYTHON.fullmatch(text)
    if match is None:
        return
    found.observe("python", "version", value=match["version"])
    if match["implementation"]:
        found.observe("python", "implementation", value=match["implementation"].lower())
