"""Whether a level is promised of two records, without saying why: most records that are not alike show it at once.

Everything that a comparison finds lowers, and nothing raises; so the first reason that leaves less than the level
settles that it is not promised. Where no such reason is found soon, the whole comparison is made: the answer is
that of ``compare`` and ``answer_requirement`` in every case.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reprofp.model.facets import Facet
from reprofp.model.records import Record, SideBlob, Snapshot
from reprofp.verdict.comparing import compare_facets
from reprofp.verdict.engine import compare_with, is_same_record, judge_finding
from reprofp.verdict.judging import Judge, Pair
from reprofp.verdict.levels import Level
from reprofp.verdict.requirement import YES, answer_requirement
from reprofp.verdict.results import Reason
from reprofp.verdict.ruleset import load_rules
from reprofp.verdict.summing import Request
from reprofp.verdict.views import View, view_record

__all__ = ["falls_short", "list_grounds", "promises"]


def promises(a: Record, b: Record, level: Level) -> bool:
    """Whether ``level`` is promised of two records.

    Raises:
        FormatError: a fact has no canonical form, or a rule file of the package is damaged.
    """
    if falls_short(a, b, level):
        return False
    return answer_requirement(compare_with(load_rules(), a, b, Request()), level) == YES


def falls_short(a: Record, b: Record, level: Level) -> bool:
    """Whether a fact of the first processes alone leaves less than ``level``; side blobs are not looked at.

    Raises:
        FormatError: a fact has no canonical form, or a rule file of the package is damaged.
    """
    if is_same_record(a, b):
        return False
    side_a, side_b = view_record(a, b), view_record(b, a)
    pair, judge = Pair(side_a.first, side_b.first), Judge(load_rules(), side_a, side_b)
    return any(
        reason.lowers != "nothing" and reason.cap < level for group in _judge_facets(pair, judge) for reason in group
    )


def _judge_facets(pair: Pair, judge: Judge) -> Iterator[list[Reason]]:
    """Yield the reasons of each facet, those first that tell two records apart by their ids."""
    final = pair.a.is_final and pair.b.is_final
    names = sorted(pair.a.facets.keys() | pair.b.facets.keys(), key=lambda name: (_is_alike(name, pair), name))
    for compared in compare_facets(pair.a, pair.b, judge.rules.silent if final else judge.rules.asked, names):
        found = {}
        for finding in compared.findings:
            found.update({(reason.rule, reason.path): reason for reason in judge_finding(finding, pair, judge)})
        yield list(found.values())


def _is_alike(name: str, pair: Pair) -> bool:
    return name in pair.a.facets and name in pair.b.facets and _id_of(pair.a, name) == _id_of(pair.b, name)


def _id_of(view: View, name: str) -> bytes:
    return view.facets[name].raw_id


def list_grounds(record: Record) -> tuple[Any, ...]:
    """Return all that a verdict on ``record`` rests on, hashable: records with the same are judged alike.

    What says when and where it was taken, and how long it took, is left out; so are metrics, which have no say in
    levels. That a record is judged beside itself is for the caller to see.
    """
    if isinstance(record, Snapshot):
        return ("snapshot", *_list_of_snapshot(record))
    parts = [(process.role, process.exit_code, _list_of_part(process.snapshot)) for process in record.processes]
    result = record.result
    return (
        "run",
        _list_of_part(record.start),
        tuple(parts),
        result.exit_code,
        repr(result.outputs),
        repr(result.repeats),
    )


def _list_of_part(snapshot: Snapshot | None) -> tuple[Any, ...]:
    return () if snapshot is None else _list_of_snapshot(snapshot)


def _list_of_snapshot(snapshot: Snapshot) -> tuple[Any, ...]:
    facets = tuple((name, facet.raw_id, _find_whole(facet)) for name, facet in snapshot.facets.items())
    return (snapshot.phase, facets, _list_of_side(snapshot.side))


def _find_whole(facet: Facet) -> str:
    """Return what is said of the facet as a whole: one that was purged has the id that it had, and not its facts."""
    whole = facet.facts.get(())
    return "" if whole is None else repr(whole)


def _list_of_side(side: SideBlob) -> tuple[Any, ...]:
    return (bool(side.salt), side.key_id, tuple(sorted(side.keyed.items())))
