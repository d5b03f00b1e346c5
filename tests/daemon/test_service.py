import os
from dataclasses import replace

import pytest

from daemon.tools import answer, ask, fill
from ledger.builders import make_run, make_snapshot
from reprofp.daemon.peers import ALLOWED, Access, May, Peer, Role, find_role
from reprofp.daemon.service import METHODS, Config, Service
from reprofp.ledger import Ledger
from reprofp.ledger.files import pack_record, unpack_record
from reprofp.ledger.keeping import find_secret, purge
from reprofp.verdict import Level, answer_requirement, compare
from reprofp.wire import Request
from verdict import records as judged

OWNER, ADMIN, OTHER = 1000, 0, 2000
GROUP = 77
WORDS = {
    "resolve": {"name": "@-1"},
    "record.get": {"name": "@-1"},
    "compare": {"a": "@-1", "b": "@-1"},
    "check": {"baseline": "@-1", "now": pack_record(make_snapshot(5))},
    "comparable_with": {"name": "@-1"},
    "drift": {"baseline": "@-1"},
    "record.put": {"records": [pack_record(make_run(900))]},
    "warm.get": {"keys": [bytes(32)]},
    "warm.put": {"keys": [bytes(32)], "values": [b""]},
}
DENIED_TO_GUESTS = {"metrics"}


@pytest.fixture
def shared(tmp_path):
    service = Service(Config(tmp_path / "ledger", OWNER, GROUP, is_shared=True))
    yield service
    service.close()


@pytest.fixture
def private(tmp_path):
    service = Service(Config(tmp_path / "ledger", OWNER, GROUP))
    yield service
    service.close()


@pytest.mark.parametrize("by", [OWNER, ADMIN, OTHER])
@pytest.mark.parametrize("asks", [OWNER, ADMIN, OTHER])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_for_all_pairs_of_users_where_shared(shared, method, by, asks):
    """``by`` put the only record, ``asks`` asks: values only for whoever put them."""
    fill(shared, by, make_run())
    reply = shared.handle(Request(method, WORDS.get(method, {})), Peer(asks))
    if method in DENIED_TO_GUESTS and asks == OTHER:
        assert reply.code == "denied"
    elif METHODS[method].access is Access.VALUES and by != asks:
        assert reply.code == "not-found"
        assert "show" in reply.text
    else:
        assert reply.code == "", reply.text


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_private_daemon_tells_others_nothing(private, method):
    fill(private, OWNER, make_run())
    assert private.handle(Request(method, WORDS.get(method, {})), Peer(OTHER)).code == "denied"
    assert private.handle(Request(method, WORDS.get(method, {})), Peer(OWNER)).code == ""


def test_the_table_lists_what_is_allowed_and_denies_the_rest():
    assert not [role for role, _ in ALLOWED if role is Role.STRANGER]
    assert (Role.GUEST, Access.ADMINISTRATION) not in ALLOWED
    assert all(may is not May.ALL for (_, access), may in ALLOWED.items() if access is Access.VALUES)


@pytest.mark.parametrize(
    ("peer", "role"),
    [
        (Peer(OWNER), Role.OWNER),
        (Peer(0), Role.ADMINISTRATOR),
        (Peer(OTHER, frozenset({GROUP})), Role.ADMINISTRATOR),
        (Peer(OTHER, frozenset({1})), Role.GUEST),
    ],
)
def test_roles(peer, role):
    assert find_role(peer, owner=OWNER, group=GROUP, is_shared=True) is role
    assert find_role(Peer(OTHER, frozenset({GROUP})), owner=OWNER, group=None, is_shared=False) is Role.STRANGER


def test_a_record_that_two_users_put_belongs_to_both(shared):
    fill(shared, OTHER, make_run())
    fill(shared, ADMIN, make_run())
    for uid in (OTHER, ADMIN):
        assert ask(shared, "record.get", uid, name="@-1").code == ""
    assert ask(shared, "record.get", OWNER, name="@-1").code == "not-found"


def test_the_snapshots_of_a_run_are_its_owners(shared):
    fill(shared, OTHER, make_run())
    name = make_run().start.id
    assert ask(shared, "record.get", OTHER, name=name).code == ""
    assert ask(shared, "record.get", OWNER, name=name).code == "not-found"


def test_comparable_records_are_the_users_own(shared):
    fill(shared, OTHER, make_snapshot(1), make_snapshot(2))
    fill(shared, OWNER, make_snapshot(3))
    found = answer(shared, "comparable_with", OTHER, name="@-2", require="functional")["records"]
    assert make_snapshot(3).id not in {line["id"] for line in found}


def test_only_who_administers_sets_tags(shared):
    data = [pack_record(make_run())]
    assert ask(shared, "record.put", OTHER, records=data, tag="good").code == "denied"
    assert ask(shared, "record.put", OWNER, records=data, tag="good").code == ""
    assert answer(shared, "tags", OTHER) == {"tags": {"good": make_run().id}}


