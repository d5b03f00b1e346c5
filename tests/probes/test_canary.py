"""Secrets and names of people, wherever they may come from, reach nothing that is written down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprofp.model.schema import Phase
from reprofp.probes.base import Context, Experiment
from reprofp.probes.runner import run_probes

CANARY = "c4naryc4nary"


def secret(number):
    return f"{CANARY}{number:02}"


@pytest.fixture
def world(tmp_path):
    home = tmp_path / "home" / "ada-lovelace"
    project = home / "project"
    project.mkdir(parents=True)
    (project / "train.py").write_text(f"PASSWORD = '{secret(1)}'\n")
    (project / "helper.py").write_text(f"TOKEN = '{secret(2)}'\n")
    (project / ".env").write_text(f"API_KEY={secret(3)}\n")
    (project / "c.yaml").write_text(
        f"db: {{password: {secret(4)}, url: 'pg://u:{secret(5)}@h/x'}}\nnote: ghp_{secret(6)}{secret(6)}\n"
    )
    (project / "c.ini").write_text(f"secret={secret(7)}\n")
    (project / "uv.lock").write_text(f"index = 'https://u:{secret(8)}@h'\n")
    (project / "data.csv").write_text(secret(9))
    run(project, "git init -q -b main")
    run(project, "git add train.py uv.lock")
    run(project, "git -c user.name=A -c user.email=a@b commit -q -m first")
    run(project, f"git remote add origin https://u:{secret(10)}@host/x.git")
    (project / "train.py").write_text(f"PASSWORD = '{secret(11)}'\n")
    return home, project


def run(folder, command):
    subprocess.run(command.split(), cwd=folder, check=True, env={"PATH": os.environ["PATH"]})


def make_environ(home):
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "USER": "ada-lovelace",
        "DB_PW": secret(20),
        "INNOCENT": secret(21),
        "AWS_SECRET_ACCESS_KEY": secret(22),
        "XLA_FLAGS": f"--xla_dump_to={home}/dump --xla_token={secret(23)}",
        "PYTHONPATH": f"{home}/lib:{home}/project",
        "TORCH_HOME": f"{home}/torch",
        "JAX_NOTE": f"ghp_{secret(24)}{secret(24)}",
        "VLLM_API_KEY": secret(25),
    }


def make_argv(project):
    return (
        sys.executable,
        str(project / "train.py"),
        f"--api-key={secret(30)}",
        "--password",
        secret(31),
        "-H",
        f"Authorization: Bearer {secret(32)}",
        f"--url=https://u:{secret(33)}@host/x?token={secret(34)}",
        f"db.password={secret(35)}",
        "--config",
        "c.yaml",
        "-u",
        f"ada:{secret(36)}",
        "--note",
        f"hf_{secret(37)}{secret(37)}",
        "--data",
        str(project / "data.csv"),
        json.dumps({"secret": secret(38)}),
    )


def make_process(project, argv, environ):
    modules = {"__main__": str(project / "train.py"), "helper": str(project / "helper.py")}
    return {
        "argv": list(argv[1:]),
        "orig_argv": list(argv),
        "cwd": str(project),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "path": [str(project), *sys.path],
        "environ": environ,
        "environ_start": environ,
        "modules": modules,
        "versions": {},
    }


@pytest.mark.parametrize("phase", [Phase.STATIC, Phase.END])
def test_no_canary_and_no_person_is_written_down(world, phase):
    home, project = world
    environ, argv = make_environ(home), make_argv(project)
    experiment = Experiment(
        argv=argv,
        data={"train": project / "data.csv"},
        weights={"base": project / "data.csv"},
        config=(Path("c.yaml"), Path("c.ini")),
        settings={"token": secret(41), "nested": [{"client_secret": secret(42)}]},
    )
    process = make_process(project, argv, environ) if phase is Phase.END else None
    result = run_probes(
        Context(phase=phase, environ=environ, cwd=project, experiment=experiment, process=process), time_limit=60
    )
    facts = repr([list(facet.walk()) for facet in result.facets.values()])
    beside = repr((result.circumstances, result.keyed, result.key_id, result.timings))
    assert CANARY not in facts
    assert CANARY not in beside
    assert "ada-lovelace" not in facts
    assert "ada-lovelace" not in beside
    assert str(home) not in facts + beside
    for name in (
        "env.DB_PW",
        "env.INNOCENT",
        "config.api_key",
        "config.password",
        "config.token",
        "config.db.password",
    ):
        assert len(result.keyed[name]) == 32


def test_a_secret_that_changed_shows_only_in_its_keyed_digest(world):
    home, project = world

    def observe(number):
        argv = (sys.executable, "train.py", "--api-key", secret(number))
        environ = {**make_environ(home), "INNOCENT": secret(number)}
        context = Context(environ=environ, cwd=project, experiment=Experiment(argv=argv))
        return run_probes(context, time_limit=60)

    first, same, other = observe(50), observe(50), observe(51)
    ids = [{name: facet.raw_id for name, facet in result.facets.items()} for result in (first, same, other)]
    assert ids[0] == ids[1] == ids[2]
    assert first.key_id == same.key_id == other.key_id
    assert first.keyed == same.keyed
    assert {path for path in first.keyed if first.keyed[path] != other.keyed[path]} == {
        "env.INNOCENT",
        "config.api_key",
    }
