"""Sums, means and products element by element in numpy, of numbers from a file; no linear algebra, no functions."""

import argparse
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()

x = np.loadtxt("data/a.csv", delimiter=",")
y = x.astype(np.float32)
rows = (x * args.lr + 1.0).sum(axis=0)
np.save("out/result.npy", np.concatenate([rows, y.mean(axis=1).astype(np.float64), [x.std(), y.cumsum()[-1]]]))
print(Path("out/result.npy").stat().st_size)
