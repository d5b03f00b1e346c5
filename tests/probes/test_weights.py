from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Experiment
from reprofp.probes.weights import WeightsProbe


@pytest.fixture
def observe(make_context):
    def run(**weights):
        paths = {name: Path(path) for name, path in weights.items()}
        return WeightsProbe().observe(make_context(experiment=Experiment(weights=paths)))

    return run


@pytest.fixture
def cwd(make_context):
    return make_context().cwd


def look(report, *path):
    return Facet("weights", 1, report.facts).look_up(path)


def test_safetensors(observe, cwd):
    save_file({"a": np.zeros(3, np.float32), "b": np.ones(2, np.float32)}, cwd / "w.safetensors")
    save_file({"a": np.zeros(3, np.float32), "b": np.ones(2, np.float32)}, cwd / "v.safetensors", metadata={"x": "y"})
    report = observe(one="w.safetensors", two="v.safetensors")
    assert look(report, "one", "format") == Observed("safetensors")
    assert look(report, "one", "digest") == look(report, "two", "digest")
    assert look(report, "one", "file_digest") != look(report, "two", "file_digest")
    assert look(report, "one", "digest").value.startswith("blake3-tensors:")
    assert report.circumstances["weights.one.path"] == "~/project/w.safetensors"


def test_other_files(observe, cwd):
    (cwd / "w.pt").write_bytes(b"x")
    report = observe(base="w.pt")
    assert look(report, "base", "format") == Observed("opaque")
    assert look(report, "base", "digest") == look(report, "base", "file_digest")


def test_nothing_declared_is_nothing(observe):
    assert look(observe(), "base", "digest") == ABSENT


@pytest.mark.parametrize("content", [None, b"", b"\xff" * 64])
def test_weights_that_cannot_be_read_are_unknown(observe, cwd, content):
    if content is not None:
        (cwd / "w.safetensors").write_bytes(content)
    report = observe(base="w.safetensors")
    assert look(report, "base", "digest") == Unknown(UnknownCode.FAILED)
    assert "w.safetensors" in report.circumstances["weights.base.problem"]
