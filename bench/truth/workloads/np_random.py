"""Random streams, old and new, and sorting."""

import argparse

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

np.random.seed(args.seed)
old = np.random.rand(1000)
new = np.random.default_rng(args.seed)
picks = new.permutation(1000)
order = np.argsort(old, kind="stable")
values, counts = np.unique(new.integers(0, 50, 5000), return_counts=True)
np.save("out/result.npy", np.concatenate([np.sort(old), picks, order, values, counts]))
