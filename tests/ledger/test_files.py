import os
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given

from ledger.builders import make_run, make_snapshot
from ledger.strategies import records
from reprofp.errors import FormatError, InputError, NameNotFoundError
from reprofp.ledger import Ledger, read_record_file, write_record_file
from reprofp.ledger.files import MAGIC, MAGIC_ATTACHED, pack_record, unpack_record
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.canonical import decode, encode


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.record"


def open_body(record):
    return decode(pack_record(record)[len(MAGIC) :])


@given(records())
def test_every_record_comes_back(record):
    data = pack_record(record)
    assert unpack_record(data) == record
    assert unpack_record(data).id == record.id


def test_a_file_is_written_and_read(path):
    for record in (make_snapshot(), make_run()):
        write_record_file(record, path)
        assert read_record_file(path) == record
    assert os.listdir(path.parent) == [path.name]


def test_the_same_record_gives_the_same_bytes(ledger):
    run = make_run()
    assert pack_record(ledger.get(ledger.append(run))) == pack_record(run)


@pytest.mark.parametrize("size", [*range(60), -1, -2, -40, -200])
def test_a_truncated_file_is_refused(path, size):
    path.write_bytes(pack_record(make_run())[:size])
    with pytest.raises(FormatError, match="truncated" if size else "not a record file") as caught:
        read_record_file(path)
    assert str(path) in str(caught.value)


def test_bytes_at_the_end_are_refused():
    with pytest.raises(FormatError, match="not canonical"):
        unpack_record(pack_record(make_snapshot()) + b"\x00")


def test_a_file_from_the_future_is_refused(path):
    path.write_bytes(b"reprofp record/3\nwhatever")
    with pytest.raises(FormatError, match=r"record/3, and this reprofp knows record/1 and record/2: upgrade"):
        read_record_file(path)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x00" * 100, b"SQLite format 3\x00", MAGIC[:-1] + b"x"])
def test_another_file_is_refused(data):
    with pytest.raises(FormatError, match=r"not a record file|upgrade"):
        unpack_record(data)


def test_every_changed_byte_is_refused():
    data = pack_record(make_run())
    for at in range(len(data)):
        with pytest.raises(FormatError):
            unpack_record(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda body: body["objects"].reverse(), "not canonical"),
        (lambda body: body["objects"].append(["fa1", b"more"]), "not canonical"),
        (lambda body: body["objects"].append(body["objects"][0]), "not canonical"),
        (lambda body: body["objects"].pop(0), "incomplete: .* is not in the file"),
        (lambda body: body.update(record="sn1:" + "0" * 64), "incomplete"),
        (lambda body: body.update(record="fa1:" + "0" * 64), "names fa1:.*, which is no record"),
        (lambda body: body.update(record="hello"), "is not an id"),
        (lambda body: body["purged"].append("fa1:" + "0" * 64), "not canonical"),
        (lambda body: body.update(more=1), "expected objects, purged and record"),
        (lambda body: body.pop("purged"), "expected objects, purged and record"),
        (lambda body: body.update(objects=[[[[[[1]]]]]]), "an object is a kind and its bytes"),
        (lambda body: body.update(objects=[["fa1", [[[]]]]]), "a text or bytes were expected"),
        (lambda body: body.update(objects=[["fa1", "text"]]), "a text or bytes were expected"),
        (lambda body: body.update(objects={"a": 1}), "not a record file"),
        (lambda body: body.update(record=7), "a text or bytes were expected"),
    ],
)
def test_wrong_content_is_refused(change, says):
    body = open_body(make_run())
    change(body)
    with pytest.raises(FormatError, match=says):
        unpack_record(MAGIC + encode(body))


def test_another_encoding_of_the_same_is_refused():
    body = open_body(make_snapshot())
    swapped = msgpack.packb({key: body[key] for key in ("record", "purged", "objects")})
    with pytest.raises(FormatError, match="expected objects, purged and record"):
        unpack_record(MAGIC + swapped)
    wide = b"\x83" + msgpack.packb("objects") + b"\xdd" + len(body["objects"]).to_bytes(4, "big")
    wide += b"".join(map(msgpack.packb, body["objects"])) + encode("purged") + b"\x90" + encode("record")
    with pytest.raises(FormatError, match="not canonical"):
        unpack_record(MAGIC + wide + encode(body["record"]))


def test_claims_of_a_hostile_file_are_not_believed():
    start = MAGIC + b"\x83" + encode("objects")
    with pytest.raises(FormatError, match="claims 4294967295 objects"):
        unpack_record(start + b"\xdd\xff\xff\xff\xff" + b"\x80" * 100)
    with pytest.raises(FormatError, match="truncated"):
        unpack_record(start + b"\xdd\x00\x0f\x00\x00")
    with pytest.raises(FormatError, match="truncated"):
        unpack_record(start + b"\x91\x92" + encode("fa1") + b"\xc6\xff\xff\xff\xff")
    with pytest.raises(FormatError, match="not a record file"):
        unpack_record(start + b"\x91\x92\xa3\xff\xff\xff")


