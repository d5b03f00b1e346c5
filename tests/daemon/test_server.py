import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from daemon.serving import MAIN, Daemon, serving, wait_for
from ledger.builders import make_run, make_snapshot
from reprofp.errors import DaemonError
from reprofp.ledger import Ledger
from reprofp.ledger.files import pack_record
from reprofp.wire import Request, pack_request, read_reply

PING = pack_request(Request("ping"))
SEED = 20_261_121


def read_frame(raw):
    data = b""
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        part = raw.recv(1 << 16)
        if not part:
            return None
        data += part
    return read_reply(data[4 : 4 + int.from_bytes(data[:4], "big")])  # what follows answers further frames


def exchange(raw, frame):
    raw.sendall(frame)
    return read_frame(raw)


def test_records_go_in_and_come_out(daemon):
    with daemon.client() as client:
        assert client.ping()["ledger"] == os.path.realpath(daemon.home)
        (kept,) = client.put([pack_record(make_run())], "good")["kept"]
        assert kept == {"id": make_run().id, "reason": "", "spooled": None}
        assert client.get("good")["record"] == pack_record(make_run())
        assert client.resolve("@-1")["id"] == make_run().id
        assert client.compare("good", "@-1", require="bitwise")["answer"] == 0
        assert client.check("good", pack_record(make_snapshot(3)))["answer"] in (0, 1, 2)
        assert client.comparable_with("good")["records"] == []
        assert "reprofp_clients 1" in client.metrics()["text"]
    assert daemon.stop() == 0
    with Ledger.open(daemon.home, read_only=True) as ledger:
        assert ledger.tags() == {"good": make_run().id}
        assert ledger.verify().is_ok


def test_pipelined_requests_are_answered_in_order(daemon):
    with daemon.connect() as raw:
        asks = [Request("resolve", {"name": f"name-{n}"}) if n % 3 else Request("ping") for n in range(200)]
        raw.sendall(b"".join(pack_request(item) for item in asks))
        received = b""
        for number, item in enumerate(asks):
            while len(received) < 4 or len(received) < 4 + int.from_bytes(received[:4], "big"):
                received += raw.recv(1 << 16)
            size = 4 + int.from_bytes(received[:4], "big")
            reply, received = read_reply(received[4:size]), received[size:]
            assert (reply.code == "") if item.method == "ping" else (f"name-{number}'" in reply.text)


def test_every_ping_is_answered_alike_and_counted(daemon):
    with daemon.connect() as raw, daemon.client() as client:
        answers = [exchange(raw, PING) for _ in range(5)]
        raw.sendall(PING[:7])
        time.sleep(0.05)
        raw.sendall(PING[7:])  # in pieces
        answers.append(read_frame(raw))
        assert {answer.result["uid"] for answer in answers} == {os.getuid()}
        assert 'reprofp_requests_total{method="ping",code="ok"} 6\n' in client.metrics()["text"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xff\xff\xff", "frame"),
        (bytes(4), "frame"),
        (b"GET / HTTP/1.1\r\n\r\n", "frame"),
        ((5).to_bytes(4, "big") + b"\xdf\xff\xff\xff\xff", "frame"),
        ((5001).to_bytes(4, "big") + b"\xdc\x13\x86" + b"\x80" * 4998, "frame"),
        ((40).to_bytes(4, "big") + b"\x91" * 39 + b"\xc0", "frame"),
        (pack_request(Request("ping")).replace(b"version\x01", b"version\x02"), "version"),
        (pack_request(Request("nonsense")), "method"),
    ],
)
def test_what_is_no_request_is_told_so(daemon, data, code):
    with daemon.connect() as raw:
        assert exchange(raw, data).code == code
    with daemon.client() as client:
        assert client.ping()


