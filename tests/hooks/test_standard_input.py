"""What came by standard input, in runs of real programs whose descriptor 0 is of every kind."""

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reprofp.datasets import hash_file
from reprofp.hooks.reading import Budget
from reprofp.hooks.standard_input import Look, StandardInput, look_at
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode

NOT_ASKED, FAILED = Unknown(UnknownCode.NOT_ASKED), Unknown(UnknownCode.FAILED)

TELL = """
import sys
from reprofp.hooks.run import RunOptions, run_command
record, code = run_command(sys.argv[1:], RunOptions())
print([process.snapshot.look_up(("datasets", "stdin", "digest")) for process in record.processes][-1], code)
"""
READ = "import sys; sys.stdin.readline()"
INPUT = "try: input()\nexcept EOFError: pass"


@pytest.fixture
def tell(tmp_path):
    """Run a command whose standard input is ``stdin``; return the text of the last process's fact."""

    def run(*argv, code=None, stdin=None, **options):
        words = [sys.executable, "-c", TELL, *([sys.executable, "-c", code] if code is not None else argv)]
        done = subprocess.run(
            list(map(str, words)), check=False, stdin=stdin, stdout=subprocess.PIPE, cwd=tmp_path, text=True, **options
        )
        fact, _, code = done.stdout.strip().splitlines()[-1].rpartition(" ")
        assert (done.returncode, code) == (0, "0"), done.stdout
        return fact

    return run


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.txt"
    path.write_text("first\nsecond\n")
    time.sleep(0.03)
    return path


def test_a_file_that_was_read_is_known_by_its_content(tell, data):
    digest = str(Observed(str(hash_file(data).digest)))
    with data.open("rb") as stream:
        assert tell(code=READ, stdin=stream) == digest
    with data.open("rb") as stream:
        assert tell("sh", "-c", "head -n 1", stdin=stream) == digest
    with data.open("rb") as stream:
        assert tell(code="open('/dev/stdin').read()", stdin=stream) == digest


def test_a_file_counts_from_where_reading_began(tell, data, tmp_path):
    (tmp_path / "rest").write_text("second\n")
    with data.open("rb", buffering=0) as stream:
        stream.seek(len("first\n"))
        assert tell(code=READ, stdin=stream) == str(Observed(str(hash_file(tmp_path / "rest").digest)))


def test_a_file_that_was_not_read_is_no_data(tell, data):
    with data.open("rb") as stream:
        assert tell(code="pass", stdin=stream) == str(ABSENT)


def test_a_file_that_changed_meanwhile_is_not_known(tell, data):
    with data.open("rb") as stream:
        assert tell(code="import sys; sys.stdin.read(); open('data.txt', 'a').write('x')", stdin=stream) == str(FAILED)


@pytest.mark.parametrize("code", [READ, INPUT, "pass"])
def test_the_null_device_holds_nothing(tell, code):
    assert tell(code=code, stdin=subprocess.DEVNULL) == str(ABSENT)


def test_a_device_that_gives_bytes_is_not_known(tell):
    with Path("/dev/zero").open("rb") as stream:
        assert tell(code="pass", stdin=stream) == str(NOT_ASKED)


def test_a_terminal_counts_where_the_program_asked(tell):
    controller, terminal = pty.openpty()
    os.write(controller, b"answer\nanswer\n")
    assert tell(code="pass", stdin=terminal) == str(ABSENT)
    assert tell(code=INPUT, stdin=terminal) == str(NOT_ASKED)
    os.close(controller)
    os.close(terminal)


def test_an_idle_pipe_counts_as_unused_unless_the_program_asked(tell):
    read, write = os.pipe()
    assert tell(code="pass", stdin=read) == str(ABSENT)
    os.write(write, b"line\n")
    assert tell(code=INPUT, stdin=read) == str(NOT_ASKED)
    os.close(write)
    assert tell(code=READ, stdin=read) == str(ABSENT), "its writer is gone, and nothing waits"
    os.close(read)


