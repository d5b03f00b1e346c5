"""Drift: what changed between the start and the end of a run, and not likewise in the other run.

Like evidence of corruption it counts only where it was observed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reprofp.model.observations import Observation, Unknown
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run, Snapshot
from reprofp.model.schema import FACETS, Phase
from reprofp.verdict.comparing import list_differing, same_fact
from reprofp.verdict.judging import Judge, Pair
from reprofp.verdict.results import Reason

__all__ = ["judge_drifts"]


def judge_drifts(a: Record, b: Record, judge: Judge, named: Collection[FactPath]) -> list[Reason]:
    """Judge what changed during one run and not likewise during the other; ``named`` are paths with a reason already."""
    pair = Pair(judge.a.first, judge.b.first)
    reasons: dict[FactPath, Reason] = {}
    for run, other in ((a, b), (b, a)):
        if not isinstance(run, Run) or run.end is None:
            continue
        for path, start, end in _list_drifts(run.start, run.end):
            if path in named or path in reasons or _drifts_alike(other, path, start):
                continue
            if (reason := judge.judge_drift(path, start, end, pair)) is not None:
                reasons[path] = reason
    return list(reasons.values())


def _list_drifts(start: Snapshot, end: Snapshot) -> Iterator[tuple[FactPath, Observation, Observation]]:
    for name, first in start.facets.items():
        last, spec = end.facets.get(name), FACETS.get(name)
        if last is None or spec is None or Phase.STATIC not in spec.phases or first.raw_id == last.raw_id:
            continue
        for path in list_differing(first.facts, last.facts):
            full = first.path + path
            if _settles_at_end(full):
                continue
            before, after = first.look_up(path), last.look_up(path)
            known = not isinstance(before, Unknown) and not isinstance(after, Unknown)
            if known and not same_fact(before, after):
                yield full, before, after


_SETTLES_AT_END = frozenset(
    {("packages", "imported"), ("code", "sources"), ("datasets", "read"), ("datasets", "stdin")}
)


def _settles_at_end(path: FactPath) -> bool:
    return path[0] == "rng" or path[:2] in _SETTLES_AT_END


def _drifts_alike(other: Record, path: FactPath, start: Observation) -> bool:
    """Whether the other run began with the same value; its end is compared as every fact is."""
    return isinstance(other, Run) and same_fact(other.start.look_up(path), start)
