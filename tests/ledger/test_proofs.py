import sqlite3

import pytest

from ledger.builders import make_snapshot
from reprofp.errors import LedgerError, NameNotFoundError, UsageError
from reprofp.ledger import Ledger
from reprofp.ledger.merkle import hash_leaf, verify_consistency, verify_inclusion
from reprofp.ledger.schema import FILE_NAME

RECORDS = [make_snapshot(number) for number in range(600)]


@pytest.fixture
def roots(ledger):
    """The root after each record."""
    found = [ledger.frontier().root]
    for at in (*range(20), *range(20, 600, 20)):
        ledger.append_many(RECORDS[at : at + (20 if at >= 20 else 1)])
        found += [None] * (len(ledger) - len(found)) + [ledger.frontier().root]
    return found


def test_records_are_proved_without_the_ledger(ledger, roots):
    for leaf in (0, 1, 255, 256, 511, 512, 599):
        mark = hash_leaf(RECORDS[leaf].manifest)
        at, path = ledger.prove_inclusion(RECORDS[leaf].id)
        assert at == leaf
        assert verify_inclusion(mark, leaf, 600, path, roots[600])
        assert not verify_inclusion(mark, leaf ^ 1, 600, path, roots[600])
    _, path = ledger.prove_inclusion(RECORDS[3].id, 5)
    assert verify_inclusion(hash_leaf(RECORDS[3].manifest), 3, 5, path, roots[5])


def test_a_ledger_is_proved_to_continue(ledger, roots):
    for first, second in ((1, 600), (5, 19), (20, 580), (260, 600), (600, 600)):
        path = ledger.prove_consistency(first, second)
        assert verify_consistency(first, second, roots[first], roots[second], path)
    assert verify_consistency(7, 600, roots[7], roots[600], ledger.prove_consistency(7))
    assert not verify_consistency(7, 600, roots[8], roots[600], ledger.prove_consistency(7))


def test_what_cannot_be_proved_says_so(ledger):
    ledger.append_many(RECORDS[:3])
    with pytest.raises(NameNotFoundError):
        ledger.prove_inclusion(RECORDS[3].id)
    with pytest.raises(UsageError, match="has no leaf 2"):
        ledger.prove_inclusion(RECORDS[2].id, 2)
    with pytest.raises(UsageError, match="has 3 records, not 4"):
        ledger.prove_inclusion(RECORDS[2].id, 4)
    for first in (0, 4):
        with pytest.raises(UsageError, match="does not continue"):
            ledger.prove_consistency(first)


def test_a_damaged_leaf_is_not_proved_around(folder, ledger):
    ledger.append_many(RECORDS[:3])
    ledger.close()
    database = sqlite3.connect(folder / FILE_NAME)
    with database:
        database.execute("UPDATE object SET size = 1 WHERE kind = 'sn1'")
    database.close()
    with Ledger.open(folder, read_only=True) as damaged, pytest.raises(LedgerError, match="manifest of record"):
        damaged.prove_consistency(1)
