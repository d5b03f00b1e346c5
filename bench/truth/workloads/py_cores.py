"""A sum that is cut into as many parts as there are processors to use."""

import argparse
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--terms", type=int, default=20_000)
args = parser.parse_args()

parts = len(os.sched_getaffinity(0))
sums = [0.0] * parts
for number in range(args.terms):
    sums[number % parts] += 1 / (number + 1)
Path("out/result").write_text(repr(sum(sums)), encoding="utf-8")
