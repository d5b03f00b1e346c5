"""Transcendental functions of numpy over arrays of both precisions; no linear algebra."""

import argparse
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()

x = np.arange(1, 50_001, dtype=np.float64) * args.lr / 1000
parts = [f(x) for f in (np.exp, np.log, np.sin, np.tanh, np.cbrt)]
parts += [f(x.astype(np.float32)) for f in (np.exp, np.log, np.cos)]
Path("out/result").write_bytes(b"".join(part.tobytes() for part in parts))
