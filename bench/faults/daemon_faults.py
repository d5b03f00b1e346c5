"""What does the daemon lose when it is killed, or its disk is full, while 32 clients write? Counts are printed.

Usage: python bench/faults/daemon_faults.py [kills] [full] [fight] [clock] [--count N] [--folder FOLDER]

kills   kill -9 at a random moment while 32 clients put records; then another daemon starts over the same ledger and socket
full    a ledger on a file system of 3 MiB (root only): clients put until nothing fits, room is made, and they go on
fight   4 processes append to the ledger a daemon writes: each waits for its turn, or its records wait in the spool
clock   the clock goes back ten years while records come: the order is that of their coming

Every record that was acknowledged must be readable, byte for byte, from the ledger or from its spool, and the ledger must be
whole; the exit code is 1 where one is not.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ledger_faults import can_read

from reprofp.client import Client
from reprofp.errors import ReprofpError
from reprofp.ledger import Ledger
from reprofp.ledger.files import pack_record
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import Phase

MAIN = "import sys; from reprofp.cli.main import main; sys.exit(main())"
WRITERS = 32
APPEND = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from daemon_faults import make_record
from reprofp.ledger import keep
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 20):
    print(keep(make_record(number), Path(sys.argv[1])).id, flush=True)
"""


def make_record(number: int, time_ns: int | None = None) -> Snapshot:
    noise = random.Random(number).randbytes(200).hex()
    facets = {"config": Facet("config", 1, {("lr",): Observed(number), ("noise",): Observed(noise)})}
    side = SideBlob({"os.host_name": "node-1"}, salt=number.to_bytes(16, "big"))
    return Snapshot(number if time_ns is None else time_ns, Phase.START, facets, side, "0.1.0")


class Daemon:
    """A daemon in a process of its own."""

    def __init__(self, home: Path, place: Path) -> None:
        self.home, self.socket = home, place / "s" / "socket"
        words = ["daemon", "--ledger", str(home), "--socket", str(self.socket)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *words], stderr=subprocess.PIPE, text=True, cwd=place
        )
        assert self.process.stderr is not None
        while "event=ready" not in (line := self.process.stderr.readline()):
            assert line, "the daemon did not start"
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


def write(socket: Path, first: int, count: int, told: list[str], deadline_s: float = 60) -> None:
    """Put records one by one until an error; note what was acknowledged."""
    with suppress(ReprofpError), Client(str(socket), deadline_s=deadline_s) as client:
        for number in range(first, first + count):
            kept = client.put([pack_record(make_record(number))])["kept"]
            told += [item["id"] for item in kept]


@contextmanager
def writing(daemon: Daemon, round_number: int, told: list[str], count: int = 10_000) -> Iterator[None]:
    threads = [
        threading.Thread(target=write, args=(daemon.socket, (round_number * WRITERS + at) * count, count, told))
        for at in range(WRITERS)
    ]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def count_lost(home: Path, names: list[str]) -> int:
    with Ledger.open(home, wait_s=30) as ledger:  # takes in what waits in the spool
        return sum(not can_read(ledger, name) for name in names) + len(ledger.verify().findings)


def run_kills(place: Path, count: int) -> int:
    home, names, lost = place / "ledger", list[str](), 0
    for number in range(count):
        daemon, told = Daemon(home, place), list[str]()
        with writing(daemon, number, told):
            time.sleep(random.uniform(0.05, 0.6))
            daemon.end(signal.SIGKILL)
        names += told
        if number % 20 == 19 or number == count - 1:
            lost += count_lost(home, names[-3000:])
            print(f"  {number + 1} kills, {len(names)} acknowledged, {lost} lost", flush=True)
    lost += count_lost(home, names)
    print(f"daemon killed while {WRITERS} clients write: {count}, acknowledged: {len(names)}, lost: {lost}", flush=True)
    return lost


def run_full(place: Path, count: int) -> int:
    if os.geteuid() != 0:
        print("full disk: skipped, only root can mount one")
        return 0
    lost = 0
    for number in range(max(1, count // 20)):
        point = place / f"full-{number}"
        point.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "none", point], capture_output=True, check=False
        )
        if done.returncode:
            print(f"full disk: skipped, mount says {done.stderr.decode().strip()}")
            return 0
        try:
            lost += fill(point, place, number)
        finally:
            subprocess.run(["umount", "-l", point], check=True)
    return lost


def fill(point: Path, place: Path, number: int) -> int:
    ballast = point / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    told: list[str] = []
    daemon = Daemon(point / "ledger", place)
    with writing(daemon, 1000 + number, told):
        pass  # until nobody gets an acknowledgement any more
    full = len(told)
    code = daemon.process.poll()
    ballast.unlink()
    if code is None:
        code = daemon.end()
    again = Daemon(point / "ledger", place)
    write(again.socket, 10**9, 5, told)
    again.end()
    lost = count_lost(point / "ledger", told) + (len(told) != full + 5)
    print(
        f"full disk: {full} acknowledged before, the daemon ended with {code}, 5 more after room was made, lost: {lost}",
        flush=True,
    )
    return lost


def run_fight(place: Path, count: int) -> int:
    home, told = place / "ledger", list[str]()
    daemon = Daemon(home, place)
    environ = {**os.environ, "REPROFP_SOCKET": str(place / "nobody")}  # so that they write themselves
    rounds = max(1, count // 50)
    with writing(daemon, 5000, told, 40):
        for number in range(rounds):
            words = [
                [
                    sys.executable,
                    "-c",
                    APPEND,
                    str(home),
                    str(10**10 + 1000 * (10 * number + at)),
                    str(Path(__file__).parent),
                ]
                for at in range(4)
            ]
            running = [subprocess.Popen(word, stdout=subprocess.PIPE, text=True, env=environ) for word in words]
            told += [name for process in running for name in process.communicate()[0].split()]
    daemon.end()
    lost = count_lost(home, told)
    print(
        f"fight for the lock: {rounds} rounds of 4 processes beside {WRITERS} clients, acknowledged: {len(told)}, lost: {lost}"
    )
    return lost


def run_clock(place: Path, count: int) -> int:
    home = place / "ledger"
    daemon = Daemon(home, place)
    times = [10**18 - number * 10**15 for number in range(count)]
    records = [make_record(number, time_ns) for number, time_ns in enumerate(times)]
    with Client(str(daemon.socket), deadline_s=60) as client:
        for record in records:
            client.put([pack_record(record)])
    daemon.end()
    with Ledger.open(home, read_only=True) as ledger:
        wrong = [line.id for line in ledger.log()] != [record.id for record in reversed(records)]
    lost = count_lost(home, [record.id for record in records])
    print(f"clock going backwards: {count} records, in the order of their coming: {not wrong}, lost: {lost}")
    return lost + wrong


TESTS = {"kills": run_kills, "full": run_full, "fight": run_fight, "clock": run_clock}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tests", nargs="*", choices=[*TESTS, []], help="which tests; else all")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--folder", type=Path, help="where to work")
    options = parser.parse_args()
    random.seed(1)
    lost = 0
    for name in options.tests or TESTS:
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="rfp-") as place:
            lost += TESTS[name](Path(place), options.count)
            shutil.rmtree(place, ignore_errors=True)
            Path(place).mkdir(exist_ok=True)
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
