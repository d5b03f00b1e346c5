"""What clients keep with the daemon for the next process of the same user."""

import os
import socket as sockets
import subprocess
import sys
from contextlib import closing

import pytest

from daemon.tools import answer, ask
from reprofp.capture import _Daemon
from reprofp.daemon import answers
from reprofp.daemon.service import Config, Service

OWNER, OTHER = 1000, 2000
KEY, SECOND = b"k" * 32, b"l" * 32
LOOK = """
import sys, time
import reprofp
from reprofp.probes import sources
from reprofp.probes.subprocesses import ask_program
asked = []
sources.ask_program = lambda program, **given: (asked.append(program[-1]), ask_program(program, **given))[1]
began = time.monotonic()
taken = reprofp.snapshot()
print(len(asked), taken.fingerprint, time.monotonic() - began < 30)
"""


@pytest.fixture
def service(tmp_path):
    service = Service(Config(tmp_path / "ledger", OWNER, is_shared=True))
    yield service
    service.close()


def test_a_user_gets_back_what_they_put_and_nobody_else(service):
    answer(service, "warm.put", OWNER, keys=[KEY, SECOND], values=[b"a", b""])
    assert answer(service, "warm.get", OWNER, keys=[SECOND, b"n" * 32, KEY]) == {"values": [b"", None, b"a"]}
    assert answer(service, "warm.get", OTHER, keys=[KEY]) == {"values": [None]}
    answer(service, "warm.put", OTHER, keys=[KEY], values=[b"forged"])
    assert answer(service, "warm.get", OWNER, keys=[KEY]) == {"values": [b"a"]}


def test_a_second_answer_takes_the_place_of_the_first(service):
    for value in (b"a", b"b"):
        answer(service, "warm.put", OWNER, keys=[KEY], values=[value])
    assert answer(service, "warm.get", OWNER, keys=[KEY]) == {"values": [b"b"]}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"keys": []},
        {"keys": [b"short"]},
        {"keys": ["k" * 32]},
        {"keys": [b"k" * 33]},
        {"keys": [KEY] * 1001},
        {"keys": [KEY], "more": 1},
    ],
)
def test_malformed_requests_are_refused(service, params):
    assert ask(service, "warm.get", OWNER, **params).code == "usage"
    assert ask(service, "warm.put", OWNER, **{"values": [b""], **params}).code == "usage"


@pytest.mark.parametrize("values", [[], [b"a", b"b"], [b"x" * ((64 << 10) + 1)], ["a"], None])
def test_as_many_short_values_as_keys(service, values):
    assert ask(service, "warm.put", OWNER, keys=[KEY], values=values).code == "usage"


def test_memory_is_bounded_and_the_longest_unused_goes_first(service):
    keys = [b"%032d" % number for number in range(200)]
    for key in keys:
        answer(service, "warm.put", OWNER, keys=[key], values=[b"x" * (64 << 10)])
        answer(service, "warm.get", OWNER, keys=[keys[0]])
    found = answer(service, "warm.get", OWNER, keys=keys)["values"]
    assert found[0] is not None
    assert found[-1] is not None
    assert found[1] is None
    assert sum(len(value) for value in found if value) <= answers._USER_BYTES


def test_many_users_take_bounded_memory_and_crowd_out_only_who_was_silent(service):
    for uid in range(3000, 3040):
        answer(service, "warm.put", uid, keys=[KEY], values=[b"a"])
        answer(service, "warm.put", OWNER, keys=[KEY], values=[b"mine"])
    assert len(service.answers._shelves) <= 16
    assert answer(service, "warm.get", OWNER, keys=[KEY]) == {"values": [b"mine"]}
    assert answer(service, "warm.get", 3000, keys=[KEY]) == {"values": [None]}


def look(folder, socket):
    program = folder / "train.py"
    program.write_text(LOOK)
    environ = {**os.environ, "REPROFP_SOCKET": str(socket)}
    done = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True, env=environ, cwd=folder
    )
    asked, fingerprint, in_time = done.stdout.split()
    return int(asked), fingerprint, in_time == "True", done.stderr


def test_the_second_process_looks_at_no_source_again(daemon, tmp_path):
    first, second = look(tmp_path, daemon.socket), look(tmp_path, daemon.socket)
    assert (first[0], second[0]) == (2, 0)
    assert first[1] == second[1] == look(tmp_path, tmp_path / "none")[1]


def test_a_daemon_that_does_not_answer_is_done_without(tmp_path):
    with sockets.socket(sockets.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        asked, _, in_time, said = look(tmp_path, tmp_path / "s")
    assert (asked, in_time, said) == (2, True, "")


def test_a_daemon_that_knows_no_such_method_is_done_without(daemon, tmp_path, monkeypatch):
    monkeypatch.setenv("REPROFP_SOCKET", str(daemon.socket))
    monkeypatch.setattr(_Daemon, "_blind_until", 0.0)
    with closing(_Daemon()) as shelf:
        shelf.add({KEY: b"a"})
        assert shelf.find([KEY, SECOND]) == [b"a", None]
        assert shelf._ask("warm.nothing", keys=[KEY]) is None
        assert shelf.find([KEY]) == [None]  # for a while it is not asked again


def test_more_keys_than_a_request_takes(daemon, monkeypatch):
    monkeypatch.setenv("REPROFP_SOCKET", str(daemon.socket))
    found = {b"%032d" % number: b"%d" % number for number in range(1200)}
    with closing(_Daemon()) as shelf:
        shelf.add(found)
        assert shelf.find(list(found)) == list(found.values())
    assert shelf.find([KEY]) == [None]
