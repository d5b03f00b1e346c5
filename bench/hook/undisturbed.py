"""Does a job compute the same bits under ``reprofp run``? ``python bench/hook/undisturbed.py --python ENV/bin/python``.

The jobs of bench/numerics/workloads.py (linear algebra, MLP, CNN, transformer, scikit-learn's estimators, JAX), as far as ENV has
their packages, each alone and under ``reprofp run``, in turns; ``--threads`` gives the counts of threads they run with. Prints
a line for each job and exits 1 where any bit differs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("reprofp")
WORKLOADS = Path(__file__).parents[1] / "numerics" / "workloads.py"
GROUPS = {"numpy": "numpy", "sklearn": "sklearn", "torch": "torch", "jax": "jax"}
"""The groups of jobs, and the package without which they cannot run."""
MEASURING = "def measure(options): return None\n"


def has(python: str, package: str) -> bool:
    return subprocess.run([python, "-c", f"import {package}"], check=False, capture_output=True).returncode == 0


def run(command: list[str], folder: str, threads: int) -> dict[str, str]:
    """Return the digests of a group's results by job."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environ = {**os.environ, "REPROFP_HOME": f"{folder}/ledger", **dict.fromkeys(names, str(threads))}
    done = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True)
    results: dict[str, str] = json.loads(done.stdout.splitlines()[-1])["results"]
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--times", type=int, default=2)
    arguments = parser.parse_args()
    differing = 0
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "measuring.py").write_text(MEASURING)
        for group in [name for name, package in GROUPS.items() if has(arguments.python, package)]:
            job = [arguments.python, str(WORKLOADS), group, "measuring.py", "{}", ""]
            watched = [str(SCRIPT), "run", "--", *job]
            for threads in arguments.threads:
                sides = [run(side, folder, threads) for _ in range(arguments.times) for side in (job, watched)]
                for name in sides[0]:
                    alike = len({side[name] for side in sides}) == 1
                    differing += not alike
                    print(f"{name:20} {threads} threads  {'the same bits' if alike else 'OTHER BITS'}", flush=True)
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
