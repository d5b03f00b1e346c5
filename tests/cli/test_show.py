"""``reprofp show``."""

import json

import pytest

from render.records import RUN, A, B
from reprofp.ledger import write_record_file


def test_shows_a_record_by_any_of_its_names(ask, filled, tmp_path):
    write_record_file(A, tmp_path / "a.rfp")
    names = [A.id, A.id[:12], "last-known-good", tmp_path / "a.rfp", "@-3"]
    shown = {ask("show", name).out for name in names}
    assert len(shown) == 1
    assert A.id in shown.pop()


def test_a_choice_among_several_is_remarked(ask, filled):
    done = ask("show", str(B.fingerprint))
    assert B.id in done.out
    assert str(B.fingerprint)[:12] in done.err


def test_only_some_facts(ask, filled):
    done = ask("show", A.id, "os.sysname", "cpu.isa")
    assert "sysname" in done.out
    assert "flag29" in done.out
    assert "libc" not in done.out
    facets = json.loads(ask("show", A.id, "os.sysname", "--json").out)["facets"]
    assert facets["os"]["facts"] == {"sysname": {"observed": "Linux"}}
    assert list(facets) == ["os"]


def test_circumstances_only_on_request(ask, filled):
    for words in ([], ["--json"], ["--all"]):
        assert "secret-host" not in ask("show", A.id, *words).out
        assert "secret-host" in ask("show", A.id, "--circumstances", *words).out


def test_control_characters_of_a_record_do_not_reach_the_terminal(ask, filled):
    assert "\x1b" not in ask("show", A.id, "--all", "--circumstances").out


def test_a_run(ask, filled):
    done = ask("show", "@-1")
    assert RUN.id in done.out
    assert "1 min 23 s" in done.out
    body = json.loads(ask("show", "@-1", "--json").out)
    assert body["result"]["metrics"]["loss"] == [[0, 1.5], [1, {"$": "float", "v": "nan"}]]


def test_a_name_that_matches_nothing(ask, filled):
    done = ask("show", "no-such-name")
    assert done.code == 3
    assert done.failed_clearly
    assert "no-such-name" in done.err


def test_a_name_that_matches_several_lists_them(ask, filled, monkeypatch):
    first = A.id[4:10]
    done = ask("show", first)
    assert done.code == 0
    done = ask("show", "sn1:" + "0" * 64)
    assert done.code == 3


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: data[:-20], "truncated"),
        (lambda data: data.replace(b"record/1\n", b"record/9\n"), "upgrade"),
        (lambda data: data + b"\0", "canonical"),
        (lambda _data: b"", "not"),
        (lambda _data: b"hello\n", "not"),
    ],
)
def test_record_files_that_cannot_be_read(ask, tmp_path, spoil, said):
    path = tmp_path / "a.rfp"
    write_record_file(A, path)
    path.write_bytes(spoil(path.read_bytes()))
    done = ask("show", path)
    assert done.code == 3
    assert done.failed_clearly
    assert str(path) in done.err
    assert said in done.err


def test_a_file_that_is_not_there(ask, tmp_path):
    done = ask("show", tmp_path / "none.rfp")
    assert done.code == 3
    assert done.failed_clearly


def test_a_corrupt_ledger(ask, filled):
    for path in filled.rglob("*.sqlite"):
        path.write_bytes(b"not a database, not at all" * 100)
    done = ask("show", "@-1")
    assert done.code == 3
    assert done.failed_clearly
    assert str(filled) in done.err


@pytest.mark.parametrize(("fact", "hint"), [("os.sysnam", "os.sysname"), ("sysname", "os.sysname"), ("zzz", "--all")])
def test_a_fact_that_is_not_there_is_an_error(ask, filled, fact, hint):
    for form in ([], ["--json"]):
        done = ask("show", A.id, fact, *form)
        assert (done.code, done.failed_clearly) == (3, True)
        assert f"no fact '{fact}'" in done.err
        assert hint in done.err
    done = ask("show", A.id, "cpu", fact)
    assert (done.code, done.out != "", hint in done.err) == (0, True, True)


def test_a_fact_of_a_run_is_found_in_any_of_its_snapshots(ask, filled):
    assert ask("show", RUN.id, "config.lr").code == 0
