"""What does each probe cost beside a bare Python? ``python bench/probe/observing.py [--times 5] [--all]``.

Medians of the time that a probe takes in a new process: its first look, with what it imports on the way, and its
second one; each also as a ratio to ``python -c pass``, which is what to compare between machines. The probes are
those of the host; ``--all`` takes all that are registered. The process that is described is the one that looks.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

HOST = ("os", "cpu", "memory", "gpu", "cuda", "container", "floating_point", "threads", "distributed")

LOOK = """
import json, sys, time
from reprofp.probes.base import Context
from reprofp.probes.raw import collect
from reprofp.probes.registry import PROBES

context = Context(process=collect())
probe = next(probe for probe in PROBES if probe.name == sys.argv[1])
times = []
for _ in range(2):
    start = time.perf_counter()
    if probe.applies(context):
        probe.observe(context)
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps(times))
"""


def measure_bare() -> float:
    """Return the milliseconds of a Python that does nothing."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return (time.perf_counter() - start) * 1000


def measure(probe: str) -> list[float]:
    """Return the milliseconds of a probe's first and second look in a new process."""
    done = subprocess.run([sys.executable, "-c", LOOK, probe], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def list_probes() -> tuple[str, ...]:
    from reprofp.probes.registry import PROBES  # noqa: PLC0415  only where it is asked for

    return tuple(probe.name for probe in PROBES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--all", action="store_true", help="all probes that are registered")
    arguments = parser.parse_args()
    names = list_probes() if arguments.all else HOST
    bare: list[float] = []
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    for _ in range(arguments.times):
        bare.append(measure_bare())
        for name in names:
            found[name].append(measure(name))
    unit = statistics.median(bare)
    print(f"{'python -c pass':20} {unit:9.2f} ms")
    print(f"{'probe':20} {'first look':>12} {'ratio':>7} {'second look':>12} {'ratio':>7}")
    for name in names:
        first, second = (statistics.median(column) for column in zip(*found[name], strict=True))
        print(f"{name:20} {first:9.2f} ms {first / unit:7.3f} {second:9.2f} ms {second / unit:7.3f}")


if __name__ == "__main__":
    main()
