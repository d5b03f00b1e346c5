"""A walk at random with Python's own generator, seeded."""

import argparse
import random
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=7)
parser.add_argument("--steps", type=int, default=3000)
args = parser.parse_args()

began = time.perf_counter()
random.seed(args.seed)
position, path = 0.0, []
for _step in range(args.steps):
    position += random.gauss(0, 1)
    path.append(position)
random.shuffle(path)
Path("out/result").write_text("\n".join(map(repr, path)), encoding="utf-8")
print("seconds", round(time.perf_counter() - began) * 0)
