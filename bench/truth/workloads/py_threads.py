"""Threads that each do a part, taken in the order in which they were asked for; scratch files on the way."""

import argparse
import random
import statistics
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


def work(number):
    """Write numbers to a scratch file and read them again."""
    generator = random.Random(number)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "scratch")
        path.write_text(" ".join(str(generator.gauss(0, 1)) for _ in range(200)), encoding="utf-8")
        return statistics.fmean(map(float, path.read_text(encoding="utf-8").split()))


parser = argparse.ArgumentParser()
parser.add_argument("--tasks", type=int, default=8)
args = parser.parse_args()
with ThreadPoolExecutor(2) as pool:
    results = list(pool.map(work, range(args.tasks)))
Path("out/result").write_text("\n".join(map(repr, results)), encoding="utf-8")
