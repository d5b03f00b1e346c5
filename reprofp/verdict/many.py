"""More than two records: every pair is judged, and groups are made of what is promised of every pair in them.

What may be compared is not transitive: that A goes with B and B with C says nothing of A and C, since each pair has
its own facts that differ or are not known. So a group is a set of records of which *every* pair is promised the level, and
one record may be in several groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from reprofp.errors import UsageError
from reprofp.model.canonical import encode
from reprofp.model.observations import Absent, Observation, Observed
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run
from reprofp.verdict.levels import Level
from reprofp.verdict.metrics import DEFAULT_MARGIN, MetricComparison, compare_metrics
from reprofp.verdict.results import Reason, Verdict

__all__ = ["MOST_RECORDS", "Division", "Part", "Table", "compare_many", "divide", "find_groups"]

MOST_RECORDS = 100
"""The most records of one table: 4,950 pairs."""
_MOST_GROUPS = 200

Pair = tuple[int, int]


@dataclass(frozen=True)
class Table:
    """The verdicts on every pair of some records, by their positions, the smaller first."""

    records: tuple[Record, ...]
    verdicts: Mapping[Pair, Verdict]
    accept_measured: bool = False
    _groups: dict[Level, list[tuple[int, ...]]] = field(default_factory=dict)

    def promised(self, one: int, other: int) -> Level:
        """Return the level that is promised of a pair."""
        verdict = self.verdicts[min(one, other), max(one, other)]
        if verdict.same_record:
            return Level.BITWISE
        return (verdict.accepted if self.accept_measured else verdict.overall).promised

    def groups(self, level: Level) -> list[tuple[int, ...]]:
        """Return the groups of two or more in which every pair is promised ``level``, the largest first."""
        if level not in self._groups:
            self._groups[level] = find_groups(len(self.records), lambda one, other: self.promised(one, other) >= level)
        return self._groups[level]

    def worst(self, members: Sequence[int]) -> Level | None:
        """Return what is promised of every pair of some records; None where there is no pair."""
        return min((self.promised(*pair) for pair in combinations(members, 2)), default=None)

    def causes(self) -> list[tuple[Reason, int]]:
        """Return what most often stands between two records, with the number of pairs, the most frequent first."""
        counts: Counter[FactPath] = Counter()
        first: dict[FactPath, Reason] = {}
        for verdict in self.verdicts.values():
            differing = [reason for reason in verdict.lowering() if reason.kind in ("differs", "keyed", "gate")]
            for path, reason in {reason.path: reason for reason in reversed(differing)}.items():
                counts[path] += 1
                first.setdefault(path, reason)
        ranked = sorted(counts, key=lambda path: (-counts[path], first[path].cap, path))
        return [(first[path], counts[path]) for path in ranked]


def compare_many(records: Sequence[Record], judge: Callable[[Record, Record], Verdict]) -> dict[Pair, Verdict]:
    """Judge every pair of records.

    Raises:
        UsageError: there are fewer than two, or more than MOST_RECORDS.
    """
    if not 1 < len(records) <= MOST_RECORDS:
        raise UsageError(f"{len(records)} records cannot be compared with each other: expected 2 to {MOST_RECORDS}")
    return {(one, other): judge(records[one], records[other]) for one, other in combinations(range(len(records)), 2)}


def find_groups(count: int, goes_with: Callable[[int, int], bool]) -> list[tuple[int, ...]]:
    """Return the largest sets of two or more of which every pair goes together (maximal cliques, Bron and Kerbosch).

    No more than 200 are returned.
    """
    near = {one: {other for other in range(count) if other != one and goes_with(one, other)} for one in range(count)}
    found: list[tuple[int, ...]] = []
    for group in _grow([], set(range(count)), set(), near):
        if len(group) > 1:
            found.append(tuple(sorted(group)))
        if len(found) >= _MOST_GROUPS:
            break
    return sorted(found, key=lambda group: (-len(group), group))


def _grow(chosen: list[int], left: set[int], done: set[int], near: Mapping[int, set[int]]) -> Iterator[list[int]]:
    if not left and not done:
        yield chosen
        return
    pivot = max(left | done, key=lambda one: (len(near[one] & left), -one))
    for one in sorted(left - near[pivot]):
        yield from _grow([*chosen, one], left & near[one], done & near[one], near)
        left = left - {one}
        done = done | {one}


@dataclass(frozen=True, slots=True)
class Part:
    """The records that have one value of a fact."""

    fact: Observation
    members: tuple[int, ...]
    promised: Level | None
    """What is promised of every pair of them; None where there is only one."""


@dataclass(frozen=True, slots=True)
class Division:
    """Records divided by the value of one fact; one that does not know it is alone, since unknown is never equal."""

    path: FactPath
    parts: tuple[Part, ...]
    metrics: tuple[tuple[Pair, tuple[MetricComparison, ...]], ...]
    """By the positions of two parts: their metrics compared."""


def divide(
    table: Table, path: FactPath, *, margin: float = DEFAULT_MARGIN, margins: Mapping[str, float] | None = None
) -> Division:
    """Divide the records of a table by the value of a fact."""
    by_value: dict[tuple[object, ...], list[int]] = {}
    facts = [record.look_up(path) for record in table.records]
    for index, fact in enumerate(facts):
        by_value.setdefault(_key_of(fact, index), []).append(index)
    parts = tuple(Part(facts[members[0]], tuple(members), table.worst(members)) for members in by_value.values())
    metrics = []
    for one, other in combinations(range(len(parts)), 2):
        runs = [[table.records[index] for index in parts[part].members] for part in (one, other)]
        first, second = ([run for run in group if isinstance(run, Run)] for group in runs)
        compared = compare_metrics(first, second, margin=margin, margins=margins)
        if compared:
            metrics.append(((one, other), compared))
    return Division(path, parts, tuple(metrics))


def _key_of(fact: Observation, index: int) -> tuple[object, ...]:
    if isinstance(fact, Observed):
        return ("observed", encode(fact.value))
    return ("absent",) if isinstance(fact, Absent) else ("unknown", index)
