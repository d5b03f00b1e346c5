"""PyTorch: a data loader with two workers that feeds a linear model."""

import argparse

import torch
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    """Rows made from their number."""

    def __len__(self):
        return 64

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return torch.randn(8, generator=generator), torch.tensor(float(index % 3))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
    for rows, wanted in DataLoader(Rows(), batch_size=16, shuffle=True, num_workers=2):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(rows).squeeze(1), wanted).backward()
        optimizer.step()
    with open("out/result", "wb") as file:
        for parameter in model.parameters():
            file.write(parameter.detach().numpy().tobytes())
