"""Every method for all pairs of three real users, as the kernel tells who they are; and who waits for drift."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from daemon.serving import serving
from ledger.builders import make_run, make_snapshot
from reprofp.daemon.service import METHODS
from reprofp.ledger.files import pack_record

OWNER, ALICE, BOB = 0, 4321, 4322
RECORDS = {OWNER: make_run(10), ALICE: make_run(20), BOB: make_run(30)}
VALUES = {"record.get", "compare", "check", "comparable_with", "drift"}
ASK = """
import json, os, socket, struct, sys, time
import reprofp.wire, reprofp.errors  # before its files are out of reach
from reprofp.client import Client
path, uid, words = sys.argv[1], int(sys.argv[2]), json.loads(sys.stdin.read())
os.setgroups([]); os.setgid(uid); os.setuid(uid)
client, answers = Client(path, deadline_s=60), []
for method, params in words:
    given = {name: [bytes.fromhex(one) for one in value["hex"]] if isinstance(value, dict) else value for name, value in params.items()}
    if method == "check":
        given["now"] = given["now"][0]
    try:
        client.ask(method, **given)
        answers.append("ok")
    except reprofp.errors.DaemonError as error:
        answers.append(error.code)
    except reprofp.errors.ReprofpError as error:
        answers.append(type(error).__name__)
print(json.dumps(answers))
"""

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")


def ask_as(daemon, uid, words):
    done = subprocess.run(
        [sys.executable, "-c", ASK, daemon.socket, str(uid)],
        input=json.dumps(words), capture_output=True, text=True, check=True, cwd=daemon.home.parent,
    )  # fmt: skip
    return json.loads(done.stdout)


def in_hex(*records):
    return {"hex": [pack_record(record).hex() for record in records]}


def list_requests(name):
    """Every method, about the record with this name."""
    params = {
        "resolve": {"name": name},
        "record.get": {"name": name},
        "compare": {"a": name, "b": name},
        "check": {"baseline": name, "now": in_hex(make_snapshot(5))},
        "comparable_with": {"name": name},
        "drift": {"baseline": name},
        "record.put": {"records": in_hex(make_snapshot(900))},
        "warm.get": {"keys": {"hex": ["00" * 32]}},
        "warm.put": {"keys": {"hex": ["00" * 32]}, "values": {"hex": [""]}},
    }
    return [(method, params.get(method, {})) for method in sorted(METHODS)]


def expect(method, by, asks):
    if method == "metrics" and asks != OWNER:
        return "denied"
    return "NameNotFoundError" if method in VALUES and by != asks else "ok"


def test_every_method_for_all_pairs_of_real_users(tmp_path):
    with serving(tmp_path / "ledger", "--shared") as daemon:
        daemon.socket.parent.parent.chmod(0o755)
        for uid, record in RECORDS.items():
            assert ask_as(daemon, uid, [("record.put", {"records": in_hex(record)})]) == ["ok"]
        for asks in RECORDS:
            words = [(by, *pair) for by, record in RECORDS.items() for pair in list_requests(record.id)]
            found = ask_as(daemon, asks, [pair for _, *pair in words])
            wanted = [expect(method, by, asks) for by, method, _ in words]
            assert [(word[:2], one) for word, one in zip(words, found, strict=True)] == [
                (word[:2], one) for word, one in zip(words, wanted, strict=True)
            ]


def test_a_private_daemon_tells_other_users_nothing(tmp_path):
    with serving(tmp_path / "ledger") as daemon:
        assert ask_as(daemon, OWNER, [("record.put", {"records": in_hex(RECORDS[OWNER])})]) == ["ok"]
        daemon.socket.parent.parent.chmod(0o755)
        daemon.socket.parent.chmod(0o755)
        daemon.socket.chmod(0o666)  # whoever opens the socket to all has not opened the ledger
        found = ask_as(daemon, ALICE, list_requests(RECORDS[OWNER].id))
        assert set(found) == {"denied"}


def test_drift_is_told_as_soon_as_it_comes(daemon):
    with daemon.client() as client, daemon.client() as other:
        client.put([pack_record(make_run(10))], "good")
        begin = client.drift("good", require="bitwise")
        assert begin["records"] == []
        later = threading.Timer(0.6, lambda: other.put([pack_record(make_run(20, lr=0.5))]))
        later.start()
        look = client.drift("good", begin["after"], require="bitwise", wait_ms=50_000)
        later.join()
        assert [line["id"] for line in look["records"]] == [make_run(20, lr=0.5).id]
        assert client.drift("good", look["after"], wait_ms=300)["records"] == []
        assert client.ping()


def test_who_waits_for_drift_is_let_go_when_the_daemon_ends(daemon):
    with daemon.client() as client:
        client.put([pack_record(make_run(10))], "good")
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(client.drift("good", wait_ms=60_000)))
        waiting.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert daemon.stop() == 0
        waiting.join()
        assert time.monotonic() - began < 15
        assert answers[0]["records"] == []
