"""What systemd_boot.py asks of a systemd that runs: it is started there as a unit, and writes a line a check to a log."""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, "/opt/reprofp")

LOG = Path("/opt/checks/log")
SYSTEM = "reprofp-system.service"
SOCKET = "/run/reprofp/socket"
SHORT_WATCHDOG = "[Service]\nWatchdogSec=3\n"
ASK = """
import sys; sys.path.insert(0, "/opt/reprofp")
from reprofp.client import Client
from reprofp.errors import ReprofpError
try:
    with Client(sys.argv[1], deadline_s=20) as client:
        print(eval(sys.argv[2]))
except ReprofpError as error:
    print(getattr(error, "code", ""), type(error).__name__, error)
"""
PUT = """
import sys; sys.path.insert(0, "/opt/reprofp")
from reprofp.client import Client
from reprofp.ledger.files import pack_record
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import Phase
record = Snapshot(1, Phase.START, {}, SideBlob({}, salt=bytes(16)), "0")
with Client(sys.argv[1], deadline_s=20) as client:
    print(client.put([pack_record(record)])["kept"][0]["id"])
"""


def shell(*words: str, ok: bool = True) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    if ok and done.returncode:
        raise AssertionError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout.strip()


def as_user(user: str, code: str, *words: str) -> str:
    return shell("runuser", "-u", user, "--", "python3", "-c", code, *words)


def ask(user: str, what: str, path: str = SOCKET) -> str:
    return as_user(user, ASK, path, what)


def show(name: str, unit: str = SYSTEM, *, manager: tuple[str, ...] = ()) -> str:
    return shell(*manager, "systemctl", *(("--user",) if manager else ()), "show", "-P", name, unit)


def wait_for(condition: Callable[[], bool], what: str, limit_s: float = 30) -> float:
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > limit_s:
            raise AssertionError(f"{what}: not within {limit_s} s")
        time.sleep(0.1)
    return time.monotonic() - began


def expect(condition: object, detail: object) -> None:
    if not condition:
        raise AssertionError(str(detail))


def check_activation() -> str:
    shell("systemctl", "start", "reprofp-system.socket")
    expect(show("ActiveState") == "inactive", "the service runs before anybody connects")
    answer = ask("alice", "client.ping()['ledger']")
    expect(answer == "/var/lib/reprofp", answer)
    expect(show("ActiveState") == "active" and show("Type") == "notify", "it is not active")
    return f"pid {show('MainPID')}, status {show('StatusText')!r}"


def check_peers() -> str:
    kept = as_user("alice", PUT, SOCKET)
    expect(kept.startswith("sn1:"), kept)
    expect("record" in ask("alice", f"list(client.get({kept!r}))"), "alice cannot read her own record")
    expect("not-found" in (other := ask("bob", f"client.get({kept!r})")) or "NameNotFound" in other, other)
    expect("denied" in (metrics := ask("bob", "client.metrics()")), metrics)
    expect("reprofp_" in ask("root", "client.metrics()['text']"), "root gets no metrics")
    return "alice reads her record; bob does not; metrics are root's"


def check_kill() -> str:
    before, restarts = show("MainPID"), int(show("NRestarts"))
    kept = as_user("alice", PUT, SOCKET)
    os.kill(int(before), signal.SIGKILL)
    spent = wait_for(lambda: show("ActiveState") == "active" and show("MainPID") not in ("0", before), "a new process")
    expect(int(show("NRestarts")) == restarts + 1, "not counted as a restart")
    expect("record" in ask("alice", f"list(client.get({kept!r}))"), "the record is gone")
    return f"started again after {spent:.1f} s, and has what it had acknowledged"


def drop_in(folder: str, text: str) -> None:
    path = Path(folder, "short.conf")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def check_watchdog() -> str:
    drop_in(f"/run/systemd/system/{SYSTEM}.d", SHORT_WATCHDOG)
    shell("systemctl", "daemon-reload")
    shell("systemctl", "restart", SYSTEM)
    before = show("MainPID")
    time.sleep(5)
    expect(show("MainPID") == before, "it was ended although it was well")
    os.kill(int(before), signal.SIGSTOP)
    spent = wait_for(
        lambda: show("ActiveState") == "active" and show("MainPID") not in ("0", before), "a new process", 60
    )
    said = shell("journalctl", "-u", SYSTEM, "--no-pager", "-o", "cat")
    expect("atchdog timeout" in said, said[-300:])
    expect("/var/lib/reprofp" in ask("alice", "client.ping()['ledger']"), "it does not answer")
    return f"lived 5 s of a watchdog of 3 s; once it hung, another answered after {spent:.1f} s"


def check_stop() -> str:
    shell("systemctl", "stop", SYSTEM)
    expect(show("ActiveState") == "inactive" and show("Result") == "success", f"{show('ActiveState')} {show('Result')}")
    expect(show("ActiveState", "reprofp-system.socket") == "active", "its socket went with it")
    expect("/var/lib/reprofp" in ask("bob", "client.ping()['ledger']"), "it is not activated again")
    return "SIGTERM ends it with 0, and the next client starts it"


