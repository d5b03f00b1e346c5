"""The facet ``os``: kernel, C library, distribution, time zone, hypervisor.

How each fact is read:

- ``sysname``, ``kernel.release``: /proc/sys/kernel/ostype and osrelease, as uname(2) has them.
- ``architecture``: uname(2); of a fixture /proc/sys/kernel/arch (Linux 6.1 and later).
- ``byteorder``: of the described process, else of the interpreter that runs reprofp.
- ``libc.name``, ``libc.version``: confstr(3), CS_GNU_LIBC_VERSION; musl by its loader in /lib, which tells its
  version only when it is run.
- ``distribution.id``, ``distribution.version``: /etc/os-release, else /usr/lib/os-release (os-release(5)).
- ``timezone``: TZ (tzset(3)), else the target of /etc/localtime (localtime(5)), else the rule in the last line
  of that file (RFC 8536, section 3.3). The names of UTC are one name.
- ``hypervisor``: the signature of CPUID leaf 0x40000000, else /sys/hypervisor/type, the names that firmware
  gives itself in /sys/class/dmi/id, and /proc/device-tree/hypervisor, with the words of systemd-detect-virt(1).

Circumstances: ``os.host_name``, ``os.boot_id``, ``os.kernel.build``.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from reprofp.model.observations import ABSENT, Observation, Observed, Value
from reprofp.probes.base import Context, Report
from reprofp.probes.hypervisors import observe_hypervisor
from reprofp.probes.machine import (
    FAILED,
    NOT_ASKED,
    absent_unless,
    attempt,
    find_environ,
    is_live,
    read_bytes,
    read_text,
    try_text,
)

__all__ = ["OsProbe"]

_UTC = frozenset({"UTC", "UTC0", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Universal", "Zulu"})
_ZONEINFO = "/zoneinfo/"
_TZIF = b"TZif"
_POSIX_TZ = re.compile(r"[\x21-\x7e]+")


class OsProbe:
    """Looks at the operating system."""

    name = "os"
    version = 1

    def applies(self, context: Context) -> bool:
        """An operating system is always there."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report what the files say; a file that is not there leaves its fact Unknown."""
        report = Report()
        kernel = context.proc / "sys/kernel"
        report.add("sysname", fact=attempt(lambda: read_text(kernel / "ostype")))
        report.add("kernel", "release", fact=attempt(lambda: read_text(kernel / "osrelease")))
        report.add("architecture", fact=attempt(lambda: _read_architecture(context)))
        report.add("byteorder", fact=attempt(lambda: _read_byteorder(context), NOT_ASKED))
        _add_libc(report, context)
        _add_distribution(report, context)
        report.add("timezone", fact=attempt(lambda: _read_timezone(context)))
        report.add("hypervisor", fact=attempt(lambda: observe_hypervisor(context)))
        _add_circumstances(report, kernel)
        return report


def _read_architecture(context: Context) -> str:
    return os.uname().machine if is_live(context) else read_text(context.proc / "sys/kernel/arch")


def _read_byteorder(context: Context) -> Value:
    described = (context.process or {}).get("python")
    if isinstance(described, dict) and described.get("byteorder") in ("little", "big"):
        return str(described["byteorder"])
    return sys.byteorder if is_live(context) else None


def _add_libc(report: Report, context: Context) -> None:
    name, version = _find_libc(context)
    report.add("libc", "name", fact=name)
    report.add("libc", "version", fact=version)


def _find_libc(context: Context) -> tuple[Observation, Observation]:
    if is_live(context) and (text := _ask_confstr()):
        name, _, version = text.partition(" ")
        return Observed(name), absent_unless(version)
    if attempt(lambda: _has_musl(context.root / "lib")) == Observed(True):
        return Observed("musl"), FAILED
    return FAILED, FAILED


def _ask_confstr() -> str | None:
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (OSError, ValueError):
        return None


def _has_musl(folder: Path) -> bool:
    return any(name.startswith("ld-musl-") for name in os.listdir(folder))


def _add_distribution(report: Report, context: Context) -> None:
    for key, field in (("id", "ID"), ("version", "VERSION_ID")):
        report.add("distribution", key, fact=attempt(lambda field=field: _read_release(context)(field)))  # type: ignore[misc]


def _read_release(context: Context) -> Callable[[str], Observation]:
    """Return a look-up in os-release: assignments as the shell reads them, one a line."""
    try:
        text = read_text(context.root / "etc/os-release")
    except FileNotFoundError:
        text = read_text(context.root / "usr/lib/os-release")
    pairs = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    found = {name.strip(): value for name, _, value in pairs}
    return lambda field: absent_unless(" ".join(shlex.split(found.get(field, ""))))


def _read_timezone(context: Context) -> Value | Observation:
    set_by_user = find_environ(context).get("TZ")
    if set_by_user is not None:
        return _name_zone(set_by_user.removeprefix(":")) if set_by_user else "UTC"
    place = context.root / "etc/localtime"
    try:
        return _name_zone(os.readlink(place))
    except FileNotFoundError:
        return "UTC"
    except OSError:  # a copy of the file, not a link
        return _name_zone(_read_rule(place))


def _name_zone(text: str) -> Value | Observation:
    """Return a zone's name: what a path has below its zoneinfo folder; another path's base name."""
    name = text.partition(_ZONEINFO)[2] or (text.rpartition("/")[2] if text.startswith(("/", ".")) else text)
    name = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return ABSENT if not name else "UTC" if name in _UTC else name


def _read_rule(path: Path) -> str:
    """Return the rule for times to come, which is the last line of a file of version 2 or later."""
    data = read_bytes(path)
    lines = data.decode("latin-1").rstrip("\n").rpartition("\n")
    if not data.startswith(_TZIF) or not _POSIX_TZ.fullmatch(lines[2]):
        raise ValueError(f"{path} is no description of a time zone")
    return lines[2]


def _add_circumstances(report: Report, kernel: Path) -> None:
    for name, file in (("host_name", "hostname"), ("boot_id", "random/boot_id"), ("kernel.build", "version")):
        if (text := try_text(kernel / file)) is not None:
            report.circumstances[f"os.{name}"] = text
