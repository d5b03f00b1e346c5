import os
from dataclasses import replace

import pytest

from ledger.builders import make_run, make_snapshot
from ledger.test_attachments import DATA, DIGEST, attach
from reprofp.errors import LedgerError, NameNotFoundError, UsageError
from reprofp.ledger import Ledger
from reprofp.ledger.keeping import compact, expire, find_secret, purge
from reprofp.ledger.schema import FILE_NAME
from reprofp.model.ids import format_id
from reprofp.model.observations import Unknown

SECRET = "hunter2-hunter2"


def fill(ledger):
    names = ledger.append_many([make_run(number, lr=number, packages=40) for number in range(1, 9)])
    names += ledger.append_many([attach(make_snapshot(100 + number, text="x" * 300, lr=number)) for number in range(9)])
    ledger.tag("last-known-good", names[1])
    return names


def read_state(ledger):
    return (
        ledger.frontier(),
        [(line.leaf, line.id) for line in ledger.log()],
        ledger.tags(),
        ledger.tag_history(),
        [ledger.get(line.id) for line in ledger.log()],
        ledger.attachment(DIGEST),
        ledger.prove_consistency(3),
    )


def test_compacting_changes_no_id_leaf_or_proof(folder):
    with Ledger.open(folder) as ledger:
        fill(ledger)
        before = read_state(ledger)
        change = compact(ledger)
        assert read_state(ledger) == before
        assert ledger.verify().is_ok
        assert change.after <= change.before
        ledger.append(make_snapshot(500, lr=77))
        assert ledger.verify().is_ok
    assert sorted(os.listdir(folder)) == ["ledger.lock", FILE_NAME]


def test_a_ledger_of_schema_1_becomes_small(folder, tmp_path):
    with Ledger.open(folder) as ledger:
        records = [make_snapshot(number, packages=200, lr=number) for number in range(100)]
        ledger.append_many(records)
        for record in records:  # as schema 1 wrote them
            for item in (*record.facets.values(),):
                ledger._database.execute(
                    "UPDATE object SET encoding = 0, depth = 0, base = NULL, data = ? WHERE id = ?",
                    (item.canonical, item.raw_id),
                )
        ledger._database.execute("DELETE FROM lineage")
        ledger._objects.forget()
        change = compact(ledger)
        assert ledger.verify().is_ok
        assert [ledger.get(record.id) for record in records] == records
        assert change.after <= change.before


def test_readers_read_on_while_it_is_rewritten(folder):
    with Ledger.open(folder) as ledger:
        fill(ledger)
        with Ledger.open(folder, read_only=True) as reader:
            before = read_state(reader)
            compact(ledger)
            assert read_state(reader) == before
            assert reader.verify().is_ok


def test_a_damaged_ledger_is_not_rewritten(folder):
    with Ledger.open(folder) as ledger:
        fill(ledger)
        ledger._database.execute("UPDATE object SET data = x'00' WHERE number = 3")
        with pytest.raises(LedgerError, match=r"is damaged in .* stays as it is"):
            compact(ledger)


def read_files(folder):
    return b"".join((folder / name).read_bytes() for name in sorted(os.listdir(folder)))


def test_a_purged_secret_is_nowhere_in_the_files(folder):
    with Ledger.open(folder) as ledger:
        fill(ledger)
        record = make_snapshot(200, noise=os.urandom(40).hex(), token=SECRET)
        later = make_snapshot(201, noise=os.urandom(40).hex(), token=SECRET, lr=1)
        run = make_run(202, role=f"{SECRET}/0/0")
        names = ledger.append_many([record, later, run])
        before = ledger.frontier()
        assert SECRET.encode() in read_files(folder)
        found = find_secret(ledger, SECRET.encode())
        assert len(found) == 3
        purge(ledger, found, "a token leaked")
        assert SECRET.encode() not in read_files(folder)
        assert ledger.frontier() == before
        assert ledger.verify().is_ok, ledger.verify().findings
        assert ledger.get(names[0]).facets["config"].facts[()] == Unknown("denied")
        assert ledger.get(names[0]).facets["os"] == record.facets["os"]
        assert find_secret(ledger, SECRET.encode()) == []
        # It does not come back.
        ledger.append(replace(record, time_ns=999))
    assert SECRET.encode() not in read_files(folder)


