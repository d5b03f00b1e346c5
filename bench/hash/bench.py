"""How fast are trees and files hashed, beside other programs and a bare read pass?

    python bench/hash/bench.py [--quick] [--workload NAME]... [--side NAME]... [--cold] [--rounds 5] [--threads N]
                               [--scale 1.0] [--keep FOLDER]

Makes deterministic data, warms the page cache, runs the sides in turn and prints, for each, the median wall and processor
time, and the ratio of each to that of the read pass of the same round: side by side, so that other load on the machine
falls on all of them. The ratio of processor time is the robust figure. The read pass opens, reads and closes the same
files with as many threads, and does nothing else.

Commands (b3sum, xxhsum, git, model_signing) are timed with their start; the read pass and what runs in this process by
the second of two calls. The last column is the most memory that was resident, of a process of its own. With --cold the
caches are dropped before each run (as root; a few rounds are enough). What is not installed is left out, and named.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
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

from reprofp._core import reading

try:
    import model_signing
except ImportError:
    model_signing = None
try:
    import blake3
except ImportError:
    blake3 = None

KIB, MIB = 1024, 1024 * 1024
HERE = Path(__file__).parent

Times = tuple[float, float]  # wall, processor
Side = Callable[[Path, int], Times]


WORKLOADS: dict[str, Callable[[random.Random, float], list[int]]] = {
    "4k": lambda _numbers, scale: [4 * KIB] * int(100_000 * scale),
    "mixed": lambda numbers, scale: [
        int(200 * (64 * KIB / 200) ** numbers.random()) for _ in range(int(200_000 * scale))
    ],
    "1m": lambda _numbers, scale: [MIB] * int(1000 * scale),
    "big": lambda _numbers, scale: [int(4096 * MIB * scale)],
}


def make_data(folder: Path, names: list[str], scale: float) -> dict[str, Path]:
    """Make workloads: many files of 4 KiB, many from 200 B to 64 KiB (log-uniform), some of 1 MiB, one large."""
    paths = {}
    for name in names:
        numbers = random.Random(f"{name} 2026")
        pool = numbers.randbytes(8 * MIB)
        paths[name] = folder / name
        for i, size in enumerate(WORKLOADS[name](numbers, scale)):
            path = paths[name] / f"{i // 500}" / f"{i:06}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size != size:
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
    path = os.fsencode(folder)
    return time_call(lambda: reading.scan_tree(path, threads=threads).manifest_digest())


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


def run_hashlib(folder: Path, threads: int) -> Times:
    paths = sorted(folder.rglob("*.bin"))

    def hash_file(path: Path) -> bytes:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    def hash_all() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(hash_file, paths, chunksize=64))

    return time_call(hash_all)


def make_command(*command: str) -> Side:
    """Make a side of a program that takes names of files: as many processes as threads."""

    def side(folder: Path, threads: int) -> Times:
        names = list_files(folder)
        share = str(max(1, -(-names.count(b"\0") // threads)))
        return time_command(["xargs", "-0", "-n", share, "-P", str(threads), *command], names)

    return side


def run_git(folder: Path, _threads: int) -> Times:
    return time_command(["git", "hash-object", "--stdin-paths"], list_files(folder).replace(b"\0", b"\n"))


def run_model_signing(folder: Path, _threads: int) -> Times:
    hashing = model_signing.hashing.Config()
    return time_call(lambda: hashing.hash(folder))


def make_sides(folder: Path, wanted: list[str] | None) -> dict[str, Side]:
    """Make the sides that are installed, the read pass first."""
    known: dict[str, tuple[object, Side]] = {
        "reprofp": (True, run_reprofp),
        "b3sum": (shutil.which("b3sum"), make_command("b3sum")),
        "b3sum --no-mmap": (shutil.which("b3sum"), make_command("b3sum", "--no-mmap")),
        "xxhsum -H2": (shutil.which("xxhsum"), make_command("xxhsum", "-q", "-H2")),
        "blake3 package": (blake3, run_blake3_package),
        "hashlib sha256": (hasattr(hashlib, "file_digest"), run_hashlib),
        "git hash-object": (shutil.which("git"), run_git),
        "model_signing": (model_signing, run_model_signing),
    }
    sides: dict[str, Side] = {"read pass": make_read_pass(build_read_pass(folder))}
    for name, (installed, side) in known.items():
        if wanted is not None and name not in wanted:
            continue
        if installed:
            sides[name] = side
        else:
            print(f"{name} is left out: it is not installed")
    return sides


def drop_caches() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def run_cold(folder: Path, threads: int, rounds: int) -> None:
    """Time whole commands after dropping the caches; the deepest read pass has 64 threads."""
    with tempfile.TemporaryDirectory() as scratch:
        program = build_read_pass(Path(scratch))
        names = list_files(folder)
        share = str(max(1, -(-names.count(b"\0") // threads)))
        xargs: list[str | Path] = ["xargs", "-0", "-n", share, "-P", str(threads)]
        code = (
            "import sys; from reprofp._core.reading import scan_tree; scan_tree(sys.argv[1].encode()).manifest_digest()"
        )
        commands: dict[str, list[str | Path]] = {
            "read pass, 64 threads": [program, "64", "once"],
            "reprofp": [sys.executable, "-c", code, str(folder)],
            "b3sum --no-mmap": [*xargs, "b3sum", "--no-mmap"],
            "b3sum": [*xargs, "b3sum"],
        }
        walls: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                if command[0] != "xargs" or shutil.which("b3sum"):
                    drop_caches()
                    walls[name].append(time_command(command, names)[0])
    for name, times in walls.items():
        if times:
            print(f"  {name:22}{statistics.median(times):8.2f} s wall, caches cold")


def measure_memory(folder: Path, threads: int) -> float:
    """Return the most memory (MiB) that hashing a tree adds to a Python that imported reprofp."""
    begin = "import re, sys; from reprofp._core import reading; "
    work = f"reading.scan_tree(sys.argv[1].encode(), threads={threads}); "
    end = "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])"
    most = [
        int(subprocess.run([sys.executable, "-c", code, folder], capture_output=True, check=True).stdout)
        for code in (begin + end, begin + work + end)
    ]
    return (most[1] - most[0]) / KIB


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
    print(f"  {'':18}{'wall ms':>10}{'cpu ms':>10}{'x cpu':>9}{'x wall':>9}{'files/cpu-s':>13}{'GB/cpu-s':>10}")
    base = times["read pass"]
    for name, results in times.items():
        wall = statistics.median(wall for wall, _ in results)
        processor = statistics.median(processor for _, processor in results)
        pairs = list(zip(results, base, strict=True))
        print(
            f"  {name:18}{wall * 1e3:10.1f}{processor * 1e3:10.1f}"
            f"{statistics.median(mine[1] / its[1] for mine, its in pairs):9.2f}"
            f"{statistics.median(mine[0] / its[0] for mine, its in pairs):9.2f}"
            f"{len(sizes) / processor:13,.0f}{sum(sizes) / processor / 1e9:10.2f}"
        )


def name_machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{len(os.sched_getaffinity(0))} x {model}, Linux {platform.release()}, Python {platform.python_version()}"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workload", action="append", choices=list(WORKLOADS), help="only this one; may be repeated")
    parser.add_argument("--side", action="append", help="only this one beside the read pass; may be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data, three rounds")
    parser.add_argument("--cold", action="store_true", help="drop the caches before each run (as root)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the data (default 1.0, about 8 GB)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (default 5)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="threads of each side")
    parser.add_argument("--keep", type=Path, help="make the data in this folder and leave it there")
    options = parser.parse_args()
    if options.quick:
        options.scale, options.rounds = options.scale / 10, min(options.rounds, 3)
    return options


def main() -> None:
    options = parse_options()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        sides = make_sides(Path(scratch), options.side)
        data = make_data(folder, options.workload or list(WORKLOADS), options.scale)
        print(f"{name_machine()}; {options.threads} threads, load {os.getloadavg()[0]:.1f}")
        for workload, path in data.items():
            if options.cold:
                print(f"\n{workload}")
                run_cold(path, options.threads, options.rounds)
                continue
            print_table(workload, path, run_workload(sides, path, options.threads, options.rounds))
            print(f"  reprofp adds {measure_memory(path, options.threads):.1f} MiB of resident memory")


if __name__ == "__main__":
    main()
