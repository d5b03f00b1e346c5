"""What runs or is set before and around a program, unseen in its source: facts of the facet ``python``.

- ``startup.usercustomize``: digest of the module of that name, where the process loaded one (docs.python.org, site).
- ``startup.<file>``: digest of the lines of a .pth file that run code when Python starts; files that only name folders,
  and those of installers that are known to change nothing but the import of packages, are left out.
- ``environ_changed.<name>``: true for a variable that libraries read for results and that was changed, added or removed
  since the process began (/proc/self/environ beside what it sees): what had read it before does not heed that.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reprofp.model.observations import Observation, Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.env_classes import EnvClass, load_classes
from reprofp.probes.environments import find_environment
from reprofp.probes.files import read_bounded, to_text
from reprofp.probes.machine import NOT_ASKED, attempt, read_part
from reprofp.probes.raw_values import take_map

__all__ = ["add_startup"]

_LARGEST = 1 << 20
_INSTALLERS = re.compile(
    r"distutils-precedence|_virtualenv|.*-nspkg|__editable__.*|_?reprofp.*|easy-install|a1_coverage|pytest-cov|_editable_.*"
)
_OWN_PREFIX = "REPROFP_"


def add_startup(report: Report, context: Context) -> None:
    """Add the facts of one process, or of the environment where no process is described."""
    failure = attempt(lambda: _add_path_files(report, context))
    if failure != Observed(value=True):
        report.add("startup", fact=failure)
    if context.process is not None:
        _add_module(report, context, "usercustomize")
        failure = attempt(lambda: _add_changes(report, context.process or {}))
        if failure != Observed(value=True):
            report.add("environ_changed", fact=failure)


def _add_path_files(report: Report, context: Context) -> bool:
    for folder in find_environment(context).path:
        if folder.endswith(("site-packages", "dist-packages")):
            for name, lines in _list_programs(folder):
                digest = hashlib.sha256(b"\n".join(lines)).hexdigest()
                report.facts.setdefault(("startup", to_text(name)), Observed(f"sha256:{digest}"))
    return True


def _list_programs(folder: str) -> Iterator[tuple[str, list[bytes]]]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))
    except (FileNotFoundError, NotADirectoryError):
        return
    for name in names:
        if _INSTALLERS.fullmatch(name.removesuffix(".pth")):
            continue
        content = read_bounded(os.path.join(folder, name), _LARGEST)
        if lines := [line for line in content.splitlines() if line.startswith((b"import ", b"import\t"))]:
            yield name, lines


def _add_module(report: Report, context: Context, name: str) -> None:
    modules = read_part(context, "modules", dict)
    if isinstance(modules, Unknown):
        report.add("startup", name, fact=modules)
    elif name in modules:
        report.add("startup", name, fact=attempt(lambda: _hash_module(modules[name])))


def _hash_module(path: object) -> str:
    if not isinstance(path, str):
        raise ValueError("the module has no file")  # noqa: TRY004  foreign data
    return f"sha256:{hashlib.sha256(read_bounded(path, _LARGEST)).hexdigest()}"


def _add_changes(report: Report, process: Mapping[str, Any]) -> bool | Observation:
    first, live = take_map(process, "environ_start"), take_map(process, "environ")
    if not first or not live:
        return NOT_ASKED
    classes = load_classes()
    for name in first.keys() | live.keys():
        known = classes.classify(name) is EnvClass.KNOWN and not name.startswith(_OWN_PREFIX)
        if known and first.get(name) != live.get(name):
            report.observe("environ_changed", to_text(name), value=True)
    return True
