"""What does the hook cost a Python? ``python bench/hook/starting.py [--times 21] [--python PATH]... [--code CODE]``.

Medians of whole processes with and without the hook in their environment, in turns, so that another load on
the machine meets both; first in a Python that imports nothing. ``start`` is the part before the program:
what is left when the process leaves by posix._exit, which is not heard. ``cpu`` is user and system time, which another
load changes less than it changes wall time.
"""

import argparse
import os
import subprocess
import sys
import time
from statistics import median

from reprofp.hooks.reports import open_reports

PARTS = {"start": "import posix; posix._exit(0)", "start and report": "pass"}


def measure(python: str, code: str, *, hooked: bool) -> tuple[float, float]:
    """Return the wall time and the CPU time of one process in milliseconds."""
    environ = {**os.environ}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with open_reports() as folder:
        if hooked:
            environ = folder.add_to(environ)
        start = time.perf_counter()
        process = subprocess.Popen([python, "-c", code], env=environ)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{python} failed: {process.returncode}")
    return wall * 1000, (used.ru_utime + used.ru_stime) * 1000


def compare(python: str, code: str, times: int) -> dict[bool, tuple[float, float]]:
    """Return the medians of wall and CPU time without and with the hook."""
    found: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for hooked in (False, True):
        measure(python, code, hooked=hooked)
    for turn in range(times):
        for hooked in (False, True) if turn % 2 else (True, False):
            found[hooked].append(measure(python, code, hooked=hooked))
    return {
        hooked: (median(wall for wall, _ in runs), median(cpu for _, cpu in runs)) for hooked, runs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=21)
    parser.add_argument("--python", action="append", help="an interpreter; repeatable; by default this one")
    parser.add_argument("--code", help="a program to run instead of an empty one")
    options = parser.parse_args()
    parts = {"program": options.code} if options.code else PARTS
    print(f"medians of {options.times}, load {os.getloadavg()[0]:.1f}")
    print(f"{'interpreter':40} {'part':18} {'':4} {'bare ms':>8} {'hook ms':>8} {'cost ms':>8} {'ratio':>6}")
    for python in options.python or [sys.executable]:
        for part, code in parts.items():
            found = compare(python, code, options.times)
            for name, bare, hooked in zip(("wall", "cpu"), found[False], found[True], strict=True):
                row = f"{bare:8.1f} {hooked:8.1f} {hooked - bare:8.1f} {hooked / bare:6.2f}"
                print(f"{python[-40:]:40} {part:18} {name:4} {row}")


if __name__ == "__main__":
    main()