def test_a_record_of_a_newer_schema_says_so():
    snapshot = make_snapshot()
    manifest = {**decode(snapshot.manifest), "schema": 2}
    body = {"objects": [["sn1", encode(manifest)]], "purged": [], "record": make_id(encode(manifest))}
    with pytest.raises(FormatError, match="written by a newer reprofp; upgrade to read it"):
        unpack_record(MAGIC + encode(body))


def make_id(manifest):
    from reprofp.model.ids import format_id, hash_bytes  # noqa: PLC0415

    return format_id("sn1", hash_bytes("sn1", manifest))


def test_a_missing_file_says_so(path):
    with pytest.raises(InputError, match="No such file"):
        read_record_file(path)
    with pytest.raises(InputError, match="Is a directory"):
        read_record_file(path.parent)
    with pytest.raises(InputError, match="cannot write the record"):
        write_record_file(make_snapshot(), path / "below")
    with pytest.raises(InputError, match="cannot write the record"):
        write_record_file(make_snapshot(), path.parent)
    assert os.listdir(path.parent) == []


def purge(folder, raw_id):
    """Do by hand what a purge will do."""
    with Ledger.open(folder) as ledger:
        number = ledger._objects.find(raw_id)
        ledger._database.execute("UPDATE object SET data = NULL, size = 0, encoding = 0 WHERE number = ?", (number,))
        from reprofp.ledger.schema import seal  # noqa: PLC0415

        mark = seal(raw_id, 5, "leaked")
        ledger._database.execute("INSERT INTO tombstone VALUES (?, 5, 'leaked', ?)", (number, mark))


def test_a_purged_record_travels(tmp_path, path):
    first, second = tmp_path / "first", tmp_path / "second"
    snapshot = make_snapshot(secret="hunter2")
    with Ledger.open(first) as ledger:
        name = ledger.append(snapshot)
    purge(first, snapshot.facets["config"].raw_id)
    purge(first, snapshot.side.blob.raw_id)
    with Ledger.open(first, read_only=True) as ledger:
        assert ledger.verify().is_ok, ledger.verify().findings
        write_record_file(ledger.get(name), path)
    assert b"hunter2" not in path.read_bytes()
    with Ledger.open(second) as ledger:
        assert ledger.append(read_record_file(path)) == name
        assert ledger.verify().is_ok
        assert ledger.get(name).facets["os"] == snapshot.facets["os"]
        # What was purged here does not come back with the next record that holds it.
        ledger.append(snapshot)
        ledger.append(replace(snapshot, time_ns=99))
    assert b"hunter2" not in (second / FILE_NAME).read_bytes()


def test_load_reads_files(path, tmp_path, monkeypatch):
    from reprofp.ledger import load  # noqa: PLC0415

    write_record_file(make_snapshot(), path)
    assert load(str(path)) == (make_snapshot(), None)
    monkeypatch.chdir(tmp_path)
    assert load(path.name) == (make_snapshot(), None)
    with pytest.raises(NameNotFoundError):
        load("no.record")
    with pytest.raises(NameNotFoundError):
        load("")


ATTACHED = {"blake3-tree:" + "ab" * 32: b"lines\n", "blake3-tensors:" + "01" * 32: b"\x90"}


def test_attachments_travel_in_the_file(path):
    bare = make_run()
    run = replace(bare, start=replace(bare.start, attachments=ATTACHED), attachments={"blake3-tree:cd": b"more"})
    write_record_file(run, path)
    assert path.read_bytes().startswith(MAGIC_ATTACHED)
    found = read_record_file(path)
    assert (found, found.id) == (bare, bare.id)
    assert found.attachments == {**ATTACHED, "blake3-tree:cd": b"more"}
    assert pack_record(found) == path.read_bytes()


def test_a_record_without_attachments_has_the_file_that_it_always_had():
    assert pack_record(make_run()).startswith(MAGIC)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-1],
        lambda data: data.replace(MAGIC_ATTACHED, MAGIC),
        lambda data: data.replace(b"attachments", b"attachmentz"),
        lambda data: data.replace(b"blake3-tree:", b"zlake3-tree:"),  # out of order
    ],
)
def test_a_damaged_file_with_attachments_is_refused(spoil):
    data = pack_record(replace(make_snapshot(), attachments=ATTACHED | {"y": b""}))
    with pytest.raises(FormatError):
        unpack_record(spoil(data))
