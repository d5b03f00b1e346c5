"""Linear algebra in numpy: products, a solution, singular values."""

import argparse
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

rng = np.random.default_rng(args.seed)
a = rng.standard_normal((300, 300))
b = a @ a.T + np.eye(300)
x = np.linalg.solve(b, a[0])
s = np.linalg.svd(a[:120, :90], compute_uv=False)
Path("out/result").write_bytes(b.tobytes() + (x * args.lr).tobytes() + s.tobytes())
