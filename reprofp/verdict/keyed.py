"""Values of which only a keyed digest was kept: whether they are the same, never what they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import parse_path
from reprofp.model.records import SideBlob
from reprofp.model.schema import FACETS
from reprofp.verdict.comparing import Finding
from reprofp.verdict.judging import Judge, Pair
from reprofp.verdict.results import Reason
from reprofp.verdict.views import NOT_ASKED, SideView

__all__ = ["WITHHELD", "judge_keyed"]

WITHHELD = Observed("(kept secret)")
"""What stands for such a value in a reason."""


def judge_keyed(a: SideView, b: SideView, judge: Judge) -> Iterator[Reason]:
    """Compare values that are only known by keyed digests; the program may read any of them."""
    pair = Pair(a.first, b.first)
    for name in sorted(filter(_names_fact, a.keyed.keyed.keys() | b.keyed.keyed.keys())):
        path = parse_path(name)
        if any(name not in side.keyed.keyed and isinstance(side.first.look_up(path), Unknown) for side in (a, b)):
            continue  # the facet itself is not known on that side, which is told of it as a whole
        finding = Finding(path, _hide(name, a.keyed, b.keyed), _hide(name, b.keyed, a.keyed))
        if a.keyed.key_id == b.keyed.key_id and a.keyed.keyed.get(name) == b.keyed.keyed.get(name):
            continue
        for reason in judge.judge(finding, pair):
            yield reason if finding.is_unknown else replace(reason, kind="keyed")


def _names_fact(name: str) -> bool:
    """Whether a keyed value is one of a fact, and not the pseudonym of a host or a person."""
    return name.split(".", maxsplit=1)[0] in FACETS


def _hide(name: str, side: SideBlob, other: SideBlob) -> Observation:
    """Return what may be said of a keyed value: that it is there, that it is not, or Unknown."""
    if name not in side.keyed:
        # A side blob without salt is one that was purged: what it held is not known any more.
        return ABSENT if side.salt else Unknown(UnknownCode.DENIED)
    if name in other.keyed and side.key_id != other.key_id:
        return NOT_ASKED
    return WITHHELD
