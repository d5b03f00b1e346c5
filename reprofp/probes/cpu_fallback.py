"""py-cpuinfo, for processors that neither CPUID nor our reading of /proc/cpuinfo can tell.

Only its readers of files and of system tools are used. Its CPUID source sleeps for a second and runs machine
code out of memory made executable; our own CPUID comes first wherever there is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "ask_fallback"]

_SOURCES = (
    "_get_cpu_info_from_proc_cpuinfo",
    "_get_cpu_info_from_lscpu",
    "_get_cpu_info_from_sysctl",
    "_get_cpu_info_from_kstat",
)


@dataclass(frozen=True)
class Answer:
    """What was told: texts by py-cpuinfo's names, and flags, None where there were none."""

    texts: Mapping[str, str] = field(default_factory=dict)
    flags: frozenset[str] | None = None


def ask_fallback() -> Answer:
    """Ask each source in turn; the first one to tell a thing is believed."""
    found: dict[str, Any] = {}
    for name in _SOURCES:
        found = {**_ask(name), **found}
    texts = {key: value for key, value in found.items() if isinstance(value, str)}
    flags = found.get("flags")
    return Answer(texts, frozenset(map(str, flags)) if isinstance(flags, list) else None)


def _ask(name: str) -> dict[str, Any]:
    """Its sources are not part of its public interface: one that is gone, or fails, tells nothing."""
    try:
        from cpuinfo import cpuinfo  # noqa: PLC0415  slow to import, and almost never needed

        answer = getattr(cpuinfo, name)()
    except Exception:  # noqa: BLE001  whatever goes wrong in it, it is only the last resort
        return {}
    return answer if isinstance(answer, dict) else {}
