"""``reprofp doctor``."""

import json

from render.records import snapshot
from render.schemas import check
from reprofp.ledger import Ledger
from reprofp.model.observations import Observed
from reprofp.model.schema import Phase


def test_tells_what_cannot_repeat_and_the_remedy(ask):
    record = snapshot(phase=Phase.END, python={("hash_seed",): Observed("random")})
    with Ledger.open() as book:
        book.append(record)
    done = ask("doctor", "@-1")
    assert done.code in {0, 1}
    assert "python.hash_seed" in done.out
    assert "fix: PYTHONHASHSEED=0" in done.out
    document = json.loads(ask("doctor", "@-1", "--json").out)
    check("doctor", document)
    assert "python.hash-seed" in {gate["rule"] for gate in document["gates"]}


def test_this_environment(ask):
    done = ask("doctor")
    assert done.code in {0, 1}
    assert done.err == ""
    assert ask("doctor").out == done.out


def test_no_such_record(ask):
    done = ask("doctor", "nothing-here")
    assert done.code == 3
    assert done.failed_clearly
