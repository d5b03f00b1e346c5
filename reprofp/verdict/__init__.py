"""Verdicts: rules asked about two records give an interval of levels, with reasons.

Pure functions of records: nothing is read but the package's own rules.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprofp.verdict.engine import compare
    from reprofp.verdict.explaining import explain
    from reprofp.verdict.levels import Interval, Level
    from reprofp.verdict.metrics import MetricComparison, compare_metrics, compare_samples
    from reprofp.verdict.prerun import check_before_run
    from reprofp.verdict.requirement import answer_requirement
    from reprofp.verdict.results import ExperimentVerdict, Reason, Verdict
    from reprofp.verdict.rule import Rule
    from reprofp.verdict.ruleset import RuleSet, load_rules

    RULES_VERSION: str

__all__ = [
    "RULES_VERSION",
    "ExperimentVerdict",
    "Interval",
    "Level",
    "MetricComparison",
    "Reason",
    "Rule",
    "RuleSet",
    "Verdict",
    "answer_requirement",
    "check_before_run",
    "compare",
    "compare_metrics",
    "compare_samples",
    "explain",
    "load_rules",
]

_HOMES = {
    "compare": "engine",
    "explain": "explaining",
    "Interval": "levels",
    "Level": "levels",
    "RuleSet": "ruleset",
    "load_rules": "ruleset",
    "MetricComparison": "metrics",
    "compare_metrics": "metrics",
    "compare_samples": "metrics",
    "check_before_run": "prerun",
    "answer_requirement": "requirement",
    "ExperimentVerdict": "results",
    "Reason": "results",
    "Verdict": "results",
    "Rule": "rule",
}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for."""
    if name == "RULES_VERSION":
        return import_module("reprofp.verdict.ruleset").load_rules().version
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
