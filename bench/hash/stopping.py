"""How soon does hashing stop when it is told to, and what does being told of the progress cost?

    python bench/hash/stopping.py [--times 15] [--rounds 9]

Stopping: a process hashes a large file, then a tree of small files, over and over; at a random moment it is sent SIGINT, and it
notes when KeyboardInterrupt reached the caller. Both clocks are the system's monotonic one. Progress: the same tree is hashed
with a callback and without one, in turn; the median of the ratios of processor time is printed.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reprofp._core.reading import scan_tree

MIB = 1024 * 1024
HASHING = """
import os, signal, sys, time
from reprofp._core.reading import scan_tree
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("ready", flush=True)
    while True:
        scan_tree(os.fsencode(sys.argv[1])).manifest_digest(b"")
except KeyboardInterrupt:
    print(time.monotonic())
"""


def make_large(folder: Path, bytes_: int) -> Path:
    folder.mkdir()
    block = random.Random(2026).randbytes(MIB)
    with open(folder / "large.bin", "wb") as file:
        file.writelines(block for _ in range(bytes_ // MIB))
    return folder


def make_small(folder: Path, files: int) -> Path:
    numbers = random.Random(2026)
    for i in range(files):
        path = folder / f"{i // 500}" / f"{i:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbers.randbytes(4096))
    return folder


def stop_once(folder: Path, after: float) -> float:
    """Return the seconds from sending the signal to the exception."""
    with subprocess.Popen(
        [sys.executable, "-c", HASHING, folder], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(after)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        return float(process.stdout.read()) - sent


def measure_stopping(name: str, folder: Path, times: int) -> None:
    numbers = random.Random(name)
    found = [stop_once(folder, numbers.uniform(0.05, 0.6)) * 1000 for _ in range(times)]
    print(
        f"stopping in {name:22} median {statistics.median(found):6.1f} ms, longest {max(found):6.1f} ms, {times} times",
        flush=True,
    )


def timed(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def measure_progress(name: str, folder: Path, rounds: int) -> None:
    """Compare being told of the progress with not being told; both sides hash in a thread that can be interrupted."""
    path = os.fsencode(folder)
    sides: list[Callable[[], object]] = [lambda: scan_tree(path), lambda: scan_tree(path, progress=lambda _: None)]
    scan_tree(path)
    ratios = []
    for i in range(rounds):
        order = sides if i % 2 == 0 else sides[::-1]
        times = {side: timed(side) for side in order}
        ratios.append(times[sides[1]] / times[sides[0]])
    print(f"progress of {name:22} {(statistics.median(ratios) - 1) * 100:+.1f} % of processor time, {rounds} rounds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f} on {len(os.sched_getaffinity(0))} processors")
    with tempfile.TemporaryDirectory() as scratch:
        large = make_large(Path(scratch, "large"), 512 * MIB)
        small = make_small(Path(scratch, "small"), 20_000)
        for name, folder in (("a file of 512 MiB", large), ("20,000 small files", small)):
            measure_stopping(name, folder, arguments.times)
            measure_progress(name, folder, arguments.rounds)


if __name__ == "__main__":
    main()
