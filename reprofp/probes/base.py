"""What a probe is: it looks at one part of the world and reports facts, never raising for what it cannot see."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from reprofp.model.ids import Digest
from reprofp.model.observations import Observation, Observed, Value
from reprofp.model.paths import FactPath
from reprofp.model.records import MAX_ATTACHMENT_BYTES
from reprofp.model.schema import Phase
from reprofp.probes.warm import Warm

__all__ = ["Context", "Experiment", "Probe", "Report"]


@dataclass(frozen=True)
class Experiment:
    """What the user declared about the experiment."""

    argv: tuple[str, ...] = ()
    """The command that runs or will run; empty where there is none."""
    data: Mapping[str, Path] = field(default_factory=dict)
    weights: Mapping[str, Path] = field(default_factory=dict)
    config: tuple[Path, ...] = ()
    settings: Mapping[str, Value] = field(default_factory=dict)
    """Hyper-parameters given by the program itself (the library's ``config=``)."""
    seeds: Mapping[str, Value] = field(default_factory=dict)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    """Where results go, which is no hyper-parameter: an argument that names such a path is recorded by the name."""


@dataclass(frozen=True)
class Context:
    """The world that probes look at; tests replace any part of it.

    ``process`` holds the raw observations of the process that is described, as ``probes/raw.py``
    collects them in that process; it is None where no process is described (a static snapshot).
    """

    phase: Phase = Phase.STATIC
    root: Path = Path("/")
    """Files outside /proc and /sys (``/etc/os-release``) are read below this folder."""
    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cwd: Path = field(default_factory=Path.cwd)
    python: Path | None = None
    """The interpreter that is described, where it is not the one that runs reprofp."""
    process: Mapping[str, Any] | None = None
    experiment: Experiment = field(default_factory=Experiment)
    numerics: Mapping[str, Any] | None = None
    """What was measured of what is computed, where it is not among what the process reported."""
    stdin: Observation | None = None
    """The digest of what came by standard input, Absent where nothing came; None where nobody looked."""
    deep: bool = False
    """Whether libraries that may abort or hang are asked as well, in processes of their own."""
    clock: Callable[[], int] = time.time_ns
    load_library: Callable[[str], Any] | None = None
    """Replaces the loader of NVML and its like in tests."""
    warm: Warm | None = None
    """Answers that were found before."""
    sources: list[tuple[object, Path, dict[str, str]]] = field(default_factory=list, compare=False)
    """What ``code.find_sources`` found of a process in a folder, for the probes that ask again."""


@dataclass
class Report:
    """What one probe saw: facts by path below its facet, and what stands beside them."""

    facts: dict[FactPath, Observation] = field(default_factory=dict)
    circumstances: dict[str, Value] = field(default_factory=dict)
    """By dotted path: host names, serial numbers, full paths, times."""
    secrets: dict[str, bytes] = field(default_factory=dict)
    """By dotted path: values that are stored only as HMACs."""
    attachments: dict[str, bytes] = field(default_factory=dict)
    """By the text of a digest: what it stands for, a list of files or of tensors."""

    def observe(self, *path: str, value: Value) -> None:
        """Add an observed fact."""
        self.facts[path] = Observed(value)

    def add(self, *path: str, fact: Observation) -> None:
        """Add a fact in any of its three forms."""
        self.facts[path] = fact

    def attach(self, digest: Digest, content: bytes | None) -> None:
        """Keep what a digest stands for, where it is there and not too large."""
        if content is not None and len(content) <= MAX_ATTACHMENT_BYTES:
            self.attachments[str(digest)] = content


class Probe(Protocol):
    """Looks at one part of the world; ``name`` and ``version`` are those of its facet.

    How the runner runs it can be said by class attributes: see ``probes/runner.py``.
    """

    name: str
    version: int

    def applies(self, context: Context) -> bool:
        """Whether the facet has a meaning here (a framework that is loaded, a process that is there)."""

    def observe(self, context: Context) -> Report:
        """Report what is there. May raise OSError or ValueError: the runner turns that into Unknown."""
