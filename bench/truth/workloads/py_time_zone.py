"""Days of time stamps in local time."""

import argparse
import datetime
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--step", type=int, default=40_000)
args = parser.parse_args()

stamps = range(1_600_000_000, 1_602_000_000, args.step)
days = [datetime.datetime.fromtimestamp(stamp).strftime("%Y-%m-%d %H") for stamp in stamps]
Path("out/result.json").write_text(json.dumps(days), encoding="utf-8")
