"""Interpreters to run programs in, and a way to run one with the hook and read its report."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from reprofp.hooks.reports import Report, open_reports

_PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
_FOUND = sorted(
    _PYENV.glob("*/bin/python"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.parent.name)]
)


def _version(path: Path) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", path.parent.parent.name)[:2])


MODERN = [path for path in _FOUND if _version(path) >= (3, 8)] or [Path(sys.executable)]
OLD = [path for path in _FOUND if _version(path) < (3, 8)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, paths in (("modern", MODERN), ("old", OLD), ("any_python", OLD + MODERN)):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, paths, ids=[path.parent.parent.name for path in paths])


@dataclass
class Ended:
    """A program that ran with the hook."""

    code: int
    out: bytes
    err: bytes
    reports: list[Report]

    @property
    def raw(self) -> dict:
        """What the only process reported."""
        (report,) = self.reports
        assert report.raw is not None
        return report.raw


@pytest.fixture
def hooked(tmp_path):
    """Run a program with the hook in its environment."""

    def run(python, *args, env=None, code=None, **options) -> Ended:
        words = [str(python), *(["-c", code] if code is not None else []), *map(str, args)]
        environ = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(env or {})}
        with open_reports() as folder:
            done = subprocess.run(
                words,
                check=False,
                env=folder.add_to(environ),
                capture_output=True,
                cwd=options.pop("cwd", tmp_path),
                **options,
            )
            return Ended(done.returncode, done.stdout, done.stderr, folder.read())

    return run
