import asyncio
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import warnings

import pytest

import reprofp
from daemon.serving import Daemon, serving
from ledger.builders import make_run, make_snapshot
from reprofp import connecting
from reprofp.client import AsyncClient, Client, find_socket
from reprofp.connecting import Session, check_place, keep
from reprofp.errors import DaemonError, LedgerError, NameNotFoundError, UsageError
from reprofp.ledger import Ledger
from reprofp.ledger.files import pack_record


@pytest.fixture
def named(daemon, monkeypatch):
    """A daemon that programs find, of the ledger that they use."""
    monkeypatch.setenv("REPROFP_SOCKET", str(daemon.socket))
    monkeypatch.setenv("REPROFP_HOME", str(daemon.home))
    return daemon


def count(daemon, method="record.put"):
    with daemon.client() as client:
        text = client.metrics()["text"]
    lines = [line for line in text.splitlines() if f'method="{method}",code="ok"' in line]
    return int(lines[0].rsplit(" ", 1)[1]) if lines else 0


def test_importing_it_brings_nothing():
    script = (
        "import sys; before = set(sys.modules); import reprofp.client\n"
        "print(*sorted(set(sys.modules) - before), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, check=False, cwd="/")
    if "ModuleNotFoundError" in done.stderr:  # without site there is no package: count with it
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd="/")
    brought = set(done.stdout.split())
    assert not [
        name for name in brought if name.partition(".")[0] in ("msgpack", "asyncio", "socket", "sqlite3", "click")
    ]
    assert {name for name in brought if name.startswith("reprofp")} <= {"reprofp", "reprofp.client"}


def test_errors_are_those_of_the_library(daemon):
    with daemon.client() as client:
        with pytest.raises(NameNotFoundError, match="no-such"):
            client.get("no-such")
        with pytest.raises(UsageError):
            client.log(limit=0)
        with pytest.raises(DaemonError) as caught:
            client.ask("nonsense")
        assert caught.value.code == "method"


def test_a_daemon_that_is_not_there(tmp_path):
    with pytest.raises(DaemonError, match="start it"):
        Client(str(tmp_path / "socket")).ping()


def test_a_daemon_that_does_not_answer(tmp_path):
    folder = Daemon(tmp_path)
    folder.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(folder.socket))
        deaf.listen()
        with pytest.raises(DaemonError) as caught:
            Client(str(folder.socket), deadline_s=0.1).ping()
        assert caught.value.code == "late"

        async def ask():
            async with AsyncClient(str(folder.socket), deadline_s=0.1) as client:
                await client.ping()

        with pytest.raises(DaemonError) as caught:
            asyncio.run(ask())
        assert caught.value.code == "late"
    folder.close()


def test_a_daemon_that_sends_nonsense(tmp_path):
    folder = Daemon(tmp_path)
    folder.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder.socket))
        listener.listen()
        for nonsense in (b"\xff\xff\xff\xff", b"\0\0\0\2\xc1\xc1", b"\0\0\0\1\x80", b"\0\0"):

            def answer(nonsense=nonsense):
                channel, _ = listener.accept()
                with channel:
                    channel.recv(1000)
                    channel.sendall(nonsense)

            thread = threading.Thread(target=answer)
            thread.start()
            with Client(str(folder.socket)) as client, pytest.raises(reprofp.ReprofpError):
                client.ping()
            thread.join()
    folder.close()


def test_a_client_connects_again(tmp_path):
    with serving(tmp_path / "ledger") as daemon, daemon.client() as client:
        client.put([pack_record(make_run())])
        daemon.stop()
        daemon.start()
        assert client.resolve("@-1")["id"] == make_run().id


def test_asyncio(daemon):
    async def ask():
        async with AsyncClient(str(daemon.socket), deadline_s=60) as client:
            await client.put([pack_record(make_run())], "good")
            found = await asyncio.gather(*(client.resolve("good") for _ in range(20)))
            with pytest.raises(NameNotFoundError):
                await client.get("no-such")
            daemon.stop()
            with pytest.raises(DaemonError):
                await client.ping()
            daemon.start()
            return found, (await client.health())["records"]

    found, records = asyncio.run(ask())
    assert {item["id"] for item in found} == {make_run().id}
    assert records == 3


def test_a_fork_has_a_connection_of_its_own(daemon):
    with daemon.client() as client:
        client.ping()
        process = multiprocessing.get_context("fork").Process(target=client.ping)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        process.join()
        assert process.exitcode == 0
        assert client.ping()


def test_records_are_kept_through_the_daemon_of_their_ledger(named, tmp_path):
    kept = keep(make_run(), tag="good")
    assert (kept.id, kept.spooled) == (make_run().id, None)
    assert count(named) == 1
    check_place()
    elsewhere = tmp_path / "elsewhere"
    keep(make_run(50), elsewhere)
    assert count(named) == 1
    with Ledger.open(elsewhere, read_only=True) as ledger:
        assert len(ledger) == 3


def test_records_are_kept_without_a_daemon(named):
    named.stop(signal.SIGKILL)
    kept = keep(make_run(), tag="good")
    assert kept.spooled is None
    check_place()
    with Ledger.open(named.home, read_only=True) as ledger:
        assert ledger.tags() == {"good": kept.id}


