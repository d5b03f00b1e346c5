"""``Pipfile.lock``: what Pipenv meant to be installed.

In: JSON with ``_meta`` and ``default`` (pipenv.pypa.io). Out: the versions of the default packages. Pipenv locks for one
interpreter, so a condition on Python's version alone holds; under any other condition, and of the packages for
development, it is Unknown whether they were installed.
"""

from __future__ import annotations

import re

from reprofp.importing.found import Found
from reprofp.importing.sources import Source, as_table, as_text
from reprofp.importing.uv_lock import LOCK_NOTE

__all__ = ["read_pipfile_lock", "recognise_pipfile_lock"]

_CLAUSE = r"\(?\s*python_(?:full_)?version\s*(?:[<>=!~]{1,3}|not\s+in|in)\s*['\"][^'\"]*['\"]\s*\)?"
_ONLY_PYTHON = re.compile(rf"{_CLAUSE}(?:\s+(?:and|or)\s+{_CLAUSE})*")


def recognise_pipfile_lock(source: Source) -> bool:
    """Whether it is JSON as Pipenv writes it."""
    if source.is_folder or '"_meta"' not in (source.try_read("text") or ""):
        return False
    table = as_table(source.try_read("json"))
    return "pipfile-spec" in as_table(table.get("_meta")) and "default" in table


def read_pipfile_lock(source: Source, found: Found) -> None:
    """Take the versions of the default packages."""
    table = as_table(source.json)
    for name, entry in as_table(table.get("default")).items():
        item = as_table(entry)
        markers = as_text(item.get("markers"))
        sure = not markers or _ONLY_PYTHON.fullmatch(markers) is not None
        version = as_text(item.get("version"))
        found.add_package(name, version[2:] if version.startswith("==") else None, sure=sure)
    for name in as_table(table.get("develop")).keys() - as_table(table.get("default")).keys():
        found.add_package(name, None)
    found.observe(
        "python",
        "version",
        value=as_text(as_table(as_table(table["_meta"]).get("requires")).get("python_full_version")),
    )
    found.note(LOCK_NOTE)
