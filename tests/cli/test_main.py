"""How a command line ends: exit codes and what is said, whatever goes wrong."""

import fcntl
import os
import signal
import subprocess
import sys

import click
import pytest

from cli.conftest import SCRIPT
from reprofp import __version__
from reprofp.cli import failures, group
from reprofp.cli.main import main
from reprofp.errors import LedgerError
from reprofp.ledger.schema import LOCK_NAME


@pytest.fixture
def failing(monkeypatch):
    """Make every command fail in a way of the test's choice."""

    def fail_with(error):
        def invoke(_words):
            raise error

        monkeypatch.setattr(group, "invoke", invoke)

    return fail_with


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_version(ask, word):
    assert ask(word).out == f"reprofp {__version__}\n"


def test_version_among_other_words(ask):
    assert ask("--version", "log").out == f"reprofp {__version__}\n"


def test_version_works_as_a_command_and_as_a_module(command):
    assert command("--version").out == f"reprofp {__version__}\n"
    done = subprocess.run([sys.executable, "-m", "reprofp", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"reprofp {__version__}\n"


def test_help_lists_every_command(ask):
    done = ask("--help")
    assert done.code == 0
    assert all(f"\n  {name} " in done.out for name in group.COMMANDS)


def test_no_words_are_a_usage_error_that_shows_the_help(ask):
    done = ask()
    assert done.code == 3
    assert done.err.startswith("Usage: reprofp")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["comapre"], "did you mean 'compare'?"),
        (["zzz"], "the commands are snapshot, "),
        (["log", "--foo"], "--foo"),
        (["compare", "a"], "name another to compare it with"),
        (["compare", "a", "b", "--require", "best"], "'best' is not one of"),
        (["log", "--limit", "0"], "0 is not in the range"),
    ],
)
def test_usage_errors_exit_with_3_in_one_sentence(ask, words, said):
    done = ask(*words)
    assert done.code == 3
    assert done.failed_clearly
    assert said in done.err
    assert "--help'" in done.err


def test_usage_errors_of_run_exit_as_env_does(ask):
    assert ask("run", "--foo").code == 125
    assert ask("run").code == 125


def test_errors_of_reprofp_are_said_as_they_are(ask, failing):
    failing(LedgerError("the ledger is a teapot; brew"))
    done = ask("log")
    assert (done.code, done.err) == (3, "reprofp: the ledger is a teapot; brew\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/x/y"), "/x/y: No space left on device; free some space"),
        (OSError(28, "No space left on device"), "cannot write all of the output: No space left"),
        (PermissionError(13, "Permission denied", b"/x\xff"), "Permission denied; check who may access it"),
    ],
)
def test_errors_of_the_system_are_said_with_what_to_do(ask, failing, error, said):
    failing(error)
    done = ask("log")
    assert done.code == 3
    assert said in done.err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interrupted(ask, failing, error):
    failing(error)
    assert ask("log").code == 130


def test_a_defect_says_where_it_is_and_where_to_report_it(ask, failing):
    failing(ZeroDivisionError("boom"))
    done = ask("log")
    assert done.code == 70
    assert done.failed_clearly
    assert "ZeroDivisionError: boom (at cli/test_main.py:" in done.err
    assert "report it" in done.err


def test_a_traceback_is_there_on_request(ask, failing, monkeypatch):
    monkeypatch.setenv("REPROFP_TRACEBACK", "1")
    failing(ZeroDivisionError("boom"))
    assert "Traceback" in ask("log").err


def test_the_tracker_is_the_packages_own(monkeypatch):
    class Metadata:
        def get_all(self, _name):
            return ["Home, https://x.test", "Issues, https://x.test/issues"]

    monkeypatch.setattr("importlib.metadata.metadata", lambda _name: Metadata())
    assert failures._tracker() == " at https://x.test/issues"


def test_system_exit_keeps_its_code(failing):
    failing(SystemExit(7))
    assert main(["log"]) == 7
    failing(SystemExit("text"))
    assert main(["log"]) == 3


def run_in_shell(script, **environ):
    return subprocess.run(
        ["/bin/bash", "-c", script],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "REPROFP": str(SCRIPT), **environ},
    )


@pytest.mark.parametrize("words", ["--help", "--version", "log --help", "completion bash"])
def test_a_closed_pipe_is_quiet(words):
    done = run_in_shell(f'("$REPROFP" {words}; echo $? >&2) | true; exit 0')
    assert done.stderr in {"141\n", "0\n"}


def test_a_closed_pipe_ends_as_sigpipe_would():
    """The reader is gone before anything is written."""
    done = run_in_shell('set -o pipefail; (sleep 0.5; exec "$REPROFP" --help) | exec 0<&-')
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
@pytest.mark.parametrize("words", ["--version", "--help", "completion bash"])
def test_output_that_cannot_be_written_is_an_error(words):
    done = run_in_shell(f'"$REPROFP" {words} > /dev/full')
    assert done.returncode == 3
    assert (
        done.stderr
        == "reprofp: cannot write all of the output: No space left on device; free some space and try again\n"
    )


def test_text_that_the_output_cannot_hold_is_escaped(tmp_path):
    script = "import sys; sys.argv = ['x']\nfrom reprofp.cli.output import print_text\nprint_text('caf\\xe9\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii"}
    )
    assert done.stdout == b"caf\\xe9\n"


def test_ctrl_c_while_waiting_exits_with_130(filled, tmp_path):
    """The command waits for a ledger that another process writes to."""
    with (filled / LOCK_NAME).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fcntl.lockf(lock, fcntl.LOCK_EX)
        waiting = subprocess.Popen([SCRIPT, "tag", "--delete", "last-known-good"], stderr=subprocess.PIPE, text=True)
        try:
            waiting.wait(timeout=3)
        except subprocess.TimeoutExpired:
            waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=30)
    assert waiting.returncode == 130, said
    assert "Traceback" not in said
