"""Requirements: from a verdict to an answer, and to an exit code."""

from __future__ import annotations

from reprofp.verdict.levels import Level
from reprofp.verdict.results import Verdict

__all__ = ["NO", "UNDECIDED", "YES", "answer_requirement"]

YES, NO, UNDECIDED = 0, 1, 2


def answer_requirement(verdict: Verdict, level: Level, *, accept_measured: bool = False, strict: bool = False) -> int:
    """Return 0 where ``level`` is promised, 1 where it is not even possible, else 2.

    With ``accept_measured`` (or where the verdict was asked for with it), evidence that was measured or
    repeated counts as if it were promised. Of a pre-run check, ``strict`` asks that nothing is left to
    settle later.
    """
    accept = accept_measured or verdict.accept_measured
    interval = verdict.accepted if accept else verdict.overall
    if verdict.overall.possible < level:
        return NO
    if interval.promised < level or (strict and verdict.settles_later):
        return UNDECIDED
    return YES
