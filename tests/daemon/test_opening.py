"""Opening files without building records: exactly what ``unpack_record`` takes is taken, and stored as it would be."""

import datetime as dt
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.builders import make_run, make_snapshot
from ledger.strategies import records
from reprofp.daemon.opening import open_file, try_to_open
from reprofp.errors import FormatError
from reprofp.ledger import Ledger
from reprofp.ledger.files import MAGIC, pack_record, unpack_record
from reprofp.ledger.parcels import wrap
from reprofp.model.canonical import decode, encode
from reprofp.model.facets import Facet
from reprofp.model.ids import format_id, hash_bytes
from reprofp.model.observations import Observed


def describe(parcel):
    return [
        (
            entry.kind,
            entry.raw_id,
            entry.manifest,
            entry.fingerprint,
            entry.time_ns,
            entry.exit_code,
            entry.role,
            [(item.kind, item.raw_id, item.data, item.lineage, item.host, item.is_purged) for item in entry.items()],
            dict(entry.attachments),
        )
        for entry in parcel.entries
    ]


@given(records())
def test_a_file_gives_the_parcel_that_its_record_gives(record):
    data = pack_record(record)
    opened = try_to_open(data)
    assert opened is not None
    assert describe(opened) == describe(wrap(unpack_record(data)))
    assert opened.id == record.id
    assert opened.load() == record


@given(records(), st.data())
def test_a_broken_file_is_opened_only_where_the_record_can_be_read(record, drawn):
    data = bytearray(pack_record(record))
    for _ in range(drawn.draw(st.integers(1, 3))):
        at = drawn.draw(st.integers(0, len(data) - 1))
        data[at] ^= 1 << drawn.draw(st.integers(0, 7))
    check_refused(bytes(data), record)


def check_refused(data, good):
    opened = try_to_open(data)
    if opened is None:
        return
    assert pack_record(unpack_record(data)) == data
    assert data == pack_record(good) or opened.id != good.id


def rebuild(record, change):
    """Return the file of a record whose manifest was changed, with all ids as they have to be."""
    objects = {item.raw_id: (item.kind, item.data) for entry in wrap(record).entries for item in entry.items()}
    kind, manifest = objects.pop(record.raw_id)
    fields = decode(manifest)
    objects |= {hash_bytes(kind, data): (kind, data) for kind, data in change(fields) or []}
    manifest = msgpack.packb({key: fields[key] for key in sorted(fields)}, use_bin_type=True)
    raw_id = hash_bytes(kind, manifest)
    objects[raw_id] = kind, manifest
    pairs = [list(objects[key]) for key in sorted(objects)]
    return MAGIC + encode({"objects": pairs, "purged": [], "record": format_id(kind, raw_id)})


def lie_about_a_facet(fields):
    data = encode({"facet": fields["facets"][0][0], "facts": [[["b"], "absent"], [["a"], "absent"]], "version": 1})
    fields["facets"][0][1] = hash_bytes("fa1", data)
    return [("fa1", data)]


LIES = {
    "fingerprint": lambda fields: fields.update(fingerprint=bytes(32)),
    "conditions": lambda fields: fields.update(conditions=bytes(32)),
    "order of facets": lambda fields: fields["facets"].reverse(),
    "a facet twice": lambda fields: fields["facets"].append(fields["facets"][-1]),
    "a facet's name": lambda fields: fields["facets"][0].__setitem__(0, "a"),
    "a facet that is missing": lambda fields: fields["facets"].append(["zz", bytes(32)]),
    "an object that nothing needs": lambda _: [("fa1", Facet("zz", 1, {}).canonical)],
    "schema": lambda fields: fields.update(schema=2),
    "schema of another type": lambda fields: fields.update(schema=True),
    "time": lambda fields: fields.update(time_ns=2**63),
    "phase": lambda fields: fields.update(phase="later"),
    "a key too many": lambda fields: fields.update(more=1),
    "a key too few": lambda fields: fields.pop("tool") and None,
    "kind": lambda fields: fields.update(kind="run"),
    "a side blob that is none": lambda fields: (
        [("sb1", encode({}))] if fields.update(side=hash_bytes("sb1", encode({}))) is None else []
    ),
    "a facet that is none": lie_about_a_facet,
}


@pytest.mark.parametrize("lie", LIES)
def test_a_manifest_that_lies_is_not_opened(lie):
    record = make_snapshot(5, lr=0.1)
    data = rebuild(record, LIES[lie])
    assert try_to_open(data) is None
    assert try_to_open(rebuild(record, lambda _: None)) is not None


@pytest.mark.parametrize("change", [
    {"exit_code": True}, {"role": 1}, {"role": None}, {"snapshot": bytes(32)}, {"more": 1},
])  # fmt: skip
def test_a_list_of_processes_that_lies_is_not_opened(change):
    def lie(fields):
        data = encode([{"exit_code": 0, "role": "a", "snapshot": None, **change}])
        fields["processes"] = hash_bytes("pl1", data)
        return [("pl1", data)]

    assert try_to_open(rebuild(make_run(5), lie)) is None


def test_outputs_of_a_result_are_maps():
    def lie(fields):
        data = encode({"duration_ns": 1, "exit_code": 0, "metrics": {}, "outputs": {"model": 5}})
        fields["result"] = hash_bytes("rs1", data)
        return [("rs1", data)]

    data = rebuild(make_run(5), lie)
    assert try_to_open(data) is None
    with pytest.raises(FormatError):
        unpack_record(data)


def test_a_facet_that_is_known_is_taken_under_its_own_name_alone():
    record = make_snapshot(5, lr=0.1)
    assert try_to_open(pack_record(record)) is not None
    assert try_to_open(rebuild(record, LIES["a facet's name"])) is None


def test_what_only_python_can_judge_is_opened_by_it():
    facet = Facet("config", 1, {("day",): Observed(dt.date(2026, 1, 1))})
    record = replace(make_snapshot(5), facets={"config": facet})
    assert try_to_open(pack_record(record)) is None
    assert open_file(pack_record(record)).load() == record
    with pytest.raises(FormatError, match="first line"):
        open_file(b"something else")


def test_what_is_opened_is_stored_as_what_was_built(tmp_path):
    first = [make_snapshot(number, lr=number) for number in range(20)]
    second = [make_run(100 + number, lr=number) for number in range(20)]
    tables = []
    for name, read in (
        ("built", lambda record: wrap(unpack_record(pack_record(record)))),
        ("opened", lambda record: open_file(pack_record(record))),
    ):
        with Ledger.open(tmp_path / name) as ledger:
            ledger.append_many([read(record) for record in first[:5]])
            ledger.append_many([read(record) for record in (*first, *second, *first)])
            ledger.append_many([read(record) for record in second])
            assert ledger.verify().is_ok
            assert len(ledger) == 80
            tables.append(
                [
                    ledger._database.execute(f"SELECT * FROM {table}").fetchall()
                    for table in ("record", "object", "fingerprint", "tree", "lineage")
                ]
            )
    assert tables[0] == tables[1]


def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path):
    with Ledger.open(tmp_path) as ledger:
        with pytest.raises(FormatError, match="64 bits"):
            ledger.append_many([make_snapshot(1), make_snapshot(2**63)])
        assert len(ledger) == 0
        ledger.append_many([make_run(3, lr=1), make_snapshot(1)])
        ledger.append_many([make_run(3, lr=1), make_snapshot(2)])
        assert len(ledger) == 5
        assert ledger.verify().is_ok
