from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from reprofp.probes.git import NoRepositoryError, read_git

ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def git(folder, *arguments):
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always")
    environ = {**ENVIRON, "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": "1700000000 +0000"}
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, env=environ, check=True, capture_output=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("print(1)\n")
    (folder / "data.csv").write_text("1,2\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def read(folder, **changes):
    return read_git(str(folder), {**ENVIRON, **changes})


def test_a_clean_tree(repository):
    state = read(repository)
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.dirty, state.untracked, dict(state.submodules)) == ("main", None, None, {})
    assert dict(state.counts) == {"changed_files": 0, "changed_bytes": 0, "untracked_files": 0, "untracked_bytes": 0}


def test_a_folder_below_tells_the_same(repository):
    (repository / "a" / "b").mkdir(parents=True)
    (repository / "train.py").write_text("print(2)\n")
    assert read(repository / "a" / "b") == read(repository)


def test_before_the_first_commit(tmp_path):
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    state = read(tmp_path)
    assert state.commit is None
    assert state.dirty is not None


CHANGES = {
    "edit": lambda folder: (folder / "train.py").write_text("print(2)\n"),
    "another edit": lambda folder: (folder / "train.py").write_text("print(3)\n"),
    "delete": lambda folder: (folder / "train.py").unlink(),
    "make executable": lambda folder: (folder / "train.py").chmod(0o755),
    "make a link": lambda folder: ((folder / "train.py").unlink(), (folder / "train.py").symlink_to("data.csv")),
    "make a folder": lambda folder: ((folder / "train.py").unlink(), (folder / "train.py").mkdir()),
    "add": lambda folder: ((folder / "new.bin").write_text("x"), git(folder, "add", "new.bin")),
    "rename": lambda folder: git(folder, "mv", "train.py", "odd näme\n.py"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_has_a_digest_of_its_own(repository, change):
    CHANGES[change](repository)
    found = {change: read(repository).dirty}
    assert found[change] is not None
    for other in CHANGES.keys() - {change}:
        shutil.rmtree(repository / "train.py", ignore_errors=True)
        git(repository, "reset", "-q", "--hard")
        CHANGES[other](repository)
        found[other] = read(repository).dirty
    assert len(set(found.values())) == len(CHANGES)


def test_staging_changes_nothing_about_what_runs(repository):
    (repository / "train.py").write_text("print(2)\n")
    before = read(repository).dirty
    git(repository, "add", "train.py")
    assert read(repository).dirty == before
    (repository / "train.py").write_text("print(1)\n")
    assert read(repository).dirty is None


def test_a_conflict_counts_as_changed(repository):
    git(repository, "checkout", "-q", "-b", "side")
    (repository / "train.py").write_text("print('side')\n")
    git(repository, "commit", "-q", "-a", "-m", "side")
    git(repository, "checkout", "-q", "main")
    (repository / "train.py").write_text("print('main')\n")
    git(repository, "commit", "-q", "-a", "-m", "main")
    with pytest.raises(subprocess.CalledProcessError):
        git(repository, "merge", "side")
    assert read(repository).dirty is not None


def test_untracked_code_counts_and_results_do_not(repository):
    (repository / "result.npz").write_text("x")
    (repository / "metrics.json").write_text("x")
    (repository / ".gitignore").write_text("ignored.py\n")
    (repository / "ignored.py").write_text("x")
    assert read(repository).untracked is None
    (repository / "lib").mkdir()
    (repository / "lib" / "helper.py").write_text("x = 1\n")
    first = read(repository)
    assert first.untracked is not None
    assert first.dirty is None
    assert first.counts["untracked_files"] == 1
    assert first.counts["untracked_bytes"] == 6
    (repository / "lib" / "helper.py").write_text("x = 2\n")
    assert read(repository).untracked not in (None, first.untracked)


@pytest.fixture
def submodule(repository, tmp_path):
    shutil.copytree(repository, tmp_path / "library")
    git(repository, "submodule", "--quiet", "add", str(tmp_path / "library"), "library")
    git(repository, "commit", "-q", "-m", "add library")
    return repository / "library"


def test_submodules(repository, submodule):
    assert dict(read(repository).submodules) == {}
    commit = git(submodule, "rev-parse", "HEAD")
    (submodule / "result.npz").write_text("x")
    assert dict(read(repository).submodules) == {}
    (submodule / "train.py").write_text("print(5)\n")
    dirty = read(repository)
    assert dirty.submodules["library"].startswith(f"{commit}+sha256:")
    assert dirty.dirty is None
    git(submodule, "commit", "-q", "-a", "-m", "move on")
    moved = read(repository)
    assert moved.submodules["library"] == git(submodule, "rev-parse", "HEAD") != commit
    shutil.rmtree(submodule)
    assert dict(read(repository).submodules) in ({"library": None}, {})


def test_no_repository(tmp_path):
    with pytest.raises(NoRepositoryError):
        read(tmp_path)


def test_a_folder_that_only_looks_like_a_repository_is_none_and_hides_the_one_around_it(repository):
    below = repository / "below"
    (below / ".git").mkdir(parents=True)
    with pytest.raises(NoRepositoryError):
        read(below)


def test_without_git(repository, tmp_path):
    with pytest.raises(FileNotFoundError):
        read(repository, PATH=str(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_somebody_elses_repository_is_denied(repository):
    for path in (repository, repository / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(PermissionError, match="dubious ownership"):
        read(repository)


def test_a_damaged_repository_is_an_error(repository):
    (repository / ".git" / "index").write_bytes(b"DIRC rubbish")
    with pytest.raises(OSError, match="git ended with code 128"):
        read(repository)


def make_program(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "git").write_text(f"#!/bin/sh\n{text}\n")
    (folder / "git").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_a_git_that_hangs_is_left(repository, tmp_path):
    path = make_program(tmp_path / "bin", "exec sleep 30")
    with pytest.raises(TimeoutError, match="git did not end in time"):
        read_git(str(repository), {**ENVIRON, "PATH": path}, seconds=0.2)


@pytest.mark.parametrize("text", ["yes", "printf '9 what\\000'", "printf '1 too few\\000'"])
def test_an_answer_that_is_too_long_or_odd_is_an_error(repository, tmp_path, text):
    with pytest.raises(ValueError, match=r"wrote"):
        read(repository, PATH=make_program(tmp_path / "bin", text))


def test_changes_that_are_too_large_are_given_up(repository, monkeypatch):
    monkeypatch.setattr("reprofp.probes.git._CONTENT_LIMIT", 1000)
    (repository / "train.py").write_text("x" * 1001)
    with pytest.raises(TimeoutError, match="too much to be read"):
        read(repository)


def test_nothing_that_the_configuration_names_is_run_and_nothing_is_written(repository, tmp_path):
    canary = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\necho ran >> {canary}\n")
    script.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-index-change", "post-checkout", "fsmonitor-watchman"):
        shutil.copy(script, hooks / name)
    for setting in ("core.fsmonitor", "core.pager", "diff.external", "core.editor", "core.sshCommand"):
        git(repository, "config", setting, str(script))
    git(repository, "config", "core.hooksPath", str(hooks))
    os.utime(repository / "train.py", (1, 1))
    index = (repository / ".git" / "index").read_bytes()
    read(repository, GIT_EXTERNAL_DIFF=str(script), GIT_PAGER=str(script))
    assert not canary.exists()
    assert (repository / ".git" / "index").read_bytes() == index
    assert not (repository / ".git" / "index.lock").exists()


def test_variables_that_point_elsewhere_are_not_followed(repository, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    state = read(repository, GIT_DIR=str(other / ".git"), GIT_WORK_TREE=str(other), GIT_INDEX_FILE="/nowhere")
    assert state == read(repository)
