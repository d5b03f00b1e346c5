"""Digests of the data files that a run was seen to read.

In: what the audit heard of opened files. Out: by name, a digest or the code of why there is none. A file
counts only if it is as it was when it was first opened; what the run wrote itself is no input, and what
belongs to the system, the interpreter or an installed package is no data.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprofp.errors import ReprofpError
from reprofp.hooks.identities import identify
from reprofp.model.observations import UnknownCode

__all__ = ["TICK_NS", "Budget", "hash_data_files"]

_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/run/")
_CODE = (".py", ".pyc", ".so")
TICK_NS = 20_000_000
"""The kernel's clock for files moves in steps of up to 10 ms: two changes within one look like one."""


@dataclass(frozen=True)
class Budget:
    """How much is hashed after a run at most; what is beyond it is Unknown."""

    bytes: int = 2 << 30
    files: int = 10_000


@dataclass(frozen=True)
class _Opened:
    path: str
    reads: bool
    time_ns: int
    identity: tuple[int, ...] | None
    """Device, inode, size, time of modification and of change when it was first opened."""

    @property
    def size(self) -> int:
        return self.identity[2] if self.identity else 0


def hash_data_files(
    process: Mapping[str, Any], cwd: Path, known: Iterable[Path], budget: Budget
) -> dict[str, dict[str, Any]]:
    """Hash what the process read, except what lies at or below one of the ``known`` paths.

    The result maps a file's path below ``cwd``, or as much of another path's end as tells it from the others,
    to ``{"digest": text, "bytes": n}`` or ``{"error": code}``.
    """
    covered = {os.path.realpath(path) for path in known}
    opened = [item for item in _list_opened(process) if _is_input(item, process) and not _is_below(item.path, covered)]
    names = _name_files([item.path for item in opened], str(cwd))
    ordered = sorted(opened, key=lambda item: names[item.path])
    results: dict[str, dict[str, Any]] = {}
    left_bytes, left_files = budget.bytes, budget.files
    for item in ordered:
        left_bytes, left_files = left_bytes - item.size, left_files - 1
        affordable = left_bytes >= 0 and left_files >= 0
        results[names[item.path]] = _hash(item) if affordable else {"error": UnknownCode.NOT_ASKED.value}
    return results


def _list_opened(process: Mapping[str, Any]) -> list[_Opened]:
    audit = process.get("audit") or {}
    return [
        _Opened(path, bool(reads), time_ns, tuple(identity) if identity else None)
        for path, reads, _writes, _count, time_ns, identity in audit.get("opens", ())
    ]


def _is_input(item: _Opened, process: Mapping[str, Any]) -> bool:
    if not item.reads or item.identity is None:
        return False
    if item.path.startswith(_SYSTEM) or item.path.endswith(_CODE) or "-packages/" in item.path:
        return False
    prefix, base = str(process.get("prefix", "")), str(process.get("base_prefix", ""))
    homes = [os.path.join(base, lib, "python3.") for lib in ("lib", "lib64")]
    homes += [os.path.join(prefix, "")] if prefix != base else []
    return not item.path.startswith(tuple(homes))


def _is_below(path: str, covered: set[str]) -> bool:
    real = os.path.realpath(path)
    return real in covered or any(real.startswith(os.path.join(folder, "")) for folder in covered)


def _name_files(paths: Sequence[str], cwd: str) -> dict[str, str]:
    """Name each file without telling where it lies, as shortly as keeps two files apart."""
    inside = os.path.join(cwd, "")
    names = {path: _to_text(os.path.relpath(path, cwd)) for path in paths if path.startswith(inside)}
    taken = set(names.values())
    outside = [path for path in paths if path not in names]
    for path in outside:
        names[path] = _to_text(_shorten(path, outside, taken))
    return names


def _shorten(path: str, others: Sequence[str], taken: set[str]) -> str:
    parts = path.strip("/").split("/")
    for count in range(1, len(parts)):
        name = "/".join(parts[-count:])
        if name not in taken and sum(other.endswith("/" + name) for other in others) == 1:
            return name
    return path.strip("/")


def _to_text(name: str) -> str:
    """Write a name that is not UTF-8 with escapes: a path of a fact holds text."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _hash(item: _Opened) -> dict[str, Any]:
    from reprofp.datasets import hash_file  # noqa: PLC0415 - loads the native core

    if item.identity is None or item.time_ns - max(item.identity[3:]) < TICK_NS or identify(item.path) != item.identity:
        return {"error": UnknownCode.FAILED.value}
    try:
        digest = hash_file(Path(item.path))
    except PermissionError:
        return {"error": UnknownCode.DENIED.value}
    except (OSError, ReprofpError):
        return {"error": UnknownCode.FAILED.value}
    if identify(item.path) != item.identity:
        return {"error": UnknownCode.FAILED.value}
    return {"digest": str(digest.digest), "bytes": digest.bytes}
