"""Runs of one program by unusual ways: what is recorded must be the program's, not its launcher's."""

import subprocess
import sys

import pytest

from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.observations import ABSENT, Observed
from reprofp.model.paths import format_path


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    (folder / "train.py").write_text("import random")
    (folder / "run.sh").write_text(f"# starts\n{sys.executable} train.py --lr 5\n")
    return folder


def run(*argv):
    record, code = run_command(list(map(str, argv)), RunOptions())
    assert code == 0
    return record


def config_of(record):
    return {format_path(path): fact.value for path, fact in record.end.facets["config"].walk() if path[1:]}


SCRIPT = [sys.executable, "train.py", "--lr", "0.1"]


@pytest.mark.parametrize(
    ("argv", "entry", "role"),
    [
        (SCRIPT, "train.py", "train.py"),
        (["env", "-u", "NONE", "VAR=1", *SCRIPT], "train.py", "train.py"),
        (["nice", "-n", "5", *SCRIPT], "train.py", "train.py"),
        (["timeout", "-k", "9", "100", *SCRIPT], "train.py", "train.py"),
        (["nohup", *SCRIPT], "train.py", "train.py"),
        ([sys.executable, "-u", "-m", "train", "--lr", "0.1"], "train", "train.py"),
        ([sys.executable, "-c", "import train", "--lr", "0.1"], "-c", "-c"),
        (["sh", "run.sh", "--lr", "0.1"], "run.sh", "train.py"),
        (["sh", "-c", f"{sys.executable} train.py; true", "sh", "--lr", "0.1"], "-c", "train.py"),
    ],
)
def test_the_program_and_its_arguments_are_recorded(project, argv, entry, role):
    record = run(*argv)
    assert [process.role for process in record.processes] == [f"{role}/0/0"]
    assert record.look_up(("code", "entry")) == Observed(entry)
    assert isinstance(record.look_up(("code", "entry", "digest")), Observed)
    config = config_of(record)
    assert config.pop("config.lr") == 0.1
    assert config in ({}, {"config.$argv": ["sh"]})
    assert record.look_up(("usage", "modules", "random")) == Observed(value=True)
    assert record.start.look_up(("python", "version")) == record.look_up(("python", "version"))


def test_a_console_script_of_another_environment_is_described(project, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    tool = tmp_path / "venv" / "bin" / "tool"
    tool.write_text(f"#!{tool.parent}/python\nimport random\n")
    tool.chmod(0o755)
    record = run("nice", tool, "--version")
    assert [process.role for process in record.processes] == ["tool/0/0"]
    assert record.look_up(("code", "entry")) == Observed("tool")
    assert config_of(record) == {"config.version": True}
    for snapshot in (record.start, record.end):
        assert snapshot.look_up(("packages", "installed", "numpy", "version")) == ABSENT
