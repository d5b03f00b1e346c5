"""A small world for probes: nothing of the machine that runs the tests is in it."""

from __future__ import annotations

import pytest

from reprofp.probes.base import Context


@pytest.fixture
def make_context(tmp_path):
    """Make a context whose home and working folder are new and empty."""
    home, cwd = tmp_path / "home" / "ada", tmp_path / "home" / "ada" / "project"
    cwd.mkdir(parents=True)

    def make(**changes):
        environ = {"HOME": str(home), "XDG_STATE_HOME": str(tmp_path / "state"), **changes.pop("environ", {})}
        return Context(**{"environ": environ, "cwd": cwd, **changes})

    return make
