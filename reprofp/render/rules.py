"""Rules on the screen: one in full, all as a list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reprofp.model.paths import format_path
from reprofp.render.layout import Line, Span, align, line, wrap
from reprofp.render.values import format_value

if TYPE_CHECKING:
    from reprofp.verdict import Rule

__all__ = ["describe_rule", "draw_rule", "draw_rules"]

_LABEL = 14


def describe_rule(rule: Rule) -> dict[str, str]:
    """Return what a rule says, in the order in which it is shown; what it does not say is left out."""
    unsafe = rule.unsafe_if
    said = {
        "rule": rule.id,
        "facts": ", ".join(format_path(pattern.parts) for pattern in rule.facts),
        "active when": _write_condition(rule.active_when),
        "breaks": rule.breaks,
        "unsafe if": "" if unsafe is None else f"{unsafe.kind} {', '.join(map(format_value, unsafe.operands))}".strip(),
        "why": rule.why,
        "remedy": rule.remedy,
        "evidence": rule.evidence,
        "source": rule.source,
    }
    return {name: text for name, text in said.items() if text}


def _write_condition(condition: object) -> str:
    """Write a condition as one line."""
    if isinstance(condition, dict):
        return ", ".join(f"{name} {_write_condition(item)}" for name, item in condition.items())
    if isinstance(condition, (list, tuple)):
        return "(" + "; ".join(map(_write_condition, condition)) + ")"
    return str(condition)


def draw_rule(rule: Rule, width: int) -> list[Line]:
    """Draw one rule."""
    lines: list[Line] = []
    for name, text in describe_rule(rule).items():
        for number, piece in enumerate(wrap(text, max(width - _LABEL, _LABEL))):
            label = name if number == 0 else ""
            lines.append(line(Span(label.ljust(_LABEL), "dim"), Span(piece, "strong" if name == "rule" else "")))
    return lines


def draw_rules(rules: Iterable[Rule]) -> list[Line]:
    """Draw a list of rules: id and what each breaks."""
    return align([[Span(rule.id, "path"), Span(rule.breaks)] for rule in sorted(rules, key=lambda rule: rule.id)])
