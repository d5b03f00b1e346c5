"""The facet ``distributed``: which launcher started the process, and its place among the others.

``launcher``, ``world_size``, ``rank`` and ``local_rank`` come from variables that launchers set in each process, the
innermost launcher first (torchrun is often started by Slurm):

- torchrun: TORCHELASTIC_RUN_ID with WORLD_SIZE, RANK, LOCAL_RANK (PyTorch, "torchrun (Elastic Launch)").
- env: WORLD_SIZE and RANK alone, as DeepSpeed, operators of Kubernetes and hand-made scripts set them
  (PyTorch, "Environment variable initialization").
- horovod: HOROVOD_SIZE, HOROVOD_RANK, HOROVOD_LOCAL_RANK.
- openmpi: OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_LOCAL_RANK.
- mvapich: MV2_COMM_WORLD_SIZE, MV2_COMM_WORLD_RANK, MV2_COMM_WORLD_LOCAL_RANK.
- slurm: SLURM_STEP_NUM_TASKS (else SLURM_NTASKS), SLURM_PROCID, SLURM_LOCALID, in a step of srun; the batch script
  itself is no rank (srun(1), "OUTPUT ENVIRONMENT VARIABLES").
- hydra: PMI_SIZE, PMI_RANK, MPI_LOCALRANKID (MPICH, Intel MPI).
- ray: RAY_RAYLET_PID, which the raylet sets for its workers; and dask: __DASK_PARENT_PID, of another process, which the nanny and
  ``dask worker`` set for theirs (seen with Ray 2.60 and distributed 2026.8). Their workers take tasks and have no rank; Ray
  Train's have, by RANK and WORLD_SIZE.

``nccl.<name>``: settings of NCCL that stand in files and in no variable (see nccl_files.py).

All others are Absent outside of a launcher. Addresses of hosts are not recorded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from reprofp.model.observations import ABSENT, Observation, Observed
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import FAILED, find_environ
from reprofp.probes.nccl_files import add_nccl_files

__all__ = ["DistributedProbe"]

_LARGEST = 1 << 31


class _Launcher(NamedTuple):
    """A launcher: the variable that proves it, and those that hold its numbers, the best first."""

    name: str
    mark: str
    size: tuple[str, ...]
    rank: str
    local_rank: str


_LAUNCHERS = (
    _Launcher("torchrun", "TORCHELASTIC_RUN_ID", ("WORLD_SIZE",), "RANK", "LOCAL_RANK"),
    _Launcher("horovod", "HOROVOD_RANK", ("HOROVOD_SIZE",), "HOROVOD_RANK", "HOROVOD_LOCAL_RANK"),
    _Launcher("env", "RANK", ("WORLD_SIZE",), "RANK", "LOCAL_RANK"),
    _Launcher(
        "openmpi",
        "OMPI_COMM_WORLD_RANK",
        ("OMPI_COMM_WORLD_SIZE",),
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_LOCAL_RANK",
    ),
    _Launcher(
        "mvapich",
        "MV2_COMM_WORLD_RANK",
        ("MV2_COMM_WORLD_SIZE",),
        "MV2_COMM_WORLD_RANK",
        "MV2_COMM_WORLD_LOCAL_RANK",
    ),
    _Launcher("slurm", "SLURM_STEP_ID", ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"), "SLURM_PROCID", "SLURM_LOCALID"),
    _Launcher("hydra", "PMI_RANK", ("PMI_SIZE",), "PMI_RANK", "MPI_LOCALRANKID"),
)


_TASKS = (("ray", "RAY_RAYLET_PID"), ("dask", "__DASK_PARENT_PID"))
"""Schedulers of tasks, whose workers have no rank, and the variable in which these find the process that started them."""


class DistributedProbe:
    """Looks at what a launcher told the process."""

    name = "distributed"
    version = 1

    def applies(self, context: Context) -> bool:
        """Not to be distributed is a fact too."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report the launcher and the process's place."""
        environ = find_environ(context)
        launcher = next((found for found in _LAUNCHERS if _is_complete(found, environ)), None)
        report = Report()
        add_nccl_files(report, context)
        if launcher is None:
            report.add("launcher", fact=_find_tasks(environ))
            for name in ("world_size", "rank", "local_rank"):
                report.add(name, fact=ABSENT)
            return report
        report.observe("launcher", value=launcher.name)
        report.add("world_size", fact=_observe_number(environ, launcher.size))
        report.add("rank", fact=_observe_number(environ, (launcher.rank,)))
        report.add("local_rank", fact=_observe_number(environ, (launcher.local_rank,)))
        return report


def _find_tasks(environ: Mapping[str, str]) -> Observation:
    """Return whose worker the process is; one that names itself there is the one that starts them."""
    own = str(os.getpid())
    return next((Observed(name) for name, mark in _TASKS if environ.get(mark, own) != own), ABSENT)


def _is_complete(launcher: _Launcher, environ: Mapping[str, str]) -> bool:
    return launcher.mark in environ and launcher.rank in environ and any(name in environ for name in launcher.size)


def _observe_number(environ: Mapping[str, str], names: tuple[str, ...]) -> Observation:
    text = next((environ[name] for name in names if name in environ), None)
    if text is None:
        return ABSENT
    stripped = text.strip()
    if not (stripped.isascii() and stripped.isdecimal()) or len(stripped) > len(str(_LARGEST)):
        return FAILED
    return Observed(int(stripped))
