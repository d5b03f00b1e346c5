import sys
from pathlib import Path

import pytest

from reprofp.hooks.interpreters import find_described_interpreter, find_interpreter, name_script

LONG = "/x" * 80 + "/bin/python3.12"


@pytest.mark.parametrize("name", ["python", "python3", "python3.13", "python3.13t", "pypy3.10"])
def test_python_is_its_own_interpreter(name):
    assert find_interpreter(f"/any/{name}", {}) == Path(f"/any/{name}")


@pytest.mark.parametrize(
    "head",
    [
        f"#!{sys.executable}\n",
        f"#! {sys.executable} -E\n",
        f"#!/bin/sh\n'''exec' {sys.executable} \"$0\" \"$@\"\n' '''\n",
        f"#!/bin/sh\n'''exec' \"{sys.executable}\" \"$0\" \"$@\"\n' '''\n",
    ],
)
def test_a_script_names_its_interpreter(tmp_path, head):
    script = tmp_path / "tool"
    script.write_text(head + "print(1)\n")
    assert find_interpreter(str(script), {}) == Path(sys.executable)


def test_env_is_looked_through(tmp_path):
    (tmp_path / "python9").symlink_to(sys.executable)
    script = tmp_path / "tool"
    script.write_text("#!/usr/bin/env -S A=1 python9 -E\n")
    assert find_interpreter(str(script), {"PATH": str(tmp_path)}) == tmp_path / "python9"
    assert find_interpreter(str(script), {"PATH": "/nonesuch"}) is None


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"#!/bin/sh\necho", b"#!", b"#!/usr/bin/env\n", b"\xff\n\xff"])
def test_other_programs_have_none(tmp_path, content):
    program = tmp_path / "tool"
    program.write_bytes(content)
    assert find_interpreter(str(program), {}) is None
    assert find_interpreter(str(tmp_path / "nonesuch"), {}) is None


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["python", "train.py"], "train.py"),
        (["/usr/bin/python3.12", "-O", "-X", "dev", "/a/train.py", "-c"], "train.py"),
        (["python", "-m", "package.train", "x"], "package.train"),
        (["python", "-c", "pass"], "-c"),
        (["python"], "python"),
        (["python", "-m"], "python"),
        (["./train.sh", "a"], "train.sh"),
        (["bash", "-e", "a/train.sh"], "train.sh"),
        (["nice", "sh", "-ec", "x"], "sh"),
        (["bash"], "bash"),
        (["nice", "-n", "5", "pytest", "--version"], "pytest"),
        (["env", "A=1", "python", "train.py"], "train.py"),
    ],
)
def test_a_command_line_is_named_after_its_script(argv, name):
    assert name_script(argv) == name


@pytest.mark.parametrize("before", [[], ["env", "A=1"], ["nice", "-n", "5"], ["timeout", "-k", "1", "9", "env"]])
def test_the_interpreter_is_found_behind_what_runs_it(tmp_path, before):
    (tmp_path / "python9").symlink_to(sys.executable)
    tool = tmp_path / "tool"
    tool.write_text(f"#!{tmp_path}/python9\n")
    tool.chmod(0o755)
    for words in (["python9", "x.py"], ["tool", "--version"]):
        environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        assert find_described_interpreter([*before, *words], environ) == tmp_path / "python9"
    assert find_described_interpreter([*before, "nonesuch-command"], {"PATH": "/usr/bin:/bin"}) is None
