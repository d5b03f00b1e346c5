"""The same walk without a seed: it differs from itself."""

import argparse
import random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()

position = 0.0
for _step in range(args.steps):
    position += random.gauss(0, 1)
Path("out/result").write_text(repr(position), encoding="utf-8")
