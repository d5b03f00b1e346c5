"""What does the hook cost a Python? ``python bench/hook/starting.py [--times 21] [--python PATH]... [--code CODE]``.

Medians of whole processes with and without the hook in their environment, in turns, so that another load on
the machine meets both; first in a Python that imports nothing. ``start`` is the part before the program:
what is left when the process leaves by os._exit, before it would report.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from reprofp.hooks.reports import open_reports

PARTS = {"start": "import os; os._exit(0)", "start and report": "pass"}


def measure(python: str, code: str, *, hooked: bool) -> float:
    """Return the wall time of one process in milliseconds."""
    environ = {**os.environ}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with open_reports() as folder:
        if hooked:
            environ = folder.add_to(environ)
        start = time.perf_counter()
        subprocess.run([python, "-c", code], check=True, env=environ)
        return (time.perf_counter() - start) * 1000


def compare(python: str, code: str, times: int) -> tuple[float, float]:
    """Return the medians without and with the hook."""
    found: dict[bool, list[float]] = {False: [], True: []}
    for hooked in (False, True):
        measure(python, code, hooked=hooked)
    for turn in range(times):
        for hooked in (False, True) if turn % 2 else (True, False):
            found[hooked].append(measure(python, code, hooked=hooked))
    return statistics.median(found[False]), statistics.median(found[True])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=21)
    parser.add_argument("--python", action="append", help="an interpreter; repeatable; by default this one")
    parser.add_argument("--code", help="a program to run instead of an empty one")
    options = parser.parse_args()
    parts = {"program": options.code} if options.code else PARTS
    print(f"medians of {options.times}, load {os.getloadavg()[0]:.1f}")
    print(f"{'interpreter':40} {'part':18} {'bare ms':>8} {'hook ms':>8} {'cost ms':>8} {'ratio':>6}")
    for python in options.python or [sys.executable]:
        for part, code in parts.items():
            bare, hooked = compare(python, code, options.times)
            print(f"{python[-40:]:40} {part:18} {bare:8.1f} {hooked:8.1f} {hooked - bare:8.1f} {hooked / bare:6.2f}")


if __name__ == "__main__":
    main()
