"""``pip freeze``, and files of requirements that are pinned.

In: lines as pip writes and reads them (https://pip.pypa.io/en/stable/reference/requirements-file-format/). Out: the
versions of packages that are pinned to one, and where those came from that no index gave. What is not pinned, or only
under a condition, is Unknown; so is all that is not listed, since pip leaves its own tools out and lists may be written
by hand.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reprofp.importing.found import Found
from reprofp.importing.sources import Source
from reprofp.probes.distributions import read_origin

__all__ = ["read_freeze", "read_requirement_lines", "recognise_freeze"]

_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_PINNED = re.compile(rf"({_NAME})\s*(?:\[[^\]]*\])?\s*={{2,3}}\s*([^\s,;*]+)")
_NAMED = re.compile(rf"({_NAME})\s*(?:\[[^\]]*\])?\s*(?:[<>=!~][^;@]*)?")
_DIRECT = re.compile(rf"({_NAME})\s*(?:\[[^\]]*\])?\s*@\s*(\S+)")
_EGG = re.compile(rf"[#&]egg=({_NAME})")
_COMMENTED = re.compile(rf"#.*\(({_NAME})==([^\s)]+)\)")
_REPOSITORY = re.compile(r"(git|hg|bzr|svn)\+(.+)@([0-9A-Za-z._/-]+)$")
_WHEEL = re.compile(r"([A-Za-z0-9][\w.]*)-([0-9][\w.!+]*)-[\w.]+-[\w.]+-[\w.]+\.whl")
_OPTION = re.compile(r"-{1,2}[a-z][a-z-]*\b")
_FEWEST = 0.9


def recognise_freeze(source: Source) -> bool:
    """Whether nearly all lines are requirements, and one of them at least is pinned."""
    if source.is_folder:
        return False
    lines = [text for line in (source.try_read("text") or "").splitlines() if (text := line.strip())]
    known = [text for text in lines if _is_line(text)]
    pinned = any(_PINNED.match(text) or _DIRECT.match(text) or "#egg=" in text for text in known)
    return pinned and len(known) >= _FEWEST * len(lines)


def _is_line(text: str) -> bool:
    text = text.partition(";")[0].partition(" --hash")[0].rstrip("\\ ")
    patterns = (_PINNED, _NAMED, _DIRECT)
    return text.startswith("#") or bool(_OPTION.match(text)) or any(pattern.fullmatch(text) for pattern in patterns)


def read_freeze(source: Source, found: Found) -> None:
    """Take what a file of requirements pins."""
    lines = source.text.splitlines()
    if source.cut_line and (pinned := _PINNED.fullmatch(lines[-1].strip())):
        found.note_cut(source.path, pinned[1])
        found.add_package(pinned[1], None)
        lines = lines[:-1]
    read_requirement_lines(lines, found)


def read_requirement_lines(lines: Iterable[object], found: Found) -> None:
    """Take what lines of requirements pin."""
    editable: tuple[str, str] | None = None
    for text in _join(str(line) for line in lines):
        if text.startswith("#"):
            comment = _COMMENTED.match(text)
            editable = (comment[1], comment[2]) if comment and "ditable" in text else editable
        elif text.startswith(("-e ", "--editable")):
            _add_editable(found, text, editable)
            editable = None
        elif not text.startswith("-"):
            _add_line(found, text)


def _join(lines: Iterable[str]) -> Iterator[str]:
    """Join lines that a backslash continues, and leave out hashes and comments behind a requirement."""
    held = ""
    for line in lines:
        text = held + line.strip()
        held = text[:-1] + " " if text.endswith("\\") else ""
        if not held and text:
            yield text if text.startswith("#") else re.split(r"\s+(?:--hash|#\s)", text, maxsplit=1)[0]


def _add_line(found: Found, text: str) -> None:
    text, _, condition = (part.strip() for part in text.partition(";"))
    direct = _DIRECT.fullmatch(text)
    if direct:
        _add_direct(found, direct[1], direct[2])
    elif pinned := _PINNED.fullmatch(text):
        found.add_package(pinned[1], pinned[2], sure=not condition)
    elif named := _NAMED.fullmatch(text):
        found.add_package(named[1], None)


def _add_direct(found: Found, name: str, url: str) -> None:
    repository = _REPOSITORY.fullmatch(url.partition("#")[0])
    data: dict[str, object] = {"url": url}
    if repository:
        data = {"url": repository[2], "vcs_info": {"vcs": repository[1], "commit_id": repository[3]}}
    file = re.split(r"[?#]", url, maxsplit=1)[0].rpartition("/")[2]
    wheel = _WHEEL.fullmatch(file.replace("%2B", "+"))
    name = found.add_package(name, wheel[2] if wheel else None)
    found.observe("packages", "installed", name, "origin", value=read_origin(data).text)


def _add_editable(found: Found, text: str, comment: tuple[str, str] | None) -> None:
    egg = _EGG.search(text)
    if comment is not None or egg is not None:
        name, version = comment or (egg[1] if egg else "", None)
        found.observe("packages", "installed", found.add_package(name, version), "editable", value=True)
