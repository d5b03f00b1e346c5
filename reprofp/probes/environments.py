"""Whose packages: finds the folders in which a Python environment keeps its packages.

In: a context. Out: the folders in the order in which Python looks into them. The environment is that of the
interpreter named by the context, else of the described process, else the active virtual or conda environment,
else of the interpreter that runs reprofp. Nothing is executed except a named interpreter that is not in
a virtual environment, which is asked for its ``sys.path``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from reprofp.probes.base import Context
from reprofp.probes.files import read_bounded
from reprofp.probes.raw_values import take_list
from reprofp.probes.subprocesses import ask_program

__all__ = ["Environment", "find_environment"]

_ASK = "import json, sys; print(json.dumps([sys.prefix, [p for p in sys.path if p]]))"
_ASK_SECONDS = 1.5
_SMALL_FILE = 1 << 16


class Environment(NamedTuple):
    """The folders that Python imports from, in order, and the prefix that conda's records may be under."""

    path: tuple[str, ...]
    prefix: str


def find_environment(context: Context) -> Environment:
    """Return the environment that ``context`` describes.

    Raises:
        OSError: a named interpreter cannot be run.
        ValueError: it does not answer as Python does.
        TimeoutError: it does not answer in time.
    """
    if context.process is not None:
        path = take_list(context.process, "path") or sys.path
        return Environment(_unique(map(str, path)), str(context.process.get("prefix") or sys.prefix))
    if context.python is not None:
        return _of_interpreter(context.python, context.environ)
    for variable in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        prefix = context.environ.get(variable)
        if prefix and (sites := _sites_of_prefix(prefix)):
            return Environment(_unique([*_python_path(context.environ), *sites]), prefix)
    return Environment(_unique(sys.path), sys.prefix)


def _unique(entries: Iterable[str]) -> tuple[str, ...]:
    """Keep the first of each existing place; the empty entry is the working folder, where no package is installed."""
    return tuple(dict.fromkeys(entry for entry in entries if entry))


def _python_path(environ: Mapping[str, str]) -> list[str]:
    return [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _of_interpreter(python: Path, environ: Mapping[str, str]) -> Environment:
    prefix = os.path.dirname(os.path.dirname(os.path.abspath(python)))
    if _is_virtual(prefix) and (sites := _sites_of_prefix(prefix)):
        return Environment(_unique([*_python_path(environ), *sites]), prefix)
    return _ask_interpreter(python, environ)


def _is_virtual(prefix: str) -> bool:
    return os.path.isfile(os.path.join(prefix, "pyvenv.cfg"))


def _ask_interpreter(python: Path, environ: Mapping[str, str]) -> Environment:
    answer = ask_program(
        [os.fspath(python), "-c", _ASK], cwd="/", environ=environ, seconds=_ASK_SECONDS, limit=_SMALL_FILE
    )
    if answer.code:
        raise ValueError(f"{python} could not tell its sys.path (exit code {answer.code})")
    prefix, path = json.loads(answer.out)
    return Environment(_unique(path), str(prefix))


def _sites_of_prefix(prefix: str) -> list[str]:
    """Return an environment's site-packages, what their .pth files add, and the base's where they are shared."""
    sites = [
        os.path.join(lib, python, "site-packages")
        for lib in (os.path.join(prefix, "lib"), os.path.join(prefix, "lib64"))
        for python in _list_pythons(lib)
    ]
    real = {os.path.realpath(site): site for site in reversed(sites) if os.path.isdir(site)}
    found = [site for site in sites if site in real.values()]
    return [*found, *(folder for site in found for folder in _read_pth_files(site)), *_sites_of_base(prefix)]


def _list_pythons(lib: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(lib) if name.startswith(("python3", "pypy3")))
    except OSError:
        return []


def _sites_of_base(prefix: str) -> list[str]:
    """Return the base interpreter's folders where pyvenv.cfg includes them."""
    try:
        lines = read_bounded(os.path.join(prefix, "pyvenv.cfg"), _SMALL_FILE).decode("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return []
    settings = {key.strip().lower(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    if settings.get("include-system-site-packages", "").lower() != "true" or not settings.get("home"):
        return []
    base = os.path.dirname(settings["home"])
    version = "python" + ".".join(settings.get("version", settings.get("version_info", "3")).split(".")[:2])
    folders = (
        os.path.join(base, "local", "lib", version, "dist-packages"),
        os.path.join(base, "lib", "python3", "dist-packages"),
        os.path.join(base, "lib", version, "dist-packages"),
        os.path.join(base, "lib", version, "site-packages"),
    )
    return [folder for folder in folders if os.path.isdir(folder)]


def _read_pth_files(site: str) -> list[str]:
    """Return the existing folders that a site's .pth files add to the path; their code is not run."""
    try:
        names = sorted(name for name in os.listdir(site) if name.endswith(".pth") and not name.startswith("."))
    except OSError:
        return []
    return [folder for name in names for folder in _read_pth_file(site, name)]


def _read_pth_file(site: str, name: str) -> list[str]:
    try:
        text = read_bounded(os.path.join(site, name), _SMALL_FILE).decode("utf-8", "surrogateescape")
    except (OSError, ValueError):
        return []
    lines = [line.strip() for line in text.splitlines()]
    entries = [
        line for line in lines if line and not line.startswith(("#", "import ", "import\t")) and "\0" not in line
    ]
    return [folder for folder in (os.path.join(site, entry) for entry in entries) if os.path.isdir(folder)]
