"""What repeated runs show: a command that differs from itself, and gates that are open and did nothing.

A command that gave other bits when it ran again is at most statistical, whatever the rules promise. One that gave
the same bits each time raises no promise: what is a gate lowers only what is promised, and is marked, so that whoever
accepts evidence can.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from reprofp.model.observations import Observed
from reprofp.model.records import Record, Repeats, Run
from reprofp.model.schema import Side
from reprofp.verdict.levels import Level
from reprofp.verdict.results import Reason
from reprofp.verdict.views import NOT_ASKED

__all__ = ["judge_repeats", "mark_repeated", "note_repeats"]


def judge_repeats(a: Record, b: Record) -> Iterator[Reason]:
    """Yield a reason for each side that differs from itself."""
    found = [(_find(a), 0), (_find(b), 1)]
    for repeats, side in found:
        if repeats is not None and repeats.differing:
            told = Observed(f"{', '.join(repeats.differing)} differ in {repeats.of} runs")
            yield Reason(
                ("result", "repeats"),
                NOT_ASKED if side else told,
                told if side else NOT_ASKED,
                "evidence",
                Side.CONDITIONS,
                "repeats",
                "active",
                Level.STATISTICAL,
                "both",
                "this run differs from itself: the same command gave other bits when it ran again",
                "seed every generator and use deterministic algorithms until reprofp run --repeat finds no difference",
                "measured",
                "repeats of the run",
            )


def mark_repeated(reasons: Sequence[Reason], a: Record, b: Record) -> list[Reason]:
    """Return ``reasons`` with the gates marked that were open when a command gave the same bits each time.

    Both sides have to hold the unsafe value, or what was repeated was not what the gate is about.
    """
    agreeing = [repeats for repeats in (_find(a), _find(b)) if repeats is not None]
    if not agreeing or not all(repeats.agree for repeats in agreeing):
        return list(reasons)
    most = max(repeats.of for repeats in agreeing)
    mark = f"repeated equal, {most} of {most}"
    return [
        replace(reason, lowers="promised", mark=mark) if reason.kind == "gate" and reason.a == reason.b else reason
        for reason in reasons
    ]


def note_repeats(a: Record, b: Record) -> Iterator[str]:
    """Say of each run that was repeated what that showed."""
    for name, record in (("first", a), ("second", b)):
        repeats = _find(record)
        if repeats is not None and repeats.agree:
            yield f"the {name} run was repeated: the same bits {repeats.of} times"
        elif repeats is not None and not repeats.differing:
            yield f"the {name} run was repeated, and did not make the same outputs each time: nothing is known from that"


def _find(record: Record) -> Repeats | None:
    return record.result.repeats if isinstance(record, Run) else None
