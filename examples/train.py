"""Train a small network with numpy, from a dataset tree and initial weights: a stand-in for your training script.

python train.py --data data --init init.safetensors --out model.safetensors --lr 0.1
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file


def load_dataset(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    shards = sorted(path for path in folder.iterdir() if path.is_dir())
    images = np.concatenate([np.load(shard / "images.npy") for shard in shards])
    labels = np.concatenate([np.load(shard / "labels.npy") for shard in shards])
    return images, labels


def train_step(weights: dict, images: np.ndarray, labels: np.ndarray, lr: float) -> float:
    """Take one step of gradient descent on the cross entropy, and return the loss."""
    hidden = np.maximum(images @ weights["hidden.weight"] + weights["hidden.bias"], 0)
    scores = hidden @ weights["output.weight"] + weights["output.bias"]
    scores -= scores.max(axis=1, keepdims=True)
    chances = np.exp(scores)
    chances /= chances.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = float(-np.log(chances[rows, labels]).mean())
    chances[rows, labels] -= 1
    chances /= np.float32(len(labels))
    back = (chances @ weights["output.weight"].T) * (hidden > 0)
    gradients = {
        "output.weight": hidden.T @ chances,
        "output.bias": chances.sum(axis=0),
        "hidden.weight": images.T @ back,
        "hidden.bias": back.sum(axis=0),
    }
    for name, gradient in gradients.items():
        weights[name] -= np.float32(lr) * gradient
    return loss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--init", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--metrics", type=Path)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    images, labels = load_dataset(options.data)
    weights = load_file(options.init)
    order = np.random.default_rng(options.seed)
    points = []
    for step in range(1, options.steps + 1):
        batch = order.integers(0, len(labels), options.batch)
        points.append({"step": step, "loss": train_step(weights, images[batch], labels[batch], options.lr)})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, options.out)
    if options.metrics:
        options.metrics.write_text("".join(json.dumps(point) + "\n" for point in points))
    print(f"loss {points[0]['loss']:.4f} -> {points[-1]['loss']:.4f}")


if __name__ == "__main__":
    main()
