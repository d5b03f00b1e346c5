"""Words in the order in which a set gives them: the hash seed decides."""

import argparse
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--limit", type=int, default=40)
args = parser.parse_args()

words = set(Path("data/words.txt").read_text(encoding="utf-8").split())
total = 0.0
for number, word in enumerate(words):
    total = total * 0.9 + len(word) / (number + 1)
Path("out/result").write_text("\n".join([*list(words)[: args.limit], repr(total)]), encoding="utf-8")
