"""The set of rules that a comparison asks, filed by what they are asked for.

The rules of this release are TOML files in ``rules/``. Parsing them takes longer than comparing does, so
what they say is also kept in ``rules.json``, which ``python tools/make_rules_page.py`` writes and a test
holds to the TOML.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from reprofp.errors import FormatError
from reprofp.model.paths import FactPath
from reprofp.model.schema import FACETS, Side
from reprofp.verdict.activity import ValueTest, read_condition
from reprofp.verdict.levels import Level
from reprofp.verdict.patterns import Match, Pattern, PatternIndex
from reprofp.verdict.rule import Rule
from reprofp.verdict.views import grows

__all__ = ["COMPILED", "RuleSet", "compile_rules", "load_rules", "restore_rules"]

COMPILED = "rules.json"
"""The compiled rules, beside this module."""


@dataclass
class RuleSet:
    """Rules by what they are asked for."""

    rules: tuple[Rule, ...]
    version: str
    index: PatternIndex[Rule] = field(default_factory=PatternIndex)
    gates: dict[str, list[tuple[Rule, Pattern]]] = field(default_factory=dict)
    """By facet: the rules about unsafe values."""
    asked: dict[str, list[FactPath]] = field(default_factory=dict)
    """By facet: the paths (or literal prefixes of patterns) that rules ask for, and of which silence may be Unknown."""
    silent: dict[str, list[FactPath]] = field(default_factory=dict)
    """The same at the end of a process, where silence below an enumerated prefix is Absent."""
    by_id: dict[str, Rule] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """File the rules."""
        for rule in self.rules:
            self.by_id[rule.id] = rule
            for pattern in rule.facts:
                self._file(rule, pattern)

    def _file(self, rule: Rule, pattern: Pattern) -> None:
        self.index.add(pattern, rule)
        facet = _facet_of(pattern)
        if rule.unsafe_if is not None:
            self.gates.setdefault(facet, []).append((rule, pattern))
        if rule.only_unsafe or pattern.prefix == ("framework",):
            return
        # Also a facet that lists everything is asked for: where it is missing nothing was looked for.
        self.asked.setdefault(facet, [])
        self.silent.setdefault(facet, [])
        enumerated = _is_enumerated(pattern)
        if not enumerated or grows(pattern.prefix):
            _add_once(self.asked, facet, pattern.prefix)
        if not enumerated:
            _add_once(self.silent, facet, pattern.prefix)

    def __iter__(self) -> Iterator[Rule]:
        """Yield the rules by id."""
        return iter(self.rules)

    def __len__(self) -> int:
        """Return how many rules there are."""
        return len(self.rules)

    def find(self, path: FactPath) -> tuple[Match[Rule], ...]:
        """Return the most specific rules about the fact at ``path``."""
        return self.index.find(path)

    def worst(self) -> Level:
        """Return the lowest level that an Unknown condition can be taken for."""
        levels = (rule.worst for rule in self.rules if rule.side is Side.CONDITIONS and not rule.only_unsafe)
        return min(levels, default=Level.STATISTICAL)


def _add_once(groups: dict[str, list[FactPath]], facet: str, path: FactPath) -> None:
    paths = groups.setdefault(facet, [])
    if path not in paths:
        paths.append(path)


def _facet_of(pattern: Pattern) -> str:
    parts = pattern.parts
    return f"{parts[0]}.{parts[1]}" if parts[0] == "framework" and len(pattern.prefix) > 1 else parts[0]


def _is_enumerated(pattern: Pattern) -> bool:
    spec = FACETS.get(pattern.parts[0])
    if spec is None:
        return False
    below = pattern.prefix[1:]
    return any(below[: len(prefix)] == prefix for prefix in spec.enumerated)


@lru_cache(maxsize=1)
def load_rules() -> RuleSet:
    """Return the rules of this release.

    Raises:
        FormatError: the package's file of rules is damaged.
    """
    return restore_rules(Path(__file__).with_name(COMPILED).read_text("utf-8"))


def compile_rules(rules: RuleSet) -> str:
    """Return the text of ``rules.json`` for a set of rules that was read from TOML."""
    lines = ",\n".join(json.dumps(_pack(rule), ensure_ascii=False) for rule in rules)
    return f'{{"version": {json.dumps(rules.version)}, "rules": [\n{lines}\n]}}\n'


def _pack(rule: Rule) -> dict[str, Any]:
    test = rule.unsafe_if
    packed = {
        **{name: getattr(rule, name) for name in _PLAIN},
        "facts": [pattern.parts for pattern in rule.facts],
        "yields_to": [pattern.parts for pattern in rule.yields_to],
        "implied_by": rule.implied_by,
        "follows": rule.follows,
        "unsafe_if": None if test is None else [test.kind, test.operands, test.absent],
    }
    return {name: value for name, value in packed.items() if value not in ("", None, False, [], ())}


_PLAIN = (
    "id",
    "breaks",
    "why",
    "evidence",
    "source",
    "active_when",
    "remedy",
    "if_unknown",
    "only_unsafe",
    "versions",
    "measurable",
    "file",
)


def restore_rules(text: str) -> RuleSet:
    """Return the rules that ``compile_rules`` wrote; they were checked when they were read from TOML.

    Raises:
        FormatError: the text is not what ``compile_rules`` writes.
    """
    try:
        document = json.loads(text)
        return RuleSet(tuple(map(_unpack, document["rules"])), document["version"])
    except (ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{COMPILED} of the installed package is damaged ({error!r}): install it again") from error


def _unpack(packed: dict[str, Any]) -> Rule:
    plain = {name: packed[name] for name in _PLAIN if name in packed}
    test = packed.get("unsafe_if")
    return Rule(
        **plain,
        facts=_unpack_patterns(packed["facts"]),
        condition=read_condition(packed["active_when"]),
        unsafe_if=None if test is None else ValueTest(test[0], tuple(test[1]), absent=test[2]),
        yields_to=_unpack_patterns(packed.get("yields_to", [])),
        implied_by=tuple(map(tuple, packed.get("implied_by", []))),
        follows=tuple(map(tuple, packed.get("follows", []))),
    )


def _unpack_patterns(items: list[list[str]]) -> tuple[Pattern, ...]:
    return tuple(Pattern(tuple(parts)) for parts in items)
