"""How fast does the daemon answer, beside a C epoll echo in the same run, and how many durable appends does it acknowledge?

Usage: python bench/daemon/sockets.py [--seconds S] [--records N] [--rounds R] [--folder FOLDER]

The client is C (load.c), so that nothing but the daemon is Python. Rounds alternate between the two servers. Appends:
32 connections, each waiting for its acknowledgement; records are small ones (9 facts) and a 70-KB one of which one
package changes; SQLite alone (WAL, FULL, rows of 600 bytes, one commit each) is timed in the same folder.
"""

import argparse
import os
import resource
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reprofp.ledger import Ledger
from reprofp.ledger.files import pack_record
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import Phase
from reprofp.wire import Request, pack_request

SOURCE = Path(__file__).with_name("load.c")
REPLY_LINES = 63  # of `log`: some 40 KiB


def make_snapshot(number: int, packages: int) -> Snapshot:
    names = {
        ("installed", f"package-{at}", key): Observed(f"{key} {at} {number if at == 7 else 0} {'x' * 100}")
        for at in range(packages)
        for key in ("version", "record", "origin")
    }
    facets = {
        "os": Facet("os", 1, {("sysname",): Observed("Linux")}),
        "packages": Facet("packages", 1, names),
        "config": Facet("config", 1, {("lr",): Observed(number / 7)}),
    }
    return Snapshot(number, Phase.END, facets, SideBlob({"host": "node-1"}, salt=number.to_bytes(16, "big")), "0.1.0")


def connect(path: Path, beginning: bytes) -> socket.socket:
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(str(path))
    channel.sendall(beginning)
    return channel


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.load = folder / "load"
        subprocess.run(["cc", "-O2", "-o", self.load, SOURCE], check=True)

    def ask(self, socket: Path, clients: int, seconds: float, frames: bytes) -> tuple[float, float, float]:
        file = self.folder / "frames"
        file.write_bytes(frames)
        words = [self.load, "ask", socket, str(clients), str(seconds), file]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        count, spent, p50, p99, _ = (float(word) for word in done.stdout.split())
        return count / spent, p50, p99

    @contextmanager
    def echo(self, size: int) -> Iterator[Path]:
        socket = self.folder / f"echo-{size}"
        process = subprocess.Popen([self.load, "echo", socket, str(size)], stdout=subprocess.PIPE, text=True)
        try:
            process.stdout.readline()
            yield socket
        finally:
            process.kill()
            process.communicate()
            socket.unlink(missing_ok=True)

    @contextmanager
    def daemon(self, home: Path) -> Iterator[Path]:
        socket = self.folder / "run" / "socket"
        words = [sys.executable, "-m", "reprofp", "daemon", "--socket", socket, "--ledger", home]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=self.folder)
        try:
            assert "ready" in process.stderr.readline()
            yield socket
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()

    def compare(self, what: str, socket: Path, request: bytes, size: int, options: argparse.Namespace) -> None:
        with self.echo(size) as echo:
            for clients in (1, 100, 1000):
                rounds = [
                    (
                        self.ask(echo, clients, options.seconds, request),
                        self.ask(socket, clients, options.seconds, request),
                    )
                    for _ in range(options.rounds)
                ]
                medians = [
                    [statistics.median(pair[side][at] for pair in rounds) for at in range(3)] for side in range(2)
                ]
                (rate, p50, p99), (own_rate, own_p50, own_p99) = medians
                print(
                    f"{what:<14} {clients:>5} clients  C echo {rate:>8.0f}/s {p50:>7.0f} {p99:>7.0f} us"
                    f"  daemon {own_rate:>8.0f}/s {own_p50:>7.0f} {own_p99:>7.0f} us"
                    f"  rate {own_rate / rate:.2f}  p50 {own_p50 / p50:.2f}"
                )

    def compare_slow(self, path: Path, request: bytes, options: argparse.Namespace) -> None:
        """Time a good client alone, and beside 1,000 that have sent the beginning of a frame and no more."""
        alone = self.ask(path, 1, options.seconds, request)
        slow = [connect(path, request[: 5 + number % 20]) for number in range(1000)]
        beside = self.ask(path, 1, options.seconds, request)
        for channel in slow:
            channel.close()
        print(f"1,000 slow clients: p99 of a good one {beside[2]:.0f} us, alone {alone[2]:.0f} us")

    def append(self, what: str, packages: int, count: int) -> None:
        records = [pack_record(make_snapshot(number, packages)) for number in range(count)]
        frames = [pack_request(Request("record.put", {"records": [data]})) for data in records]
        for clients in (1, 32, 256):
            home = self.folder / f"ledger-{packages}-{clients}"
            share = b"".join(frames if clients > 1 else frames[: max(1, count // 10)])
            with self.daemon(home) as socket:
                rate, p50, p99 = self.ask(socket, clients, 0, share)
            with Ledger.open(home, read_only=True) as ledger:
                stored = len(ledger)
            print(
                f"appends {what:<10} {clients:>4} clients  {rate:>8.0f}/s  p50 {p50 / 1000:.1f} ms  p99 {p99 / 1000:.1f} ms"
                f"  ({stored} stored, {len(records[0])} bytes each)"
            )


def time_sqlite(folder: Path, rows: int = 200) -> float:
    database = sqlite3.connect(folder / "rows.sqlite", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("CREATE TABLE t (a BLOB)")
    start = time.perf_counter()
    for _ in range(rows):
        database.execute("INSERT INTO t VALUES (?)", (os.urandom(600),))
    spent = time.perf_counter() - start
    database.close()
    return rows / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--records", type=int, default=3000)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="reprofp-bench-") as name:
        bench = Bench(Path(name))
        home = Path(name, "ledger")
        with Ledger.open(home) as ledger:
            ledger.append_many([make_snapshot(number, 3) for number in range(100)])
            record = make_snapshot(1000, 110)
            ledger.append(record)
        ping = pack_request(Request("ping"))
        big = pack_request(Request("record.get", {"name": record.id}))
        with bench.daemon(home) as socket:
            bench.compare_slow(socket, ping, options)
            bench.compare("ping", socket, ping, 200, options)
            bench.compare("40-KiB reply", socket, big, len(pack_record(record)), options)
        print(f"SQLite alone: {time_sqlite(Path(name)):.0f} commits a second")
        bench.append("small", 1, options.records)
        bench.append("70 KB", 180, max(100, options.records // 10))


if __name__ == "__main__":
    main()
