"""What is run: jobs, variations of their circumstances, and which of them together.

In: ``jobs.toml`` and ``variations.toml`` beside this file. Out: cases, each a job with the variations that are applied to it
and the number of the repeat; the same seed gives the same cases.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

HERE = Path(__file__).parent
REPEATS = 2
PAIRS = 60


@dataclass(frozen=True)
class Job:
    """One program, and what may be varied about it."""

    name: str
    set: tuple[str, str, str]
    """A hyper-parameter, the value that it is given, and another one."""
    tags: frozenset[str] = frozenset()
    data: bool = False
    """Whether it reads ``data/``."""
    declares: bool = False
    """Whether ``--data`` says so; else the audit has to find out."""
    needs: str = ""

    @property
    def source(self) -> Path:
        """The program's file."""
        return HERE / "workloads" / f"{self.name}.py"

    @property
    def words(self) -> frozenset[str]:
        """What variations may ask for: the tags, and whether there is data."""
        return self.tags | ({"data"} if self.data else set())


@dataclass(frozen=True)
class Variation:
    """One change of the circumstances of a run."""

    name: str
    names: tuple[str, ...]
    """Facts, or prefixes of them, of which one must be named where the bits change by it."""
    group: str = ""
    tags: frozenset[str] = frozenset()
    env: dict[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    prefix: tuple[str, ...] = ()
    change: str = ""
    args: Any = ()
    python: str = ""
    experiment: bool = False
    """Whether it makes another experiment, whatever the bits are."""

    def suits(self, job: Job) -> bool:
        """Whether it makes sense for a job."""
        return not self.tags or bool(self.tags & job.words)


@dataclass(frozen=True)
class Case:
    """One run to make: a job under variations; ``repeat`` tells equal ones apart."""

    job: Job
    variations: tuple[Variation, ...] = ()
    repeat: int = 0

    @property
    def key(self) -> str:
        """A name for files and tags."""
        return "--".join([self.job.name, *(item.name for item in self.variations), f"r{self.repeat}"])


def read_jobs() -> list[Job]:
    """Read the table of jobs."""
    return [Job(**_freeze(item)) for item in tomllib.loads((HERE / "jobs.toml").read_text())["job"]]


def read_variations() -> list[Variation]:
    """Read the table of variations."""
    return [Variation(**_freeze(item)) for item in tomllib.loads((HERE / "variations.toml").read_text())["variation"]]


def _freeze(item: dict[str, Any]) -> dict[str, Any]:
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}
    return {**frozen, "tags": frozenset(item.get("tags", ()))}


def list_cases(*, quick: bool = False, seed: int = 1) -> list[Case]:
    """List all cases: bases with their repeats first, then single variations, then pairs of variations.

    Args:
        quick: Take one in five of the single variations and of the pairs.
        seed: What the choices come from.
    """
    jobs, variations, chance = read_jobs(), read_variations(), random.Random(seed)
    singles = [Case(job, (variation,)) for job in jobs for variation in variations if variation.suits(job)]
    doubles = list(_draw_doubles(jobs, variations, chance))
    if quick:
        singles, doubles = (sorted(chance.sample(group, len(group) // 5), key=_key) for group in (singles, doubles))
    return [Case(job, (), number) for job in jobs for number in range(REPEATS + 1)] + singles + doubles


def _key(case: Case) -> str:
    return case.key


def _draw_doubles(jobs: Sequence[Job], variations: Sequence[Variation], chance: random.Random) -> Iterator[Case]:
    seen: set[str] = set()
    while len(seen) < PAIRS:
        job = chance.choice(jobs)
        one, other = sorted(chance.sample([item for item in variations if item.suits(job)], 2), key=lambda v: v.name)
        case = Case(job, (one, other))
        if (one.group and one.group == other.group) or (one.change and other.change) or case.key in seen:
            continue
        seen.add(case.key)
        yield case