def check_sandbox() -> str:
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{show('MainPID')}/status").read_text().splitlines()
        if ":\t" in line
    )
    expect(int(status["CapEff"], 16) == 0 and int(status["CapBnd"], 16) == 0, status["CapEff"])
    expect(status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status["Seccomp"])
    text = shell("systemd-analyze", "security", "--no-pager", SYSTEM, ok=False)
    exposure = text.rsplit("exposure level for", 1)[1].split(":", 1)[1].split()[0]
    expect(float(exposure) <= 0.7, text[-400:])
    mode = os.stat("/var/lib/reprofp")
    expect(mode.st_mode & 0o777 == 0o700 and pwd.getpwuid(mode.st_uid).pw_name == "reprofp", oct(mode.st_mode))
    return f"exposure {exposure}, no capabilities, seccomp, state folder 0700"


def check_journal() -> str:
    lines = shell("journalctl", "-u", SYSTEM, "--no-pager", "-o", "cat").splitlines()
    events = sorted({line.split()[0] for line in lines if line.startswith("event=")})
    expect({"event=ready", "event=stopped"} <= set(events), lines[-5:])
    return " ".join(events)


def check_broken_config() -> str:
    """A ledger that cannot be written: the daemon answers, and says so, instead of restarting for ever."""
    shell("systemctl", "stop", SYSTEM, "reprofp-system.socket")
    os.rename("/var/lib/reprofp", "/var/lib/reprofp.good")
    try:
        Path("/var/lib/reprofp").mkdir(mode=0o700)
        Path("/var/lib/reprofp/ledger.sqlite").write_bytes(b"no database, " * 100)
        subprocess.run(["chown", "-R", "reprofp:reprofp", "/var/lib/reprofp"], check=True)
        shell("systemctl", "start", "reprofp-system.socket")
        answer = ask("root", "client.health()")
        expect("LedgerError" in answer, answer)
    finally:
        shell("systemctl", "stop", SYSTEM, "reprofp-system.socket")
        subprocess.run(["rm", "-rf", "/var/lib/reprofp"], check=True)
        os.rename("/var/lib/reprofp.good", "/var/lib/reprofp")
    return "a file that is no ledger is an error to who asks"


def check_user_unit() -> str:
    uid = pwd.getpwnam("alice").pw_uid
    subprocess.run(["chown", "-R", "alice:alice", "/home/alice"], check=True)
    shell("loginctl", "enable-linger", "alice")
    shell("systemctl", "start", f"user@{uid}.service")
    manager = ("runuser", "-u", "alice", "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}")
    path = f"/run/user/{uid}/reprofp/socket"
    shell(*manager, "systemctl", "--user", "start", "reprofp.socket")
    expect(show("ActiveState", "reprofp.service", manager=manager) == "inactive", "it runs before anybody connects")
    answer = ask("alice", "client.ping()['ledger']", path)
    expect(answer == "/home/alice/.local/state/reprofp", answer)
    expect("annot be reached" in (other := ask("bob", "client.ping()", path)), other)
    before = show("MainPID", "reprofp.service", manager=manager)
    os.kill(int(before), signal.SIGKILL)
    wait_for(lambda: show("MainPID", "reprofp.service", manager=manager) not in ("0", before), "a new process")
    expect("/home/alice" in ask("alice", "client.ping()['ledger']", path), "it does not answer")
    return "socket activation, alone for alice, started again after kill -9"


def check_user_idle() -> str:
    uid = pwd.getpwnam("alice").pw_uid
    manager = ("runuser", "-u", "alice", "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}")
    text = "[Service]\nExecStart=\nExecStart=%h/.local/bin/reprofp daemon --idle-exit 1\nWatchdogSec=3\n"
    drop_in("/etc/systemd/user/reprofp.service.d", text)
    shell(*manager, "systemctl", "--user", "daemon-reload")
    shell(*manager, "systemctl", "--user", "stop", "reprofp.service")
    path = f"/run/user/{uid}/reprofp/socket"
    expect("/home/alice" in ask("alice", "client.ping()['ledger']", path), "it does not answer")
    wait_for(lambda: show("ActiveState", "reprofp.service", manager=manager) == "inactive", "its end")
    expect("/home/alice" in ask("alice", "client.ping()['ledger']", path), "it is not activated again")
    return "ends when idle, and the next client starts it"


def check_stale_clients() -> str:
    """Clients that connected before the daemon was there are served once it is."""
    shell("systemctl", "stop", SYSTEM)
    waiting = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for channel in waiting:
        channel.connect(SOCKET)
    expect("/var/lib" in ask("bob", "client.ping()['ledger']"), "no answer")
    for channel in waiting:
        channel.close()
    return "20 connections waited for its start"


CHECKS: list[Callable[[], str]] = [
    check_activation, check_peers, check_kill, check_stop, check_stale_clients, check_sandbox, check_watchdog, check_journal,
    check_broken_config, check_user_unit, check_user_idle,
]  # fmt: skip


def note(name: str, detail: str, *, ok: bool) -> None:
    with LOG.open("a") as log:
        log.write(json.dumps({"name": name, "ok": ok, "detail": detail}) + "\n")


def main() -> None:
    LOG.unlink(missing_ok=True)
    for check in CHECKS:
        name = check.__name__.removeprefix("check_").replace("_", " ")
        try:
            note(name, check(), ok=True)
        except AssertionError as error:
            note(name, str(error), ok=False)
        except Exception:  # noqa: BLE001  told like a failed check
            note(name, traceback.format_exc(limit=-2), ok=False)
    note("all checks ran", "", ok=True)


if __name__ == "__main__":
    main()
