"""PyTorch: a small convolutional network in deterministic mode."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.use_deterministic_algorithms(True)
torch.manual_seed(args.seed)
x, y = torch.randn(64, 3, 16, 16), torch.randint(0, 4, (64,))
model = nn.Sequential(
    nn.Conv2d(3, 16, 3, padding=1),
    nn.BatchNorm2d(16),
    nn.ReLU(),
    nn.MaxPool2d(2),
    nn.Conv2d(16, 32, 3, padding=1),
    nn.GELU(),
    nn.AdaptiveAvgPool2d(1),
    nn.Flatten(),
    nn.Linear(32, 4),
)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
for _step in range(4):
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(x), y).backward()
    optimizer.step()
with open("out/result", "wb") as file:
    for tensor in model.state_dict().values():
        file.write(tensor.numpy().tobytes())
