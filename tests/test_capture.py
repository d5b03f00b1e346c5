"""Taking snapshots."""

import sys
from pathlib import Path

import pytest

from reprofp import __version__
from reprofp.capture import TOOL, find_python, take_snapshot
from reprofp.errors import InputError
from reprofp.model.schema import Phase
from reprofp.probes.base import Context


def test_a_snapshot_holds_what_the_probes_saw():
    taken = take_snapshot(Context(clock=lambda: 5))
    assert (taken.time_ns, taken.phase, taken.tool) == (5, Phase.STATIC, f"reprofp {__version__}")
    assert taken.tool == TOOL
    assert "os" in taken.facets
    assert taken.id.startswith("sn1:")


def test_an_unseeable_machine_gives_unknowns_and_no_error(tmp_path):
    taken = take_snapshot(Context(root=tmp_path, proc=tmp_path / "p", sys=tmp_path / "s", environ={}, cwd=tmp_path))
    assert taken.facets


def make_python(folder):
    path = folder / "bin" / "python"
    path.parent.mkdir(parents=True)
    path.symlink_to(sys.executable)
    return path


def test_the_interpreter_that_is_described(tmp_path):
    venv, conda = make_python(tmp_path / "venv"), make_python(tmp_path / "conda")
    both = {"VIRTUAL_ENV": str(tmp_path / "venv"), "CONDA_PREFIX": str(tmp_path / "conda")}
    assert find_python({}) is None
    assert find_python(both) == venv
    assert find_python({"CONDA_PREFIX": both["CONDA_PREFIX"]}) == conda
    assert find_python({"VIRTUAL_ENV": sys.prefix}) is None
    assert find_python(both, Path(sys.executable)) == Path(sys.executable)


def test_an_interpreter_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="VIRTUAL_ENV names the active environment"):
        find_python({"VIRTUAL_ENV": str(tmp_path)})
    with pytest.raises(InputError, match="--python"):
        find_python({}, tmp_path / "python")
