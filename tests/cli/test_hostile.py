"""Lists, names and streams that could make an answer look better than it is, or break more than it should."""

import os
import stat
import subprocess

import pytest

from cli.conftest import SCRIPT
from reprofp.datasets import hash_file

BAD = "0" * 64


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "data"
    root.mkdir()
    (root / "a").write_bytes(b"a")
    return root


def digest_of(path):
    return hash_file(path).digest.value.hex()


@pytest.mark.parametrize("spelling", ["./a", ".//a", "a/"])
def test_a_wrong_digest_is_not_hidden_behind_another_spelling_of_the_path(ask, folder, tmp_path, spelling):
    listed = tmp_path / "list.b3"
    listed.write_text(f"{BAD}  {spelling}\n{digest_of(folder / 'a')}  a\n")
    done = ask("hash", "--check", listed, folder)
    assert done.code == 3
    assert done.failed_clearly
    assert "stands twice" in done.err


def test_a_step_up_is_one_of_the_file_system(ask, folder, tmp_path):
    """Where a link leads elsewhere, x/../a is not a."""
    (tmp_path / "other" / "deep").mkdir(parents=True)
    (tmp_path / "other" / "a").write_bytes(b"another")
    (folder / "x").symlink_to("../other/deep")
    listed = tmp_path / "list.b3"
    listed.write_text(f"{digest_of(folder / 'a')}  a\n{digest_of(folder / 'a')}  x/../a\n")
    assert ask("hash", "--check", listed, folder).code == 1
    listed.write_text(f"{digest_of(folder / 'a')}  a\n{digest_of(tmp_path / 'other' / 'a')}  x/../a\n")
    assert ask("hash", "--check", listed, folder).code == 0
    listed.write_text(f"{digest_of(folder / 'a')}  a\n{digest_of(folder / 'a')}  nowhere/../a\n")
    assert ask("hash", "--check", listed, folder).code == 1


def test_a_list_of_two_algorithms_is_not_read_as_one(ask, folder, tmp_path):
    listed = tmp_path / "list"
    listed.write_text(f"MD5 (a) = {'0' * 32}\nBLAKE3 (b) = {BAD}\n")
    done = ask("hash", "--check", listed, folder)
    assert done.code == 3
    assert done.failed_clearly
    assert "blake3 and md5" in done.err


@pytest.mark.parametrize(
    "words",
    [("hash", ""), ("hash", "--manifest", "", "."), ("compare", "", ""), ("verify", ""), ("hash", "--check", "")],
)
def test_an_empty_text_is_not_this_folder(ask, folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    done = ask(*words)
    assert done.code == 3
    assert done.failed_clearly


@pytest.mark.parametrize("value", ["", "name="])
def test_an_empty_path_is_not_recorded_as_this_folder(ask, own_home, value):
    done = ask("snapshot", "--data", value)
    assert done.code == 3
    assert done.failed_clearly


def test_a_manifest_does_not_replace_what_is_no_file(ask, folder, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert ask("hash", folder, "--manifest", pipe).code == 0
        assert os.read(reader, 1000) == f"{digest_of(folder / 'a')}  a\n".encode()
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def test_a_manifest_is_not_written_in_place_of_a_folder(ask, folder, monkeypatch):
    monkeypatch.chdir(folder)
    for place in (".", "..", folder):
        done = ask("hash", folder, "--manifest", place)
        assert done.code == 3
        assert done.failed_clearly


def shell(text, folder):
    return subprocess.run(
        ["sh", "-c", text, "sh", SCRIPT], check=False, cwd=folder, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ('"$1" hash a >&-', 3, "cannot write"),
        ('"$1" hash - <&-', 3, "cannot read standard input"),
        ('"$1" hash missing 2>&-', 3, ""),
        ('"$1" hash missing <&- >&- 2>&-', 3, ""),
        ('"$1" hash a >/dev/full', 3, "cannot write"),
    ],
)
def test_closed_streams_are_no_defect(folder, text, code, says):
    done = shell(text, folder)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "defect" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [(["snapshot", "--no-record"], 0), (["run", "--", "sh", "-c", "exit 7"], 7), (["show", "nosuch"], 3)],
)
def test_remarks_that_cannot_be_written_leave_the_exit_code(own_home, words, code):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([SCRIPT, *words], check=False, stdout=subprocess.PIPE, stderr=full, timeout=60)
    assert done.returncode == code


def test_a_name_that_is_not_utf_8_is_no_record(ask, filled):
    for words in (["show", "\udcff\udcfe"], ["compare", "\udcff", "\udcff"], ["log", "--tag", "\udcff"]):
        done = ask(*words)
        assert done.code == 3
        assert done.failed_clearly


@pytest.mark.parametrize("words", [["snapshot"], ["policy", "show"], ["run", "--", "true"], ["compare", "a", "b"]])
def test_a_folder_that_was_removed_is_named(own_home, tmp_path, words):
    (tmp_path / "gone").mkdir()
    script = 'cd gone && rmdir ../gone && exec "$0" "$@"'
    done = subprocess.run(
        ["sh", "-c", script, SCRIPT, *words], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == (125 if words[0] == "run" else 3)
    assert "the folder that you are in was removed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_hyper_parameters_that_cannot_be_read_are_told(ask, own_home, tmp_path):
    for name, text, told in (
        ("bad.yaml", "a: \0", True),
        ("deep.json", "[" * 9999, True),
        ("good.yaml", "lr: 0.1", False),
    ):
        (tmp_path / name).write_text(text)
        for words in (["snapshot"], ["run"]):
            done = ask(*words, "--config", tmp_path / name, *(["--", "true"] if words == ["run"] else []))
            assert ("no hyper-parameters can be read from it" in done.err) == told


def test_a_ledger_of_another_user_is_not_called_damaged(ask, filled, monkeypatch):
    monkeypatch.setattr("reprofp.ledger.doctor.os.access", lambda *_: False)
    (filled / "ledger.sqlite").write_bytes(b"not to be read")
    done = ask("ledger", "doctor")
    assert done.code == 1
    assert "ask again as a user who may read and write it" in done.out
    assert "keep the damaged folder" not in done.out
