"""Scikit-learn: scaling, a logistic regression, cross-validated."""

import argparse
import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

rng = np.random.default_rng(args.seed)
x = rng.standard_normal((800, 40))
y = (x[:, 0] + x[:, 1] ** 2 + rng.standard_normal(800) > 1).astype(int)
model = make_pipeline(StandardScaler(), LogisticRegression(C=args.lr, max_iter=200))
proba = cross_val_predict(model, x, y, cv=4, method="predict_proba")
with open("out/result.json", "w", encoding="utf-8") as file:
    json.dump(proba.tolist(), file)
