from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import replace

import pytest

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.schema import Phase
from reprofp.probes.base import Context, Experiment
from reprofp.probes.code import CodeProbe, find_sources


@pytest.fixture
def observe(make_context):
    def run(*argv, **changes):
        environ = {"PATH": os.environ["PATH"], **changes.pop("environ", {})}
        context = make_context(experiment=Experiment(argv=argv), environ=environ, **changes)
        return CodeProbe().observe(context)

    return run


@pytest.fixture
def project(make_context):
    folder = make_context().cwd
    (folder / "train.py").write_text("print(1)\n")
    return folder


def look(report, *path):
    return Facet("code", 1, report.facts).look_up(path)


def sha256(data):
    return Observed("sha256:" + hashlib.sha256(data).hexdigest())


def commit(folder):
    for command in ("init -q -b main", "add .", "-c user.name=A -c user.email=a@b commit -q -m first"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True, env={"PATH": os.environ["PATH"]})


def test_without_a_repository(observe, project):
    report = observe("python", "train.py")
    assert look(report, "git", "commit") == ABSENT
    assert look(report, "git", "dirty") == ABSENT
    assert look(report, "git", "submodules", "x") == ABSENT


def test_in_a_repository(observe, project):
    commit(project)
    report = observe("python", "train.py")
    assert len(look(report, "git", "commit").value) == 40
    assert look(report, "git", "dirty") == ABSENT
    assert look(report, "git", "untracked") == ABSENT
    assert report.circumstances["code.git.branch"] == "main"
    (project / "train.py").write_text("print(2)\n")
    assert look(observe("python", "train.py"), "git", "dirty").value.startswith("sha256:")


def test_the_repository_is_that_of_the_script(observe, project, tmp_path):
    commit(project)
    report = observe("python", str(project / "train.py"), cwd=tmp_path)
    assert len(look(report, "git", "commit").value) == 40


