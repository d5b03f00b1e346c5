from __future__ import annotations

import os
from pathlib import Path

import pytest

from privileges import permissions_count
from reprofp.errors import InputError
from reprofp.probes.base import Experiment
from reprofp.probes.declared import validate_experiment


def test_what_is_there_may_be_declared(tmp_path):
    (tmp_path / "c.yaml").write_text("a: 1")
    experiment = Experiment(data={"d": tmp_path}, weights={"w": Path("c.yaml")}, config=(Path("c.yaml"),))
    validate_experiment(experiment, tmp_path)


@pytest.mark.parametrize(
    ("experiment", "text"),
    [
        (Experiment(data={"d": Path("gone")}), r"--data d: cannot use 'gone': there is nothing .*check its spelling"),
        (Experiment(data={"": Path("gone")}), r"--data: cannot use 'gone'"),
        (Experiment(weights={"w": Path("gone")}), r"--weights w: .*nothing"),
        (Experiment(config=(Path("gone"),)), r"--config: .*nothing"),
        (Experiment(config=(Path("folder"),)), r"--config: .*it is a folder; name the file"),
        (Experiment(data={"d": Path("pipe")}), r"neither a file nor a folder"),
        (Experiment(data={"d": Path("loop")}), r"'loop': .*check its spelling"),
        (Experiment(data={"d": Path("x" * 300)}), r"check its spelling"),
        (Experiment(data={"d": Path("a\0b")}), r"check its spelling"),
    ],
)
def test_what_is_not_there_is_an_error_that_helps(tmp_path, experiment, text):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=text):
        validate_experiment(experiment, tmp_path)


def test_what_may_not_be_read_is_an_error(tmp_path):
    (tmp_path / "d").mkdir(mode=0)
    with permissions_count(), pytest.raises(InputError, match="may not be read"):
        validate_experiment(Experiment(data={"d": Path("d")}), tmp_path)
