"""A pool of two processes that share out a sum."""

import argparse
import math
import multiprocessing
import random
from pathlib import Path


def work(number):
    """Add up some terms."""
    generator = random.Random(number)
    return sum(math.sqrt(generator.random()) for _ in range(2000))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=8)
    args = parser.parse_args()
    with multiprocessing.Pool(2) as pool:
        results = pool.map(work, range(args.tasks))
    Path("out/result").write_text("\n".join(map(repr, results)), encoding="utf-8")
