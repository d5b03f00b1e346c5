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


_KNOWN = [(3, minor) for minor in range(8, 14)]
"""The versions in which the listener is known to hear what it should."""
MODERN = [path for path in _FOUND if _version(path) >= (3, 8)] or [Path(sys.executable)]
OLD = [path for path in _FOUND if _version(path) < (3, 8)]
_RUNNING = [path for path in MODERN if _version(path) == sys.version_info[:2]][:1]
SOME = list(dict.fromkeys([MODERN[0], *_RUNNING, MODERN[-1]]))
"""The oldest, the one that runs the tests, and the newest."""


def _params(paths: list[Path]) -> list:
    return [pytest.param(path, id=path.parent.parent.name) for path in paths]


def _skips(versions: list[tuple[int, ...]], found: list[Path]) -> list:
    missing = [version for version in versions if version not in map(_version, found)]
    return [
        pytest.param(None, id=f"{major}.{minor}", marks=pytest.mark.skip(reason=f"no Python {major}.{minor} here"))
        for major, minor in missing
    ]


_PYTHONS = {
    "modern": lambda: _params(SOME),
    "every_modern": lambda: _params(MODERN) + _skips(_KNOWN, MODERN),
    "old": lambda: _params(OLD) + _skips([(2, 7), (3, 6), (3, 7)], OLD),
    "any_python": lambda: _params(OLD[:1] + OLD[-1:] + SOME),
    "every_python": lambda: _params(OLD + MODERN) + _skips([(2, 7), (3, 6), (3, 7), *_KNOWN], OLD + MODERN),
}
"""By fixture: every version where versions differ in what is tested, else some."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for name, params in _PYTHONS.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, params())


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
