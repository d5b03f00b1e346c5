"""JAX: a small perceptron under jit."""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

first, second = jax.random.split(jax.random.key(args.seed))
x = jax.random.normal(first, (128, 32))
y = jnp.sin(x.sum(axis=1))
w = jax.random.normal(second, (32, 16)) * 0.1, jnp.ones((16,)) * 0.1


@jax.jit
def step(w):
    """Take one step downhill."""
    gradient = jax.grad(lambda w: jnp.mean((jnp.tanh(x @ w[0]) @ w[1] - y) ** 2))(w)
    return tuple(a - args.lr * b for a, b in zip(w, gradient))


for _step in range(5):
    w = step(w)
with open("out/result", "wb") as file:
    for part in w:
        file.write(np.asarray(part).tobytes())
