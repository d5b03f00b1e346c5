import os
import sqlite3
import stat
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.builders import make_run, make_snapshot
from ledger.strategies import records
from reprofp.errors import FormatError, LedgerError, NameNotFoundError, UsageError
from reprofp.ledger import Filter, Ledger
from reprofp.ledger.merkle import EMPTY_ROOT, hash_leaf, hash_range
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.model.records import Run
from reprofp.model.schema import Phase


def count_rows(ledger, table):
    return ledger._database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_gives_back_what_was_appended(ledger):
    for record in (make_snapshot(lr=0.1), make_run(lr=0.2)):
        assert ledger.get(ledger.append(record)) == record


def test_survives_closing(folder):
    with Ledger.open(folder) as ledger:
        name = ledger.append(make_run())
        root = ledger.frontier().root
    with Ledger.open(folder, read_only=True) as ledger:
        assert ledger.get(name) == make_run()
        assert ledger.frontier().root == root


def test_appending_again_changes_nothing(ledger):
    first = ledger.append(make_run())
    before = [count_rows(ledger, table) for table in ("object", "record", "fingerprint", "tree_node")], len(ledger)
    assert ledger.append(make_run()) == first
    assert (
        [count_rows(ledger, table) for table in ("object", "record", "fingerprint", "tree_node")],
        len(ledger),
    ) == before


def test_a_facet_is_stored_once(ledger):
    ledger.append(make_snapshot(1, lr=0.1))
    before = count_rows(ledger, "object")
    ledger.append(make_snapshot(2, lr=0.2))
    assert count_rows(ledger, "object") == before + 2  # config and the manifest; the salt is the same here


def test_large_facets_are_compressed(ledger):
    ledger.append(make_snapshot(packages=500))
    stored, size = ledger._database.execute("SELECT sum(length(data)), sum(size) FROM object").fetchone()
    assert stored < size / 3


def test_the_root_is_that_of_the_manifests(ledger):
    assert ledger.frontier().root == EMPTY_ROOT
    records = [make_snapshot(number, lr=number) for number in range(300)]
    ledger.append_many(records)
    leaves = [hash_leaf(record.manifest) for record in records]
    assert ledger.frontier().root == hash_range(0, 300, lambda level, at: None if level else leaves[at])
    assert count_rows(ledger, "tree_node") == 1


def test_files_and_folder_are_private(folder):
    with Ledger.open(folder) as ledger:
        ledger.append(make_snapshot())
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert set(modes) >= {"ledger.sqlite", "ledger.sqlite-wal", "ledger.lock"}
    assert set(modes.values()) == {0o600}


def test_works_in_a_folder_with_a_strange_name(tmp_path):
    folder = tmp_path / "a?b#c%41 \n\udcff"
    with Ledger.open(folder) as ledger:
        name = ledger.append(make_snapshot())
    with Ledger.open(folder, read_only=True) as ledger:
        assert ledger.get(name) == make_snapshot()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_writes_with_full_durability(ledger):
    assert ledger._database.execute("PRAGMA synchronous").fetchone() == (2,)
    assert ledger._database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_log_gives_the_last_appended_first(ledger):
    names = [ledger.append(make_snapshot(100 - number)) for number in range(3)]
    assert [line.id for line in ledger.log()] == names[::-1]
    assert [line.id for line in ledger.log(limit=2)] == names[:0:-1]
    assert list(ledger.log(limit=0)) == []


def test_log_walks_in_chunks(ledger):
    names = ledger.append_many([make_snapshot(number) for number in range(1_100)])
    assert [line.id for line in ledger.log()] == names[::-1]
    assert [line.id for line in ledger.log(limit=700)] == names[:-701:-1]


