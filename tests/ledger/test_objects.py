import itertools
import random

import pytest
import zstandard

from ledger.builders import make_snapshot
from reprofp.errors import FormatError, LedgerError
from reprofp.ledger import objects
from reprofp.ledger.deltas import MAX_DEPTH, Encoding, compress
from reprofp.ledger.items import Item
from reprofp.ledger.objects import unpack
from reprofp.model.ids import hash_bytes

TEXT = random.Random(7).randbytes(300).hex()


def store_versions(ledger, count):
    """Store records whose config differs a little from that of the one before it."""
    records = [make_snapshot(number, text=TEXT, lr=number) for number in range(count)]
    ledger.append_many(records)
    return records


def read_depths(ledger, records):
    sql = "SELECT depth FROM object WHERE id = ?"
    return [ledger._database.execute(sql, (item.facets["config"].raw_id,)).fetchone()[0] for item in records]


def test_versions_are_stored_as_skip_deltas(ledger):
    records = store_versions(ledger, 130)
    assert read_depths(ledger, records) == [min(number.bit_count(), MAX_DEPTH) for number in range(130)]
    for record in records:
        assert ledger.get(record.id) == record
    assert ledger.verify().is_ok


def test_a_chain_of_deltas_has_an_end(ledger):
    records = store_versions(ledger, 8)
    for before, record in itertools.pairwise(records):
        data = compress(record.facets["config"].canonical, before.facets["config"].canonical)
        base = ledger._objects.find(before.facets["config"].raw_id)
        ledger._database.execute(
            "UPDATE object SET encoding = 2, data = ?, depth = (SELECT depth FROM object WHERE number = ?) + 1, base = ?"
            " WHERE id = ?",
            (data, base, base, record.facets["config"].raw_id),
        )
    with pytest.raises(LedgerError, match="more than 6 deltas away"):
        ledger.get(records[-1].id)
    assert ledger.verify().damaged == [records[-1].id]


@pytest.mark.parametrize(
    ("change", "says"),
    [("data = NULL", "which was purged"), ("data = x'00'", "not readable"), ("number = 999", "which is missing")],
)
def test_a_delta_without_its_base_says_so(ledger, change, says):
    first, second = store_versions(ledger, 2)
    ledger._database.execute("PRAGMA foreign_keys = OFF")
    ledger._database.execute(f"UPDATE object SET {change} WHERE id = ?", (first.facets["config"].raw_id,))
    with pytest.raises(LedgerError, match=says):
        ledger.get(second.id)
    assert second.id in ledger.verify().damaged


@pytest.mark.parametrize(
    ("encoding", "data", "size", "says"),
    [
        (Encoding.PLAIN, b"abc", 2, "holds 3 bytes instead of 2"),
        (Encoding.PLAIN, b"abc", -1, "claims -1 bytes"),
        (Encoding.ZSTD, zstandard.compress(b"abc"), 2, "holds 3 bytes instead of 2"),
        (Encoding.ZSTD, zstandard.compress(b"abc"), 4, "holds 3 bytes instead of 4"),
        (Encoding.ZSTD, zstandard.compress(b"abc" * 9)[:-3], 27, "instead of 27"),
        (Encoding.ZSTD, zstandard.compress(bytes(1 << 20)), 10, "holds 11 bytes instead of 10"),
        (Encoding.ZSTD, b"", 1, "holds 0 bytes"),
        (Encoding.ZSTD, b"junk", 1, "not readable"),
    ],
)
def test_damaged_bytes_are_told(encoding, data, size, says):
    with pytest.raises(ValueError, match=says):
        unpack(encoding, data, size)


def test_an_object_that_is_too_large_is_refused(ledger, monkeypatch):
    monkeypatch.setattr(objects, "MAX_OBJECT_BYTES", 100)
    with pytest.raises(FormatError, match="more than the 100 that a ledger holds"):
        ledger.append(make_snapshot(text="x" * 200))
    assert len(ledger) == 0


def test_what_is_known_is_forgotten_with_its_transaction(ledger):
    """An object that was added in a transaction that failed is stored again."""
    with pytest.raises(FormatError):
        ledger.append_many([make_snapshot(1), make_snapshot(2**70)])
    assert ledger.get(ledger.append(make_snapshot(1))) == make_snapshot(1)
    assert ledger.verify().is_ok


def test_more_objects_than_are_kept_in_mind(ledger, monkeypatch):
    monkeypatch.setattr(objects, "_MAX_KNOWN", 3)
    ledger.append_many([make_snapshot(number, lr=number) for number in range(10)])
    assert ledger.verify().is_ok


def test_an_item_knows_whether_its_bytes_are_its_own():
    data = b"\x80"
    assert not Item("fa1", hash_bytes("fa1", data), data).is_purged
    assert Item("fa1", bytes(32), data).is_purged