def test_fuzzed_bytes_neither_end_it_nor_are_believed(daemon):
    rng = random.Random(SEED)
    frames = [
        PING,
        pack_request(Request("log", {"limit": 5})),
        pack_request(Request("record.put", {"records": [b"x"]})),
    ]
    for _ in range(300):
        data = bytearray(rng.choice(frames))
        for _ in range(rng.randint(1, 3)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        with daemon.connect() as raw, suppress(ConnectionError):  # it may have been cut already
            raw.sendall(bytes(data))
            raw.shutdown(socket.SHUT_WR)
            read_frame(raw)
    with daemon.client() as client:
        assert client.health()["records"] == 0
        assert 'code="internal"' not in client.metrics()["text"]


def test_a_frame_in_single_bytes_is_read(daemon):
    with daemon.connect() as raw:
        for byte in PING:
            raw.sendall(bytes([byte]))
        assert read_frame(raw).code == ""


def test_slow_clients_do_not_stop_a_good_one(daemon):
    slow = []
    for number in range(100):
        raw = daemon.connect()
        raw.sendall(PING[: 5 + number % 20])
        slow.append(raw)
    greedy = daemon.connect()  # asks, and never reads
    greedy.setblocking(False)
    try:
        while True:
            greedy.send(PING * 1000)
    except BlockingIOError:
        pass
    with daemon.client() as client:
        for _ in range(50):
            assert client.ping()
        client.put([pack_record(make_run())])
    for raw in (*slow, greedy):
        raw.close()


def test_thirty_two_writers_share_transactions(daemon):
    each, threads, problems = 10, [], []

    def write(writer):
        try:
            with daemon.client() as client:
                for number in range(each):
                    record = make_snapshot(writer * 1000 + number)
                    assert client.put([pack_record(record)])["kept"][0]["id"] == record.id
        except (DaemonError, AssertionError) as error:
            problems.append(error)

    for writer in range(32):
        threads.append(threading.Thread(target=write, args=(writer,)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert not problems
    with daemon.client() as client:
        counts = dict(line.rsplit(" ", 1) for line in client.metrics()["text"].splitlines() if line[0] != "#")
    assert counts["reprofp_records_total"] == str(32 * each)
    assert int(counts["reprofp_groups_total"]) < 32 * each
    assert daemon.stop() == 0
    with Ledger.open(daemon.home, read_only=True) as ledger:
        assert len(ledger) == 32 * each
        assert ledger.verify().is_ok


@pytest.mark.parametrize("round_number", range(3))
def test_killed_while_clients_write_no_acknowledged_record_is_lost(tmp_path, round_number):
    acknowledged, threads = [], []
    with serving(tmp_path / "ledger") as daemon:

        def write(writer):
            with daemon.client() as client:
                for number in range(10_000):
                    try:
                        kept = client.put([pack_record(make_snapshot(writer * 100_000 + number))])["kept"]
                    except DaemonError:
                        return
                    acknowledged.extend(item["id"] for item in kept)

        for writer in range(8):
            threads.append(threading.Thread(target=write, args=(writer,)))
            threads[-1].start()
        wait_for(lambda: len(acknowledged) > 20 * (round_number + 1))
        daemon.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
        with Ledger.open(daemon.home) as ledger:
            assert [name for name in acknowledged if ledger.get(name).id != name] == []
            assert ledger.verify().is_ok
        daemon.start()  # over the socket that it left behind
        with daemon.client() as client:
            assert client.health()["records"] >= len(acknowledged)


def test_sigterm_answers_what_was_asked(daemon):
    raws = [daemon.connect() for _ in range(8)]
    for number, raw in enumerate(raws):
        raw.sendall(pack_request(Request("record.put", {"records": [pack_record(make_snapshot(number))]})))
    with daemon.client() as client:
        wait_for(lambda: 'record.put",code="ok"' in client.metrics()["text"])
    assert daemon.stop() == 0
    replies = [read_frame(raw) for raw in raws]
    for raw in raws:
        raw.close()
    with Ledger.open(daemon.home, read_only=True) as ledger:
        for number, reply in enumerate(replies):
            if reply is not None:
                assert ledger.get(reply.result["kept"][0]["id"]) == make_snapshot(number)
    assert not daemon.socket.exists()


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="prlimit is not installed")
def test_files_that_run_out_are_survived(tmp_path):
    limits = ("prlimit", "--nofile=80:80")
    with serving(tmp_path / "ledger", prefix=limits) as daemon:
        raws = [daemon.connect() for _ in range(120)]
        with daemon.client() as client:
            assert client.ping()
            assert client.put([pack_record(make_run())])["kept"][0]["spooled"] is None
        for raw in raws:
            raw.close()
        with daemon.client() as client:
            assert client.health()["records"] == 3


def test_tags_and_maintenance_need_not_stop_it(daemon):
    with daemon.client() as client:
        client.put([pack_record(make_run())])
        with Ledger.open(daemon.home) as ledger:
            ledger.tag("good", make_run().id)
        client.put([pack_record(make_run(50))])
        assert client.resolve("good")["id"] == make_run().id


def test_it_ends_when_idle(tmp_path):
    with serving(tmp_path / "ledger", "--idle-exit", "0.5") as daemon:
        assert daemon.process.wait(60) == 0
        assert not daemon.socket.exists()


def fail_to_start(home, socket_path):
    env = {**os.environ, "REPROFP_HOME": str(home)}
    words = [sys.executable, "-c", MAIN, "daemon", "--socket", str(socket_path)]
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=60, check=False, cwd=home.parent)
    assert done.returncode == 3
    assert done.stderr.startswith("reprofp: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_second_daemon_is_refused(daemon):
    assert "listens at" in fail_to_start(daemon.home, daemon.socket)


def test_a_path_that_is_too_long_is_refused(tmp_path):
    assert "107" in fail_to_start(tmp_path / "ledger", "/tmp/" + "x" * 120)


def test_links_files_and_foreign_folders_are_refused(tmp_path):
    with_daemon = Daemon(tmp_path / "ledger")
    folder = with_daemon.socket.parent
    try:
        folder.mkdir(0o700)
        os.symlink("elsewhere", folder / "link")
        assert "symbolic link" in fail_to_start(tmp_path / "ledger", folder / "link")
        (folder / "file").write_text("precious")
        assert "no socket" in fail_to_start(tmp_path / "ledger", folder / "file")
        assert (folder / "file").read_text() == "precious"
        os.symlink(folder, folder.parent / "way")
        assert "symbolic link" in fail_to_start(tmp_path / "ledger", folder.parent / "way" / "socket")
        folder.chmod(0o770)
        assert "others may write" in fail_to_start(tmp_path / "ledger", folder / "socket")
    finally:
        with_daemon.close()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_is_refused(tmp_path):
    with_daemon = Daemon(tmp_path / "ledger")
    try:
        with_daemon.socket.parent.mkdir(0o700)
        os.chown(with_daemon.socket.parent, 12345, 12345)
        assert "12345" in fail_to_start(tmp_path / "ledger", with_daemon.socket)
    finally:
        with_daemon.close()


def test_only_the_owner_can_connect(daemon):
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(daemon.socket.parent.stat().st_mode) == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_the_kernel_says_who_asks(tmp_path):
    with serving(tmp_path / "ledger", "--shared") as daemon:
        daemon.socket.parent.parent.chmod(0o755)
        script = (
            "import os, socket, struct, sys, reprofp.wire\n"  # before its files are out of reach
            "from reprofp.client import Client\n"
            "from reprofp.errors import ReprofpError\n"
            "os.setgroups([]); os.setgid(4321); os.setuid(4321)\n"
            "client = Client(sys.argv[1])\n"
            "print(client.log()['records'] != [])\n"
            "for method in ('get', 'metrics'):\n"
            "    try:\n"
            "        client.get('@-1') if method == 'get' else client.metrics()\n"
            "    except ReprofpError as error:\n"
            "        print(type(error).__name__)\n"
        )
        with daemon.client() as client:
            client.put([pack_record(make_run())])
        done = subprocess.run(
            [sys.executable, "-c", script, daemon.socket], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        assert done.stdout.split() == ["True", "NameNotFoundError", "DaemonError"]


def test_systemd_is_told_and_hands_the_socket_over(tmp_path):
    """What systemd does, done here: a socket as descriptor 3, and a socket for notices."""
    with_daemon = Daemon(tmp_path / "ledger")
    folder = with_daemon.socket.parent
    folder.mkdir(0o700)
    notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notices.bind(str(folder / "notify"))
    notices.settimeout(60)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(with_daemon.socket))
    listener.listen()
    script = (
        "import os, sys; os.dup2(int(sys.argv.pop(1)), 3); os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "os.environ['WATCHDOG_PID'] = str(os.getpid())\n" + MAIN
    )
    env = {
        **os.environ,
        "REPROFP_HOME": str(tmp_path / "ledger"),
        "LISTEN_FDS": "1",
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": "600000",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(listener.fileno()), "daemon"],
        env=env,
        pass_fds=(listener.fileno(),),
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    try:
        assert b"READY=1" in notices.recv(1000)
        assert notices.recv(1000) == b"WATCHDOG=1"
        with with_daemon.client() as client:
            assert client.ping()
        process.terminate()
        while b"STOPPING=1" not in notices.recv(1000):
            pass
        assert process.wait(60) == 0
        assert with_daemon.socket.exists()  # it is systemd's
    finally:
        process.kill()
        process.wait()
        notices.close()
        listener.close()
        with_daemon.close()


def can_trace():
    words = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "true"]
    return (
        shutil.which("strace") is not None and subprocess.run(words, check=False, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace")
def test_a_disk_that_fails_ends_it(tmp_path):
    """A sync that fails is not acknowledged, and the process ends with 1."""
    fault = (
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fdatasync",
        "-e",
        "inject=fdatasync:error=EIO:when=20+",
    )
    with serving(tmp_path / "ledger", prefix=fault) as daemon:
        acknowledged = []
        with daemon.client() as client, suppress(DaemonError):
            for number in range(1000):
                acknowledged += client.put([pack_record(make_snapshot(number))])["kept"]
        assert 0 < len(acknowledged) < 1000
        assert daemon.stop(0) == 1
        assert "event=failed" in daemon.err
    with Ledger.open(tmp_path / "ledger") as ledger:
        assert [item for item in acknowledged if ledger.get(item["id"]).id != item["id"]] == []
