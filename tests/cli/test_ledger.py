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
