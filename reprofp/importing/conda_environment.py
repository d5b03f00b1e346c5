"""An ``environment.yml`` of conda, as ``conda env export`` prints it or as people write it.

In: a map with ``dependencies`` ("Managing environments", docs.conda.io). Out: the versions that are pinned: by ``==``,
by ``=`` with a build, or by ``=`` with three or more numbers, as an export has them. ``numpy=1.26`` leaves the release
open, and is Unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reprofp.importing.conda_list import add_conda_package
from reprofp.importing.found import Found
from reprofp.importing.requirements import read_requirement_lines
from reprofp.importing.sources import Source, as_list, as_table

__all__ = ["read_conda_environment", "read_conda_table", "recognise_conda_environment"]

_SPEC = re.compile(
    r"(?:[\w./-]+::)?(?P<name>[A-Za-z0-9_][\w.-]*)\s*(?P<sign>={1,2})\s*(?P<version>[^\s=<>!,|*]+)(?:=(?P<build>[^\s=*]+))?"
)
_LOOSE = re.compile(r"(?:[\w./-]+::)?([A-Za-z0-9_][\w.-]*)\s*(?:[\s<>=!~].*)?")
_EXACT = re.compile(r"\d+\.\d+\.\d+.*|\d{4}[\w.]*")


def recognise_conda_environment(source: Source) -> bool:
    """Whether it is a map with a list of dependencies, and a name or channels."""
    if source.is_folder or source.path.suffix.lower() not in (".yml", ".yaml", ".txt", ""):
        return False
    table = as_table(source.try_read("yaml"))
    return isinstance(table.get("dependencies"), list) and bool(table.keys() & {"channels", "name", "prefix"})


def read_conda_environment(source: Source, found: Found) -> None:
    """Take what is pinned, and the variables that the environment sets."""
    read_conda_table(as_table(source.yaml), found)


def read_conda_table(table: Mapping[str, Any], found: Found) -> None:
    """Take what the document of an environment.yml pins."""
    for item in as_list(table.get("dependencies")):
        if isinstance(item, str):
            _add_spec(found, item.strip())
        else:
            read_requirement_lines(as_list(as_table(item).get("pip")), found)
    found.add_environ({name: str(value) for name, value in as_table(table.get("variables")).items()})


def _add_spec(found: Found, text: str) -> None:
    match = _SPEC.fullmatch(text)
    exact = match is not None and (match["sign"] == "==" or match["build"] or _EXACT.fullmatch(match["version"]))
    if match is not None and exact:
        add_conda_package(found, match["name"], match["version"], match["build"] or "")
    elif loose := _LOOSE.fullmatch(text):
        found.add_package(loose[1], None)
