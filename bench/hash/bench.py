"""How fast are trees and files hashed, beside b3sum, the blake3 package and a bare read pass?

    python bench/hash/bench.py [--scale 1.0] [--rounds 5] [--threads N] [--keep FOLDER]

Makes deterministic data (about 300 MB at scale 1), warms the page cache, runs the sides in turn and prints, for each,
the median wall and processor time, and the ratio of its processor time to that of the read pass of the same round: side
by side, so that other load on the machine falls on all of them. That ratio is the robust figure. b3sum's times are those
of a command, with its start; the others are those of the second of two calls in one process.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from reprofp.datasets import hash_tree

try:
    import blake3
except ImportError:
    blake3 = None

KIB, MIB = 1024, 1024 * 1024
HERE = Path(__file__).parent

Times = tuple[float, float]  # wall, processor
Side = Callable[[Path, int], Times]


def make_data(folder: Path, scale: float) -> dict[str, Path]:
    """Make the workloads: many files of 4 KiB, many from 200 B to 64 KiB (log-uniform), some of 1 MiB, one large."""
    numbers = random.Random(2026)
    pool = numbers.randbytes(8 * MIB)
    workloads = {
        "4 KiB": [4 * KIB] * int(20_000 * scale),
        "200 B - 64 KiB": [int(200 * (64 * KIB / 200) ** numbers.random()) for _ in range(int(10_000 * scale))],
        "1 MiB": [MIB] * int(64 * scale),
        "one file": [int(128 * MIB * scale)],
    }
    paths = {}
    for name, sizes in workloads.items():
        paths[name] = folder / name.replace(" ", "")
        for i, size in enumerate(sizes):
            path = paths[name] / f"{i // 500}" / f"{i:06}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_file(path, pool, size, numbers)
    return paths


def write_file(path: Path, pool: bytes, size: int, numbers: random.Random) -> None:
    with path.open("wb") as file:
        while size > 0:
            begin = numbers.randrange(len(pool) // 2)
            size -= file.write(pool[begin : begin + size])


def list_files(folder: Path) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in sorted(folder.rglob("*.bin")))


def build_read_pass(folder: Path) -> Path:
    program = folder / "read_pass"
    source = HERE / "read_pass.c"
    subprocess.run(["cc", "-O3", "-pthread", "-D_GNU_SOURCE", source, "-o", program], check=True)
    return program


def time_call(call: Callable[[], object]) -> Times:
    """Time the second of two calls, as the read pass does."""
    call()
    wall, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - wall, time.process_time() - processor


def time_command(command: list[str | Path], stdin: bytes) -> Times:
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, input=stdin, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_read_pass(program: Path) -> Side:
    def side(folder: Path, threads: int) -> Times:
        result = subprocess.run([program, str(threads)], input=list_files(folder), capture_output=True, check=True)
        wall, processor = map(float, result.stdout.split())
        return wall, processor

    return side


def run_reprofp(folder: Path, threads: int) -> Times:
    return time_call(lambda: hash_tree(folder, threads=threads))


def run_blake3_package(folder: Path, threads: int) -> Times:
    paths = sorted(folder.rglob("*.bin"))

    def hash_file(path: Path) -> bytes:
        with path.open("rb", buffering=0) as file:
            hasher = blake3.blake3(max_threads=1)
            while data := file.read(MIB):
                hasher.update(data)
        return hasher.digest()

    def hash_all() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(hash_file, paths, chunksize=64))

    return time_call(hash_all)


def make_b3sum(*options: str) -> Side:
    def side(folder: Path, threads: int) -> Times:
        names = list_files(folder)
        share = str(max(1, names.count(b"\0") // threads))
        command = ["xargs", "-0", "-n", share, "-P", str(threads), "b3sum", *options]
        return time_command(command, names)

    return side


def make_sides(folder: Path) -> dict[str, Side]:
    sides: dict[str, Side] = {"read pass": make_read_pass(build_read_pass(folder)), "reprofp": run_reprofp}
    if shutil.which("b3sum"):
        sides["b3sum (mmap)"] = make_b3sum()
        sides["b3sum --no-mmap"] = make_b3sum("--no-mmap")
    else:
        print("b3sum is left out: it is not installed")
    if blake3 is not None:
        sides["blake3 package"] = run_blake3_package
    else:
        print("the blake3 package is left out: it is not installed")
    return sides


def run_workload(sides: dict[str, Side], folder: Path, threads: int, rounds: int) -> dict[str, list[Times]]:
    """Run all sides in turn, each round beginning with another one; the first round only warms the caches."""
    names = list(sides)
    times: dict[str, list[Times]] = {name: [] for name in names}
    for i in range(rounds + 1):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            result = sides[name](folder, threads)
            if i > 0:
                times[name].append(result)
    return times


def print_table(workload: str, folder: Path, times: dict[str, list[Times]]) -> None:
    sizes = [path.stat().st_size for path in folder.rglob("*.bin")]
    print(f"\n{workload}: {len(sizes):,} files, {sum(sizes) / MIB:,.0f} MiB")
    print(f"  {'':18}{'wall ms':>10}{'cpu ms':>10}{'x read cpu':>12}{'files/cpu-s':>13}{'GB/cpu-s':>10}")
    base = [processor for _, processor in times["read pass"]]
    for name, results in times.items():
        wall = statistics.median(wall for wall, _ in results)
        processor = statistics.median(processor for _, processor in results)
        ratio = statistics.median(mine / its for (_, mine), its in zip(results, base, strict=True))
        print(
            f"  {name:18}{wall * 1e3:10.1f}{processor * 1e3:10.1f}{ratio:12.2f}"
            f"{len(sizes) / processor:13,.0f}{sum(sizes) / processor / 1e9:10.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="size of the data (default 1.0, about 300 MB)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of each side")
    parser.add_argument("--keep", type=Path, help="make the data in this folder and leave it there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        sides = make_sides(Path(scratch))
        data = make_data(folder, options.scale)
        print(f"Python {sys.version.split()[0]}, {options.threads} threads, load {os.getloadavg()[0]:.1f}")
        for workload, path in data.items():
            print_table(workload, path, run_workload(sides, path, options.threads, options.rounds))


if __name__ == "__main__":
    main()
