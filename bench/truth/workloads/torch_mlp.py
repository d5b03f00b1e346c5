"""PyTorch: a small perceptron, trained."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
x, y = torch.randn(512, 64), torch.randint(0, 5, (512,))
model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Dropout(0.1), nn.Linear(256, 5))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
loss_function = nn.CrossEntropyLoss()
for _epoch in range(3):
    for start in range(0, 512, 128):
        optimizer.zero_grad()
        loss = loss_function(model(x[start : start + 128]), y[start : start + 128])
        loss.backward()
        optimizer.step()
with open("out/result", "wb") as file:
    for parameter in model.parameters():
        file.write(parameter.detach().numpy().tobytes())
print(f"{loss.item():.6f}")
