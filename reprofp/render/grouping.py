"""Reasons gathered into rows: what one rule says about many facts is said once.

Two packages that differ under one rule, or sixteen instruction sets that one side lacks, have the same
why and the same remedy; they become one row, whose facts are told by what they differ in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING

from reprofp.model.observations import Absent, Observed
from reprofp.model.paths import FactPath, format_path
from reprofp.render.values import clean, format_change

if TYPE_CHECKING:
    from reprofp.verdict import Reason

__all__ = ["Row", "gather_rows"]

_SHOWN = 3
_NAME = 2
"""Where the name of a package stands in the path of its facts."""
_INSTALL = "pip install "


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a verdict: the facts' common name, how they differ, and what the rule says of them."""

    fact: str
    change: str
    reason: Reason
    count: int

    @property
    def why(self) -> str:
        """Why it matters, with the mark of the evidence where there is one."""
        why = clean(self.reason.why)
        if self.reason.kind == "unknown" and why:
            why = f"if it differs: {why}"
        return f"{why} [{clean(self.reason.mark)}]" if self.reason.mark else why

    @property
    def fix(self) -> str:
        """What removes the difference; of a fact that is not known there is none to remove yet."""
        return "" if self.reason.kind == "unknown" else clean(self.reason.remedy)


def gather_rows(reasons: Iterable[Reason], *, everything: bool = False) -> list[Row]:
    """Return rows in the order of the reasons; with ``everything`` no fact of a row is left out."""
    rows = []
    for _, group in groupby(reasons, key=_say):
        rows.append(_build_row(list(group), everything=everything))
    return rows


def _say(reason: Reason) -> tuple[object, ...]:
    head = reason.path[:-1] if _is_presence(reason) else reason.path[:1]
    why, remedy = _generalise(reason)
    return (reason.rule, reason.kind, reason.lowers, reason.level, why, remedy, reason.mark, head)


def _generalise(reason: Reason) -> tuple[str, str]:
    """Return why and remedy without the name of the package that they speak of: many packages have one row."""
    if reason.path[0] != "packages" or len(reason.path) <= _NAME:
        return reason.why, reason.remedy
    name = reason.path[_NAME]
    why = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "each", reason.why)
    return why, "pip install" if reason.remedy.startswith(_INSTALL) else reason.remedy.replace(name, "each")


def _join_packages(group: Sequence[Reason], shown: Sequence[Reason]) -> Reason:
    """Return a reason that speaks of all packages of a row."""
    first = group[0]
    why, remedy = _generalise(first)
    if (why, remedy) == (first.why, first.remedy):
        return first
    if remedy == "pip install":
        rest = " ..." if len(shown) < len(group) else ""
        remedy = _INSTALL + " ".join(reason.remedy.removeprefix(_INSTALL) for reason in shown) + rest
    return replace(first, why=why, remedy=remedy)


def _is_presence(reason: Reason) -> bool:
    """Whether the fact is an element that one side has and the other has not."""
    sides = (reason.a, reason.b)
    return any(isinstance(side, Absent) for side in sides) and Observed(True) in sides


def _build_row(group: Sequence[Reason], *, everything: bool) -> Row:
    first = group[0]
    if len(group) == 1:
        return Row(clean(format_path(first.path)), format_change(first.a, first.b), first, 1)
    common = _common_prefix([reason.path for reason in group])
    tell: Callable[[Reason], str] = _tell_presence if _is_presence(first) else lambda item: _tell_change(item, common)
    shown = group if everything or len(group) <= _SHOWN + 1 or _is_presence(first) else group[:_SHOWN]
    separator = " " if _is_presence(first) else ", "
    text = separator.join(tell(reason) for reason in shown)
    if len(shown) < len(group):
        text += f", and {len(group) - len(shown)} more"
    return Row(clean(format_path(common)), text, _join_packages(group, shown), len(group))


def _common_prefix(paths: Sequence[FactPath]) -> FactPath:
    prefix: list[str] = []
    for parts in zip(*(path[:-1] for path in paths), strict=False):
        if len(set(parts)) > 1:
            break
        prefix.append(parts[0])
    return tuple(prefix) or paths[0][:1]


def _tell_presence(reason: Reason) -> str:
    sign = "-" if isinstance(reason.b, Absent) else "+"
    return sign + clean(reason.path[-1])


def _tell_change(reason: Reason, common: FactPath) -> str:
    rest = reason.path[len(common) :] or reason.path
    return f"{clean(format_path(rest))} {format_change(reason.a, reason.b)}"
