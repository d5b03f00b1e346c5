"""Processors, caches and memory nodes as /sys/devices/system describes them.

Sources: Documentation/ABI/stable/sysfs-devices-system-cpu and Documentation/ABI/testing/sysfs-devices-system-cpu of
Linux. ``core_cpus_list`` (Linux 5.3) lists the threads of one core, as ``thread_siblings_list`` did before.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from reprofp.model.observations import Observation, Observed, Value
from reprofp.probes.base import Context
from reprofp.probes.machine import FAILED, attempt, parse_cpu_list, read_text, try_text
from reprofp.probes.processors import read_processors

__all__ = ["count_nodes", "observe_caches", "observe_cores"]

_SIZE = re.compile(r"(\d{1,9})([KMG]?)")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_CACHE_NAMES = {("1", "Data"): "l1d", ("1", "Instruction"): "l1i", ("2", "Unified"): "l2", ("3", "Unified"): "l3"}
_MOST_INDEXES = 64


def observe_cores(context: Context) -> dict[str, Observation]:
    """Observe ``logical`` and ``physical`` (cores that are online) and ``smt``."""
    logical = attempt(lambda: len(_list_online(context)), _count_processors(context))
    physical = attempt(lambda: _count_cores(context), _count_core_ids(context))
    return {"logical": logical, "physical": physical, "smt": _observe_smt(context, logical, physical)}


def _list_online(context: Context) -> list[int]:
    return parse_cpu_list(read_text(context.sys / "devices/system/cpu/online"))


def _count_processors(context: Context) -> Observation:
    count = len(read_processors(context)) if not (context.sys / "devices/system/cpu/online").exists() else 0
    return Observed(count) if count else FAILED


def _count_cores(context: Context) -> int:
    folder = context.sys / "devices/system/cpu"
    return len({_read_siblings(folder / f"cpu{number}" / "topology") for number in _list_online(context)})


def _read_siblings(folder: Path) -> str:
    return try_text(folder / "core_cpus_list") or read_text(folder / "thread_siblings_list")


def _count_core_ids(context: Context) -> Observation:
    if (context.sys / "devices/system/cpu/cpu0/topology").exists():
        return FAILED
    blocks = read_processors(context)
    ids = {(block.get("physical id"), block["core id"]) for block in blocks if "core id" in block}
    return Observed(len(ids)) if ids else FAILED


def _observe_smt(context: Context, logical: Observation, physical: Observation) -> Observation:
    active = try_text(context.sys / "devices/system/cpu/smt/active")
    if active in ("0", "1"):
        return Observed(active == "1")
    if isinstance(logical, Observed) and isinstance(physical, Observed):
        return Observed(logical.value != physical.value)
    return FAILED


def count_nodes(context: Context) -> Value:
    """Return the number of memory nodes that are online; a kernel without the folder knows of one.

    Raises:
        OSError: the files cannot be read.
        ValueError: they hold no list.
    """
    system = context.sys / "devices/system"
    if not (system / "node").exists() and (system / "cpu").exists():
        return 1
    return len(parse_cpu_list(read_text(system / "node/online")))


def observe_caches(context: Context) -> dict[str, int]:
    """Return the bytes of the first processor's caches by name, as far as they are told."""
    folder = context.sys / "devices/system/cpu/cpu0/cache"
    try:
        indexes = sorted(name for name in os.listdir(folder) if name.startswith("index"))
    except OSError:
        return {}
    found = (_read_cache(folder / name) for name in indexes[:_MOST_INDEXES])
    return dict(cache for cache in found if cache is not None)


def _read_cache(folder: Path) -> tuple[str, int] | None:
    level, kind, size = (try_text(folder / name) or "" for name in ("level", "type", "size"))
    name, match = _CACHE_NAMES.get((level, kind)), _SIZE.fullmatch(size)
    return None if name is None or match is None else (name, int(match[1]) * _UNITS[match[2]])