def test_a_secret_in_the_log_goes_too(folder):
    with Ledger.open(folder) as ledger:
        ledger.append(make_snapshot(1, token=SECRET))
        assert SECRET.encode() in (folder / (FILE_NAME + "-wal")).read_bytes()
        purge(ledger, find_secret(ledger, SECRET.encode()), "leaked")
        assert SECRET.encode() not in read_files(folder)


def test_a_reader_that_keeps_old_pages_is_told_of(folder):
    with Ledger.open(folder) as ledger:
        ledger.append(make_snapshot(1, token=SECRET))
        with Ledger.open(folder, read_only=True) as reader:
            reader._database.execute("BEGIN")
            reader._database.execute("SELECT count(*) FROM object").fetchone()
            ledger._database.execute("PRAGMA busy_timeout = 50")
            with pytest.raises(LedgerError, match="a program that reads it keeps old pages"):
                purge(ledger, find_secret(ledger, SECRET.encode()), "leaked")
        compact(ledger)
        assert SECRET.encode() not in read_files(folder)


def test_an_attachment_can_be_purged(ledger):
    ledger.append(attach(make_snapshot()))
    (name,) = find_secret(ledger, DATA[:40])
    purge(ledger, [name], "private file names")
    assert ledger.attachment(DIGEST) is None
    assert ledger.verify().is_ok
    ledger.append(attach(make_snapshot(2)))
    assert ledger.attachment(DIGEST) is None


def test_what_cannot_be_purged(ledger):
    name = ledger.append(make_snapshot())
    with pytest.raises(UsageError, match="a manifest is a leaf"):
        purge(ledger, [name], "x")
    with pytest.raises(NameNotFoundError):
        purge(ledger, [format_id("fa1", bytes(32))], "x")
    with pytest.raises(UsageError, match="nothing to purge"):
        purge(ledger, [], "x")
    with pytest.raises(UsageError, match="found by chance"):
        find_secret(ledger, b"abc")


def test_old_records_expire_and_the_tree_stays(folder):
    with Ledger.open(folder) as ledger:
        names = fill(ledger)
        frontier, tagged = ledger.frontier(), ledger.get(names[1])
        assert expire(ledger, 105).count == 7 * 3 + 5
        assert ledger.frontier() == frontier
        report = ledger.verify()
        assert report.is_ok, report.findings
        assert "26 records expired" in report.notes[0]
        assert ledger.get(names[1]) == tagged  # a baseline never expires
        gone = ledger.get(names[0])
        assert gone.result == make_run(1, lr=1, packages=40).result
        assert gone.end.facets["config"].facts[()] == Unknown("denied")
        assert gone.end.facets["os"] == tagged.end.facets["os"]  # others have it too
        assert ledger.get(names[-1]) == make_snapshot(108, text="x" * 300, lr=8)
        assert ledger.attachment(DIGEST) == DATA
        assert ledger.prove_inclusion(names[0])
        expire(ledger, 10**6)
        assert ledger.attachment(DIGEST) is None
        assert ledger.verify().is_ok
        # The same record may come again; it is there already.
        ledger.append(make_run(1, lr=1, packages=40))
        assert ledger.frontier() == frontier


def test_an_expiry_that_was_changed_is_found(ledger):
    fill(ledger)
    expire(ledger, 105)
    ledger._database.execute("UPDATE expiry SET time_ns = 1 WHERE leaf = 0")
    assert any("its row was changed" in str(item) for item in ledger.verify().findings)


def test_only_expired_records_may_lack_facets(ledger):
    fill(ledger)
    expire(ledger, 105)
    ledger._database.execute("DELETE FROM expiry WHERE leaf = 0")
    assert not ledger.verify().is_ok
