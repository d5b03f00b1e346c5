"""Old ledgers and record files stay readable for ever; make.py has made them."""

import json
import shutil
from pathlib import Path

import pytest

from golden.make import ATTACHMENT, DIGEST, SECRET, make_records
from reprofp.ledger import Ledger, read_record_file
from reprofp.ledger.files import pack_record
from reprofp.ledger.keeping import compact
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.observations import Unknown

HERE = Path(__file__).parent
LEDGERS = sorted(HERE.glob("ledger-*.sqlite"))
FILES = sorted(HERE.glob("*.record"))


@pytest.fixture(params=LEDGERS, ids=lambda path: path.stem)
def old(request, tmp_path):
    """An old ledger, opened, and what it must say."""
    shutil.copy(request.param, tmp_path / FILE_NAME)
    with Ledger.open(tmp_path, read_only=True) as ledger:
        yield ledger, json.loads(request.param.with_suffix(".json").read_text())


def test_there_are_golden_files():
    assert [path.name for path in LEDGERS] == ["ledger-1.sqlite", "ledger-2.sqlite"]
    assert [path.name for path in FILES] == ["purged-1.record", "run-1.record", "snapshot-1.record"]


def test_an_old_ledger_is_sound(old):
    ledger, expected = old
    report = ledger.verify()
    assert report.is_ok, report.findings
    assert (report.root.hex(), report.records) == (expected["root"], expected["size"])
    assert ledger.tags() == expected["tags"]
    assert [line.id for line in ledger.log()] == expected["log"]


def test_old_records_are_what_they_were(old):
    ledger, expected = old
    for name, record in make_records().items():
        assert record.id == expected["records"][name]
        assert str(record.fingerprint) == expected["fingerprints"][name]
        found = ledger.get(record.id)
        assert found.manifest == record.manifest
        assert pack_record(found) == (HERE / f"{name}-1.record").read_bytes()
    assert ledger.get(expected["records"]["purged"]).facets["config"].facts[()] == Unknown("denied")


def test_old_ledgers_can_be_written(old, tmp_path):
    _, expected = old
    with Ledger.open(tmp_path) as ledger:
        for name, record in make_records().items():
            assert ledger.append(record) == expected["records"][name]
        assert ledger.frontier().root.hex() == expected["root"]
    assert SECRET.encode() not in (tmp_path / FILE_NAME).read_bytes()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_old_record_files_are_read(path):
    record = read_record_file(path)
    assert record.manifest == make_records()[path.stem.removesuffix("-1")].manifest
    assert pack_record(record) == path.read_bytes()
    assert (SECRET.encode() in path.read_bytes()) is False


def test_attachments_are_read_since_schema_2(old):
    ledger, expected = old
    assert ledger.attachment(DIGEST) == (ATTACHMENT if expected.get("schema", 1) > 1 else None)


def test_an_old_ledger_is_brought_up_and_stays_what_it_was(old, tmp_path):
    ledger, expected = old
    proof = ledger.prove_inclusion(expected["records"]["run"])
    ledger.close()
    with Ledger.open(tmp_path) as writer:
        assert writer.frontier().root.hex() == expected["root"]
        assert writer.prove_inclusion(expected["records"]["run"]) == proof
        compact(writer)
        assert writer.frontier().root.hex() == expected["root"]
        assert writer.verify().is_ok
