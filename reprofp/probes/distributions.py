"""Distributions as they lie in folders: names, versions, digests and origins, without importlib.metadata.

In: a folder of Python's path. Out: one Distribution per ``*.dist-info`` or ``*.egg-info`` in it.
Guaranteed: a damaged or hostile entry gives less knowledge, never an exception; only regular files are read,
and only up to a limit.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode
from reprofp.probes.files import read_bounded, read_head, to_text
from reprofp.probes.install_records import InstallRecord
from reprofp.probes.redaction import redact_url

__all__ = ["Distribution", "Origin", "list_distributions", "normalise_name", "read_origin"]

_HEAD_BYTES = 8192
_SMALL_FILE = 1 << 16
_FOLDER_NAME = re.compile(r"([A-Za-z0-9](?:[\w.]*[A-Za-z0-9])?)-([0-9][\w.!+]*)")
_EGG_PYTHON = re.compile(r"-py[23](?:\.\d+)?(?:-[\w.-]+)?$")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
_HEADER = re.compile(r"^(name|version):[ \t]*(\S+)[ \t]*\r?$", re.MULTILINE | re.IGNORECASE)


def normalise_name(name: str) -> str:
    """Return the normal form of a distribution's name: lower case, runs of ``-_.`` as one ``-``."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Origin(NamedTuple):
    """Where a distribution was installed from when that was not an index: text without secrets and full paths."""

    text: str
    editable: bool


@dataclass(frozen=True)
class Distribution:
    """One installed distribution; what is not in the name of its folder is read when asked for."""

    name: str
    """Normalised."""
    version: str
    """Empty where it cannot be told."""
    folder: str
    """The full path of its dist-info or egg-info."""

    @cached_property
    def _installed(self) -> InstallRecord:
        return InstallRecord(os.path.join(self.folder, "RECORD"))

    @property
    def record(self) -> Observation:
        """The digest of what RECORD lists, without what installing makes volatile."""
        try:
            return Observed(self._installed.digest)
        except (FileNotFoundError, NotADirectoryError):
            return ABSENT
        except PermissionError:
            return Unknown(UnknownCode.DENIED)
        except (OSError, ValueError):
            return Unknown(UnknownCode.FAILED)

    @property
    def modules(self) -> frozenset[str]:
        """The top-level modules and packages that it installed."""
        try:
            return self._installed.modules
        except (OSError, ValueError):
            return self._modules_of_top_level()

    def _modules_of_top_level(self) -> frozenset[str]:
        try:
            text = read_bounded(os.path.join(self.folder, "top_level.txt"), _SMALL_FILE)
        except (OSError, ValueError):
            return frozenset({self.name.replace("-", "_")})
        return frozenset(text.decode("utf-8", "replace").split())

    def lists_file(self, relative: str) -> bool:
        """Whether RECORD lists the file ``relative`` (to the folder of the path)."""
        try:
            data = read_bounded(os.path.join(self.folder, "RECORD"), _SMALL_FILE << 10)
        except (OSError, ValueError):
            return False
        return b"\n" + os.fsencode(relative) + b"," in b"\n" + data

    @cached_property
    def origin(self) -> Origin | None:
        """Where it came from, by direct_url.json; None for an index."""
        try:
            data = json.loads(read_bounded(os.path.join(self.folder, "direct_url.json"), _SMALL_FILE))
        except (OSError, ValueError, RecursionError):
            return None
        return read_origin(data) if isinstance(data, dict) else None


def read_origin(data: dict[str, Any]) -> Origin:
    """Read what a direct_url.json holds ("Recording the direct URL origin", packaging.python.org)."""
    url = _clean_url(str(data.get("url", "")))
    folder, repository = _table(data, "dir_info"), _table(data, "vcs_info")
    if repository:
        kind, commit = str(repository.get("vcs", "")), str(repository.get("commit_id", ""))
        url = f"{kind}+{url}@{commit}"
    return Origin(to_text(url), folder.get("editable") is True)


def _table(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _clean_url(url: str) -> str:
    """Leave out user, password, query and fragment; of a local path only the base name."""
    url = re.split(r"[?#]", url, maxsplit=1)[0]
    if url.startswith("file:") or "://" not in url:
        return "file:" + url.rstrip("/").rpartition("/")[2]
    return redact_url(url, keep_user=False)


def list_distributions(folder: str) -> Iterator[Distribution]:
    """Yield the distributions that lie in ``folder``, sorted by the names of their folders.

    Where two of one name lie in one folder, Python takes the one that the file system lists first; here it
    is the first by name, so that the answer does not depend on that.
    """
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return
    for name in names:
        if found := _read_distribution(folder, name):
            yield found


def _read_distribution(folder: str, entry: str) -> Distribution | None:
    stem, _, suffix = entry.rpartition(".")
    if suffix == "egg-info":
        stem = _EGG_PYTHON.sub("", stem)
    path = os.path.join(folder, entry)
    match = _FOLDER_NAME.fullmatch(stem)
    if match is not None:
        return Distribution(normalise_name(match[1]), match[2], path)
    return _read_metadata(path)


def _read_metadata(path: str) -> Distribution | None:
    """Read name and version from the head of METADATA or PKG-INFO (an egg-info may be that file itself)."""
    for candidate in (os.path.join(path, "METADATA"), os.path.join(path, "PKG-INFO"), path):
        try:
            text = read_head(candidate, _HEAD_BYTES).decode("utf-8", "replace")
        except (OSError, ValueError):
            continue
        headers = {key.lower(): value for key, value in reversed(_HEADER.findall(text.partition("\n\n")[0]))}
        if _NAME.fullmatch(headers.get("name", "")):
            return Distribution(normalise_name(headers["name"]), headers.get("version", ""), path)
    return None
