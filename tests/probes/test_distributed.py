"""What launchers tell their processes."""

import os

import pytest

from probes.machines import Machine
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.distributed import DistributedProbe

FAILED = Unknown(UnknownCode.FAILED)
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "8", "RANK": "3", "LOCAL_RANK": "1", "MASTER_ADDR": "node-1"}
SLURM = {"SLURM_STEP_ID": "0", "SLURM_NTASKS": "16", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}
OPENMPI = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}


def look(tmp_path, environ, **changes):
    facts = DistributedProbe().observe(Machine(tmp_path).context(environ=environ, **changes)).facts
    return [facts[name,] for name in ("launcher", "world_size", "rank", "local_rank")]


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (TORCHRUN, ["torchrun", 8, 3, 1]),
        ({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}, ["env", 2, 0, 0]),
        ({"HOROVOD_RANK": "1", "HOROVOD_SIZE": "2", "HOROVOD_LOCAL_RANK": "1"}, ["horovod", 2, 1, 1]),
        (OPENMPI, ["openmpi", 4, 2, 0]),
        (SLURM, ["slurm", 16, 0, 0]),
        ({**SLURM, "SLURM_STEP_NUM_TASKS": "2"}, ["slurm", 2, 0, 0]),
        ({"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1"}, ["hydra", 2, 1, 1]),
        ({**SLURM, **TORCHRUN}, ["torchrun", 8, 3, 1]),  # torchrun, started by srun
        ({**SLURM, **OPENMPI}, ["openmpi", 4, 2, 0]),
    ],
)
def test_launchers(tmp_path, environ, expected):
    assert look(tmp_path, environ) == list(map(Observed, expected))


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"RANK": "0"},  # alone it is anybody's variable
        {"WORLD_SIZE": "2"},
        {name: value for name, value in SLURM.items() if name != "SLURM_STEP_ID"},  # the batch script itself
    ],
)
def test_outside_of_a_launcher(tmp_path, environ):
    assert look(tmp_path, environ) == [ABSENT] * 4


@pytest.mark.parametrize(
    ("environ", "name"),
    [({"RAY_RAYLET_PID": "1", "RAY_JOB_ID": "01000000"}, "ray"), ({"__DASK_PARENT_PID": "1"}, "dask")],
)
def test_workers_that_take_tasks_have_no_rank(tmp_path, environ, name):
    assert look(tmp_path, environ) == [Observed(name), ABSENT, ABSENT, ABSENT]
    assert look(tmp_path, {**environ, "RANK": "0", "WORLD_SIZE": "2"})[:2] == [Observed("env"), Observed(2)]


def test_who_starts_workers_is_none(tmp_path):
    assert look(tmp_path, {"__DASK_PARENT_PID": str(os.getpid())}) == [ABSENT] * 4


@pytest.mark.parametrize("text", ["", "-1", "two", "1.0", "9" * 30, "0x2", "\u0662"])
def test_a_number_that_is_none(tmp_path, text):
    assert look(tmp_path, {**TORCHRUN, "WORLD_SIZE": text}) == [Observed("torchrun"), FAILED, Observed(3), Observed(1)]


def test_what_a_launcher_does_not_tell_is_absent(tmp_path):
    assert look(tmp_path, {"RANK": "0", "WORLD_SIZE": "2"})[3] == ABSENT


def test_the_described_process_counts(tmp_path):
    assert look(tmp_path, TORCHRUN, process={"environ": {}}) == [ABSENT] * 4
    assert look(tmp_path, {}, process={"environ": TORCHRUN})[0] == Observed("torchrun")


def test_no_address_is_recorded(tmp_path):
    report = DistributedProbe().observe(Machine(tmp_path).context(environ=TORCHRUN))
    assert "node-1" not in repr(report)
