"""Objects in a set, which hash by their address: no two processes share the order."""

import argparse
from pathlib import Path


class Node:
    """A thing with a number."""

    def __init__(self, number):
        self.number = number


parser = argparse.ArgumentParser()
parser.add_argument("--limit", type=int, default=200)
args = parser.parse_args()

nodes = {Node(number) for number in range(args.limit)}
Path("out/result").write_text(" ".join(str(node.number) for node in nodes), encoding="utf-8")
