"""Counting of words with dictionaries, whose order is that of insertion."""

import argparse
import json
import math
from collections import Counter, defaultdict
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--base", type=float, default=2.0)
args = parser.parse_args()

counts = Counter(Path("data/words.txt").read_text(encoding="utf-8").split())
by_length = defaultdict(list)
for word, count in counts.items():
    by_length[len(word)].append(count)
entropy = -sum(n / counts.total() * math.log(n / counts.total(), args.base) for n in counts.values())
result = {"common": counts.most_common(10), "lengths": by_length, "entropy": entropy}
Path("out/result.json").write_text(json.dumps(result), encoding="utf-8")
