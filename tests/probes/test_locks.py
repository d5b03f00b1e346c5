from __future__ import annotations

import hashlib
import os

import pytest

from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.probes.locks import LocksProbe

NAMES = [
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pixi.lock", "conda-lock.yml", "requirements.txt",
    "requirements-dev.txt", "environment.yml", "environment.yaml", "flake.lock", "pylock.toml", "pylock.dev.toml",
]  # fmt: skip


def digest(content):
    return Observed("sha256:" + hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_of_lock(make_context, name):
    context = make_context()
    (context.cwd / name).write_bytes(b"pin")
    assert LocksProbe().observe(context).facts == {(name,): digest(b"pin")}


def test_other_files_are_none(make_context):
    context = make_context()
    for name in ("package.lock.txt", "my-requirements.txt", "uv.lock.bak", "pyproject.toml", "yarn.lock"):
        (context.cwd / name).write_bytes(b"pin")
    assert LocksProbe().observe(context).facts == {}


@pytest.mark.parametrize("mark", [".git", "pyproject.toml"])
def test_the_project_is_the_nearest_folder_with_a_mark(make_context, mark):
    context = make_context()
    below = context.cwd / "a" / "b"
    below.mkdir(parents=True)
    (context.cwd / mark).mkdir()
    (context.cwd / "uv.lock").write_bytes(b"pin")
    (below / "requirements.txt").write_bytes(b"not the project's")
    (context.cwd.parent / "uv.lock").write_bytes(b"beyond")
    assert LocksProbe().observe(make_context(cwd=below)).facts == {("uv.lock",): digest(b"pin")}


def test_hostile_locks_are_unknown(make_context):
    context = make_context()
    os.mkfifo(context.cwd / "uv.lock")
    (context.cwd / "poetry.lock").mkdir()
    (context.cwd / "pdm.lock").symlink_to("nowhere")
    assert set(LocksProbe().observe(context).facts.values()) == {Unknown(UnknownCode.FAILED)}


def test_a_folder_that_vanished_is_an_error_for_the_runner(make_context):
    context = make_context()
    context.cwd.rmdir()
    with pytest.raises(OSError, match="No such file"):
        LocksProbe().observe(context)
