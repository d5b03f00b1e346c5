import random
import shutil
from pathlib import Path

import pytest

from ledger.builders import make_run, make_snapshot
from reprofp.errors import FormatError, LedgerError, NameNotFoundError
from reprofp.ledger import Ledger, attachments
from reprofp.ledger.schema import FILE_NAME

GOLDEN = Path(__file__).parent.parent / "golden"
DIGEST = "blake3-tree:" + "ab" * 32
OTHER = "blake3-tensors:" + "cd" * 32
DATA = b"\n".join(random.Random(at).randbytes(32).hex().encode() + b"  file" for at in range(50))


def attach(record, **extra):
    """Give a record attachments, outside what makes it equal."""
    object.__setattr__(record, "attachments", extra.get("attachments", {DIGEST: DATA}))
    return record


def test_an_attachment_comes_back(ledger, folder):
    record = attach(make_snapshot())
    name = ledger.append(record)
    assert name == make_snapshot().id
    assert ledger.attachment(DIGEST) == DATA
    assert ledger.attachment(OTHER) is None
    assert ledger.attachments(name) == {DIGEST: DATA}
    assert ledger.verify().is_ok
    with Ledger.open(folder, read_only=True) as reader:
        assert reader.attachment(DIGEST) == DATA


def test_it_is_outside_the_leaf(ledger, tmp_path):
    ledger.append(attach(make_run()))
    with Ledger.open(tmp_path / "other") as other:
        other.append(make_run())
        assert other.frontier() == ledger.frontier()


def test_it_is_stored_once(ledger):
    names = ledger.append_many([attach(make_snapshot(number)) for number in range(5)])
    assert ledger._database.execute("SELECT count(*) FROM attachment").fetchone() == (1,)
    assert ledger._database.execute("SELECT count(*) FROM object WHERE kind = 'at1'").fetchone() == (1,)
    assert [list(ledger.attachments(name)) for name in names] == [[DIGEST]] * 5


def test_a_changed_manifest_is_a_delta(ledger):
    changed = DATA.replace(b"0", b"1", 1)
    ledger.append(attach(make_snapshot(1)))
    ledger.append(attach(make_snapshot(2), attachments={"blake3-tree:" + "ef" * 32: changed}))
    sizes = ledger._database.execute("SELECT length(data), depth FROM object WHERE kind = 'at1'").fetchall()
    assert [depth for _, depth in sizes] == [0, 1]
    assert sizes[1][0] < 100 < sizes[0][0]
    assert ledger.attachment("blake3-tree:" + "ef" * 32) == changed


def test_a_large_one_is_left_out(ledger, monkeypatch):
    monkeypatch.setattr(attachments, "MAX_ATTACHMENT_BYTES", len(DATA) - 1)
    name = ledger.append(attach(make_snapshot()))
    assert ledger.attachment(DIGEST) is None
    assert ledger.get(name) == make_snapshot()


def test_a_key_that_is_no_digest_is_refused(ledger):
    with pytest.raises(FormatError, match="is not a digest"):
        ledger.append(attach(make_snapshot(), attachments={"hello": b""}))
    assert len(ledger) == 0


def test_attachments_of_a_record_that_is_not_there(ledger):
    with pytest.raises(NameNotFoundError):
        ledger.attachments("sn1:" + "0" * 64)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE object SET data = x'00' WHERE kind = 'at1'",
        "UPDATE object SET encoding = 0, data = zeroblob(size) WHERE kind = 'at1'",
        "UPDATE attachment SET object = 1",
        f"UPDATE attachment SET seal = x'{'00' * 8}'",
    ],
)
def test_damage_is_told(folder, change):
    with Ledger.open(folder) as ledger:
        ledger.append(attach(make_snapshot()))
        ledger._database.execute(change)
    with Ledger.open(folder) as ledger:
        with pytest.raises(LedgerError, match=r"attachment|object"):
            ledger.attachment(DIGEST)
        assert not ledger.verify().is_ok
        assert ledger.get(make_snapshot().id) == make_snapshot()


def test_a_changed_digest_is_told(ledger):
    ledger.append(attach(make_snapshot()))
    ledger._database.execute("UPDATE attachment SET digest = ?", (OTHER,))
    with pytest.raises(LedgerError, match="was changed"):
        ledger.attachment(OTHER)
    assert not ledger.verify().is_ok


@pytest.fixture
def old(folder):
    """A ledger of schema 1."""
    folder.mkdir()
    shutil.copy(GOLDEN / "ledger-1.sqlite", folder / FILE_NAME)
    return folder


def test_schema_1_is_read_as_it_is(old):
    before = (old / FILE_NAME).read_bytes()
    with Ledger.open(old, read_only=True) as ledger:
        assert ledger.attachment(DIGEST) is None
        assert [ledger.attachments(line.id) for line in ledger.log()] == [{}] * len(list(ledger.log()))
        assert ledger.verify().is_ok
    assert (old / FILE_NAME).read_bytes() == before


def test_schema_1_is_brought_up_when_it_is_written(old):
    with Ledger.open(old, read_only=True) as ledger:
        before = ledger.frontier(), [line.id for line in ledger.log()], ledger.tag_history()
    with Ledger.open(old) as ledger:
        assert (ledger.frontier(), [line.id for line in ledger.log()], ledger.tag_history()) == before
        name = ledger.append(attach(make_snapshot()))
        assert ledger.verify().is_ok, ledger.verify().findings
        assert ledger.attachments(name) == {DIGEST: DATA}
        assert ledger.prove_consistency(before[0].size)


def test_an_upgrade_is_whole_or_not_at_all(old, monkeypatch):
    from reprofp.ledger import schema  # noqa: PLC0415

    def fail(database):
        schema._step_from_1(database)
        raise LedgerError("stop")

    before = (old / FILE_NAME).read_bytes()
    monkeypatch.setattr(schema, "MIGRATIONS", {1: fail})
    with pytest.raises(LedgerError, match="stop"):
        Ledger.open(old)
    with Ledger.open(old, read_only=True) as ledger:
        assert ledger.verify().is_ok
    assert (old / FILE_NAME).read_bytes() == before
