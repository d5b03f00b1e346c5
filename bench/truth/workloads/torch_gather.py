"""PyTorch: a table of weights read by index, whose gradient is added up in the order in which threads come."""

import argparse

import torch

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
args = parser.parse_args()

torch.manual_seed(0)
weights = torch.randn(50, 64, requires_grad=True)
index = torch.randint(0, 50, (200_000,))
for _step in range(2):
    (weights[index] * torch.linspace(0.1, 3, 64)).square().sum().backward()
    with torch.no_grad():
        weights -= args.lr * 1e-6 * weights.grad
    weights.grad = None
with open("out/result", "wb") as file:
    file.write(weights.detach().numpy().tobytes())
