"""Every command is documented, has help, and teaches by examples that work."""

import hashlib
import importlib.util
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
import safetensors.numpy

from cli.conftest import SCRIPT
from render.records import RUN, A, B
from reprofp.cli.command import Command
from reprofp.cli.group import COMMANDS, cli
from reprofp.ledger import Ledger

FOREIGN = Path(__file__).parents[1] / "importing" / "fixtures"
TOOL = Path(__file__).parents[2] / "tools" / "make_cli_page.py"
EXAMPLES = [(name, words) for name in COMMANDS for _, words in cli.get_command(click.Context(cli), name).examples]


def get_command(name):
    return cli.get_command(click.Context(cli), name)


def test_the_page_of_the_documentation_is_current():
    spec = importlib.util.spec_from_file_location("make_cli_page", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.PAGE.read_text() == tool.make_page(), "run: python tools/make_cli_page.py"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, ask):
    command = get_command(name)
    assert isinstance(command, Command)
    assert command.help
    assert command.examples
    assert all(option.help for option in command.params if isinstance(option, click.Option))
    done = ask(name, "--help")
    assert done.code == 0
    assert "Examples:" in done.out
    assert "Exit codes:" in done.out
    assert ask(name, "-h").out == done.out


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_of_their_command(name):
    assert all(words.startswith(f"reprofp {name}") for _, words in get_command(name).examples)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The files that examples speak of."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_text("1 2 3\n")
    (folder / "backup" / "data").mkdir(parents=True)
    folder_list = b'[{"md5": "%s", "relpath": "a.txt"}]' % hashlib.md5(b"1 2 3\n").hexdigest().encode()
    digest = hashlib.md5(folder_list).hexdigest()
    (folder / "data.dvc").write_text(f"outs:\n- md5: {digest}.dir\n  hash: md5\n  path: data\n")
    for day in ("monday", "tuesday"):
        (folder / f"{day}.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (folder / "config.yaml").write_text("lr: 0.1\n")
    (folder / "reprofp.toml").write_text("[metrics]\nmargin = 0.02\n")
    (folder / "train.py").write_text("open('model.bin', 'w').write('weights')\n")
    safetensors.numpy.save_file({"w": np.arange(4.0)}, folder / "model.safetensors")
    for name in ("freeze.txt", "collect_env.txt", "uv.lock"):
        shutil.copy(FOREIGN / name, folder)
    shutil.copytree(FOREIGN / "mlflow", folder / "mlruns" / "0" / "14126ac5")
    subprocess.run([SCRIPT, "hash", "data", "--manifest", "data.b3"], cwd=folder, check=True, capture_output=True)
    return folder


BEFORE = {"verify": "reprofp snapshot --data train=data --tag last-known-good --move-tag >/dev/null 2>&1; "}
"""What examples of a command rest on."""


SERVE = "reprofp daemon --idle-exit 60 2>/dev/null"


def write_script(name, words):
    """Return the shell's words for an example; a daemon serves until it answers, or while it is asked."""
    if name != "daemon":
        return BEFORE.get(name, "") + words
    serves = "status" not in words
    begin, end = (f"{words} & server=$!", "") if serves else (f"{SERVE} & server=$!", words)
    wait = "for i in $(seq 300); do reprofp daemon status >/dev/null 2>&1 && break; sleep 0.1; done"
    return f"export REPROFP_SOCKET=$(mktemp -d)/socket\n{begin}\n{wait}\n{end}\ncode=$?; kill $server; wait $server && exit $code"


@pytest.mark.parametrize(("name", "words"), EXAMPLES, ids=[words for _, words in EXAMPLES])
def test_examples_work(name, words, inputs, tmp_path, own_home, monkeypatch):
    """In a shell, in a folder with the files that they speak of, on a ledger with records."""
    with Ledger.open() as book:
        book.append_many([A, B, RUN])
        if words != "reprofp snapshot --tag last-known-good":  # a name that is in use is not given again
            book.tag("last-known-good", A.id)
    here = tmp_path / "here"
    shutil.copytree(inputs, here)
    for folder in (".zfunc", ".config/fish/completions"):
        (here / folder).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    folders = [str(SCRIPT.parent), str(Path(sys.executable).parent)]
    script = f"export PATH={shlex.quote(':'.join(folders))}:$PATH; {write_script(name, words)}"
    done = subprocess.run(
        ["/bin/bash", "-c", script], check=False, cwd=here, capture_output=True, text=True, timeout=120
    )
    assert done.returncode in {0, 1, 2}, done.stderr
    assert "Traceback" not in done.stderr
    if "--require" not in words and name != "doctor":
        assert done.returncode == 0, done.stderr
