"""What a policy is, and what it says of one comparison."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from reprofp.model.observations import Observation, Value
from reprofp.model.paths import FactPath
from reprofp.verdict import Level, Reason, Verdict

__all__ = ["Pinned", "Policy", "Ruling"]


@dataclass(frozen=True)
class Policy:
    """What a file asks of comparisons."""

    file: Path
    require: Level | None = None
    accept_measured: bool = False
    ignore: tuple[FactPath, ...] = ()
    """Prefixes of facts that are left out; the verdict without that is kept beside."""
    vary: tuple[FactPath, ...] = ()
    """Prefixes of facts of the experiment that may differ."""
    pin: Mapping[FactPath, Value] = field(default_factory=dict)
    """Facts that must have a value, on both sides."""
    margin: float | None = None
    margins: Mapping[str, float] = field(default_factory=dict)
    """The tolerance of single metrics, by name."""
    baseline: str = ""
    branches: Mapping[str, str] = field(default_factory=dict)
    """The baseline of a branch, by its name or a pattern of the shell."""

    def baseline_of(self, branch: str) -> str:
        """Return the name of the baseline of a branch: by its name, by the longest pattern, else the general one."""
        if branch in self.branches:
            return self.branches[branch]
        fitting = [pattern for pattern in self.branches if branch and fnmatch.fnmatchcase(branch, pattern)]
        return self.branches[max(fitting, key=lambda pattern: (len(pattern), pattern))] if fitting else self.baseline


@dataclass(frozen=True, slots=True)
class Pinned:
    """A fact that must have a value, as both sides have it."""

    path: FactPath
    value: Value
    a: Observation
    b: Observation
    holds: bool | None
    """None where a side does not know it."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a policy did to one comparison."""

    policy: Policy
    ignored: tuple[Reason, ...]
    """What would have lowered the verdict, and was ignored."""
    varied: tuple[Reason, ...]
    """What would have made another experiment, and may vary."""
    pinned: tuple[Pinned, ...]
    without: Verdict
    """The verdict without the policy."""

    @property
    def answer(self) -> int | None:
        """What the pins answer: 0 all hold, 1 one does not, 2 one is not known; None where there are none."""
        if not self.pinned:
            return None
        held = {pin.holds for pin in self.pinned}
        return 1 if False in held else 2 if None in held else 0
