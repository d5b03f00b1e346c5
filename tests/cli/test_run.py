"""``reprofp run``, as a command: what it hands on, what it says, what it keeps."""

import signal
import subprocess
import sys

import pytest

from cli.conftest import SCRIPT
from reprofp.ledger import Ledger, read_record_file
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.records import Run


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("1")
    return tmp_path


def newest():
    with Ledger.open(read_only=True) as book:
        return book.get(book.newest().id)


def test_says_one_line_and_keeps_the_run(command, here):
    done = command(
        "run", "--output", "out.txt", "--", sys.executable, "-c", "print('hello'); open('out.txt', 'w').write('x')"
    )
    assert (done.code, done.out) == (0, "hello\n")
    run = newest()
    assert isinstance(run, Run)
    assert done.err.startswith(f"reprofp: {run.id} (exit 0, ")
    assert done.err.count("\n") == 1
    assert "digest" in run.result.outputs["out.txt"]


def test_quiet(command, here):
    done = command("run", "--quiet", "--", "true")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert isinstance(newest(), Run)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "kill -TERM $$"], 128 + signal.SIGTERM),
        (["no-such-command-anywhere"], 127),
        (["./data/x"], 126),
    ],
)
def test_exits_as_the_command_did(command, here, words, code):
    assert command("run", "--", *words).code == code


@pytest.mark.parametrize(
    "words",
    [
        ["--data", "none", "--", "touch", "ran"],
        ["--config", "none", "--", "touch", "ran"],
        ["--check", "none", "--", "touch", "ran"],
        ["--require", "bitwise", "--", "touch", "ran"],
        ["--output", "a/x", "--output", "b/x", "--", "touch", "ran"],
        ["--foo", "--", "touch", "ran"],
        [],
    ],
)
def test_what_fails_before_the_start_exits_with_125(command, here, words):
    done = command("run", *words)
    assert done.code == 125
    assert done.failed_clearly
    assert not (here / "ran").exists()


def test_a_ledger_that_cannot_be_written_does_not_keep_the_command_from_running(command, here):
    done = command("run", "--ledger", "data/x", "--data", "data", "--", "touch", "ran")
    assert done.code == 0
    assert done.err.count("\n") == 1
    assert "not in the ledger: " in done.err
    assert (here / "ran").exists()
    (file,) = here.glob("rn1-*.rfp")
    record = read_record_file(file)
    assert str(file) in done.err
    assert record.attachments.keys() == {str(record.look_up(("datasets", "declared", "data", "digest")).value)}


def test_a_damaged_ledger_does_not_keep_the_command_from_running(command, here, own_home):
    own_home.mkdir(parents=True, exist_ok=True)
    (own_home / FILE_NAME).write_bytes(b"no database" * 1000)
    done = command("run", "--", "touch", "ran")
    assert done.code == 0
    assert (here / "ran").exists()
    assert list(here.glob("rn1-*.rfp")) or "the record waits in " in done.err


def test_outputs_that_were_not_made_are_told_of(command, here):
    done = command("run", "--output", "model=gone.bin", "--", "true")
    assert done.code == 0
    first, second = done.err.splitlines()
    assert first == "reprofp: output model (gone.bin): the run did not make it"
    assert second.startswith(f"reprofp: {newest().id}")


def test_where_the_outputs_lie_is_a_circumstance(command, here):
    command("run", "--output", "m=out.txt", "--", "touch", "out.txt")
    assert newest().side.circumstances["outputs.m.path"] == str(here / "out.txt")


def test_a_folder_of_outputs_keeps_its_list_of_files(command, here):
    words = ["sh", "-c", "mkdir made; echo 1 > made/one"]
    command("run", "--ledger", "data/x", "--output", "made", "--", *words)
    (file,) = here.glob("rn1-*.rfp")
    record = read_record_file(file)
    assert record.attachments[record.result.outputs["made"]["digest"]].endswith(b"  one\n")


def test_options_of_the_command_are_its_own(command, here):
    done = command("run", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--json", "--data", "x")
    assert done.out == "['--json', '--data', 'x']\n"


def test_a_tag(command, here):
    assert command("run", "--tag", "good", "--", "true").code == 0
    with Ledger.open(read_only=True) as book:
        assert book.tags() == {"good": newest().id}


def test_a_check_that_does_not_hold_fails_what_succeeded(command, here):
    script = [sys.executable, "-c", "pass"]
    assert command("run", "--tag", "good", "--seed", "1", "--", *script).code == 0
    words = ["run", "--check", "good", "--require", "bitwise", "--seed", "2", "--", *script]
    done = command(*words)
    assert done.code == 1
    assert "bitwise: " in done.err
    assert newest().side.circumstances["check.answer"] in {"no", "undecided"}
    words[-1] = "raise SystemExit(7)"
    assert command(*words).code == 7


def test_a_ledger_that_is_gone_when_the_command_ends_does_not_lose_the_run(command, here, own_home):
    home = own_home / "inner"
    script = f"rm -rf {home}; echo > {home}"
    done = command("run", "--", "sh", "-c", script, env={"REPROFP_HOME": str(home)})
    assert done.code == 0
    assert "not in the ledger" in done.err
    assert isinstance(read_record_file(next(here.glob("rn1-*.rfp"))), Run)


def test_ctrl_c_reaches_the_command(here):
    """It is handed on, and the command decides."""
    script = "import time\ntry:\n    print('up', flush=True)\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    raise SystemExit(9)"
    with subprocess.Popen(
        [SCRIPT, "run", "--", sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 9


def test_an_output_whose_name_no_record_can_hold_is_refused_before_the_run(tmp_path):
    made = tmp_path / "made"
    done = subprocess.run(
        [SCRIPT, "run", "--output", b"ut\xff", "--", "touch", str(made)], capture_output=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 125
    assert b"not UTF-8" in done.stderr
    assert not made.exists()


def test_which_tensors_of_an_output_differ_is_told(command, here):
    make = """
import json, sys
header = json.dumps({"v": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
                     "w": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}).encode()
open("m.safetensors", "wb").write(len(header).to_bytes(8, "little") + header + bytes([1, int(sys.argv[1])]))
"""
    (here / "make.py").write_text(make)
    for last in "23":
        command("run", "--tag", f"run{last}", "--output", "m=m.safetensors", "--", sys.executable, "make.py", last)
    done = command("compare", "run2", "run3")
    assert "  outputs.m  1 tensor changed\n    changed  w\n" in done.out
    assert command("verify", "run3").code == 0
    assert command("verify", "run2").code == 1
