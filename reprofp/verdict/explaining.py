"""What a rule says, by its id."""

from __future__ import annotations

from difflib import get_close_matches

from reprofp.errors import NameNotFoundError
from reprofp.verdict.rule import Rule
from reprofp.verdict.ruleset import load_rules

__all__ = ["explain"]


def explain(rule_id: str) -> Rule:
    """Return the rule ``rule_id``.

    Raises:
        NameNotFoundError: there is no such rule; the text names similar ones.
    """
    rules = load_rules().by_id
    rule = rules.get(rule_id)
    if rule is None:
        similar = get_close_matches(rule_id, rules, cutoff=0.5) or sorted(rules)[:3]
        raise NameNotFoundError(f"no rule is called {rule_id!r}; similar: {', '.join(similar)}")
    return rule
