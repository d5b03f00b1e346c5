"""Verdicts: rules asked about two records give an interval of levels, with reasons.

Pure functions of records: nothing is read but the package's own rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprofp.late_names import find_late

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


_find = find_late(__name__, _HOMES)


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for."""
    if name == "RULES_VERSION":
        from reprofp.verdict.ruleset import load_rules  # noqa: PLC0415 - rules are not free

        return load_rules().version
    return _find(name)
