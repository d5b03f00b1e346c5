"""``reprofp completion``, and what is completed."""

import os
import subprocess

import pytest

from cli.conftest import SCRIPT
from render.records import RUN


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(ask, shell):
    done = ask("completion", shell)
    assert done.code == 0
    assert "_REPROFP_COMPLETE" in done.out


def test_no_such_shell(ask):
    done = ask("completion", "tcsh")
    assert done.code == 3
    assert done.failed_clearly


def complete(*words, **environ):
    settings = {
        "_REPROFP_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["reprofp", *words]),
        "COMP_CWORD": str(len(words)),
        **environ,
    }
    done = subprocess.run([SCRIPT], check=False, capture_output=True, text=True, env={**os.environ, **settings})
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_commands_options_names_and_rules(filled):
    assert complete("comp") == ["compare", "completion"]
    assert complete("compare", "--req") == ["--require"]
    assert complete("compare", "last") == ["last-known-good"]
    assert RUN.id in complete("show", "rn1:")
    assert complete("explain", "python.hash") == ["python.hash-seed"]


def test_a_ledger_that_cannot_be_read_offers_what_needs_none(tmp_path):
    (tmp_path / "file").write_text("")
    assert complete("show", "@n", REPROFP_HOME=str(tmp_path / "file")) == ["@now"]
