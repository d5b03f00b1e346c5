import os
import subprocess
import sys
from pathlib import Path

import pytest

from ledger.builders import make_run, make_snapshot
from ledger.test_attachments import DATA, DIGEST, attach
from reprofp.errors import FormatError, LedgerError, UsageError
from reprofp.ledger import Ledger, connections, keep, load
from reprofp.ledger.spool import check_place, list_spooled, spool_record

SPOOLER = Path(__file__).with_name("spooler.py")


@pytest.fixture
def network(monkeypatch):
    """Let every folder lie on a network file system."""
    monkeypatch.setattr(connections, "find_network_filesystem", lambda _folder: "nfs4")


def test_a_record_goes_into_the_ledger(folder):
    kept = keep(make_run(), folder, tag="good")
    assert (kept.id, kept.spooled) == (make_run().id, None)
    with Ledger.open(folder, read_only=True) as ledger:
        assert ledger.tags() == {"good": kept.id}


def test_on_a_network_file_system_it_waits_in_the_spool(folder, network, monkeypatch):
    check_place(folder)
    record = attach(make_run(3))
    kept = keep(record, folder, tag="good")
    assert kept.spooled.parent == folder / "spool"
    assert "network file system" in kept.reason
    assert kept.spooled.stat().st_mode & 0o077 == 0
    # It can be read from there, without a ledger.
    assert load(kept.id[:14], folder)[0] == record
    with Ledger.open(folder, read_only=True, spooled=True) as ledger:
        assert [line.id for line in ledger.log()] == [kept.id]
        assert ledger.attachment(DIGEST) == DATA
    with Ledger.open(folder, read_only=True) as ledger:
        assert len(ledger) == 0  # what it proves does not change by what waits
    monkeypatch.undo()
    with Ledger.open(folder) as ledger:
        assert ledger.get(kept.id) == record
        assert ledger.attachment(DIGEST) == DATA
        assert ledger.tags() == {"good": kept.id}
        assert ledger.verify().is_ok
    assert os.listdir(folder / "spool") == []


def test_a_ledger_out_of_reach_falls_to_the_spool(folder):
    with Ledger.open(folder) as ledger:
        kept = keep(make_run(), folder, wait_s=0)
        assert kept.spooled is not None
        assert "is being written by" in kept.reason
        assert len(ledger) == 0
    with Ledger.open(folder) as ledger:
        assert ledger.get(kept.id) == make_run()


def test_what_waits_is_shown_beside_what_is_in_the_ledger(folder):
    keep(make_snapshot(1), folder)
    spool_record(make_snapshot(2), folder)
    with Ledger.open(folder, read_only=True, spooled=True) as ledger:
        assert [line.time_ns for line in ledger.log()] == [2, 1]
        with pytest.raises(LedgerError, match="for reading only"):
            ledger.append(make_snapshot(3))


def test_the_same_record_twice(folder):
    assert spool_record(make_run(), folder) == spool_record(make_run(), folder)
    keep(make_run(), folder)
    with Ledger.open(folder) as ledger:
        assert len(list(ledger.log())) == 1


def test_a_damaged_file_is_set_aside(folder):
    good, bad = spool_record(make_snapshot(1), folder), spool_record(make_snapshot(2), folder)
    data = bad.read_bytes()
    bad.write_bytes(data[:-1])
    (folder / "spool" / ".half.new").write_bytes(b"half")
    with Ledger.open(folder, read_only=True, spooled=True) as ledger:
        assert len(ledger) == 1
    with Ledger.open(folder) as ledger:
        assert len(ledger) == 1
    assert not good.exists()
    assert bad.with_suffix(".damaged").read_bytes() == data[:-1]


def test_a_file_stays_until_its_record_is_durable(folder, monkeypatch):
    path = spool_record(make_snapshot(1), folder)

    def fail(*_arguments):
        raise LedgerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append_many", fail)
        with pytest.raises(LedgerError, match="the disk is full"):
            Ledger.open(folder)
    assert list_spooled(folder) == [path]
    Ledger.open(folder).close()
    assert list_spooled(folder) == []


def test_what_cannot_be_spooled_says_why_it_could_not_be_appended(tmp_path):
    (tmp_path / "file").write_text("")
    for use in (lambda: keep(make_run(), tmp_path / "file"), lambda: check_place(tmp_path / "file")):
        with pytest.raises(LedgerError, match="cannot create the ledger"):
            use()


def test_what_no_ledger_takes_is_not_spooled(folder):
    with pytest.raises(FormatError):
        keep(make_snapshot(2**70), folder)
    with pytest.raises(UsageError):
        keep(make_snapshot(), folder, tag="not a name")
    assert list_spooled(folder) == []


def test_many_processes_and_a_ledger_that_comes_and_goes(folder):
    """Two hosts' worth of processes on one folder: nothing that was acknowledged is lost."""
    writers = [
        subprocess.Popen([sys.executable, SPOOLER, folder, str(1000 * at), "12"], stdout=subprocess.PIPE, text=True)
        for at in range(6)
    ]
    while any(writer.poll() is None for writer in writers):
        try:
            with Ledger.open(folder, wait_s=0.1) as ledger:
                assert len(ledger) >= 0
        except LedgerError:  # another holds it
            pass
    lines = [line.split() for writer in writers for line in writer.communicate()[0].splitlines()]
    assert len(lines) == 72
    with Ledger.open(folder) as ledger:
        assert {line.id for line in ledger.log()} == {name for name, _ in lines}
        assert ledger.verify().is_ok
    assert {place for _, place in lines} >= {"spooled"}


def test_a_kill_while_the_spool_is_taken_in_loses_nothing(folder):
    names = {make_snapshot(number).id for number in range(300)}
    for number in range(300):
        spool_record(make_snapshot(number), folder)
    script = "import sys, pathlib; from reprofp.ledger import Ledger; print(1, flush=True); Ledger.open(pathlib.Path(sys.argv[1]))"
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", script, folder], stdout=subprocess.PIPE)
        child.stdout.readline()
        child.kill()
        child.communicate()
    with Ledger.open(folder) as ledger:
        assert {line.id for line in ledger.log()} == names
        assert ledger.verify().is_ok
