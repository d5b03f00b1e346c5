"""The probes that there are, in the order in which they run: one explicit tuple, no side effects of imports."""

from __future__ import annotations

from reprofp.probes.base import Probe
from reprofp.probes.code import CodeProbe
from reprofp.probes.config import ConfigProbe
from reprofp.probes.container import ContainerProbe
from reprofp.probes.cpu import CpuProbe
from reprofp.probes.cuda import CudaProbe
from reprofp.probes.datasets import DatasetsProbe
from reprofp.probes.determinism import DeterminismProbe
from reprofp.probes.distributed import DistributedProbe
from reprofp.probes.env import EnvProbe
from reprofp.probes.floating_point import FloatingPointProbe
from reprofp.probes.framework_loaded import LOADED_FRAMEWORKS, LoadedFrameworkProbe
from reprofp.probes.framework_numpy import NumpyProbe
from reprofp.probes.gpu import GpuProbe
from reprofp.probes.locks import LocksProbe
from reprofp.probes.memory import MemoryProbe
from reprofp.probes.os import OsProbe
from reprofp.probes.packages import PackagesProbe
from reprofp.probes.python import PythonProbe
from reprofp.probes.rng import RngProbe
from reprofp.probes.threads import ThreadsProbe
from reprofp.probes.usage import UsageProbe
from reprofp.probes.weights import WeightsProbe

__all__ = ["PROBES"]

PROBES: tuple[Probe, ...] = (
    UsageProbe(),
    FloatingPointProbe(),
    ThreadsProbe(),
    RngProbe(),
    NumpyProbe(),
    *map(LoadedFrameworkProbe, LOADED_FRAMEWORKS),
    DeterminismProbe(),
    DistributedProbe(),
    EnvProbe(),
    OsProbe(),
    CpuProbe(),
    MemoryProbe(),
    ContainerProbe(),
    GpuProbe(),
    CudaProbe(),
    PythonProbe(),
    LocksProbe(),
    PackagesProbe(),
    ConfigProbe(),
    CodeProbe(),
    DatasetsProbe(),
    WeightsProbe(),
)
"""What only reads the process comes first, what hashes last."""