def test_records_come_back_as_they_were(private):
    runs = [make_run(number) for number in (10, 20, 30)]
    kept = fill(private, OWNER, *runs)
    assert [item["id"] for item in kept] == [run.id for run in runs]
    for run in runs:
        assert unpack_record(answer(private, "record.get", OWNER, name=run.id)["record"]) == run
    lines = answer(private, "log", OWNER, limit=2)["records"]
    assert [line["id"] for line in lines] == [runs[2].id, runs[1].id]
    rest = answer(private, "log", OWNER, before=lines[-1]["id"])["records"]
    assert [line["id"] for line in rest] == [runs[0].id]


def test_verdicts_are_those_of_the_library(private):
    fill(private, OWNER, make_run(10), make_run(20, lr=0.1))
    done = answer(private, "compare", OWNER, a="@-1", b="@-1", require="bitwise")
    assert done["answer"] == 0
    assert done["verdict"]["same_record"] is True
    done = answer(private, "compare", OWNER, a="@-1", b="@-2", require="bitwise")
    assert done["answer"] == 1
    assert done["verdict"]["requirement"] == {"level": "bitwise", "answer": "no"}


def test_one_bad_record_of_a_group_hurts_no_other(private):
    good = private.prepare(Request("record.put", {"records": [pack_record(make_run(10))]}), Peer(OWNER))
    bad = private.prepare(Request("record.put", {"records": [pack_record(make_run(2**63 + 5))]}), Peer(OWNER))
    replies = private.commit([good, bad, good])
    assert [reply.code for reply in replies] == ["", "format", ""]
    assert answer(private, "health", OWNER)["records"] == 3


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nonsense", {}, "method"),
        ("ping", {"x": 1}, "usage"),
        ("log", {"limit": 0}, "usage"),
        ("log", {"limit": True}, "usage"),
        ("log", {"limit": 10**9}, "usage"),
        ("log", {"kind": "x"}, "usage"),
        ("log", {"before": "@-1"}, "not-found"),
        ("resolve", {}, "usage"),
        ("resolve", {"name": 3}, "usage"),
        ("resolve", {"name": "@now"}, "usage"),
        ("record.get", {"name": "no-such"}, "not-found"),
        ("record.put", {}, "usage"),
        ("record.put", {"records": []}, "usage"),
        ("record.put", {"records": ["text"]}, "usage"),
        ("record.put", {"records": [b"bytes"]}, "format"),
        ("record.put", {"records": [pack_record(make_run())] * 2, "tag": "two"}, "usage"),
        ("record.put", {"records": [pack_record(make_run())], "tag": "abcdef12"}, "usage"),
        ("compare", {"a": "@-1"}, "usage"),
        ("compare", {"a": pack_record(make_run()), "b": pack_record(make_run()), "require": "best"}, "usage"),
        ("compare", {"a": "x", "b": "x", "vary": "config"}, "usage"),
        ("check", {"baseline": pack_record(make_run()), "now": pack_record(make_run())}, "usage"),
    ],
)
def test_what_cannot_be_answered_is_told_by_its_code(private, method, params, code):
    reply = private.handle(Request(method, params), Peer(OWNER))
    assert reply.code == code, reply.text
    assert reply.text


def test_while_another_process_writes_records_wait_in_the_spool(private, tmp_path):
    private.books._wait_s = 0
    with Ledger.open(tmp_path / "ledger"):
        (kept,) = fill(private, OWNER, make_run())
    assert "is being written by" in kept["reason"]
    assert os.path.exists(kept["spooled"])
    fill(private, OWNER, make_run(50))
    assert answer(private, "health", OWNER)["records"] == 6


def test_a_tag_waits_with_its_record(private, tmp_path):
    private.books._wait_s = 0
    with Ledger.open(tmp_path / "ledger"):
        (kept,) = answer(private, "record.put", OWNER, records=[pack_record(make_run())], tag="good")["kept"]
    assert kept["spooled"] is not None
    fill(private, OWNER, make_run(50))
    assert answer(private, "tags", OWNER) == {"tags": {"good": make_run().id}}


def test_a_ledger_that_was_written_anew_is_noticed(private, tmp_path):
    fill(private, OWNER, make_run())
    assert answer(private, "health", OWNER)["records"] == 3
    private.books._writer.close()
    folder = tmp_path / "ledger"
    other = Service(Config(tmp_path / "other", OWNER))
    fill(other, OWNER, make_run(50), make_run(60))
    other.close()
    for end in ("-wal", "-shm"):
        (folder / f"ledger.sqlite{end}").unlink(missing_ok=True)
    os.replace(tmp_path / "other" / "ledger.sqlite", folder / "ledger.sqlite")
    assert answer(private, "health", OWNER)["records"] == 6


def test_the_lock_is_let_go_after_a_moment(private, tmp_path):
    fill(private, OWNER, make_run())
    private.books._writer.used -= 10
    private.books.rest()
    with Ledger.open(tmp_path / "ledger", wait_s=0) as ledger:
        ledger.tag("good", make_run().id)


def test_metrics_are_counted(private):
    fill(private, OWNER, make_run())
    ask(private, "nonsense", OWNER)
    text = answer(private, "metrics", OWNER)["text"]
    assert 'reprofp_requests_total{method="record.put",code="ok"} 1' in text
    assert 'reprofp_requests_total{method="unknown",code="method"} 1' in text
    assert "reprofp_records_total 1\n" in text


