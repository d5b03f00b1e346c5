"""What does a warm daemon save a snapshot in process? ``python bench/probe/warm.py [--times 9] [--path FOLDER]``.

Each round starts four programs anew, in turn: without a daemon and with a warm one; each takes two snapshots, of which
the second finds in its own memory what the first found. Medians of wall and processor time (with that of the processes
that look at sources), and of the probes that cost most. FOLDER holds further packages (site-packages with torch, say).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = """
import json, os, resource, sys, time
sys.path += sys.argv[1:]
import reprofp, reprofp.capture  # imports are not what is measured
from reprofp.probes import runner
parts, ask = {}, runner._ask
def time_probe(probe, context, explain):
    start = time.perf_counter()
    answer = ask(probe, context, explain)
    parts[probe.name] = (time.perf_counter() - start) * 1000
    return answer
runner._ask = time_probe
def used():
    return sum(resource.getrusage(who).ru_utime + resource.getrusage(who).ru_stime for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
found = []
for _ in range(2):
    start, begun = time.perf_counter(), used()
    taken = reprofp.snapshot()
    found.append({"wall": (time.perf_counter() - start) * 1000, "processor": (used() - begun) * 1000, **parts})
print(json.dumps([taken.fingerprint.conditions, *found]))
"""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    path = folder / "socket"
    command = [sys.executable, "-m", "reprofp", "daemon", "--socket", str(path), "--ledger", str(folder / "ledger")]
    daemon = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while not path.exists():
            time.sleep(0.05)
        yield str(path)
    finally:
        daemon.terminate()
        daemon.wait()


def take(folder: Path, socket: str, further: list[str]) -> tuple[str, dict[str, float], dict[str, float]]:
    program = folder / "train.py"
    program.write_text(PROGRAM)
    environ = {**os.environ, "REPROFP_SOCKET": socket}
    command = [sys.executable, str(program), *further]
    out = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True).stdout
    conditions, first, second = json.loads(out)
    return conditions, first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=9)
    parser.add_argument("--path", action="append", default=[])
    options = parser.parse_args()
    sides = ("no daemon, first", "no daemon, second", "warm daemon, first", "warm daemon, second")
    found: dict[str, list[dict[str, float]]] = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as name, serving(Path(name)) as socket:
        folder = Path(name)
        take(folder, socket, options.path)  # warms it
        for _ in range(options.times):
            for who, path in (("no daemon", str(folder / "none")), ("warm daemon", socket)):
                _, first, second = take(folder, path, options.path)
                found[f"{who}, first"].append(first)
                found[f"{who}, second"].append(second)
    names = sorted(found[sides[0]][0], key=lambda name: -statistics.median(one[name] for one in found[sides[0]]))
    print(f"{'milliseconds':<14}" + "".join(f"{side:>22}" for side in sides) + f"   load {os.getloadavg()[0]:.1f}")
    for name in ("wall", "processor", *[name for name in names if name not in ("wall", "processor")][:9]):
        cells = (statistics.median(one.get(name, 0.0) for one in found[side]) for side in sides)
        print(f"{name:<14}" + "".join(f"{cell:>22.1f}" for cell in cells))


if __name__ == "__main__":
    main()
