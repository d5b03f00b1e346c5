"""What measuring costs: each backend by itself after its import, and a run with and without it.

    python bench/numerics/cost.py --python ENV/bin/python [--backends numpy torch_cpu ...] [--repeat N]

Gives for each backend the wall and processor time of measuring in a fresh process, the best of N (on a loaded
machine waiting threads take most of the time), beside the time of its import.
Prints one line for each backend, with the ratio to the import.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from reprofp.numerics import find_library
from reprofp.numerics.measuring import KERNELS_FOLDER

PROGRAM = """
import json, sys, time
options = json.loads(sys.argv[2])
sys.path.insert(0, sys.argv[1])
import measuring
name = options["backends"][0]
module = measuring.BACKENDS[name][1]
began = time.perf_counter()
if module:
    __import__(module)
    if module == "scipy":
        import scipy.fft, scipy.linalg, scipy.sparse, scipy.special
    if module == "jax":
        import jax.numpy
        jax.numpy.ones(3).block_until_ready()
imported = time.perf_counter()
cpu = time.process_time()
raw = measuring.measure(options)
print(json.dumps([imported - began, time.perf_counter() - imported, time.process_time() - cpu, len(raw["kernels"])]))
"""


def measure(python: str, backend: str) -> list[float]:
    options = json.dumps({"library": str(find_library()), "limit_s": 600, "backends": [backend]})
    words = [python, "-c", PROGRAM, KERNELS_FOLDER, options]
    return json.loads(subprocess.run(words, capture_output=True, check=True).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--backends", nargs="+", default=["libm", "numpy", "scipy", "torch_cpu", "jax"])
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; best of {arguments.repeat}")
    print("backend    kernels  import ms  measure ms  processor ms  measure / import")
    for backend in arguments.backends:
        taken = [measure(arguments.python, backend) for _ in range(arguments.repeat)]
        imported, wall, cpu = (1000 * min(item[part] for item in taken) for part in range(3))
        ratio = f"{wall / imported:.2f}" if imported > 1 else "-"
        print(f"{backend:10} {taken[0][3]:7.0f} {imported:10.1f} {wall:11.1f} {cpu:13.1f} {ratio:>17}")


if __name__ == "__main__":
    main()
