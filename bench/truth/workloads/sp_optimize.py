"""Scipy: a minimum, an integral, a spline and a sparse product."""

import argparse
import json

import numpy as np
from scipy import integrate, interpolate, optimize, sparse

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
args = parser.parse_args()

found = optimize.minimize(optimize.rosen, np.full(8, 1.3 * args.lr), method="BFGS")
area, _error = integrate.quad(lambda t: np.exp(-t * t), 0, 3)
knots = np.linspace(0, 6, 40)
curve = interpolate.CubicSpline(knots, np.sin(knots))(np.linspace(0, 6, 300))
matrix = sparse.random(400, 400, 0.02, rng=np.random.default_rng(0), format="csr")
product = (matrix @ matrix).sum(axis=0)
with open("out/result.json", "w", encoding="utf-8") as file:
    json.dump([found.x.tolist(), area, curve.tolist(), np.asarray(product).ravel().tolist()], file)
