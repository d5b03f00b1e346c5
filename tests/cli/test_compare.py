"""``reprofp compare``."""

import json
import os
import pty
import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy

from cli.conftest import SCRIPT
from render.records import RUN, TIME, A, B, snapshot
from render.schemas import check
from reprofp.ledger import Ledger, write_record_file
from reprofp.model.observations import Observed
from reprofp.model.schema import Phase


def test_says_it_in_the_first_line(ask, filled):
    done = ask("compare", A.id, B.id)
    assert done.code == 0
    assert done.err == ""
    assert "config.lr 0.1 -> 0.01" in done.out.splitlines()[0]


def test_a_record_against_itself(ask, filled):
    for words in ([], ["--require", "bitwise"], ["--json"], ["--markdown"]):
        done = ask("compare", "last-known-good", A.id, *words)
        assert done.code == 0
        assert "same" in done.out


def test_the_answer_to_a_requirement_is_the_exit_code(ask, filled):
    assert ask("compare", A.id, B.id, "--require", "bitwise").code == 1
    twin = replace(A, time_ns=TIME + 5)
    with Ledger.open() as book:
        book.append(twin)
    done = ask("compare", A.id, twin.id, "--require", "bitwise")
    assert done.code == 2
    assert done.out.startswith("undecided, bitwise is possible but not promised: nothing observed differs; ")
    assert ask("compare", A.id, twin.id).code == 0


def test_vary(ask, filled):
    assert ask("compare", A.id, B.id, "--vary", "config", "--require", "functional").code == 2
    assert "on purpose?" in ask("compare", A.id, B.id).out
    assert "on purpose?" not in ask("compare", A.id, B.id, "--vary", "config").out


def test_now_is_taken_and_not_recorded(ask, filled):
    with Ledger.open(read_only=True) as book:
        before = len(book)
    done = ask("compare", "last-known-good", "@now")
    assert done.code == 0
    assert "(@now, " in done.out
    with Ledger.open(read_only=True) as book:
        assert len(book) == before


def test_files(ask, tmp_path):
    write_record_file(A, tmp_path / "a.rfp")
    write_record_file(B, tmp_path / "b.rfp")
    assert ask("compare", tmp_path / "a.rfp", tmp_path / "b.rfp").code == 0


def test_json(ask, filled):
    done = ask("compare", "last-known-good", "@-1", "--json", "--require", "statistical")
    document = json.loads(done.out)
    check("compare", document)
    assert document["requirement"]["level"] == "statistical"
    assert document["b"]["id"] == RUN.id


def test_markdown(ask, filled):
    assert ask("compare", A.id, B.id, "--markdown").out.startswith("**")


def test_all_shows_more(ask, filled):
    short, long = (ask("compare", A.id, "@-1", *words).out for words in ([], ["--all"]))
    assert len(long) > len(short)
    assert "--all" not in long


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["last-known-good", "nothing"], "nothing"),
        (["nothing", "last-known-good"], "nothing"),
        (["last-known-good", "./none.rfp"], "none.rfp"),
        (["last-known-good", "@-9"], "@-9"),
        (["last-known-good", "@-1", "--vary", "a..b"], "a..b"),
        (["last-known-good", "@-1", "--json", "--markdown"], "--markdown"),
        (["last-known-good"], "is one record"),
    ],
)
def test_bad_input(ask, filled, words, said):
    done = ask("compare", *words)
    assert done.code == 3
    assert done.failed_clearly
    assert said in done.err


def test_a_prefix_that_matches_several_lists_them(ask):
    """Snapshots are made until two ids begin with the same six digits, which takes some thousands."""
    seen = {}
    for number in range(100_000):
        made = snapshot(TIME + number, Phase.STATIC, os={("sysname",): Observed("x")})
        twin = seen.setdefault(made.id[4:10], made)
        if twin is not made:
            break
    with Ledger.open() as book:
        book.append_many([twin, made])
    done = ask("compare", made.id[4:10], made.id)
    assert done.code == 3
    assert done.out == ""
    assert twin.id[:16] in done.err
    assert made.id[:16] in done.err


def run_in_terminal(words, **environ):
    """Run the command with a terminal as its standard output and return what it showed."""
    leader, follower = pty.openpty()
    with subprocess.Popen([SCRIPT, *words], stdout=follower, env={**os.environ, "TERM": "xterm", **environ}) as process:
        os.close(follower)
        shown = b""
        while True:
            try:
                block = os.read(leader, 65536)
            except OSError:  # the other end is closed
                break
            if not block:
                break
            shown += block
    os.close(leader)
    assert process.returncode == 0
    return shown.decode()


