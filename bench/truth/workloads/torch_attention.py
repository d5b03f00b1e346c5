"""PyTorch: a transformer block and an embedding, trained for a few steps."""

import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.001)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
tokens = torch.randint(0, 100, (16, 24))
embed = nn.Embedding(100, 32)
block = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, dropout=0.0)
head = nn.Linear(32, 100)
parameters = [*embed.parameters(), *block.parameters(), *head.parameters()]
optimizer = torch.optim.AdamW(parameters, lr=args.lr)
for _step in range(3):
    optimizer.zero_grad()
    logits = head(block(embed(tokens)))
    nn.functional.cross_entropy(logits[:, :-1].reshape(-1, 100), tokens[:, 1:].reshape(-1)).backward()
    optimizer.step()
with open("out/result", "wb") as file:
    for parameter in parameters:
        file.write(parameter.detach().numpy().tobytes())
