"""Files of a folder, sorted by name."""

import argparse
import hashlib
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--rounds", type=int, default=1)
args = parser.parse_args()

state = hashlib.sha256()
for _round in range(args.rounds):
    for path in sorted(Path("data/many").glob("*.txt")):
        state.update(path.name.encode() + path.read_bytes())
Path("out/result").write_text(state.hexdigest(), encoding="utf-8")
