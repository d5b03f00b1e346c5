from __future__ import annotations

from pathlib import Path

import pytest

from reprofp.probes.base import Experiment
from reprofp.probes.places import Places

EXPERIMENT = Experiment(
    data={"train": Path("data/train"), "": Path("/mnt/all")},
    weights={"base": Path("/models/base.safetensors")},
    outputs={"model": Path("out/model.npz")},
)
PLACES = Places(EXPERIMENT, Path("/home/ada/project"))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("data", "data/train", "[data train]"),
        ("data", "./data/train/", "[data train]"),
        ("data", "/home/ada/project/data/train", "[data train]"),
        ("data", "/mnt/all", "[data]"),
        ("init", "/models/base.safetensors", "[weights base]"),
        ("o", "out/model.npz", "[output model]"),
        ("data", "/home/bob/data", "data"),
        ("data", "~/data/", "data"),
        ("data", "file:///home/bob/data", "data"),
        ("data", "data/other", "data/other"),
        ("model", "facebook/opt-125m", "facebook/opt-125m"),
        ("url", "https://host/a/b", "https://host/a/b"),
        ("url", "s3://bucket/a/b", "s3://bucket/a/b"),
        ("url", "//host/a", "//host/a"),
        ("out", "runs/1/model", "model"),
        ("output_dir", "runs/1/model", "model"),
        ("log-dir".replace("-", "_"), "runs/1", "1"),
        ("layout", "a/b", "a/b"),
        ("pairs", "train=/home/bob/a,test=/home/bob/b", "train=a,test=b"),
        ("text", "look at /home/bob/a b", "look at a b"),
        ("text", "1/2 and/or w/o", "1/2 and/or w/o"),
        ("text", "", ""),
        ("text", "/", "/"),
        ("regex", "a.*/b/c", "a.*/b/c"),
    ],
)
def test_paths_in_values(name, text, expected):
    assert PLACES.shorten(name, text) == expected
