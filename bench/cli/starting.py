"""What do commands cost beside a bare Python? ``python bench/cli/starting.py [--times 10]``.

Medians of wall time and of processor time of whole commands, as the console script that is installed beside this
interpreter runs them, each next to ``python3 -c pass``; the ratio is what to compare between machines. Rounds are
interleaved, so that another load on the machine meets all of them.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = Path(sys.executable).with_name("reprofp")
COMMANDS = {
    "python3 -c pass": [sys.executable, "-c", "pass"],
    "import reprofp": [sys.executable, "-c", "import reprofp"],
    "reprofp --version": [SCRIPT, "--version"],
    "reprofp --help": [SCRIPT, "--help"],
    "reprofp snapshot --no-record": [SCRIPT, "snapshot", "--no-record"],
    "reprofp snapshot": [SCRIPT, "snapshot"],
    "reprofp compare a.rfp b.rfp": [SCRIPT, "compare", "./a.rfp", "./b.rfp"],
    "reprofp compare @-2 @-1": [SCRIPT, "compare", "@-2", "@-1"],
    "reprofp log": [SCRIPT, "log"],
}


def measure(words: list[str | Path], folder: str, environ: dict[str, str]) -> tuple[float, float]:
    """Return the wall and the processor time of one command in milliseconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(words, check=True, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10)
    times = parser.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "REPROFP_HOME": f"{folder}/ledger"}
        for name in ("a", "b"):
            subprocess.run(
                [SCRIPT, "snapshot", "--output", f"{name}.rfp"],
                check=True,
                cwd=folder,
                env=environ,
                capture_output=True,
            )
        for words in COMMANDS.values():
            measure(words, folder, environ)
        found = {name: [] for name in COMMANDS}
        for _ in range(times):
            for name, words in COMMANDS.items():
                found[name].append(measure(words, folder, environ))
    bare = statistics.median(wall for wall, _ in found["python3 -c pass"])
    print(f"medians of {times}, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}")
    print(f"{'command':32} {'wall ms':>8} {'cpu ms':>8} {'over bare':>10} {'ratio':>6}")
    for name, values in found.items():
        wall, cpu = (statistics.median(part) for part in zip(*values, strict=True))
        print(f"{name:32} {wall:8.1f} {cpu:8.1f} {wall - bare:10.1f} {wall / bare:6.2f}")


if __name__ == "__main__":
    main()
