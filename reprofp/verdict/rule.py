"""One rule: a factor, the facts that show it, and what a difference in it does."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reprofp.model.observations import Observation, Observed
from reprofp.model.paths import FactPath
from reprofp.model.schema import FACETS, Side
from reprofp.verdict.activity import Condition, ValueTest
from reprofp.verdict.levels import Level
from reprofp.verdict.patterns import Pattern

__all__ = ["EFFECTIVE_FACET", "LEFT", "Rule", "side_of"]

EFFECTIVE_FACET = "effective"
"""The name under which rules find effective facts; no facet of a record has it."""

LEFT = {
    "bitwise": Level.STATISTICAL,
    "statistical": Level.FUNCTIONAL,
    "functional": Level.INCOMPARABLE,
    "experiment": Level.INCOMPARABLE,
    "none": Level.BITWISE,
}
"""By what a rule breaks: the level that is left."""

_MAJOR = re.compile(r"v?(\d+)(?:[.\-_+a-z]|$)", re.IGNORECASE)


def side_of(path: FactPath) -> Side:
    """Return the side that a fact belongs to; what no schema knows is a condition."""
    spec = FACETS.get(path[0])
    return Side.CONDITIONS if spec is None else spec.side


@dataclass(frozen=True)
class Rule:
    """One rule, as docs/reference/rules-format.md describes it."""

    id: str
    facts: tuple[Pattern, ...]
    breaks: str
    why: str
    evidence: str
    source: str
    active_when: object
    """The condition as it was written."""
    condition: Condition = field(compare=False)
    """The condition, read."""
    remedy: str = ""
    if_unknown: str = ""
    """What makes the facts known where they are not."""
    unsafe_if: ValueTest | None = None
    only_unsafe: bool = False
    """Whether only unsafe values count: differences and Unknown facts do not (evidence of corruption)."""
    versions: bool = False
    """Whether the values are versions, of which another major one leaves functional."""
    measurable: bool = False
    """Whether the numerics kernels would show this factor's effect."""
    yields_to: tuple[Pattern, ...] = ()
    """The facts that decide in this rule's place where they are known on both sides."""
    implied_by: tuple[FactPath, ...] = ()
    """Facts that, where they are known and equal, make this one equal even where it is not known."""
    follows: tuple[FactPath, ...] = ()
    """The facts that explain a difference in this one; it is then not named again."""
    file: str = ""
    """The name of the file that it comes from."""

    @property
    def side(self) -> Side:
        """The side that its facts belong to."""
        return side_of(self.facts[0].parts)

    @property
    def level(self) -> Level:
        """The level that a difference leaves, apart from major versions."""
        return LEFT[self.breaks]

    @property
    def worst(self) -> Level:
        """The lowest level that any difference leaves: what an Unknown fact is taken for."""
        return min(self.level, Level.FUNCTIONAL) if self.versions else self.level

    @property
    def has_level(self) -> bool:
        """Whether a difference leaves a level, and does not make another experiment."""
        return self.breaks != "experiment"

    def level_left(self, a: Observation, b: Observation) -> Level:
        """Return the level that a difference between ``a`` and ``b`` leaves."""
        if not self.versions or not isinstance(a, Observed) or not isinstance(b, Observed):
            return self.level
        majors = [_MAJOR.match(str(fact.value)) for fact in (a, b)]
        same_major = all(majors) and len({match.group(1) for match in majors if match}) == 1
        return self.level if same_major else self.worst
