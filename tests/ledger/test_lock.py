import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger.builders import make_snapshot
from reprofp.errors import LedgerError
from reprofp.ledger import Ledger
from reprofp.ledger.lock import Lock

WRITER = Path(__file__).parent / "writer.py"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.lock"


def start_writer(folder, first, count, **options):
    return subprocess.Popen(
        [sys.executable, WRITER, folder, str(first), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


def test_a_second_writer_is_told_who_writes(folder):
    holder = start_writer(folder, 0, 100_000)
    try:
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(LedgerError) as caught:
            Ledger.open(folder, wait_s=0.05)
        assert f"process {holder.pid} (writer.py)" in str(caught.value)
        assert "wait for it to end" in str(caught.value)
    finally:
        holder.kill()
        holder.communicate()
    with Ledger.open(folder, wait_s=5) as ledger:  # the lock died with its holder
        assert ledger.verify().is_ok


def test_writers_take_turns(folder):
    with Ledger.open(folder), pytest.raises(LedgerError, match=f"process {os.getpid()}"):
        Ledger.open(folder, wait_s=0)
    with Ledger.open(folder, wait_s=0):
        pass


def test_waits_for_a_writer_that_ends(folder):
    first = Ledger.open(folder)
    threading.Timer(0.1, first.close).start()
    with Ledger.open(folder, wait_s=30) as second:
        second.append(make_snapshot())


def test_many_processes_append_one_after_the_other(folder):
    writers = [start_writer(folder, 100 * number, 5) for number in range(4)]
    outputs = [writer.communicate(timeout=120) for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * 4, outputs
    names = {line for out, _ in outputs for line in out.decode().split() if line != "open"}
    with Ledger.open(folder, read_only=True) as ledger:
        assert {line.id for line in ledger.log()} == names
        assert len(names) == 20
        assert ledger.verify().is_ok


def test_a_forked_child_does_not_keep_the_lock(path):
    lock = Lock.take(path, wait_s=0)
    ready, wake = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.write(ready[1], b"x")
        os.read(wake[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    lock.release()
    Lock.take(path, wait_s=0).release()
    os.write(wake[1], b"x")
    os.waitpid(child, 0)
    for end in (*ready, *wake):
        os.close(end)


def test_a_program_that_is_started_does_not_keep_the_lock(path):
    lock = Lock.take(path, wait_s=0)
    child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        lock.release()
        Lock.take(path, wait_s=0).release()
    finally:
        child.kill()
        child.wait()


def test_a_shared_lock_keeps_writers_out(path):
    assert Lock.share(path) is None  # there is no file, and a reader makes none
    Lock.take(path, wait_s=0).release()
    first, second = Lock.share(path), Lock.share(path)
    first.release()
    with pytest.raises(LedgerError, match="is being written by"):
        Lock.take(path, wait_s=0)
    second.release()
    second.release()
    lock = Lock.take(path, wait_s=0)
    assert Lock.share(path) is None
    lock.release()


def test_a_lock_file_that_was_replaced_is_not_trusted(path, monkeypatch):
    calls = []
    real = fcntl.flock

    def replace_once(descriptor, operation):
        real(descriptor, operation)
        if not calls:
            path.unlink()
            path.touch()
        calls.append(operation)

    monkeypatch.setattr(fcntl, "flock", replace_once)
    lock = Lock.take(path, wait_s=5)
    assert len(calls) == 2
    assert os.path.samestat(os.fstat(lock._descriptor), path.stat())
    lock.release()


def test_a_symbolic_link_is_not_followed(path, tmp_path):
    path.symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic link"):
        Lock.take(path, wait_s=0)
    assert not (tmp_path / "victim").exists()


def test_a_file_system_without_locks_says_so(folder, monkeypatch):
    def fail(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", fail)
    with pytest.raises(LedgerError, match=r"no working locks.*set REPROFP_HOME to a folder on a local disk"):
        Ledger.open(folder)
