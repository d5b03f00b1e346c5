"""What a comparison says: reasons, the experiment's part, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from reprofp.model.observations import Observation
from reprofp.model.paths import FactPath
from reprofp.model.schema import Side
from reprofp.verdict.levels import BITWISE, Interval, Level
from reprofp.verdict.metrics import MetricComparison

__all__ = ["Activity", "ExperimentVerdict", "Kind", "Lowers", "Reason", "Verdict"]

Kind: TypeAlias = Literal["differs", "gate", "unknown", "drift", "keyed", "evidence"]
Activity: TypeAlias = Literal["active", "inactive", "unknown"]
Lowers: TypeAlias = Literal["both", "promised", "nothing"]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that stands between two records and the same bits, or that is not known."""

    path: FactPath
    a: Observation
    b: Observation
    kind: Kind
    side: Side
    rule: str
    """The rule's id; ``catch-all`` where no rule covers the fact."""
    active: Activity
    level: Level | None
    """The level that is left; None for a difference that makes another experiment."""
    lowers: Lowers
    why: str
    remedy: str = ""
    evidence: str = ""
    source: str = ""
    mark: str = ""
    """``measured equal`` or ``repeated equal, 5 of 5``: evidence that spares ``possible``."""

    @property
    def cap(self) -> Level:
        """The level that is left, where no level means another experiment."""
        return Level.INCOMPARABLE if self.level is None else self.level

    def apply(self, interval: Interval) -> Interval:
        """Lower ``interval`` as this reason does."""
        if self.lowers == "both":
            return interval.lower(self.cap)
        return interval.lower_promised(self.cap) if self.lowers == "promised" else interval


@dataclass(frozen=True, slots=True)
class ExperimentVerdict:
    """What the two experiments have in common, and what not."""

    differs: tuple[Reason, ...] = ()
    unknown: tuple[Reason, ...] = ()
    varied: tuple[Reason, ...] = ()
    """Differences that were named as varied on purpose; they lower nothing."""

    @property
    def level(self) -> Level | None:
        """The level that the experiment's differences leave; None where they make another experiment."""
        if any(reason.level is None for reason in self.differs):
            return None
        return min((reason.cap for reason in self.differs), default=Level.BITWISE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether two records may be compared, how far, and why not further."""

    same_record: bool = False
    conditions: Interval = BITWISE
    experiment: ExperimentVerdict = field(default_factory=ExperimentVerdict)
    overall: Interval = BITWISE
    reasons: tuple[Reason, ...] = ()
    """What lowers the conditions or the sum, strongest first; Unknown facts are in ``missing``."""
    missing: tuple[Reason, ...] = ()
    """The Unknown facts that would decide more, the most helpful first."""
    equal: int = 0
    """How many facts were observed on both sides and are equal."""
    irrelevant: int = 0
    """How many facts differ or are Unknown without being able to reach these results."""
    not_relevant: tuple[Reason, ...] = ()
    """Those ``irrelevant`` facts, and what was to be ignored; they lower nothing."""
    unknown: int = 0
    """How many facts are Unknown and may matter."""
    endings: str = ""
    """How two runs ended, where they ended differently or both failed."""
    rules_version: str = ""
    notes: tuple[str, ...] = ()
    accepted: Interval = BITWISE
    """``overall`` where measured and repeated evidence is accepted in place of a promise."""
    accept_measured: bool = False
    metrics: tuple[MetricComparison, ...] = ()
    before_run: bool = False
    """Whether this is a pre-run check; its intervals leave out what settles later."""
    settles_later: tuple[Reason, ...] = ()
    """In a pre-run check: what can only be known once the run has begun or ended."""

    def lowering(self) -> Sequence[Reason]:
        """Return every reason, Unknown facts included, that lowers an end of ``overall``."""
        parts = (*self.reasons, *self.missing, *self.experiment.differs, *self.experiment.unknown)
        return [reason for reason in parts if reason.lowers != "nothing"]
