"""The order of reasons: what to read first, what need not be said twice, what would decide most."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reprofp.model.paths import FactPath, starts_with
from reprofp.verdict.levels import Level
from reprofp.verdict.patterns import fill
from reprofp.verdict.results import Reason
from reprofp.verdict.ruleset import RuleSet

if TYPE_CHECKING:
    from reprofp.verdict.judging import Judge

__all__ = ["find_missing", "fold", "rank"]

_LOWERS = {"both": 0, "promised": 1, "nothing": 2}
_KINDS = {"evidence": 0, "differs": 1, "keyed": 2, "gate": 3, "drift": 4, "unknown": 5}
"""What differs between the two explains more than what is unsafe on both alike."""
_FACETS = (
    "outputs",
    "numerics",
    "threads",
    "determinism",
    "floating_point",
    "effective",
    "gpu",
    "cpu",
    "framework",
    "packages",
    "python",
    "cuda",
    "os",
    "rng",
    "code",
    "config",
    "datasets",
    "weights",
    "usage",
    "env",
)
"""Nearest to the arithmetic first: what a person should look at when two reasons weigh the same."""
_FACET_RANK = {name: index for index, name in enumerate(_FACETS)}


def rank(reasons: Iterable[Reason]) -> list[Reason]:
    """Return the reasons, strongest first, in an order that does not depend on the one given."""
    return sorted(reasons, key=_weight)


def _weight(reason: Reason) -> tuple[object, ...]:
    return (
        _LOWERS[reason.lowers],
        reason.cap,
        _KINDS[reason.kind],
        bool(reason.mark),
        not reason.remedy,
        _FACET_RANK.get(reason.path[0], len(_FACETS)),
        reason.path,
        reason.rule,
        reason.level is None,
        str((reason.a, reason.b)),
    )


def fold(reasons: Sequence[Reason], rules: RuleSet) -> list[Reason]:
    """Leave out what another reason, which lowers no less, already explains."""
    by_path = {reason.path: reason for reason in reasons if reason.kind == "differs"}
    return [reason for reason in reasons if not _is_explained(reason, by_path, rules)]


def _is_explained(reason: Reason, by_path: dict[FactPath, Reason], rules: RuleSet) -> bool:
    for match in rules.find(reason.path):
        for follows in match.value.follows:
            path = fill(follows, match.captures)
            cause = by_path.get(path) if path is not None else None
            if cause is not None and cause is not reason and _covers(cause, reason):
                return True
    return False


def _covers(cause: Reason, reason: Reason) -> bool:
    return cause.cap <= reason.cap and _LOWERS[cause.lowers] <= _LOWERS[reason.lowers] and not cause.mark


def find_missing(unknown: Sequence[Reason], everything: Sequence[Reason], judge: Judge) -> list[Reason]:
    """Return the Unknown facts that would decide more, the most helpful first.

    A fact helps where it is itself Unknown, and wherever a factor's activity hangs on it.
    """
    blocked: dict[FactPath, list[Level]] = {}
    for reason in everything:
        if reason.active == "unknown" and reason.lowers == "promised":
            for path in judge.find_blockers(reason):
                blocked.setdefault(path, []).append(reason.cap)

    def weight(reason: Reason) -> tuple[object, ...]:
        caps = [cap for path, found in blocked.items() if starts_with(path, reason.path) for cap in found]
        # A process that did not report leaves the activity of everything open.
        first = reason.path[0] == "processes"
        return (not first, min([reason.cap, *caps]), -len(caps), reason.active != "active", _weight(reason))

    return sorted(unknown, key=weight)