def test_a_table_of_owners_that_cannot_be_read_locks_others_out(shared, tmp_path):
    fill(shared, OTHER, make_run())
    shared.owners.close()
    (tmp_path / "ledger" / "owners.sqlite").write_bytes(b"not a database at all" * 100)
    for uid in (OTHER, OWNER, ADMIN):
        assert ask(shared, "record.get", uid, name="@-1").code == "not-found"


def test_drift_is_told_of_what_came_since(private):
    fill(private, OWNER, make_run(10), make_run(20))
    look = answer(private, "drift", OWNER, baseline=make_run(10).id)
    assert look == {"after": 5, "behind": False, "records": []}
    fill(private, OWNER, make_run(30))
    look = answer(private, "drift", OWNER, baseline=make_run(10).id, require="bitwise", after=look["after"])
    assert (look["after"], [line["answer"] for line in look["records"]]) == (8, [2])
    fill(private, OWNER, make_run(40, lr=0.5), make_snapshot(50, packages=4))
    look = answer(private, "drift", OWNER, baseline=make_run(10).id, require="bitwise", after=8)
    assert [line["id"] for line in look["records"]] == [make_run(40, lr=0.5).id, make_snapshot(50, packages=4).id]
    assert {line["answer"] for line in look["records"]} <= {1, 2}
    assert look["records"][0]["reasons"][0]["path"] == "config.lr"
    assert look["after"] == 12


def test_drift_passes_no_record_over(private):
    baseline = make_snapshot(1)
    fill(private, OWNER, baseline, *(make_snapshot(number, packages=4) for number in range(2, 52)))
    found, after, looks = [], -1, 0
    while True:
        look = answer(private, "drift", OWNER, baseline=baseline.id, require="bitwise", after=after)
        found += [line["time_ns"] for line in look["records"]]
        after, looks = look["after"], looks + 1
        if not look["behind"]:
            break
    assert found == list(range(2, 52))
    assert looks == 3


def test_drift_of_other_users_is_not_told(shared):
    fill(shared, OWNER, make_snapshot(1))
    fill(shared, OTHER, make_snapshot(2), make_snapshot(3, packages=5))
    request = {"baseline": pack_record(make_snapshot(1)), "require": "bitwise", "after": -1}
    assert answer(shared, "drift", OWNER, **request)["records"] == []
    assert len(answer(shared, "drift", OTHER, **request)["records"]) == 2


def test_the_log_of_a_user(shared):
    fill(shared, OWNER, make_snapshot(1))
    fill(shared, OTHER, make_snapshot(2), make_snapshot(3))
    for uid, times in ((OWNER, [1]), (OTHER, [3, 2]), (ADMIN, [])):
        reply = shared.handle(Request("log", {"uid": uid}), Peer(ADMIN))
        assert [line["time_ns"] for line in reply.result["records"]] == times
    assert shared.handle(Request("log", {"uid": -1}), Peer(OTHER)).code == "usage"


def test_what_was_purged_is_told_no_more(private, tmp_path):
    """A ledger is rewritten in place: the daemon must not answer from what it remembers."""
    record = make_snapshot(1, secret="hunter2")
    fill(private, OWNER, record, make_snapshot(2))
    assert b"hunter2" in answer(private, "record.get", OWNER, name=record.id)["record"]
    assert answer(private, "comparable_with", OWNER, name=record.id) == {"records": []}
    private.books._writer.close()
    with Ledger.open(tmp_path / "ledger") as ledger:
        purge(ledger, find_secret(ledger, b"hunter2"), "a leaked secret")
    told = answer(private, "record.get", OWNER, name=record.id)["record"]
    assert b"hunter2" not in told
    assert unpack_record(told).id == record.id
    assert "denied" in str(answer(private, "compare", OWNER, a=record.id, b="@-1")["verdict"])


CHANGES = [
    {},
    {"config.lr": 0.2},
    {"python.version": "3.12.1"},
    {"rng.seeds.seed": 2},
    {"cpu.microcode": "0x2"},
    {"usage.subprocesses": 1},
    {"config.output_dir": "elsewhere"},
]


def test_what_is_comparable_is_what_compare_says(private):
    """Shortcuts, and what is remembered of records judged before, change no answer."""
    runs = [judged.make_run(facts, time_ns=number) for number, facts in enumerate([*CHANGES, {}, {}])]
    records = [*runs, *(replace(run.end, time_ns=99 + number) for number, run in enumerate(runs[:3]))]
    fill(private, OWNER, *records)
    for record in (records[0], records[-1]):
        verdicts = {other.id: compare(record, other) for other in records if other.id != record.id}
        for level in Level:
            wanted = {name for name, verdict in verdicts.items() if answer_requirement(verdict, level) == 0}
            for _ in range(2):
                found = answer(private, "comparable_with", OWNER, name=record.id, require=level.label, limit=100)
                assert {line["id"] for line in found["records"]} == wanted
