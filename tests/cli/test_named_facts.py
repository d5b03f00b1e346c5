"""Facts that are named on the command line, tags for new records, and empty texts: nothing passes without a word."""

import sys

import pytest

from render.records import RUN, A, B


@pytest.mark.parametrize(
    ("option", "named"),
    [
        (["--ignore", "packges.numpy"], "did you mean 'packages'?"),
        (["--vary", "confg.lr"], "did you mean 'config'?"),
        (["--ignore", "zzz.x"], "facts begin with one of os, cpu"),
        (["--vary", "cpu.brand"], "left out by --ignore"),
    ],
)
def test_what_no_record_can_have_is_refused(ask, filled, option, named):
    for words in (["compare", A.id, B.id], ["compare", A.id, B.id, RUN.id], ["check", "--baseline", A.id]):
        done = ask(*words, *option)
        assert done.code == 3
        assert done.failed_clearly
        assert named in done.err


def test_what_none_of_the_records_has_is_told_with_what_is_near(ask, filled):
    for words in ([A.id, B.id], [A.id, B.id, RUN.id]):
        done = ask("compare", *words, "--ignore", "config.nmae")
        assert done.code == 0
        assert "--ignore config.nmae changes nothing" in done.err
        assert "did you mean config.name" in done.err
    assert ask("compare", A.id, B.id, "--ignore", "config.name", "--ignore", "effective.gpu_used").err == ""


def test_records_are_grouped_by_a_fact_that_one_of_them_has(ask, filled):
    done = ask("compare", A.id, B.id, RUN.id, "--group-by", "config.nmae")
    assert done.code == 3
    assert done.failed_clearly
    assert "did you mean config.name" in done.err
    assert ask("compare", A.id, B.id, RUN.id, "--group-by", "config.name").code == 0


def test_a_run_says_so_before_it_starts_and_tells_the_rest_at_its_end(ask, filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    touch = ["--", sys.executable, "-c", "open('ran', 'w')"]
    for words in (
        ["--vary", "config.lr"],
        ["--accept-measured"],
        ["--require", "bitwise"],
        ["--check", A.id, "--vary", "confg.lr"],
        ["--check", A.id, "--ignore", ""],
    ):
        done = ask("run", *words, *touch)
        assert done.code == 125
        assert done.failed_clearly
        assert not (tmp_path / "ran").exists()
    done = ask("run", "--check", A.id, "--vary", "config.nosuch", *touch)
    assert "--vary config.nosuch changes nothing" in done.err
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["snapshot"], 3), (["import", "freeze.txt"], 3), (["run", "--move-tag", "--tag", "x y", "--", "true"], 125)],
)
def test_a_tag_that_is_in_use_is_not_moved_by_mistake(ask, filled, tmp_path, monkeypatch, words, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "freeze.txt").write_text("numpy==1.2\n")
    done = ask(*words, "--tag", "last-known-good") if "--tag" not in words else ask(*words)
    assert done.code == code
    assert done.failed_clearly
    assert ask("log", "--tag", "last-known-good", "--json").out.count(A.id) == 1
    if code == 3:
        assert "--move-tag" in done.err
        assert ask(*words, "--tag", "last-known-good", "--move-tag").code == 0
        assert A.id not in ask("tag", "--json").out


def test_a_run_under_a_tag_in_use_does_not_start(ask, filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = ["--", sys.executable, "-c", "open('ran', 'w')"]
    done = ask("run", "--tag", "last-known-good", *program)
    assert done.code == 125
    assert done.failed_clearly
    assert not (tmp_path / "ran").exists()
    assert ask("run", "--tag", "last-known-good", "--move-tag", *program).code == 0
    assert A.id not in ask("tag", "--json").out
    assert ask("run", "--move-tag", *program).code == 125


@pytest.mark.parametrize(
    "words",
    [
        "show",
        "explain",
        "tag x",
        "log --tag",
        "check --baseline",
        "verify",
        "import",
        "hash",
        "hash --exclude",
        "ledger export",
        "ledger backup",
        "numerics --python",
        "policy check",
        "snapshot --ledger",
        "snapshot --tag",
        "snapshot --output",
        "snapshot --config",
        "snapshot --seed",
        "snapshot --data",
        "doctor",
        "compare a --html",
        "daemon --socket",
    ],
)
def test_an_empty_text_is_told_alike_everywhere(ask, filled, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    done = ask(*words.split(), "")
    assert done.code == 3
    assert done.failed_clearly
    assert "an empty text names nothing: is a variable not set?" in done.err
    assert not list(tmp_path.iterdir())


def test_the_arguments_of_a_command_may_be_empty(ask, filled):
    assert ask("run", "--", "true", "").code == 0


@pytest.mark.parametrize("words", [["policy"], ["completion"]])
def test_what_is_missing_is_told_on_one_line(ask, words):
    done = ask(*words)
    assert done.code == 3
    assert done.failed_clearly


def test_a_check_names_what_the_baseline_declared(ask, own_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    assert ask("snapshot", "--data", "train=data", "--tag", "base").code == 0
    assert "with --data train=PATH" in ask("check", "--baseline", "base").err
    assert ask("check", "--baseline", "base", "--data", "train=data").err == ""
