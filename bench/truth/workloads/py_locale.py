"""Words sorted as the locale says, and a number in its way of writing."""

import argparse
import locale
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--number", type=float, default=1234567.891)
args = parser.parse_args()

locale.setlocale(locale.LC_ALL, "")
words = Path("data/words.txt").read_text(encoding="utf-8").split()
words += [word.upper() for word in words[:20]]
lines = [*sorted(words, key=locale.strxfrm), locale.format_string("%.2f", args.number, grouping=True)]
Path("out/result").write_text("\n".join(lines), encoding="utf-8")