def test_what_a_pipe_held_and_nobody_took_is_no_data(tell):
    read, write = os.pipe()
    os.write(write, b"line\n")
    os.close(write)
    assert tell(code="pass", stdin=read) == str(ABSENT)
    assert tell(code=READ, stdin=read) == str(NOT_ASKED)
    os.close(read)


def test_bytes_that_came_or_a_writer_that_went_are_not_known(tell):
    assert tell(code=READ, stdin=None, input="line\n") == str(NOT_ASKED)
    read, write = os.pipe()
    writer = subprocess.Popen(["sh", "-c", "read line; echo x"], stdin=subprocess.PIPE, stdout=write)
    os.close(write)
    waiting = [sys.executable, "-c", f"import os, sys; os.write({writer.stdin.fileno()}, b'go\\n'); sys.stdin.read()"]
    assert tell(*waiting, stdin=read, pass_fds=[writer.stdin.fileno()]) == str(NOT_ASKED)
    writer.stdin.close()
    writer.wait()
    os.close(read)


def test_a_full_pipe_that_looks_as_before_is_not_known(tell):
    yes = subprocess.Popen(["yes"], stdout=subprocess.PIPE)
    assert tell(code="import sys, time; sys.stdin.buffer.raw.read(65536); time.sleep(0.2)", stdin=yes.stdout) == str(
        NOT_ASKED
    )
    yes.kill()
    yes.stdout.close()
    yes.wait()


def test_a_closed_standard_input_holds_nothing(tell):
    assert tell("sh", "-c", "exit 0", preexec_fn=lambda: os.close(0)) == str(ABSENT)


def test_a_process_behind_a_pipe_of_a_script_has_an_input_of_its_own(tell, data):
    python = f"{sys.executable} -c '{READ}'"
    digest = str(Observed(str(hash_file(data).digest)))
    assert tell("sh", "-c", f"cat data.txt | {python}", stdin=subprocess.DEVNULL) == str(NOT_ASKED)
    assert tell("sh", "-c", f"{python} < data.txt", stdin=subprocess.DEVNULL) == digest
    assert tell("sh", "-c", f"{sys.executable} -c pass < data.txt", stdin=subprocess.DEVNULL) == str(ABSENT)
    with data.open("rb") as stream:
        assert tell("sh", "-c", f"read line; {sys.executable} -c pass < /dev/null", stdin=stream) == digest


def test_two_inputs_at_once_are_not_known(tell, data, tmp_path):
    (tmp_path / "other.txt").write_text("x\n")
    time.sleep(0.03)
    with data.open("rb") as stream:
        assert tell("sh", "-c", f"read line; {sys.executable} -c '{READ}' < other.txt", stdin=stream) == str(NOT_ASKED)


def test_a_file_beyond_the_budget_is_not_hashed(data):
    with data.open("rb", buffering=0) as stream:
        before = look_at(stream.fileno())
        stream.read()
        seen = StandardInput(before, look_at(stream.fileno()), Budget(bytes=3))
        assert seen.describe(None, []) == NOT_ASKED


def test_sockets_are_as_pipes():
    from socket import socketpair  # noqa: PLC0415

    ours, theirs = socketpair()
    with ours, theirs:
        idle = look_at(ours.fileno())
        assert StandardInput(idle, look_at(ours.fileno())).describe(None, []) == ABSENT
        theirs.send(b"x")
        assert StandardInput(idle, look_at(ours.fileno())).describe(None, []) == NOT_ASKED
        ours.recv(1)
        theirs.close()
        gone = look_at(ours.fileno())
        assert StandardInput(idle, gone).describe(None, []) == NOT_ASKED
        assert StandardInput(gone, look_at(ours.fileno())).describe(None, []) == ABSENT


@pytest.mark.parametrize("told", [None, [], [None], "x", {"error": "failed"}])
def test_a_report_that_tells_nothing_of_it_promises_nothing(told):
    before = Look("file", (1, 2), (3, 4, 5), 0, 10**12)
    assert StandardInput(before, before).describe({"stdin": told}, []) == FAILED
