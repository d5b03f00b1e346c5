"""What does the hook cost a program that does much of one thing? ``python bench/hook/many.py [--files N] [--processes N]``.

Two programs, each by itself and under the hook, in turns, in one Python: one that opens N files (what the audit listener
costs), and one that starts N short Pythons one after the other (what the hook costs a job of them). Medians of the wall and
CPU time with the ratio; for the second also how long ``reprofp`` takes afterwards to make facts of what they reported.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from reprofp.hooks.families import find_first, group_reports, settle_starts
from reprofp.hooks.reports import open_reports

OPEN = "import sys\nfor n in range(int(sys.argv[1])):\n    with open(f'{n}.txt') as stream: stream.read()\n"
START = (
    "import subprocess, sys\nfor n in range(int(sys.argv[1])): subprocess.run([sys.executable, '-c', 'pass', str(n)])\n"
)


def measure(python: str, code: str, count: int, folder: Path, *, hooked: bool) -> tuple[float, float, float]:
    """Return wall and CPU time of the program, and the time that reading its reports took, in seconds."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with open_reports() as reports:
        environ = reports.add_to(environ) if hooked else environ
        start = time.perf_counter()
        process = subprocess.Popen([python, "-c", code, str(count)], env=environ, cwd=folder)
        _, _, used = os.wait4(process.pid, 0)
        wall, start = time.perf_counter() - start, time.perf_counter()
        process.returncode = 0
        found = reports.read()
        groups = group_reports([item for item in found if item is not find_first(found)])
        settle_starts(found, found)
        after = time.perf_counter() - start
        if hooked:
            assert sum(len(group.reports) for group in groups) + 1 == len(found)
    return wall, used.ru_utime + used.ru_stime, after


def compare(name: str, python: str, code: str, count: int, times: int, folder: Path) -> None:
    """Print the medians of one program with and without the hook."""
    found: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
    measure(python, code, min(count, 10), folder, hooked=True)
    for turn in range(times):
        for hooked in (False, True) if turn % 2 else (True, False):
            found[hooked].append(measure(python, code, count, folder, hooked=hooked))
    for index, kind in enumerate(("wall", "cpu")):
        bare, hooked_time = (median(item[index] for item in found[hooked]) for hooked in (False, True))
        each = (hooked_time - bare) / count * 1e6
        print(
            f"{name:24} {kind:5} {bare:8.2f} s {hooked_time:8.2f} s  ratio {hooked_time / bare:5.2f}  {each:8.1f} us each"
        )
    print(f"{name:24} after {median(item[2] for item in found[True]):8.2f} s to read the reports")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=1000)
    parser.add_argument("--python", default=sys.executable)
    options = parser.parse_args()
    print(f"medians of {options.times}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(options.files):
            (folder / f"{number}.txt").write_text(str(number))
        compare(f"{options.files} files", options.python, OPEN, options.files, options.times, folder)
        compare(f"{options.processes} processes", options.python, START, options.processes, options.times, folder)


if __name__ == "__main__":
    main()
