import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.vectors.make import make_records
from reprofp.errors import FormatError
from reprofp.model.canonical import decode, encode
from reprofp.model.facets import Facet
from reprofp.model.fingerprints import Fingerprint
from reprofp.model.ids import hash_bytes
from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.model.reading import read_record
from reprofp.model.records import Result, SideBlob, Snapshot
from reprofp.model.schema import Phase

VECTORS = Path(__file__).parent / "vectors"


class Shelf:
    """A source of canonical bytes, kept in dictionaries."""

    def __init__(self, *records):
        self.manifests, self.facets, self.blobs = {}, {}, {}
        for record in records:
            self.put(record)

    def put(self, record):
        self.manifests[record.raw_id] = record.manifest
        self.blobs[record.side.blob.raw_id] = record.side.blob.canonical
        if isinstance(record, Snapshot):
            self.facets |= {facet.raw_id: facet.canonical for facet in record.facets.values()}
            return
        self.blobs |= {blob.raw_id: blob.canonical for blob in (record.process_list, record.result.blob)}
        for snapshot in (record.start, record.end):
            self.put(snapshot)

    def manifest(self, kind, raw_id):
        return self.manifests[raw_id]

    def facet(self, raw_id):
        return self.facets[raw_id]

    def blob(self, kind, raw_id):
        return self.blobs[raw_id]


def test_golden_fingerprints():
    _, start, end, _ = make_records()
    golden = json.loads((VECTORS / "fingerprints.json").read_text())
    for snapshot in (start, end):
        fingerprint = snapshot.fingerprint
        ids = {"fp1": str(fingerprint), "fc1": fingerprint.conditions, "fe1": fingerprint.experiment}
        assert golden[snapshot.phase.value] == ids


def test_golden_records():
    golden = json.loads((VECTORS / "records.json").read_text())
    _, start, end, run = make_records()
    assert golden["manifests"] == {record.id: record.manifest.hex() for record in (start, end, run)}
    for name, data in golden["blobs"].items():
        kind, _, digest = name.partition(":")
        assert hash_bytes(kind, bytes.fromhex(data)).hex() == digest


def test_records_are_read_back_whole():
    _, start, end, run = make_records()
    shelf = Shelf(run)
    assert read_record("rn1", run.raw_id, shelf) == run
    assert read_record("sn1", start.raw_id, shelf) == start
    assert read_record("sn1", end.raw_id, shelf).look_up(("framework", "numpy", "version")) == Observed("2.1.0")


def test_fingerprints_do_not_depend_on_time_or_circumstances():
    _, _, end, _ = make_records()
    other = replace(end, time_ns=1, side=SideBlob({"os.hostname": "node2"}))
    assert other.fingerprint == end.fingerprint
    assert other.id != end.id


def test_phase_is_part_of_the_fingerprint():
    facets, *_ = make_records()
    assert Fingerprint.of(Phase.START, facets.values()) != Fingerprint.of(Phase.END, facets.values())


def test_sub_ids_tell_conditions_from_experiment():
    facets, *_ = make_records()
    whole = Fingerprint.of(Phase.END, facets.values())
    without_config = Fingerprint.of(Phase.END, [facet for facet in facets.values() if facet.name != "config"])
    without_cpu = Fingerprint.of(Phase.END, [facet for facet in facets.values() if facet.name != "cpu"])
    assert whole.conditions == without_config.conditions != without_cpu.conditions
    assert whole.experiment == without_cpu.experiment != without_config.experiment


def test_a_facet_that_is_not_there_was_not_asked():
    _, start, _, run = make_records()
    assert start.look_up(("os", "kernel")) == Unknown(UnknownCode.NOT_ASKED)
    assert run.look_up(("config", "lr")) == Observed(0.1)


@pytest.mark.parametrize("where", ["manifests", "facets", "blobs"])
def test_every_changed_byte_is_noticed(where):
    _, _, _, run = make_records()
    for key in getattr(Shelf(run), where):
        shelf = Shelf(run)
        stored = getattr(shelf, where)
        stored[key] = stored[key][:-1] + bytes([stored[key][-1] ^ 1])
        with pytest.raises(FormatError, match="damaged"):
            read_record("rn1", run.raw_id, shelf)


def test_a_purged_facet_is_unknown_and_the_rest_is_read():
    _, _, end, _ = make_records()
    shelf = Shelf(end)
    shelf.facets[end.facets["config"].raw_id] = None
    shelf.blobs[end.side.blob.raw_id] = None
    record = read_record("sn1", end.raw_id, shelf)
    assert record.id == end.id
    assert record.look_up(("config", "lr")) == Unknown(UnknownCode.DENIED)
    assert record.look_up(("cpu", "vendor")) == Observed("AuthenticAMD")


def rewritten(record, **changes):
    """A source whose manifest of ``record`` has other fields, under an id that fits."""
    shelf = Shelf(record)
    data = encode({key: value for key, value in {**decode(record.manifest), **changes}.items() if value != "gone"})
    raw_id = hash_bytes(record.id[:3], data)
    shelf.manifests[raw_id] = data
    return raw_id, shelf


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "newer reprofp"),
        ({"schema": "1"}, "newer reprofp"),
        ({"fingerprint": b"\0" * 32}, "does not agree"),
        ({"more": 1}, "does not agree"),
        ({"side": "gone"}, "malformed"),
        ({"kind": "other"}, "malformed"),
    ],
)
def test_manifests_that_lie_are_refused(changes, message):
    _, start, _, run = make_records()
    for record in (start, run):
        raw_id, shelf = rewritten(record, **changes)
        with pytest.raises(FormatError, match=message):
            read_record(record.id[:3], raw_id, shelf)


def test_an_unknown_phase_is_refused():
    _, start, _, _ = make_records()
    raw_id, shelf = rewritten(start, phase="later")
    with pytest.raises(FormatError, match="phase"):
        read_record("sn1", raw_id, shelf)


@pytest.mark.parametrize(
    "metrics", [{"loss": 1}, {"loss": [1]}, {"loss": [[1, "a"]]}, {"loss": [[1.5, 1.0]]}, {"loss": [[1, 1.0, 2]]}]
)
def test_malformed_metrics_are_refused(metrics):
    with pytest.raises(FormatError, match="metric"):
        Result.from_value({"exit_code": 0, "duration_ns": 1, "outputs": {}, "metrics": metrics})


def test_the_size_of_a_manifest_is_bounded():
    facets = {name: Facet(name, 1, {}) for name in (f"framework.{index:060}" for index in range(700))}
    with pytest.raises(FormatError, match="65535"):
        _ = Snapshot(0, Phase.STATIC, facets, SideBlob(), "0.1.0").manifest


def test_attachments_are_no_part_of_ids_and_equality():
    one = make_records()[1]
    other = replace(one, attachments={"blake3-tree:ab": b"lines"})
    assert (one, one.id) == (other, other.id)


def test_a_record_is_shown_by_its_id():
    shown = repr(make_records()[1])
    assert make_records()[1].id[:16] in shown
    assert len(shown) < 100
