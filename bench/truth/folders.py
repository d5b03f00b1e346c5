"""The folder in which a job runs: its program, its data, and what a variation changes of them."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from plan import Case

_WORDS = "alder birch cedar elm fir hazel larch maple oak pine rowan spruce willow yew ash beech lime poplar thorn vine"
_OLD = 1_500_000_000


def make_folder(root: Path, case: Case) -> Path:
    """Make the folder of a case anew below ``root`` and return it."""
    shutil.rmtree(root, ignore_errors=True)
    changes = {item.change for item in case.variations if item.change}
    folder = root / ("elsewhere/deep/place" if "moved" in changes else "job")
    (folder / "out").mkdir(parents=True)
    (folder / "job.py").write_text(case.job.source.read_text(encoding="utf-8"), encoding="utf-8")
    if case.job.data:
        _make_data(folder / "data", backwards="data-remade" in changes)
    for name in sorted(changes):
        _CHANGES[name](folder)
    return folder


def _make_data(folder: Path, *, backwards: bool) -> None:
    """Make files whose content is always the same, in one order or the other."""
    chance = random.Random(3)
    people = ["name,town,born,score"]
    for number in range(300):
        born = f"19{number % 50 + 40}-{number % 12 + 1:02}-{number % 27 + 1:02}"
        people.append(
            f"{chance.choice(_WORDS.split())}{number},{'abcdefg'[number % 7]},{born},{chance.gauss(5, 2):.6f}"
        )
    table = [",".join(f"{chance.gauss(0, 1):.8f}" for _ in range(12)) for _ in range(200)]
    words = [f"{chance.choice(_WORDS.split())}{chance.randrange(60)}" for _ in range(400)]
    files = {"a.csv": table, "people.csv": people, "words.txt": [*words, "Élan", "école", "zèbre"]}
    files.update({f"many/{name}.txt": [name, str(chance.random())] for name in _WORDS.split()})
    for name in sorted(files, reverse=backwards):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(files[name]) + "\n", encoding="utf-8")
        os.utime(path, (_OLD, _OLD))


def _change_byte(folder: Path) -> None:
    for path in (folder / "data").rglob("*.*"):
        content = bytearray(path.read_bytes())
        after = 300 if len(content) > 400 else len(content) - 4
        place = next((i for i in range(after, len(content)) if chr(content[i]) in "3456789"), len(content) - 2)
        content[place] = ord("2")
        path.write_bytes(content)


def _add_file(folder: Path) -> None:
    (folder / "data/many/aaa.txt").write_text("aaa\n")
    with open(folder / "data/words.txt", "a", encoding="utf-8") as file:
        file.write("walnut\n")


def _touch(folder: Path) -> None:
    for path in (folder / "data").rglob("*.*"):
        os.utime(path)


def _edit(old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "job.py"
        source = path.read_text(encoding="utf-8")
        if old not in source:
            raise ValueError(f"{path} has no {old!r}")
        path.write_text(source.replace(old, new, 1), encoding="utf-8")

    return change


def _nothing(_folder: Path) -> None:
    """What was to be done was done already."""


_AFTER = "import torch\n"
_CHANGES: dict[str, Callable[[Path], None]] = {
    "moved": _nothing,
    "data-remade": _nothing,
    "data-byte": _change_byte,
    "data-added": _add_file,
    "data-touched": _touch,
    "comment": _edit("import argparse\n", "# A note that changes nothing.\nimport argparse  # as ever\n"),
    "statement": _edit("import argparse\n", "import argparse\n\nVERSION = 2\n"),
    "deterministic": _edit(_AFTER, _AFTER + "torch.use_deterministic_algorithms(True, warn_only=False)\n"),
    "deterministic-warn": _edit(_AFTER, _AFTER + "torch.use_deterministic_algorithms(True, warn_only=True)\n"),
    "medium": _edit(_AFTER, _AFTER + "torch.set_float32_matmul_precision('medium')\n"),
    "onednn-off": _edit(_AFTER, _AFTER + "torch.backends.mkldnn.enabled = False\n"),
    "torch-threads": _edit(_AFTER, _AFTER + "torch.set_num_threads(1)\n"),
    "float64": _edit(_AFTER, _AFTER + "torch.set_default_dtype(torch.float64)\n"),
    "flush": _edit(_AFTER, _AFTER + "torch.set_flush_denormal(True)\n"),
}
