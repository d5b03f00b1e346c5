"""``reprofp verify``."""

import hashlib
import json
import os
import sys

import pytest

from render.records import A
from render.schemas import check
from reprofp.ledger import Ledger, read_record_file


@pytest.fixture
def recorded(ask, command, tmp_path, monkeypatch):
    """A run with data, weights and outputs, and the folder that it ran in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        (tmp_path / "data" / name).write_text(name)
    header = (
        b'{"v":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}'
    )
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\1\2")
    words = ["--data", "train=data", "--weights", "init=w.safetensors", "--output", "out=made"]
    make = "import os; os.mkdir('made'); open('made/one', 'w').write('1')"
    assert command("run", *words, "--tag", "first", "--", sys.executable, "-c", make).code == 0
    return tmp_path


def test_what_is_as_it_was(ask, recorded):
    for words in ([], ["first"], ["first", "@-1"]):
        done = ask("verify", *words)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("yes: all 3 are as recorded")
    assert str(recorded / "data") in done.out


def test_what_differs_is_named(ask, recorded):
    (recorded / "data" / "sub" / "b").write_text("!")
    (recorded / "data" / "new").write_text("!")
    (recorded / "made" / "one").unlink()
    weights = recorded / "w.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\3")
    done = ask("verify", "first")
    assert done.code == 1
    assert done.out.startswith("no: 3 of 3 differ")
    for line in ("changed  sub/b", "added    new", "removed  one", "changed  w"):
        assert f"      {line}\n" in done.out
    document = json.loads(ask("verify", "first", "--json").out)
    check("verify", document)
    assert document["records"][0]["answer"] == "no"
    assert [place["status"] for place in document["records"][0]["places"]] == ["differs"] * 3


def test_what_was_rewritten_with_its_old_time_is_found(ask, recorded):
    path = recorded / "data" / "a"
    before = path.stat()
    path.write_text("x")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ask("verify", "first").code == 1


def test_what_is_gone_is_undecided_until_its_place_is_named(ask, recorded):
    (recorded / "data").rename(recorded / "moved")
    done = ask("verify", "first")
    assert done.code == 2
    assert done.out.startswith("undecided: 1 of 3 could not be checked")
    assert "--data train=PATH" in done.out
    assert ask("verify", "first", "--data", "train=moved").code == 0
    (recorded / "moved" / "a").write_text("!")
    (recorded / "made" / "one").unlink()
    (recorded / "made").rmdir()
    assert ask("verify", "first", "--data", "train=moved").code == 1


def test_what_the_record_does_not_know_is_undecided(ask, filled):
    done = ask("verify", A.id)
    assert done.code == 2
    assert done.out.startswith("undecided: ")
    check("verify", json.loads(ask("verify", A.id, "--json").out))


@pytest.mark.parametrize("words", [["none"], ["first", "--data", "x=data"], ["first", "--weights", "train=data"]])
def test_what_makes_no_sense(ask, recorded, words):
    done = ask("verify", *words)
    assert (done.code, done.failed_clearly) == (3, True)


def test_a_record_file_knows_its_lists_without_a_ledger(ask, recorded):
    ask("snapshot", "--data", "train=data", "--no-record", "--output", "here.rfp")
    assert read_record_file(recorded / "here.rfp").attachments
    (recorded / "data" / "a").write_text("!")
    done = ask("verify", "./here.rfp", "--ledger", recorded / "none")
    assert (done.code, "      changed  a\n" in done.out) == (1, True)


def test_lists_that_were_lost_leave_the_answer(ask, recorded):
    ask("snapshot", "--data", "train=data", "--no-record", "--output", "here.rfp")
    record = read_record_file(recorded / "here.rfp")
    with Ledger.open(recorded / "other") as book:
        book.append(type(record)(record.time_ns, record.phase, record.facets, record.side, record.tool))
    (recorded / "data" / "a").write_text("!")
    done = ask("verify", "@-1", "--ledger", recorded / "other")
    assert done.code == 1
    assert "not kept" in done.out


def test_what_other_tools_wrote_down(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("x")
    digits = hashlib.md5(b"x").hexdigest()
    (tmp_path / "x.dvc").write_text(f"outs:\n- md5: {digits}\n  hash: md5\n  path: x\n")
    (tmp_path / "sums").write_text(f"{hashlib.sha256(b'x').hexdigest()}  x\n")
    for name in ("x.dvc", "sums"):
        assert ask("verify", name).code == 0
        check("verify", json.loads(ask("verify", name, "--json").out))
    (tmp_path / "x").write_text("y")
    done = ask("verify", "x.dvc")
    assert (done.code, done.out) == (1, "no: it differs  x.dvc\n  x  differs\n")
    (tmp_path / "x").unlink()
    assert ask("verify", "x.dvc").code == 2
    (tmp_path / "no.dvc").write_text("hello")
    assert ask("verify", "no.dvc").failed_clearly
