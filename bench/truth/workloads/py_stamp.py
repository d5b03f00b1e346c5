"""A result that holds the time at which it was made."""

import argparse
import json
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=300)
args = parser.parse_args()

total = sum(number * number for number in range(args.steps))
Path("out/result.json").write_text(json.dumps({"total": total, "made": time.time()}), encoding="utf-8")
