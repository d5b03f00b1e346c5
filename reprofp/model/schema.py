"""What facets there are: their side, their version, and where silence means Absent.

A facet that enumerates (installed packages, environment variables) lists what is there; a name below
an enumerated prefix that is not listed was looked for and is not there. Everywhere else a fact that a
facet does not list was not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from reprofp.model.paths import FactPath

__all__ = ["FACETS", "FacetSpec", "Phase", "Side", "find_spec"]


class Side(str, Enum):
    """Which part of a fingerprint a facet belongs to."""

    CONDITIONS = "conditions"
    EXPERIMENT = "experiment"


class Phase(str, Enum):
    """When a snapshot was taken."""

    STATIC = "static"
    """The host and the environment, no process: what is there before anything runs."""
    START = "start"
    """The process before its work."""
    END = "end"
    """The process after its work: libraries loaded, flags final, generators seeded."""


@dataclass(frozen=True, slots=True)
class FacetSpec:
    """One facet: what it tells, its newest version, and its enumerated prefixes."""

    name: str
    side: Side
    tells: str
    version: int = 1
    enumerated: tuple[FactPath, ...] = ()
    phases: frozenset[Phase] = field(default=frozenset(Phase))


_PROCESS = frozenset({Phase.START, Phase.END})
_CONDITIONS, _EXPERIMENT = Side.CONDITIONS, Side.EXPERIMENT

_SPECS = (
    FacetSpec("os", _CONDITIONS, "kernel, C library, distribution, time zone"),
    FacetSpec("cpu", _CONDITIONS, "processor model, instruction sets, caches, cores", enumerated=(("isa",),)),
    FacetSpec("memory", _CONDITIONS, "memory and huge pages"),
    FacetSpec("gpu", _CONDITIONS, "GPU devices as the driver lists them", enumerated=(("device",),)),
    FacetSpec(
        "cuda",
        _CONDITIONS,
        "GPU driver, runtime and libraries, installed and loaded",
        enumerated=(("installed",), ("loaded",), ("conflicts",)),
    ),
    FacetSpec("container", _CONDITIONS, "container and virtual machine"),
    FacetSpec(
        "python",
        _CONDITIONS,
        "the interpreter, its build, flags, hash seed, encodings and locale",
        enumerated=(("startup",), ("environ_changed",)),
    ),
    FacetSpec("packages", _CONDITIONS, "packages installed and imported", enumerated=(("installed",), ("imported",))),
    FacetSpec("locks", _CONDITIONS, "digests of lock files", enumerated=((),)),
    FacetSpec("env", _CONDITIONS, "environment variables that libraries read for results", enumerated=((),)),
    FacetSpec("floating_point", _CONDITIONS, "denormals, rounding and x87 precision in force", phases=_PROCESS),
    FacetSpec(
        "threads",
        _CONDITIONS,
        "thread counts as each runtime has them, and the affinity",
        phases=_PROCESS,
        enumerated=(("openmp",), ("openblas",), ("mkl",), ("blis",)),
    ),
    FacetSpec(
        "framework", _CONDITIONS, "one facet per framework that is loaded: framework.numpy and so on", phases=_PROCESS
    ),
    FacetSpec("determinism", _CONDITIONS, "determinism flags in force", phases=_PROCESS),
    FacetSpec("distributed", _CONDITIONS, "launcher, world size, ranks, files of NCCL", enumerated=(("nccl",),)),
    FacetSpec("numerics", _CONDITIONS, "digests of what the machine actually computes", phases=_PROCESS),
    FacetSpec(
        "usage",
        _CONDITIONS,
        "what the run really touched",
        phases=_PROCESS,
        enumerated=(
            ("modules",),
            ("libraries",),
            ("entropy",),
            ("entropy_at_import",),
            ("moved_at_import",),
            ("listing",),
            ("listed",),
            ("processes",),
            ("alike",),
            ("children",),
            ("concurrent",),
            ("calls",),
        ),
    ),
    FacetSpec(
        "code",
        _EXPERIMENT,
        "commit, dirty digest, submodules, sources really loaded",
        enumerated=(("git", "submodules"),),
    ),
    FacetSpec("config", _EXPERIMENT, "hyper-parameters, argument list, configuration files", enumerated=((),)),
    FacetSpec(
        "datasets",
        _EXPERIMENT,
        "digests of datasets, declared or seen by the audit",
        enumerated=(("declared",), ("read",), ("stdin",)),
    ),
    FacetSpec("weights", _EXPERIMENT, "digests of weight files", enumerated=((),)),
    FacetSpec("rng", _EXPERIMENT, "seeds and states of random generators", enumerated=(("seeds",),)),
)

FACETS: dict[str, FacetSpec] = {spec.name: spec for spec in _SPECS}
"""Every facet by name; ``framework`` stands for all facets named ``framework.*``."""


def find_spec(name: str) -> FacetSpec | None:
    """Return the specification of the facet ``name``, or None for a facet of a newer reprofp."""
    return FACETS.get("framework" if name.startswith("framework.") else name)
