"""The facet ``memory``: how much there is, and in which pages.

How each fact is read:

- ``total_bytes``: MemTotal in /proc/meminfo (proc_meminfo(5)), without what the kernel keeps to itself.
- ``huge_pages``: the mode of transparent huge pages in force, the word in brackets in
  /sys/kernel/mm/transparent_hugepage/enabled (Documentation/admin-guide/mm/transhuge.rst); Absent where the
  kernel has none.
- ``ecc_uncorrected``: errors that were not corrected since the start, of all controllers in
  /sys/devices/system/edac/mc (Documentation/admin-guide/ras.rst); Absent where no controller is watched.

Circumstance: ``memory.available_bytes``.
"""

from __future__ import annotations

import re
from pathlib import Path

from reprofp.model.observations import ABSENT, Observation
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import FAILED, attempt, read_text, try_text

__all__ = ["MemoryProbe"]

_LINE = re.compile(r"^(\w+):[ \t]+(\d{1,18}) kB$", re.MULTILINE)
_CHOSEN = re.compile(r"\[(\w+)\]")
_KIB = 1024


class MemoryProbe:
    """Looks at the memory."""

    name = "memory"
    version = 1

    def applies(self, context: Context) -> bool:
        """Memory is always there."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report its size and its pages."""
        report = Report()
        lines = dict(_LINE.findall(try_text(context.proc / "meminfo") or ""))
        report.add("total_bytes", fact=attempt(lambda: int(lines["MemTotal"]) * _KIB))
        report.add("huge_pages", fact=_observe_huge_pages(context))
        report.add("ecc_uncorrected", fact=attempt(lambda: _count_errors(context)))
        if "MemAvailable" in lines:
            report.circumstances["memory.available_bytes"] = int(lines["MemAvailable"]) * _KIB
        return report


def _observe_huge_pages(context: Context) -> Observation:
    mode = context.sys / "kernel/mm/transparent_hugepage/enabled"
    missing = ABSENT if (context.sys / "kernel/mm").is_dir() else FAILED
    return attempt(lambda: _read_choice(mode), missing)


def _count_errors(context: Context) -> int | Observation:
    folder = context.sys / "devices/system/edac/mc"
    counts = [read_text(path / "ue_count") for path in folder.glob("mc[0-9]*")] if folder.is_dir() else []
    if not counts:
        return ABSENT if (context.sys / "devices/system").is_dir() else FAILED
    return sum(map(int, counts))


def _read_choice(path: Path) -> str:
    match = _CHOSEN.search(read_text(path))
    if match is None:
        raise ValueError(f"{path} names no mode in brackets")
    return match[1]
