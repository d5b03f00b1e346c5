"""The probes that there are, in the order in which they run: one explicit tuple, no side effects of imports."""

from __future__ import annotations

from reprofp.probes.base import Probe
from reprofp.probes.env import EnvProbe
from reprofp.probes.packages import PackagesProbe

__all__ = ["PROBES"]

PROBES: tuple[Probe, ...] = (
    EnvProbe(),
    PackagesProbe(),
)
"""What only reads the process comes first, what hashes last."""
