"""Words of a set, sorted before they are used: the hash seed has no part in it."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--limit", type=int, default=40)
args = parser.parse_args()

words = set(Path("data/words.txt").read_text(encoding="utf-8").split())
Path("out/result").write_text("\n".join(sorted(words)[: args.limit]), encoding="utf-8")
