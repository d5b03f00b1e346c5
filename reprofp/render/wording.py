"""The words of a verdict: its one line, its levels, its answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reprofp.model.observations import Observation, Observed
from reprofp.model.paths import format_path
from reprofp.render.values import clean, format_change

if TYPE_CHECKING:
    from reprofp.verdict import Interval, Level, Reason, Verdict

__all__ = ["ANSWERS", "MEANINGS", "format_interval", "headline", "plural", "tone"]

MEANINGS = {
    "bitwise": "the same bits are promised",
    "statistical": "compare metrics with a tolerance or over several runs, not bits",
    "functional": "compare quality, not numbers",
    "incomparable": "do not compare",
}
"""What each level lets a person do."""

ANSWERS = {0: "yes", 1: "no", 2: "undecided"}
"""The answers to a requirement, by exit code."""

_NAMED = 3
_DIGEST = re.compile(r"[a-z0-9][a-z0-9._+-]*:[0-9a-f]{32,}")


def plural(count: int, noun: str) -> str:
    """Write a count and its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def format_interval(interval: Interval) -> str:
    """Write an interval: one level where its ends meet."""
    if interval.decided:
        return interval.promised.label
    promised = interval.promised.label if interval.promised else "nothing promised"
    return f"{promised} ({interval.possible.label} possible)"


def headline(verdict: Verdict) -> str:
    """Say the verdict in one line."""
    if verdict.same_record:
        return "the same record: nothing to compare"
    if verdict.before_run:
        return _say_before_run(verdict)
    return f"{_say(verdict)}; but {verdict.endings}" if verdict.endings else _say(verdict)


def _say_before_run(verdict: Verdict) -> str:
    count = len(verdict.settles_later)
    later = f"; {plural(count, 'fact')} {'settles' if count == 1 else 'settle'} later" if count else ""
    if not verdict.lowering():
        return f"no obstacle before the run{later}"
    return f"before the run: {_say(verdict)}{later}"


def _say(verdict: Verdict) -> str:
    if verdict.experiment.differs:
        return _say_differences(verdict)
    if verdict.experiment.varied:
        return _say_varied(verdict)
    return _say_conditions(verdict)


def _say_differences(verdict: Verdict) -> str:
    differs = verdict.experiment.differs
    conditions = _name_conditions(verdict)
    if len(differs) == 1:
        return f"{conditions}; one difference: {_tell(differs[0])}{_tell_unknown(verdict)}"
    return f"{conditions}; {len(differs)} differences: {_list(differs)}{_tell_unknown(verdict)}"


def _say_varied(verdict: Verdict) -> str:
    varied = verdict.experiment.varied
    if _is_clear(verdict) and not verdict.experiment.unknown:
        return (
            f"under equal conditions, exactly this differs: {_list(varied)}; what differs in the results is due to it"
        )
    return f"{_name_conditions(verdict)}; varied: {_list(varied)}{_tell_unknown(verdict)}"


def _say_conditions(verdict: Verdict) -> str:
    overall = verdict.overall
    if verdict.experiment.unknown:
        return f"{_name_conditions(verdict, observed=True)}{_tell_unknown(verdict)}"
    if overall.decided:
        if overall.promised.label == "bitwise":
            return f"same conditions, same experiment: {MEANINGS['bitwise']}"
        cause = _name_cause(verdict, overall.possible)
        return f"{overall.promised.label}: {MEANINGS[overall.promised.label]}{cause}"
    needed = f"; {plural(len(verdict.missing), 'fact')} would decide it" if verdict.missing else ""
    promised = overall.promised.label if overall.promised else "nothing"
    return f"{promised} is promised, {overall.possible.label} is possible{_name_doubt(verdict)}{needed}"


def _name_doubt(verdict: Verdict) -> str:
    """Name the first of what stands between the promise and what is possible."""
    doubts = [reason for reason in (*verdict.reasons, *verdict.missing) if reason.lowers == "promised"]
    cause = next((reason for reason in doubts if reason.cap == verdict.overall.promised), None)
    return "" if cause is None else f"; in doubt: {_tell(cause)}"


def _name_cause(verdict: Verdict, level: Level) -> str:
    cause = next((reason for reason in verdict.reasons if reason.lowers == "both" and reason.level == level), None)
    if cause is None:
        return ""
    return f" ({clean(format_path(cause.path))} {format_change(cause.a, cause.b)})"


def _is_clear(verdict: Verdict) -> bool:
    return verdict.conditions.promised.label == "bitwise"


def _name_conditions(verdict: Verdict, *, observed: bool = False) -> str:
    if _is_clear(verdict):
        return "same conditions"
    if observed and "nothing observed differs" in verdict.notes:
        return f"nothing observed differs; conditions: {format_interval(verdict.conditions)}"
    return f"conditions: {format_interval(verdict.conditions)}"


def _tell(reason: Reason) -> str:
    """Name a fact and both its values; digits of digests tell a reader nothing."""
    change = "differs" if _is_digest(reason.a) and _is_digest(reason.b) else format_change(reason.a, reason.b)
    return f"{clean(format_path(reason.path))} {change}"


def _is_digest(fact: Observation) -> bool:
    return isinstance(fact, Observed) and isinstance(fact.value, str) and _DIGEST.fullmatch(fact.value) is not None


def _list(reasons: Sequence[Reason]) -> str:
    """Name the first few, those first whose values can be read."""
    readable = sorted(reasons, key=lambda reason: _is_digest(reason.a) and _is_digest(reason.b))
    named = ", ".join(_tell(reason) for reason in readable[:_NAMED])
    more = len(reasons) - _NAMED
    return f"{named} and {more} more" if more > 0 else named


def _tell_unknown(verdict: Verdict) -> str:
    unknown = verdict.experiment.unknown
    if not unknown:
        return ""
    facets = list(dict.fromkeys(clean(reason.path[0]) for reason in unknown))
    return f"; the experiment's {', '.join(facets)} unknown"


def tone(verdict: Verdict, answer: int | None = None) -> str:
    """Return the role of the verdict's line: of the answer where one was required, else of the verdict."""
    if answer is not None:
        return {0: "good", 1: "bad"}.get(answer, "doubt")
    if verdict.same_record or verdict.overall.promised.label == "bitwise":
        return "good"
    if not verdict.overall.decided:
        return "doubt"
    only_experiment = verdict.experiment.differs and _is_clear(verdict)
    return "strong" if only_experiment else "bad"