def test_colour_only_where_a_person_looks(filled, command, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    words = ["compare", A.id, B.id]
    shown = run_in_terminal(words)
    assert "\x1b[" in shown
    for other in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b[" not in run_in_terminal(words, **other)
    assert "\x1b[" not in command(*words).out


def test_colour_changes_no_words(filled, command, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    coloured = run_in_terminal(["compare", A.id, B.id])
    plain = run_in_terminal(["compare", A.id, B.id], NO_COLOR="1")
    stripped = "".join(
        piece.partition("m")[2] if number else piece for number, piece in enumerate(coloured.split("\x1b["))
    )
    assert stripped == plain


def test_runs_that_no_hook_could_watch_are_compared(ask):
    for tag in ("one", "two"):
        assert ask("run", "--tag", tag, "--", "true").code == 0
    for words in (
        ("compare", "one", "two"),
        ("compare", "one", "@now"),
        ("doctor", "one"),
        ("check", "--baseline", "one"),
    ):
        assert ask(*words).code in {0, 1, 2}
    assert ask("compare", "one", "two", "--require", "bitwise").code == 2
    assert ask("run", "--check", "one", "--", "true").code == 1


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
        (tmp_path / name / "y").write_text("same")
    return tmp_path


def test_folders_are_compared_by_content(ask, folders):
    done = ask("compare", "old", "new")
    assert done.code == 0
    assert done.out.splitlines()[0] == "1 file changed"
    assert "changed  x" in done.out
    assert ask("compare", "old", "new", "--require", "functional").code == 1
    assert ask("compare", "old", "old", "--require", "bitwise").out.startswith("yes: the same files")
    assert "| | changed | x |" in ask("compare", "old", "new", "--markdown").out
    document = json.loads(ask("compare", "old", "new", "--json", "--require", "bitwise").out)
    check("compare-contents", document)
    assert (document["same"], document["requirement"]["answer"]) == (False, "no")
    assert document["contents"][0]["changed"] == ["x"]


@pytest.mark.parametrize(
    "words", [["old", "@now"], ["old", "none"], ["old", "new", "--vary", "config"], ["old", "new/x"]]
)
def test_content_is_compared_with_content(ask, folders, words):
    done = ask("compare", *words)
    assert (done.code, done.failed_clearly) == (3, True)


def test_a_tag_comes_before_a_folder_of_its_name(ask, filled, folders):
    with Ledger.open() as book:
        book.tag("old", A.id)
        book.tag("new", B.id)
    assert "config.lr" in ask("compare", "old", "new").out
    assert "1 file changed" in ask("compare", "./old", "./new").out


def test_which_files_differ_is_told_of_records(ask, folders):
    for name in ("old", "new"):
        ask("snapshot", "--data", f"train={name}", "--no-record", "--output", f"{name}.rfp")
    done = ask("compare", "old.rfp", "new.rfp")
    assert "what differs in the content\n  datasets.declared.train  1 file changed\n    changed  x\n" in done.out
    document = json.loads(ask("compare", "old.rfp", "new.rfp", "--json").out)
    check("compare", document)
    assert document["contents"][0]["changed"] == ["x"]
    assert document["not_relevant"]
    assert "datasets.declared.train" in ask("compare", "old.rfp", "new.rfp", "--markdown").out


def test_what_is_not_relevant_is_listed_on_request(ask, filled):
    count = int(re.search(r"(\d+) not relevant", ask("compare", A.id, B.id).out).group(1))
    assert (count > 0) == ("not relevant\n" in ask("compare", A.id, B.id, "--all").out)


def test_values_of_tensors(ask, tmp_path):
    for name, last in (("a", 1.0), ("b", 1.5)):
        safetensors.numpy.save_file(
            {"same": np.zeros(2, np.float32), "w": np.array([1, last], np.float32)}, tmp_path / f"{name}.safetensors"
        )
    a, b = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    done = ask("compare", a, b, "--values")
    assert done.out.startswith("1 tensor changed\n")
    assert "1 of 2" in done.out.splitlines()[-1]
    document = json.loads(ask("compare", a, b, "--values", "--json").out)
    check("compare-contents", document)
    (value,) = document["values"]
    assert (value["tensor"], value["different"], value["max_abs"]) == ("w", 1, 0.5)
    assert ask("compare", a, b, "--json").out.count('"values": null') == 1
    assert ask("compare", a, a, "--values").out.startswith("the same tensors")


def test_values_are_of_weights(ask, filled):
    done = ask("compare", A.id, B.id, "--values")
    assert (done.code, done.failed_clearly) == (3, True)
