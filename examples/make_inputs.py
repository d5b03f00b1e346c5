"""Make a small dataset tree and a real safetensors file: ``python make_inputs.py FOLDER``.

The numbers come from a counter and integer arithmetic alone, so they are the same on every machine.
"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def scramble(count: int, start: int) -> np.ndarray:
    """Return ``count`` floats in [-1, 1) from a counter (the finaliser of splitmix64)."""
    state = (np.arange(count, dtype=np.uint64) + np.uint64(start)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    return ((state >> np.uint64(40)).astype(np.float32) / np.float32(2**23)) - np.float32(1)


def to_integers(numbers: np.ndarray) -> np.ndarray:
    return (numbers * np.float32(2**23)).astype(np.int64)


def write_dataset(folder: Path, shards: int = 8, rows: int = 256, width: int = 784) -> None:
    teacher = to_integers(scramble(width * 10, 7)).reshape(width, 10)
    for index in range(shards):
        images = scramble(rows * width, 1_000_000 * (index + 1)).reshape(rows, width)
        shard = folder / f"shard-{index:02}"
        shard.mkdir(parents=True, exist_ok=True)
        np.save(shard / "images.npy", images)
        np.save(shard / "labels.npy", np.argmax(to_integers(images) @ teacher, axis=1).astype(np.int64))
    (folder / "README.txt").write_text("Synthetic digits: 784 numbers an image, 10 labels.\n")


def write_weights(path: Path, width: int = 784, hidden: int = 128, classes: int = 10) -> None:
    tensors = {
        "hidden.weight": scramble(width * hidden, 11).reshape(width, hidden) * np.float32(0.05),
        "hidden.bias": np.zeros(hidden, np.float32),
        "output.weight": scramble(hidden * classes, 13).reshape(hidden, classes) * np.float32(0.1),
        "output.bias": np.zeros(classes, np.float32),
    }
    save_file(tensors, path, metadata={"format": "np"})


def main() -> None:
    folder = Path(sys.argv[1])
    write_dataset(folder / "data")
    write_weights(folder / "init.safetensors")


if __name__ == "__main__":
    main()
