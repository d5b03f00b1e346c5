"""What do tensors cost that do not lie in a row, and values that are compared?

    python bench/weights/layouts.py

CPU seconds of ours and of the usual way with numpy, alternating, the median of 5 rounds each; the ratio is what counts.
Needs numpy, blake3 and safetensors.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import blake3
import numpy as np
from safetensors.numpy import load_file, save_file

from reprofp.datasets import hash_tensor, hash_weights, measure_values

ROUNDS = 5
SHAPE = (4096, 4096)


def spend(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def compare(what: str, ours: Callable[[], object], usual: Callable[[], object]) -> None:
    pairs = [(spend(ours), spend(usual)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{what:44} {mine:7.3f} s  {theirs:7.3f} s  {theirs / mine:5.2f} times less")


def copy_and_hash(array: np.ndarray) -> bytes:
    return blake3.blake3(np.ascontiguousarray(array).view(np.uint8)).digest()


def subtract(a: Path, b: Path) -> float:
    x, y = load_file(a)["w"].astype(np.float64), load_file(b)["w"].astype(np.float64)
    return float(np.abs(x - y).max() + np.linalg.norm(x - y) / np.linalg.norm(x))


def main() -> None:
    square = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    print(f"float32 of shape {SHAPE}: ours, numpy's way, CPU seconds")
    compare("row-major array", lambda: hash_tensor(square), lambda: copy_and_hash(square))
    compare("transposed array", lambda: hash_tensor(square.T), lambda: copy_and_hash(square.T))
    compare("every second column", lambda: hash_tensor(square[:, ::2]), lambda: copy_and_hash(square[:, ::2]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npy"
        np.save(path, np.asfortranarray(square))
        compare(
            "column-major .npy file (and its own digest)",
            lambda: hash_weights(path),
            lambda: copy_and_hash(np.load(path)),
        )
        for dtype in (np.float16, np.float32):
            compare_values(square.astype(dtype), Path(folder))


def compare_values(values: np.ndarray, folder: Path) -> None:
    a, b = folder / "a.safetensors", folder / "b.safetensors"
    save_file({"w": values}, a)
    save_file({"w": values + values.dtype.type(1e-3)}, b)
    what = f"difference of values, {values.dtype}"
    compare(what, lambda: list(measure_values(a, b)), lambda: subtract(a, b))


if __name__ == "__main__":
    main()