def test_log_leaves_out_the_parts_of_runs(ledger):
    alone, run = make_snapshot(1, phase=Phase.STATIC), make_run(exit_code=-9, role="a.py/0/0")
    ledger.append_many([alone, run])
    lines = list(ledger.log())
    assert [(line.kind, line.exit_code, line.role, line.is_part) for line in lines] == [
        ("run", -9, "a.py/0/0", False),
        ("snapshot", None, "static", False),
    ]
    assert [line.id for line in ledger.log(kind="run")] == [run.id]
    assert [line.id for line in ledger.log(kind="sn1")] == [alone.id]
    parts = [line.id for line in ledger.log(wanted=Filter(parts=True, kind="snapshot"))]
    assert parts == [run.end.id, run.start.id, alone.id]
    with pytest.raises(UsageError, match="there is no kind of record 'x'"):
        list(ledger.log(kind="x"))


def test_log_finds_by_fingerprint_and_time(ledger):
    ledger.append_many([make_snapshot(number, lr=number % 2) for number in range(4)])
    odd = make_snapshot(1, lr=1)
    for kind, raw, count in (
        ("fp1", odd.fingerprint.raw_id, 2),
        ("fc1", odd.fingerprint.raw_conditions, 4),
        ("fe1", odd.fingerprint.raw_experiment, 2),
    ):
        assert len(list(ledger.log(wanted=Filter(fingerprint=(kind, raw))))) == count
    assert [line.time_ns for line in ledger.log(wanted=Filter(since_ns=2))] == [3, 2]


def test_look_ups_use_the_indexes(ledger):
    plans = {
        "SELECT number FROM object WHERE substr(id, 1, 8) = ? AND id = ?": "object_by_id",
        "SELECT number FROM object WHERE substr(id, 1, 8) BETWEEN ? AND ?": "object_by_id",
        "SELECT id FROM fingerprint WHERE substr(conditions, 1, 8) = ?": "fingerprint_by_conditions",
        "SELECT id FROM fingerprint WHERE substr(experiment, 1, 8) = ?": "fingerprint_by_experiment",
        "SELECT leaf FROM record WHERE fingerprint = ? ORDER BY leaf DESC": "record_by_fingerprint",
    }
    for sql, index in plans.items():
        rows = ledger._database.execute("EXPLAIN QUERY PLAN " + sql, (b"",) * sql.count("?")).fetchall()
        assert any(index in str(row) for row in rows), rows


def test_newest_does_not_count_parts(ledger):
    first, second = ledger.append(make_snapshot(1)), ledger.append(make_run())
    assert (ledger.newest().id, ledger.newest(2).id) == (second, first)
    for position in (0, -1, 3):
        with pytest.raises(NameNotFoundError):
            ledger.newest(position)


def test_a_snapshot_that_came_before_its_run_becomes_a_part(ledger):
    run = make_run()
    ledger.append(run.start)
    ledger.append(run)
    assert [line.kind for line in ledger.log()] == ["run"]
    assert ledger.get(run.id) == run


def test_a_run_without_reports_is_kept(ledger):
    run = replace(make_run(), processes=())
    assert ledger.get(ledger.append(run)) == run
    assert ledger.newest().role == ""


def test_unknown_records_are_not_found(ledger):
    with pytest.raises(NameNotFoundError, match="has no record"):
        ledger.get(make_snapshot().id)
    with pytest.raises(FormatError, match="is not the id of a record"):
        ledger.get("fa1:" + "0" * 64)


@pytest.mark.parametrize("time_ns", [2**63, -(2**63) - 1])
def test_numbers_beyond_64_bits_are_refused_whole(ledger, time_ns):
    with pytest.raises(FormatError, match="more than 64 bits"):
        ledger.append_many([make_snapshot(1), make_snapshot(time_ns)])
    assert len(ledger) == count_rows(ledger, "object") == 0


def test_what_a_failed_append_wrote_is_gone(ledger, monkeypatch):
    ledger.append(make_snapshot(1))

    def fail(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger._appender, "_grow_tree", fail)
        with pytest.raises(KeyboardInterrupt):
            ledger.append(make_run())
    assert len(ledger) == 1
    assert ledger.append(make_run()) == make_run().id


def test_an_empty_ledger_reads_as_empty(folder):
    with Ledger.open(folder, read_only=True) as ledger:
        assert len(ledger) == 0
        assert ledger
        assert list(ledger.log()) == []
        assert ledger.tags() == {}
        with pytest.raises(LedgerError, match="opened for reading only"):
            ledger.append(make_snapshot())
    assert not folder.exists()


