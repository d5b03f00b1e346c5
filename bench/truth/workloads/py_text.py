"""Parsing and counting with the standard library: csv, re, decimal, fractions, statistics."""

import argparse
import csv
import decimal
import fractions
import re
import statistics
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--digits", type=int, default=20)
args = parser.parse_args()

decimal.getcontext().prec = args.digits
with open("data/people.csv", newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
scores = [float(row["score"]) for row in rows]
root = decimal.Decimal(2).sqrt()
total = sum((fractions.Fraction(row["score"]) for row in rows), fractions.Fraction())
vowels = sum(len(re.findall("[aeiou]", row["name"])) for row in rows)
lines = [statistics.pstdev(scores), statistics.median(scores), root, total, vowels, f"{statistics.fmean(scores):.17g}"]
Path("out/result").write_text("\n".join(map(str, lines)), encoding="utf-8")
