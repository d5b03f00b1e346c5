"""``conda list --explicit``, and the table that ``conda list`` prints.

In: URLs of conda packages, whose file names are name, version and build ("conda list", docs.conda.io), or a table with
these in columns. Out: versions and builds. pip's packages are not in the explicit list: what is not listed is Unknown.
"""

from __future__ import annotations

import re

from reprofp.importing.found import Found
from reprofp.importing.sources import Source

__all__ = ["add_conda_package", "read_conda_list", "recognise_conda_list"]

_EXPLICIT = "@EXPLICIT"
_HEADER = "# packages in environment at"
_URL = re.compile(r".*/(?P<name>[\w.-]+)-(?P<version>[^-/]+)-(?P<build>[^-/]+)\.(?:conda|tar\.bz2)(?:#.*)?")
_COLUMNS = 3
_WITH_CHANNEL = 4


def recognise_conda_list(source: Source) -> bool:
    """Whether it is one of the two forms."""
    if source.is_folder:
        return False
    text = source.try_read("text") or ""
    return text.startswith(_HEADER) or any(line.strip() == _EXPLICIT for line in text.splitlines())


def read_conda_list(source: Source, found: Found) -> None:
    """Take names, versions and builds."""
    for line in _read_whole_lines(source, found):
        text = line.strip()
        match = _URL.fullmatch(text)
        if match is not None:
            add_conda_package(found, match["name"], match["version"], match["build"])
        elif text and not text.startswith(("#", "@")):
            _add_row(found, text.split())


def _read_whole_lines(source: Source, found: Found) -> list[str]:
    """Return the lines without one that may be cut off, unless it is an address, whose end shows that it is whole."""
    lines = source.text.splitlines()
    if not source.cut_line or source.cut_line.startswith("#") or "://" in source.cut_line:
        return lines
    name = source.cut_line.split()[0]
    found.note_cut(source.path, name)
    found.add_package(name, None)
    return lines[:-1]


def _add_row(found: Found, columns: list[str]) -> None:
    if len(columns) < _COLUMNS or "://" in columns[0]:
        return
    if len(columns) >= _WITH_CHANNEL and columns[3] == "pypi":
        found.add_package(columns[0], columns[1])
    else:
        add_conda_package(found, columns[0], columns[1], columns[2])


def add_conda_package(found: Found, name: str, version: str, build: str = "") -> None:
    """Add a conda package; the one that is called ``python`` is the interpreter too."""
    kept = found.add_package(name, version)
    if build:
        found.observe("packages", "installed", kept, "conda_build", value=build)
    if kept == "python":
        found.observe("python", "version", value=version)
        if build.endswith("_cpython"):
            found.observe("python", "implementation", value="cpython")
