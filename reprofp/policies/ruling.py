"""Comparing under a policy: the verdict with it, the verdict without it, and what lies between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from reprofp.model.observations import Observation, Observed, Unknown, Value
from reprofp.model.paths import FactPath, starts_with
from reprofp.model.records import Record, Run
from reprofp.policies.policy import Pinned, Policy, Ruling
from reprofp.verdict import Reason, Verdict
from reprofp.verdict.activity import same_value
from reprofp.verdict.metrics import DEFAULT_MARGIN, compare_metrics

__all__ = ["rule_on"]


def rule_on(
    policy: Policy, judge: Callable[..., Verdict], a: Record, b: Record, asked: Mapping[str, Any]
) -> tuple[Verdict, Ruling]:
    """Compare two records under a policy.

    Args:
        policy: The policy.
        judge: ``compare`` or ``check_before_run``.
        a: The first record.
        b: The second.
        asked: What was asked for beside the policy: ``vary``, ``ignore``, ``accept_measured``.
    """
    without = judge(a, b, **asked)
    verdict = judge(
        a,
        b,
        vary=(*asked["vary"], *policy.vary),
        ignore=(*asked["ignore"], *policy.ignore),
        accept_measured=asked["accept_measured"] or policy.accept_measured,
    )
    before = without.lowering()
    ruling = Ruling(
        policy,
        _pick(before, policy.ignore),
        _pick(without.experiment.differs, policy.vary),
        tuple(_pin(path, value, a, b, before_run=verdict.before_run) for path, value in policy.pin.items()),
        without,
    )
    # A prefix of the policy that names nothing this time is no mistake of whoever asked.
    notes = tuple(
        note for note in verdict.notes if "ignored by request" not in note and "which was to vary" not in note
    )
    kept = tuple(note for note in without.notes if "ignored by request" in note or "which was to vary" in note)
    return _measure(replace(verdict, notes=(*notes, *kept)), policy, a, b), ruling


def _pick(reasons: Iterable[Reason], prefixes: Iterable[FactPath]) -> tuple[Reason, ...]:
    named = tuple(prefixes)
    return tuple(reason for reason in reasons if any(starts_with(reason.path, prefix) for prefix in named))


def _pin(path: FactPath, value: Value, a: Record, b: Record, *, before_run: bool) -> Pinned:
    """Hold both sides to a value; before a run only what is about to begin is held to it."""
    facts = a.look_up(path), b.look_up(path)
    held = [_holds(fact, value) for fact in (facts[1:] if before_run else facts)]
    return Pinned(path, value, *facts, False if False in held else None if None in held else True)


def _holds(fact: Observation, value: Value) -> bool | None:
    if isinstance(fact, Unknown):
        return None
    return isinstance(fact, Observed) and same_value(fact.value, value)


def _measure(verdict: Verdict, policy: Policy, a: Record, b: Record) -> Verdict:
    if not verdict.metrics or not (isinstance(a, Run) and isinstance(b, Run)):
        return verdict
    margin = DEFAULT_MARGIN if policy.margin is None else policy.margin
    return replace(verdict, metrics=compare_metrics([a], [b], margin=margin, margins=policy.margins))
