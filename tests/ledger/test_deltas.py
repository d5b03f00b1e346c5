import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.builders import make_snapshot
from reprofp.errors import FormatError
from reprofp.ledger import Ledger, deltas
from reprofp.ledger.deltas import MAX_DEPTH, Chain, Encoding, Packed, compress, decompress, pack
from reprofp.ledger.objects import unpack
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.model.records import SideBlob

SALTS = random.Random(11)


def make_packages(project, changed=0):
    digits = random.Random(project)
    facts = {("installed", f"{project}-{at}", "record"): Observed(digits.randbytes(32).hex()) for at in range(200)}
    facts["installed", "moving", "version"] = Observed(str(changed))
    return Facet("packages", 1, facts)


def make(number, project="one", host="node-1", changed=0):
    snapshot = make_snapshot(number, lr=0.1)
    side = SideBlob(
        {"os.host_name": host, "memory.available_bytes": number}, {"env.A": bytes(32)}, "key", SALTS.randbytes(16)
    )
    return replace(snapshot, facets={**snapshot.facets, "packages": make_packages(project, changed)}, side=side)


def measure_growth(folder, records):
    """Return the growth of the file for one record, where all are alike."""
    half = len(records) // 2
    with Ledger.open(folder) as ledger:
        ledger.append_many(records[:half])
    before = (folder / FILE_NAME).stat().st_size
    with Ledger.open(folder) as ledger:
        ledger.append_many(records[half:])
        assert ledger.verify().is_ok
    return ((folder / FILE_NAME).stat().st_size - before) / half


def test_a_repeated_snapshot_is_small(folder):
    assert measure_growth(folder, [make(number) for number in range(400)]) <= 400


def test_a_changed_package_is_small(folder):
    assert measure_growth(folder, [make(number, changed=number) for number in range(400)]) <= 1000


def test_projects_and_hosts_that_alternate_are_small(folder):
    records = [
        make(number, f"project-{number % 3}", f"node-{number % 2}", changed=number // 3) for number in range(400)
    ]
    assert measure_growth(folder, records) <= 1000


def test_it_stays_small_when_the_ledger_is_opened_for_each_record(folder):
    for number in range(40):
        with Ledger.open(folder) as ledger:
            ledger.append(make(number, changed=number))
    with Ledger.open(folder) as ledger:
        sizes = ledger._database.execute(
            "SELECT length(data), depth FROM object WHERE kind = 'fa1' AND size > 1000 ORDER BY number"
        ).fetchall()
        assert len(sizes) == 40
        assert [depth for _, depth in sizes] == [number.bit_count() for number in range(40)]
        assert all(size < 400 for size, depth in sizes if depth)
        assert ledger.verify().is_ok


@given(st.integers(1, 5000))
@settings(max_examples=30)
def test_no_object_is_far_from_a_full_copy(count):
    chain, depths = Chain("config", bytes(8)), {}
    for number in range(1, count + 1):
        depth = chain.find_depth()
        if depth:
            assert depth == depths[chain.stack[depth - 1]] + 1
        depths[number] = depth
        chain.advance(depth, number)
    assert max(depths.values()) <= MAX_DEPTH
    assert [depth for depth in depths.values() if depth == 0] == [0] * -(-count // deltas.PERIOD)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_a_delta_comes_back(base, data):
    assert decompress(compress(data, base), len(data), base) == data
    assert decompress(compress(data), len(data)) == data


@given(st.binary(max_size=200))
def test_what_is_packed_comes_back(data):
    packed = pack(data)
    assert unpack(packed.encoding, packed.data, len(data)) == data


def test_a_frame_that_is_as_long_as_its_content_is_not_taken_for_it(monkeypatch):
    monkeypatch.setattr(deltas, "compress", lambda data: bytes(len(data)))
    assert pack(b"x" * 100) == Packed(Encoding.PLAIN, b"x" * 100)


def test_a_delta_of_large_objects_reaches_all_of_its_base():
    base = random.Random(5).randbytes(6_000_000)
    data = base[:100] + b"changed" + base[200:]
    frame = compress(data, base)
    assert len(frame) < 10_000
    assert decompress(frame, len(data), base) == data


def test_the_number_of_chains_is_bounded(ledger, monkeypatch):
    monkeypatch.setattr(deltas, "_MAX_CHAINS", 3)
    ledger.append_many([make(number, f"project-{number}") for number in range(20)])
    counts = dict(ledger._database.execute("SELECT name, count(*) FROM lineage GROUP BY name").fetchall())
    assert counts["packages"] == 3
    assert ledger.verify().is_ok


def test_a_transaction_that_failed_leaves_no_chain(ledger):
    with pytest.raises(FormatError):
        ledger.append_many([make(1), make(2**70)])
    assert ledger._database.execute("SELECT count(*) FROM lineage").fetchone() == (0,)
    ledger.append_many([make(1), make(2, changed=1)])
    assert ledger.verify().is_ok


@pytest.mark.parametrize("stack", [b"", b"\xc1", b"\x90", b"\x91\xa0", b"\x91\x00", b"\x92\x01\x02"])
def test_a_damaged_chain_is_told_and_does_no_harm(folder, stack):
    with Ledger.open(folder) as ledger:
        ledger.append(make(1))
        ledger._database.execute("UPDATE lineage SET stack = ?", (stack,))
        assert not ledger.verify().is_ok
    with Ledger.open(folder) as ledger:
        assert ledger.get(ledger.append(again := make(2, changed=1))) == again


def test_a_damaged_base_is_not_built_upon(folder):
    with Ledger.open(folder) as ledger:
        ledger.append(make(1))
        ledger._database.execute("UPDATE object SET data = x'00' WHERE size > 1000")
    with Ledger.open(folder) as ledger:
        assert ledger.get(ledger.append(again := make(2, changed=1))) == again
