"""What does it cost to find that nothing changed, beside a bare walk that asks for every file's times?

    python bench/hash/unchanged.py [--files 200000] [--rounds 5] [--peers N] [--dvc COMMAND] [--keep FOLDER]

Makes a tree, remembers its digests, and then in turn walks it (bench/hash/statx_walk.c) and hashes it through the cache
with one thread and with two: with the cache's file opened and read, every file looked up, and the tree's manifest
digested. Then one file in 100 is rewritten. Prints median processor times, and the median of their ratios to the walk of
the same round: other load on the machine falls on both sides. With ``--peers N`` the same question is put to git and,
with ``--dvc``, to dvc on N of the files.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reprofp._core.caching import Cache
from reprofp._core.reading import TreeScan, scan_tree

HERE = Path(__file__).parent
FILES_IN_FOLDER = 500
SETTLE = 0.05  # until what was written is old enough to be remembered


def make_tree(root: Path, files: int) -> None:
    for i in range(files):
        folder = root / f"{i // FILES_IN_FOLDER}"
        if i % FILES_IN_FOLDER == 0:
            folder.mkdir(parents=True)
        with open(folder / f"{i:06}.bin", "wb") as file:
            file.write(i.to_bytes(8, "big") * (20 + i % 300))
    time.sleep(SETTLE)


def change_some(root: Path, files: int, every: int) -> None:
    for i in range(0, files, every):
        with open(root / f"{i // FILES_IN_FOLDER}" / f"{i:06}.bin", "r+b") as file:
            file.write(os.urandom(8))


def processor_time() -> float:
    return time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)


def timed(call: Callable[[], object]) -> float:
    begin = processor_time()
    call()
    return processor_time() - begin


def scan(root: Path, cache_file: Path, threads: int) -> TreeScan:
    with Cache.open(cache_file) as cache:
        found = scan_tree(os.fsencode(root), threads=threads, cache=cache)
        found.manifest_digest(b"")
    return found


def walk_time(program: Path, root: Path) -> float:
    text = subprocess.run([program, root], check=True, capture_output=True, text=True).stdout
    return float(text.split()[1])


def report(name: str, times: list[float], walks: list[float]) -> None:
    ratio = statistics.median(t / w for t, w in zip(times, walks, strict=True))
    print(f"{name:34} {statistics.median(times):8.3f} s  {ratio:6.2f} x the walk", flush=True)


def measure_unchanged(root: Path, cache_file: Path, walk: Path, rounds: int) -> float:
    sides: dict[str, Callable[[], float]] = {
        "unchanged, 1 thread": lambda: timed(lambda: scan(root, cache_file, 1)),
        "unchanged, 2 threads": lambda: timed(lambda: scan(root, cache_file, 2)),
        "opening the cache alone": lambda: timed(lambda: Cache.open(cache_file)),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    walks = []
    for _ in range(rounds):
        walks.append(walk_time(walk, root))
        for name, side in sides.items():
            times[name].append(side())
    report("statx walk", walks, walks)
    for name in sides:
        report(name, times[name], walks)
    return statistics.median(walks)


def measure_changed(root: Path, files: int, cache_file: Path, walk: Path, rounds: int) -> None:
    walks, times = [], []
    for _ in range(rounds):
        change_some(root, files, 100)
        time.sleep(SETTLE)
        walks.append(walk_time(walk, root))
        times.append(timed(lambda: scan(root, cache_file, 1)))
    report("1 in 100 changed, 1 thread", times, walks)


def measure_first(root: Path, folder: Path, walk: Path) -> None:
    walks, plain, learning = [], [], []
    for i in range(3):
        walks.append(walk_time(walk, root))
        plain.append(timed(lambda: scan_tree(os.fsencode(root), threads=1).manifest_digest(b"")))
        learning.append(timed(lambda i=i: scan(root, folder / f"first-{i}", 1)))
    report("hashing all, no cache", plain, walks)
    report("hashing all, remembering", learning, walks)


def run_time(command: list[str], folder: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure_peers(folder: Path, files: int, dvc: str | None, walk: Path) -> None:
    root = folder / "peers" / "data"
    make_tree(root, files)
    repository = root.parent
    for words in (["init", "-q"], ["add", "data"]):
        run_time(["git", *words], repository)
    sides = {"git status": (["git", "status", "--short"], repository)}
    if dvc is not None:
        other = folder / "dvc"
        shutil.copytree(root, other / "data")
        for words in (["init", "-q", "--no-scm"], ["add", "-q", "data"]):
            run_time([dvc, *words], other)
        sides["dvc data status"] = ([dvc, "data", "status"], other)
        sides["dvc status"] = ([dvc, "status"], other)
    cache_file = folder / "own" / "peers"
    scan(root, cache_file, 1)
    print(f"\n{files} files, whole commands for the peers")
    walks = [walk_time(walk, root) for _ in range(3)]
    report("statx walk", walks, walks)
    report("reprofp, 1 thread", [timed(lambda: scan(root, cache_file, 1)) for _ in range(3)], walks)
    for name, (command, place) in sides.items():
        run_time(command, place)
        report(name, [run_time(command, place) for _ in range(3)], walks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=int, default=0, help="so many files for git and dvc")
    parser.add_argument("--dvc", help="the command of dvc")
    parser.add_argument("--keep", type=Path, help="make the data here, and keep it")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="reprofp-unchanged-"))
    (folder / "own").mkdir(mode=0o700, parents=True, exist_ok=True)
    walk = folder / "statx_walk"
    subprocess.run(["cc", "-O3", "-D_GNU_SOURCE", HERE / "statx_walk.c", "-o", walk], check=True)
    try:
        root = folder / "tree"
        if not root.exists():
            make_tree(root, arguments.files)
        cache_file = folder / "own" / "cache"
        print(f"{arguments.files} files, processor time, median of {arguments.rounds} rounds")
        first = scan(root, cache_file, 1)
        again = scan(root, cache_file, 1)
        if again.reused != arguments.files:
            sys.exit(f"{again.reused} of {arguments.files} remembered; {first.reused} before: is {folder} trusted?")
        measure_unchanged(root, cache_file, walk, arguments.rounds)
        measure_changed(root, arguments.files, cache_file, walk, arguments.rounds)
        measure_first(root, folder / "own", walk)
        if arguments.peers:
            measure_peers(folder, arguments.peers, arguments.dvc, walk)
    finally:
        if arguments.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
