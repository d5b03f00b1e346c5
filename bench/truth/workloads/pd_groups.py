"""Pandas: reading, grouping, joining and writing of a table."""

import argparse

import pandas as pd

parser = argparse.ArgumentParser()
parser.add_argument("--scale", type=float, default=2.0)
args = parser.parse_args()

table = pd.read_csv("data/people.csv", parse_dates=["born"])
table["score"] = table["score"] * args.scale
groups = table.groupby("town")["score"].agg(["mean", "sum", "count"])
joined = table.merge(groups, left_on="town", right_index=True)
joined["year"] = joined["born"].dt.year
joined.sort_values(["town", "name"]).to_csv("out/result.csv", index=False)
groups.to_json("out/groups.json")
