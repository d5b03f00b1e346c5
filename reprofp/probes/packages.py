"""The facet ``packages``: what is installed in the described environment, and what the process imported of it.

In: the environment's folders. Out: ``installed.NAME.version``, ``record`` (digest of what was installed), ``editable``,
``origin``, ``conda_build``, and ``imported.NAME.version`` where a process is described. Of several distributions
of one name the first on the path counts, as for Python. reprofp itself is left out. Neither pip nor
importlib.metadata is asked: names of folders tell nearly everything.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reprofp.model.observations import ABSENT, Unknown, UnknownCode
from reprofp.model.paths import format_path
from reprofp.probes.base import Context, Report
from reprofp.probes.distributions import Distribution, list_distributions, normalise_name
from reprofp.probes.environments import Environment, find_environment
from reprofp.probes.files import to_text, to_value
from reprofp.probes.install_records import keep_records, recall_records
from reprofp.probes.raw_values import take_map
from reprofp.probes.warm import Warm

__all__ = ["PackagesProbe"]

_OWN_NAME = "reprofp"
_CONDA_FILE = re.compile(r"(.+)-([^-]+)-([^-]+)\.json")


class PackagesProbe:
    """Reports installed and imported packages."""

    name = "packages"
    version = 1

    def applies(self, context: Context) -> bool:  # noqa: ARG002  there is always an environment
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report the packages.

        Raises:
            OSError: a named interpreter cannot be run.
            ValueError: a named interpreter does not answer as Python does.
        """
        report = Report()
        environment = find_environment(context)
        installed = _resolve(environment, report)
        with _recalling(installed.values(), context.warm):
            for distribution in installed.values():
                _add_installed(report, distribution)
        _add_conda(report, environment.prefix, installed)
        if context.process is not None:
            _add_imported(report, context.process, installed)
        return report


@contextmanager
def _recalling(installed: Iterable[Distribution], warm: Warm | None) -> Iterator[None]:
    """Take what RECORD files say from what was found before, and hand on what is read anew."""
    if warm is None:
        yield
        return
    read = recall_records([os.path.join(found.folder, "RECORD") for found in installed], warm)
    yield
    if read:
        keep_records(read, warm)


def _resolve(environment: Environment, report: Report) -> dict[str, Distribution]:
    """Take the first distribution of each name; what it hides is a circumstance."""
    installed: dict[str, Distribution] = {}
    for folder in environment.path:
        for found in list_distributions(folder):
            first = installed.setdefault(found.name, found)
            if first is not found and first.version != found.version:
                report.circumstances[format_path(("packages", "hidden", found.name))] = to_text(found.version)
    installed.pop(_OWN_NAME, None)
    return installed


def _add_installed(report: Report, distribution: Distribution) -> None:
    place = ("installed", distribution.name)
    origin = distribution.origin
    report.observe(*place, "version", value=distribution.version)
    editable = origin is not None and origin.editable
    # RECORD of an editable install lists a file that holds the path of the sources; the facet ``code`` has the sources.
    report.add(*place, "record", fact=ABSENT if editable else distribution.record)
    if editable:
        report.observe(*place, "editable", value=True)
    if origin is not None:
        report.observe(*place, "origin", value=origin.text)


def _add_conda(report: Report, prefix: str, installed: Mapping[str, Distribution]) -> None:
    """Add conda's packages by the names of its records: also those that are not Python's, such as mkl."""
    try:
        names = os.listdir(os.path.join(prefix, "conda-meta"))
    except OSError:
        return
    for match in filter(None, map(_CONDA_FILE.fullmatch, sorted(names))):
        name = normalise_name(to_text(match[1]))
        if name not in installed:
            report.observe("installed", name, "version", value=to_value(match[2]))
        report.observe("installed", name, "conda_build", value=to_value(match[3]))


def _add_imported(report: Report, process: Mapping[str, Any], installed: Mapping[str, Distribution]) -> None:
    try:
        modules, versions = take_map(process, "modules"), take_map(process, "versions")
    except (OSError, ValueError):
        report.add("imported", fact=Unknown(UnknownCode.FAILED))
        return
    owners: dict[str, list[Distribution]] = defaultdict(list)
    for distribution in installed.values():
        for module in distribution.modules:
            owners[module].append(distribution)
    for top, files in _group_by_top(modules).items():
        for distribution in _find_owners(files, owners.get(top, [])):
            version = versions.get(top) if len(owners[top]) == 1 else None
            report.observe("imported", distribution.name, "version", value=to_value(version or distribution.version))


def _group_by_top(modules: Mapping[str, object]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, file in modules.items():
        if isinstance(file, str):
            groups[name.partition(".")[0]].append(file)
    return groups


def _find_owners(files: Iterable[str], candidates: list[Distribution]) -> list[Distribution]:
    """Return the distributions whose files were imported; a namespace such as ``google`` has several."""
    near = [found for found in candidates if any(_lies_beside(file, found) for file in files)]
    if len(near) <= 1:
        return near
    return [found for found in near if any(found.lists_file(_relative(file, found)) for file in files)]


def _lies_beside(file: str, distribution: Distribution) -> bool:
    origin = distribution.origin
    return file.startswith(os.path.dirname(distribution.folder) + "/") or (origin is not None and origin.editable)


def _relative(file: str, distribution: Distribution) -> str:
    return os.path.relpath(file, os.path.dirname(distribution.folder))
