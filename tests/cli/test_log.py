"""``reprofp log``."""

import json
import os

import pytest

from render.records import RUN, A, B


def test_lists_the_newest_first(ask, filled):
    lines = ask("log").out.splitlines()
    assert [line.split()[0] for line in lines] == [record.id[:16] for record in (RUN, B, A)]
    assert "train.py" in lines[0]
    assert "exit 0" in lines[0]
    assert "last-known-good" in lines[2]


def test_filters(ask, filled):
    assert len(ask("log", "--kind", "run").out.splitlines()) == 1
    assert len(ask("log", "--limit", "2").out.splitlines()) == 2
    tagged = ask("log", "--tag", "last-known-good").out.splitlines()
    assert [line.split()[0] for line in tagged] == [A.id[:16]]


def test_records_of_a_user(ask, filled):
    assert len(ask("log", "--user", os.getuid()).out.splitlines()) == 3
    assert ask("log", "--user", 4_000_000_000).out == ""
    done = ask("log", "--user", "no-such-user")
    assert (done.code, done.failed_clearly) == (3, True)


def test_an_unknown_tag_is_an_error_that_suggests_others(ask, filled):
    done = ask("log", "--tag", "last-known-god")
    assert (done.code, done.failed_clearly) == (3, True)
    assert "did you mean last-known-good?" in done.err


def test_filters_that_leave_nothing_say_so(ask, filled):
    done = ask("log", "--tag", "last-known-good", "--kind", "run")
    assert (done.code, done.out) == (0, "")
    assert "no record matches" in done.err


def test_a_terminal_gets_a_head(ask, filled, monkeypatch):
    assert "fingerprint" not in ask("log").out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    assert ask("log").out.splitlines()[0].split() == [
        *("record", "time", "kind", "fingerprint", "ended", "tags", "phase", "or", "process")
    ]


def test_json_has_one_object_a_line(ask, filled):
    lines = [json.loads(line) for line in ask("log", "--json").out.splitlines()]
    assert [line["id"] for line in lines] == [RUN.id, B.id, A.id]
    assert lines[2]["tags"] == ["last-known-good"]
    assert lines[0]["time"] == "2026-11-18T11:06:40.000000000Z"


def test_an_empty_ledger_says_how_to_fill_it(ask):
    done = ask("log")
    assert (done.code, done.out) == (0, "")
    assert "reprofp run" in done.err
    assert ask("log", "--json").err == ""


def test_another_ledger(ask, filled, tmp_path):
    assert ask("log", "--ledger", tmp_path / "other").out == ""
    assert ask("log", "--ledger", filled).out != ""


def test_reading_makes_no_ledger(ask, tmp_path):
    ask("log", "--ledger", tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("option", ["--since", "--until"])
@pytest.mark.parametrize("moment", ["9999-12-31", "0001-01-01", "999999w"])
def test_times_beyond_what_a_ledger_counts_to(ask, filled, option, moment):
    is_future = moment.startswith("9999-")
    done = ask("log", option, moment, "--json")
    assert done.code == 0
    assert (A.id in done.out) == (is_future == (option == "--until"))
