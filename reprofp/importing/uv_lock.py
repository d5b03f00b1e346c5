"""``uv.lock``: what uv meant to be installed.

In: TOML with ``[[package]]`` ("Locking and syncing", docs.astral.sh/uv). Out: the version of each package that the
project needs everywhere: those that are reached from it without a condition, an extra or a group. The lock serves every
platform and every group at once, so whether any other was installed is Unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from reprofp.importing.found import Found
from reprofp.importing.sources import Source, as_list, as_table, as_text

__all__ = ["LOCK_NOTE", "read_uv_lock", "recognise_uv_lock"]

LOCK_NOTE = "a lock says what was meant to be installed: what the project always needs is taken as installed"
_OWN_SOURCES = {"virtual", "editable", "directory"}


def recognise_uv_lock(source: Source) -> bool:
    """Whether it is TOML with packages that have sources, as uv writes them."""
    if source.is_folder or "[[package]]" not in (source.try_read("text") or ""):
        return False
    table = as_table(source.try_read("toml"))
    packages = as_list(table.get("package"))
    return isinstance(table.get("version"), int) and any("source" in as_table(item) for item in packages)


def read_uv_lock(source: Source, found: Found) -> None:
    """Take the versions of what the project always needs."""
    packages: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in map(as_table, as_list(source.toml.get("package"))):
        if as_text(item.get("name")):
            packages[as_text(item["name"])].append(item)
    needed = _find_needed(packages)
    for name, items in packages.items():
        if not any(as_table(item.get("source")).keys() & _OWN_SOURCES for item in items):
            version = as_text(items[0].get("version")) if len(items) == 1 else None
            found.add_package(name, version, sure=name in needed)
    found.note(LOCK_NOTE)


def _find_needed(packages: Mapping[str, list[Mapping[str, Any]]]) -> set[str]:
    own = [item for items in packages.values() for item in items if as_table(item.get("source")).keys() & _OWN_SOURCES]
    waiting, needed = list(own), set()
    while waiting:
        for entry in map(as_table, as_list(waiting.pop().get("dependencies"))):
            name = as_text(entry.get("name"))
            if name and "marker" not in entry and name not in needed:
                needed.add(name)
                waiting += packages.get(name, [])
    return needed
