import itertools

import pytest
import zstandard

from ledger.builders import make_snapshot
from reprofp.errors import FormatError, LedgerError
from reprofp.ledger import objects
from reprofp.ledger.objects import Encoding, Item, unpack
from reprofp.model.ids import hash_bytes


def store_as_deltas(ledger, count):
    """Store the config of each record as a delta against that of the one before it, as a later version will."""
    records = [make_snapshot(number, text="x" * 500, lr=number) for number in range(count)]
    ledger.append_all(records)
    configs = [record.facets["config"] for record in records]
    for depth, (before, facet) in enumerate(itertools.pairwise(configs), 1):
        words = zstandard.ZstdCompressionDict(before.canonical, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        packed = zstandard.ZstdCompressor(dict_data=words, write_content_size=False).compress(facet.canonical)
        assert len(packed) < 100
        ledger._database.execute(
            "UPDATE object SET encoding = 2, data = ?, depth = ?, base = ? WHERE id = ?",
            (packed, depth, ledger._objects.find(before.raw_id), facet.raw_id),
        )
    return records


def test_deltas_are_read(ledger):
    for record in store_as_deltas(ledger, 7):
        assert ledger.get(record.id) == record
    assert ledger.verify().is_ok


def test_a_chain_of_deltas_has_an_end(ledger):
    last = store_as_deltas(ledger, 8)[-1]
    with pytest.raises(LedgerError, match="more than 6 deltas away"):
        ledger.get(last.id)
    assert ledger.verify().damaged == [last.id]


@pytest.mark.parametrize(
    ("change", "says"),
    [("data = NULL", "which was purged"), ("data = x'00'", "not readable"), ("number = 999", "which is missing")],
)
def test_a_delta_without_its_base_says_so(ledger, change, says):
    first, second = store_as_deltas(ledger, 2)
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
        ledger.append_all([make_snapshot(1), make_snapshot(2**70)])
    assert ledger.get(ledger.append(make_snapshot(1))) == make_snapshot(1)
    assert ledger.verify().is_ok


def test_more_objects_than_are_kept_in_mind(ledger, monkeypatch):
    monkeypatch.setattr(objects, "_MAX_KNOWN", 3)
    ledger.append_all([make_snapshot(number, lr=number) for number in range(10)])
    assert ledger.verify().is_ok


def test_an_item_knows_whether_its_bytes_are_its_own():
    data = b"\x80"
    assert not Item("fa1", hash_bytes("fa1", data), data).is_purged
    assert Item("fa1", bytes(32), data).is_purged
