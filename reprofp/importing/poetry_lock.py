"""``poetry.lock``: what Poetry meant to be installed.

In: TOML with ``[[package]]`` and ``[metadata] lock-version`` (python-poetry.org). Out: the version of each package that
is not optional, has no condition and, where the lock tells groups, is in the main one; of all others it is Unknown
whether they were installed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from reprofp.importing.found import Found
from reprofp.importing.sources import Source, as_list, as_table, as_text
from reprofp.importing.uv_lock import LOCK_NOTE

__all__ = ["read_poetry_lock", "recognise_poetry_lock"]


def recognise_poetry_lock(source: Source) -> bool:
    """Whether it is TOML with Poetry's metadata."""
    if source.is_folder or "lock-version" not in (source.try_read("text") or ""):
        return False
    return "lock-version" in as_table(as_table(source.try_read("toml")).get("metadata"))


def read_poetry_lock(source: Source, found: Found) -> None:
    """Take the versions of the packages that are always installed."""
    packages = [as_table(item) for item in as_list(source.toml.get("package"))]
    counts = Counter(as_text(item.get("name")) for item in packages)
    for item in packages:
        name = as_text(item.get("name"))
        found.add_package(name, as_text(item.get("version")), sure=counts[name] == 1 and _is_needed(item))
    found.note(LOCK_NOTE)


def _is_needed(item: Mapping[str, Any]) -> bool:
    groups = as_list(item.get("groups")) or [item.get("category", "main")]
    return item.get("optional") is not True and "markers" not in item and "main" in groups
