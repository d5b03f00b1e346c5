"""``reprofp ledger``."""

import json

from render.schemas import check


def test_a_whole_ledger(ask, filled):
    done = ask("ledger", "verify")
    assert done.code == 0
    assert "is whole: 5 records" in done.out
    document = json.loads(ask("ledger", "verify", "--json").out)
    check("ledger-verify", document)
    assert document["whole"]


def test_records_that_log_leaves_out_are_told_of(ask, filled):
    """Both count the same records, and verify says which of them the list does not show."""
    document = json.loads(ask("ledger", "verify", "--json").out)
    listed = len(ask("log", "--limit", "1000").out.splitlines())
    assert document["parts"] > 0
    assert document["records"] - document["parts"] == listed
    assert f"5 records ({document['parts']} of them snapshots of runs" in ask("ledger", "verify").out


def test_a_name_that_is_wrong_is_said_to_be_before_anything_is_signed(ask, filled, monkeypatch):
    monkeypatch.setattr("reprofp.ledger.checkpoints.can_sign", lambda: False)
    done = ask("ledger", "prove", "nope")
    assert done.code == 3
    assert "no record is called 'nope'" in done.err
    assert not (filled / "ledger-signing.key").exists()


def test_who_cannot_sign_is_told_of_unsigned_checkpoints(ask, filled, monkeypatch):
    monkeypatch.setattr("reprofp.ledger.checkpoints.can_sign", lambda: False)
    for words in (["checkpoint"], ["prove", "@-1"]):
        done = ask("ledger", *words)
        assert done.code == 3
        assert "--unsigned" in done.err
        assert ask("ledger", *words, "--unsigned").code == 0


def test_a_ledger_that_is_not_there_is_empty_and_whole(ask):
    assert ask("ledger", "verify").code == 0


def test_damage_is_found(ask, filled):
    path = filled / "ledger.sqlite"
    data = bytearray(path.read_bytes())
    position = data.rindex(b"last-known-good")
    data[position : position + 4] = b"LAST"
    path.write_bytes(data)
    done = ask("ledger", "verify")
    assert done.code in {1, 3}
    assert "Traceback" not in done.err


def test_no_such_action(ask):
    done = ask("ledger", "burn")
    assert done.code == 3
    assert done.failed_clearly
