"""``reprofp ledger``: proofs, archives, and keeping."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from render.records import RUN, A, B
from render.schemas import check
from reprofp.cli.command import Command
from reprofp.cli.ledger import ACTIONS
from reprofp.cli.ledger import command as group
from reprofp.ledger import Ledger, verifier

pytest.importorskip("nacl", reason="PyNaCl, which signs, is not installed")


@pytest.mark.parametrize("name", ACTIONS)
def test_every_action_explains_itself(name, ask):
    action = group.get_command(click.Context(group), name)
    assert isinstance(action, Command)
    assert all(words.startswith(f"reprofp ledger {name}") for _, words in action.examples)
    assert all(option.help for option in action.params if isinstance(option, click.Option))
    done = ask("ledger", name, "--help")
    assert "Examples:" in done.out
    assert "Exit codes:" in done.out


EXAMPLES = [words for name in ACTIONS for _, words in group.get_command(click.Context(group), name).examples]


@pytest.mark.parametrize("words", EXAMPLES)
def test_examples_work(words, ask, filled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("secret: 1\n")
    if "import" in words:
        assert ask("ledger", "export", "colleague.tar.zst").code == 0
    if "--ledger data" in words:
        Ledger.open(tmp_path / "data").close()
    assert ask(*shlex.split(words)[1:]).code == 0


def test_a_proof_is_verified_without_the_ledger(ask, filled, tmp_path):
    key = ask("ledger", "checkpoint", "--key").out.strip()
    (tmp_path / "held").write_text(ask("ledger", "checkpoint").out)
    (tmp_path / "proof").write_text(ask("ledger", "prove", A.id).out)
    words = [sys.executable, "-I", "-S", Path(verifier.__file__), tmp_path / "proof", "--key", key, "--record", A.id]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith(f"proved: {A.id}")) == (0, True), done.stderr
    ask("snapshot")
    (tmp_path / "since").write_text(ask("ledger", "prove", "--since", tmp_path / "held").out)
    words[4:] = [tmp_path / "since", "--key", key, "--held", tmp_path / "held"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, "continues the 5" in done.stdout) == (0, True), done.stderr


def test_wrong_questions(ask, filled, tmp_path):
    (tmp_path / "junk").write_text("junk")
    for words in (
        ("prove",), ("prove", "@-1", "--since", tmp_path / "junk"), ("prove", "--since", tmp_path / "junk"),
        ("prove", "nothing"), ("prove", "@-1", "--checkpoint", tmp_path / "junk"), ("burn",), ("expire", "--before", "x"),
        ("import", tmp_path / "junk"), ("import", tmp_path / "none"), ("purge", "sn1:00"), ("purge", A.id),
        ("backup", filled), ("export", tmp_path / "none" / "x"),
    ):  # fmt: skip
        done = ask("ledger", *words)
        assert done.code == 3, words
        assert done.failed_clearly, (words, done)


def test_an_archive_moves_records(ask, filled, tmp_path):
    archive = tmp_path / "all.tar.zst"
    assert ask("ledger", "export", archive).code == 0
    other = tmp_path / "other"
    assert ask("ledger", "import", archive, "--tags", "--ledger", other).code == 0
    with Ledger.open(other, read_only=True) as ledger, Ledger.open(filled, read_only=True) as source:
        assert [line.id for line in ledger.log()] == [line.id for line in source.log()]
        assert ledger.tags() == source.tags()
        assert [ledger.get(record.id).id for record in (A, B, RUN)] == [A.id, B.id, RUN.id]
        assert ledger.verify().is_ok
    again = ask("ledger", "import", archive, "--ledger", other)
    assert "0 were new" in again.err


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_damaged_archive_is_refused(ask, filled, tmp_path, at):
    archive = tmp_path / "all.tar.zst"
    ask("ledger", "export", archive)
    data = bytearray(archive.read_bytes())
    place = int(len(data) * at)
    for changed in (bytes(data[:place]), bytes(data[:place]) + b"junk!" + bytes(data[place + 5 :])):
        archive.write_bytes(changed)
        done = ask("ledger", "import", archive, "--ledger", tmp_path / "other")
        assert done.code == 3
        assert "Traceback" not in done.err
    with Ledger.open(tmp_path / "other", read_only=True) as ledger:
        assert ledger.verify().is_ok


def test_what_can_be_read_of_a_damaged_ledger_is_saved(ask, filled, tmp_path):
    with Ledger.open(filled) as ledger:
        known = {facet.raw_id for facet in A.facets.values()}
        number = max(ledger.find_object(facet.raw_id) for facet in B.facets.values() if facet.raw_id not in known)
        ledger._database.execute("UPDATE object SET data = x'00', encoding = 0 WHERE number = ?", (number,))
    done = ask("ledger", "doctor")
    assert done.code == 1
    assert f"damaged: {B.id}" in done.out
    assert "--skip-damaged" in done.out
    assert ask("ledger", "export", tmp_path / "x").code == 3
    done = ask("ledger", "export", tmp_path / "x", "--skip-damaged")
    assert f"left out {B.id}" in done.err
    assert ask("ledger", "import", tmp_path / "x", "--ledger", tmp_path / "new").code == 0
    with Ledger.open(tmp_path / "new", read_only=True) as ledger:
        assert {line.id for line in ledger.log()} >= {A.id}
        assert ledger.verify().is_ok


def test_a_backup_while_it_is_written(ask, filled, tmp_path):
    with Ledger.open(filled) as ledger:
        assert ask("ledger", "backup", tmp_path / "copy").code == 0
        with Ledger.open(tmp_path / "copy", read_only=True) as copy:
            assert copy.frontier() == ledger.frontier()
            assert copy.verify().is_ok


def test_the_doctor_answers_programs(ask, filled):
    document = json.loads(ask("ledger", "doctor", "--json").out)
    check("ledger-doctor", document)
    assert document["well"]


def test_what_is_not_there_is_no_empty_answer(ask, tmp_path):
    ask("snapshot", "--tag", "first")
    done = ask("ledger", "export", tmp_path / "x", "--tag", "frist")
    assert (done.code, done.failed_clearly) == (3, True)
    assert "frist" in done.err
    assert not (tmp_path / "x").exists()
    done = ask("ledger", "verify", "--ledger", tmp_path / "nowhere")
    assert (done.code, done.failed_clearly) == (3, True)
    assert "there is no ledger" in done.err