def test_a_reader_cannot_write(folder, ledger):
    ledger.append(make_snapshot())
    with Ledger.open(folder, read_only=True) as reader, pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._database.execute("DELETE FROM record")


def test_closing_twice_is_fine(folder):
    ledger = Ledger.open(folder)
    ledger.close()
    ledger.close()
    with Ledger.open(folder):
        pass


def test_tags_move_and_keep_their_history(ledger):
    first, second = ledger.append(make_snapshot(1)), ledger.append(make_snapshot(2))
    ledger.tag("good", first)
    ledger.tag("best", first)
    ledger.tag("good", second)
    ledger.tag("good", second)
    assert ledger.tags() == {"best": first, "good": second}
    assert [(move.id, move.previous) for move in ledger.tag_history("good")] == [(second, first), (first, None)]
    assert {line.id: line.tags for line in ledger.log()} == {first: ("best",), second: ("good",)}
    ledger.untag("good")
    assert ledger.tags() == {"best": first}
    assert next((move.id, move.previous) for move in ledger.tag_history("good")) == (None, second)
    assert len(ledger.tag_history()) == 4
    with pytest.raises(NameNotFoundError, match="there is no tag 'good'"):
        ledger.untag("good")
    ledger.tag("good", first)
    assert ledger.tags() == {"best": first, "good": first}


def test_a_tag_needs_a_record(ledger):
    with pytest.raises(NameNotFoundError):
        ledger.tag("good", make_snapshot().id)
    with pytest.raises(FormatError):
        ledger.tag("good", "abc")
    assert ledger.tags() == {}


@pytest.mark.parametrize(
    "name", ["", "abcdef", "ABCDEF0123", "@-1", "a/b", "sn1:ab", "-x", ".", "1st", "a b", "ü", "x" * 101]
)
def test_names_that_read_as_something_else_are_refused(ledger, name):
    record = ledger.append(make_snapshot())
    with pytest.raises(UsageError, match="cannot be a tag"):
        ledger.tag(name, record)


@pytest.mark.parametrize("name", ["last-known-good", "v1.2+cu121", "abcde", "_x", "x" * 100])
def test_useful_names_are_taken(ledger, name):
    ledger.tag(name, ledger.append(make_snapshot()))
    assert list(ledger.tags()) == [name]


def test_a_forked_child_must_open_its_own(folder):
    with Ledger.open(folder) as ledger:
        ledger.append(make_snapshot(1))
        child = os.fork()
        if child == 0:
            try:
                ledger.append(make_snapshot(2))
            except LedgerError as error:
                ledger.close()
                os._exit(0 if "before this process was forked" in str(error) else 1)
            os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        ledger.append(make_snapshot(3))
        assert len(ledger) == 2


def test_facets_of_a_newer_reprofp_are_kept(ledger):
    facets = {"quantum": Facet("quantum", 9, {("spin",): Observed("up")})}
    record = replace(make_snapshot(), facets=facets)
    assert ledger.get(ledger.append(record)) == record


def test_a_run_shares_the_snapshots_that_its_processes_share(ledger):
    run = make_run()
    twice = Run(run.time_ns, run.start, (*run.processes, *run.processes), run.result, run.side, run.tool)
    assert ledger.get(ledger.append(twice)) == twice
    assert len(ledger) == 3


@settings(max_examples=40)
@given(st.lists(records(), max_size=4))
def test_arbitrary_records_come_back(drawn):
    with tempfile.TemporaryDirectory() as place:
        with Ledger.open(Path(place)) as ledger:
            names = ledger.append_many(drawn)
            roots = [ledger.frontier().root, ledger.verify().root]
        with Ledger.open(Path(place), read_only=True) as ledger:
            assert [ledger.get(name) for name in names] == drawn
            report = ledger.verify()
            assert report.is_ok, report.findings
            assert roots == [report.root] * 2
            assert {line.id for line in ledger.log(wanted=Filter(parts=True))} >= set(names)