def test_without_git_it_is_unknown_and_said_why(observe, project, tmp_path):
    commit(project)
    report = observe("python", "train.py", environ={"PATH": str(tmp_path)})
    assert look(report, "git", "commit") == Unknown(UnknownCode.FAILED)
    assert "git" in report.circumstances["code.git.problem"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_somebody_elses_repository_is_denied(observe, project):
    commit(project)
    for path in (project, project / ".git"):
        os.chown(path, 12345, 12345)
    assert look(observe("python", "train.py"), "git", "dirty") == Unknown(UnknownCode.DENIED)


@pytest.mark.parametrize(
    ("argv", "entry"),
    [
        ("python train.py --lr 1", "train.py"),
        ("python ./train.py", "train.py"),
        ("python -m train --lr 1", "train"),
        ("torchrun train.py", "train.py"),
        ("./train.py", "train.py"),
    ],
)
def test_the_entry_is_the_script(observe, project, argv, entry):
    report = observe(*argv.split())
    assert look(report, "entry") == Observed(entry)
    assert look(report, "entry", "digest") == sha256(b"print(1)\n")


def test_packages_programs_and_code_as_entries(observe, project, tmp_path):
    (project / "pkg").mkdir()
    (project / "pkg" / "__main__.py").write_text("x")
    program = tmp_path / "bin" / "train"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert look(observe("python", "-m", "pkg"), "entry", "digest") == sha256(b"x")
    assert look(observe("python", "pkg"), "entry", "digest") == sha256(b"x")
    assert look(observe("python", "-c", "pass"), "entry", "digest") == sha256(b"pass")
    report = observe("train", "x", environ={"PATH": f"{program.parent}:/usr/bin:/bin"})
    assert look(report, "entry", "digest") == sha256(b"#!/bin/sh\n")


def test_an_entry_that_is_not_there_has_no_digest(observe):
    report = observe("python", "nowhere.py")
    assert look(report, "entry") == Observed("nowhere.py")
    assert look(report, "entry", "digest") == Unknown(UnknownCode.NOT_ASKED)


def test_nothing_declared_is_no_entry(observe):
    assert look(observe(), "entry") == Unknown(UnknownCode.NOT_ASKED)


def test_sources_are_not_loaded_before_a_process_runs(observe, project):
    assert look(observe("python", "train.py"), "sources", "digest") == Unknown(UnknownCode.NOT_LOADED)


def test_sources_of_a_process(observe, project):
    process = {"modules": {"__main__": str(project / "train.py"), "os": "/usr/lib/python3.11/os.py"}}
    process |= {"base_prefix": "/usr", "cwd": str(project), "orig_argv": ["python", "train.py"]}
    report = observe(phase=Phase.END, process=process)
    assert look(report, "sources", "files") == Observed(1)
    assert look(report, "sources", "digest").value.startswith("sha256:")
    assert look(report, "sources", "syntax").value.startswith("sha256-ast1:")
    assert look(report, "entry") == Observed("train.py")


def end(project, *argv, **changes):
    """Return what a process tells after its script has ended: the interpreter has forgotten the script's file."""
    process = {"modules": {"__main__": None, "os": "/usr/lib/python3.11/os.py"}, "base_prefix": "/usr"}
    return {**process, "cwd": str(project), "orig_argv": ["python", *argv], "argv": list(argv), **changes}


def test_the_script_is_a_source_after_it_has_ended(observe, project, tmp_path):
    found = look(observe(phase=Phase.END, process=end(project, "train.py")), "sources", "digest")
    assert found.value.startswith("sha256:")
    assert look(observe(phase=Phase.END, process=end(project, "train.py")), "sources", "files") == Observed(1)
    by_module = end(project, "-m", "train", argv=[str(project / "train.py"), "x"])
    assert look(observe(phase=Phase.END, process=by_module), "sources", "digest") == found
    moved = end(project, "train.py", cwd=str(tmp_path), environ_start={"PWD": str(project)})
    assert look(observe(phase=Phase.END, process=moved, cwd=tmp_path), "sources", "digest") == found


def test_a_script_that_is_gone_leaves_the_sources_unknown(observe, project, tmp_path):
    process = end(project, "gone.py", environ_start={})
    report = observe(phase=Phase.END, process=process)
    assert look(report, "sources", "digest") == Unknown(UnknownCode.FAILED)
    assert "gone.py" in report.circumstances["code.sources.problem"]


def test_code_on_the_command_line_is_no_source(observe, project):
    report = observe(phase=Phase.END, process=end(project, "-c", "pass"))
    assert look(report, "sources", "files") == Observed(0)


@pytest.mark.parametrize(
    ("modules", "code"),
    [
        ({"error": "denied"}, UnknownCode.DENIED),
        ({"error": "failed"}, UnknownCode.FAILED),
        ({"__main__": "/nowhere/gone.py"}, UnknownCode.FAILED),
    ],
)
def test_sources_that_cannot_be_read_are_unknown(observe, project, modules, code):
    report = observe(phase=Phase.END, process={"modules": modules, "base_prefix": "/usr"})
    assert look(report, "sources", "digest") == Unknown(code)


def test_no_path_and_no_secret_is_in_the_report(observe, project):
    commit(project)
    for command in (
        "remote add origin https://ada:canary1@host/x.git",
        "checkout -q -b topic/ghp_canary2canary2canary2",
    ):
        subprocess.run(["git", *command.split()], cwd=project, check=True, env={"PATH": os.environ["PATH"]})
    (project / "train.py").write_text("password = 'canary3'\n")
    (project / "new.py").write_text("password = 'canary4'\n")
    report = observe("python", str(project / "train.py"), "--password", "canary5")
    assert "canary" not in repr(report)
    assert str(project) not in repr(report)


def test_sources_are_looked_for_once_in_each_process_and_folder(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr("reprofp.probes.code.list_sources", lambda modules, *_: looked.append(modules) or dict(modules))
    context = Context(process={"modules": {"__main__": "a.py"}}, cwd=tmp_path)
    for _ in range(2):
        assert find_sources(context) == {"__main__": "a.py"}
    assert len(looked) == 1
    find_sources(context)["other"] = "b.py"
    other = replace(context, process={"modules": {"__main__": "b.py"}})
    assert find_sources(other) == {"__main__": "b.py"}
    assert find_sources(context) == {"__main__": "a.py"}
    find_sources(replace(context, cwd=tmp_path / "elsewhere"))
    assert len(looked) == 3
