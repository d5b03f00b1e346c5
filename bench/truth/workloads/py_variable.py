"""A job that takes its scale from an environment variable of its own."""

import argparse
import math
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--terms", type=int, default=500)
args = parser.parse_args()

scale = float(os.environ.get("SCALE_OF_JOB", "1.5"))
values = [math.sin(scale * number) + math.exp(-number / 100) for number in range(args.terms)]
Path("out/result").write_text("\n".join(map(repr, values)) + repr(math.fsum(values)), encoding="utf-8")