def test_the_command_line_uses_it(named, tmp_path):
    def run(*words):
        script = "import sys; from reprofp.cli.main import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", script, *words], capture_output=True, text=True, cwd=tmp_path, check=True
        )

    run("snapshot", "--tag", "here")
    run("run", "--tag", "there", "--", sys.executable, "-c", "pass")
    assert count(named) == 2
    with Ledger.open(named.home, read_only=True) as ledger:
        assert set(ledger.tags()) == {"here", "there"}
        assert ledger.verify().is_ok
    status = run("daemon", "status")
    assert "status    ok" in status.stdout
    assert "reprofp_records_total 2" in run("daemon", "status", "--metrics").stdout


def test_the_status_of_no_daemon(tmp_path):
    script = "import sys; from reprofp.cli.main import main; sys.exit(main())"
    words = ["daemon", "status", "--socket", str(tmp_path / "socket")]
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "cannot be reached" in done.stderr


def use(session):
    session.put(make_run(10), "good")
    session.put(make_run(20))
    return {
        "get": session.get("good") == make_run(10),
        "resolve": session.resolve("@-1"),
        "log": [line["id"] for line in session.log(kind="run")],
        "compare": session.compare("good", "@-1", require="bitwise"),
        "check": session.check("good", make_snapshot(3), strict=True)["answer"],
        "comparable": session.comparable_with("good", require="functional"),
    }


def test_a_session_answers_the_same_with_and_without_a_daemon(named, tmp_path, monkeypatch):
    with reprofp.connect(deadline_s=60) as session:
        assert session.is_connected
        through = use(session)
    assert count(named) == 2
    monkeypatch.delenv("REPROFP_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with reprofp.connect(ledger=tmp_path / "other") as session:
        assert not session.is_connected
        assert use(session) == through
        with pytest.raises(NameNotFoundError):
            session.get("no-such")


def test_a_session_survives_its_daemon_with_one_warning(named):
    with reprofp.connect(deadline_s=60) as session:
        session.put(make_run(10))
        named.stop(signal.SIGKILL)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            session.put(make_run(20))
            session.put(make_run(30))
            assert len(session.log()) == 3
        assert "goes on without its daemon" in str(caught[0].message)
        assert len(caught) == 1


def test_a_session_does_not_use_the_daemon_of_another_ledger(named, tmp_path):
    with reprofp.connect(ledger=tmp_path / "other") as session:
        session.put(make_run())
        assert not session.is_connected
    assert count(named) == 0


def test_a_slow_daemon_is_waited_for_once(named, monkeypatch):
    with reprofp.connect(deadline_s=60) as session:
        session.resolve(session.put(make_run()).id)
        session._client.deadline_s = 0.2
        asked, ask = [], session._client.ask
        monkeypatch.setattr(
            session._client, "ask", lambda *words, **params: asked.append(words) or ask(*words, **params)
        )
        os.kill(named.process.pid, signal.SIGSTOP)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = {session.resolve(make_run().id) for _ in range(20)}
        finally:
            os.kill(named.process.pid, signal.SIGCONT)
        assert found == {make_run().id}
        assert (len(asked), len(caught)) == (1, 1)


def test_a_ledger_error_is_told(named):
    with Session() as session, pytest.raises((LedgerError, UsageError)):
        session.put(make_run(), "abcdef12")


def test_where_the_socket_lies(monkeypatch):
    monkeypatch.setenv("REPROFP_SOCKET", "/x")
    assert find_socket() == "/x"
    monkeypatch.delenv("REPROFP_SOCKET")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert find_socket() == "/run/user/7/reprofp/socket"
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    assert find_socket() == f"/tmp/reprofp-{os.getuid()}/socket"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be asked to trust another user's socket")
def test_a_socket_of_another_user_is_not_trusted(tmp_path, monkeypatch):
    folder = Daemon(tmp_path)
    (folder.socket.parent / "reprofp").mkdir(parents=True)
    script = (
        "import os, socket, sys, time\n"
        "os.setuid(4321)\n"
        "listener = socket.socket(fileno=int(sys.argv[1])); listener.listen(); print('ready', flush=True); time.sleep(60)\n"
    )
    path = folder.socket.parent / "reprofp" / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(listener.fileno())],
            pass_fds=[listener.fileno()], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        process.stdout.readline()
        monkeypatch.delenv("REPROFP_SOCKET", raising=False)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder.socket.parent))
        try:
            with pytest.raises(DaemonError, match="4321"):
                Client().ping()
        finally:
            process.kill()
            process.communicate()
    folder.close()


def test_a_daemon_that_was_too_slow_is_not_waited_for_again(tmp_path, monkeypatch):
    """A run looks for the daemon before it begins and when it has ended: it waits once."""
    monkeypatch.setattr(connecting, "_DEADLINE_S", 0.1)
    monkeypatch.setattr(connecting.Client.__init__, "__kwdefaults__", {"deadline_s": 0.1})
    monkeypatch.setattr(connecting, "_left_alone", {})
    monkeypatch.setenv("REPROFP_HOME", str(tmp_path / "ledger"))
    monkeypatch.setenv("REPROFP_SOCKET", str(tmp_path / "s"))
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(tmp_path / "s"))
        deaf.listen()
        check_place()
        assert keep(make_run()).spooled is None
        assert keep(make_run(50)).spooled is None
        deaf.settimeout(0.1)
        deaf.accept()[0].close()
        with pytest.raises(TimeoutError):
            deaf.accept()
