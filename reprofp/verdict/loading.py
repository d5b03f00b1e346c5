"""Reading rules from TOML, strictly.

docs/reference/rules-format.md describes the format. Anything that it does not describe is refused with
the file, the rule and what was expected, because a rule that is silently not understood would promise
too much.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

from reprofp.errors import FormatError, UsageError
from reprofp.model.canonical import encode
from reprofp.model.schema import FACETS, Side
from reprofp.verdict.activity import ValueTest, read_condition, read_test
from reprofp.verdict.effective import BY_NAME
from reprofp.verdict.patterns import Pattern
from reprofp.verdict.rule import EFFECTIVE_FACET, LEFT, Rule, side_of
from reprofp.verdict.ruleset import RuleSet

__all__ = ["EVIDENCE", "RULES_NUMBER", "read_rules"]

RULES_NUMBER = 1
"""Grows when the meaning of the rules' format changes; their content is in the digest beside it."""

EVIDENCE = ("doc", "issue", "source", "binary", "measured", "memory")
"""How a rule is known, from documentation to memory that was not looked up."""

_REQUIRED = {"id", "facts", "breaks", "why", "evidence", "source"}
_OPTIONAL = {
    "active-when",
    "remedy",
    "if-unknown",
    "unsafe-if",
    "only-unsafe",
    "versions",
    "measurable",
    "yields-to",
    "implied-by",
    "follows",
}


def read_rules(files: Mapping[str, str]) -> RuleSet:
    """Read rules from the texts of TOML files, by name.

    Raises:
        FormatError: a file is no TOML, or a rule is not as the format demands.
    """
    tables = [(name, table) for name, text in files.items() for table in _read_file(name, text)]
    rules = sorted((_read_rule(name, table) for name, table in tables), key=lambda rule: rule.id)
    _refuse_duplicates(rules)
    content = encode([table for _name, table in sorted(tables, key=lambda item: str(item[1]["id"]))])
    return RuleSet(tuple(rules), f"{RULES_NUMBER}:{hashlib.sha256(content).hexdigest()[:12]}")


def _read_file(name: str, text: str) -> list[dict[str, Any]]:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        document = toml.loads(text)
    except ValueError as error:
        raise FormatError(f"rules file {name}: no TOML: {error}") from error
    tables = document.get("rule")
    if set(document) != {"rule"} or not isinstance(tables, list):
        raise FormatError(f"rules file {name}: expected [[rule]] tables and nothing else, found {sorted(document)}")
    return tables


def _refuse_duplicates(rules: Iterable[Rule]) -> None:
    seen: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in seen:
            raise FormatError(f"rule {rule.id}: is in {seen[rule.id].file} and in {rule.file}; ids are unique")
        seen[rule.id] = rule


def _read_rule(file: str, table: Mapping[str, Any]) -> Rule:
    where = f"rules file {file}, rule {table.get('id', '(without id)')!s}"
    missing, extra = _REQUIRED - table.keys(), table.keys() - _REQUIRED - _OPTIONAL
    if missing or extra:
        raise FormatError(f"{where}: " + "; ".join(filter(None, (_say("lacks", missing), _say("unknown keys", extra)))))
    try:
        return _check(_build_rule(file, table))
    except (UsageError, ValueError) as error:
        raise FormatError(f"{where}: {error}") from error


def _say(what: str, keys: set[str]) -> str:
    return f"{what} {', '.join(sorted(keys))}" if keys else ""


def _build_rule(file: str, table: Mapping[str, Any]) -> Rule:
    active_when = table.get("active-when", "always")
    return Rule(
        id=_text(table, "id"),
        facts=_patterns(table, "facts"),
        breaks=_choice(table, "breaks", LEFT),
        why=_text(table, "why"),
        evidence=_choice(table, "evidence", EVIDENCE),
        source=_text(table, "source"),
        active_when=active_when,
        condition=read_condition(active_when),
        remedy=_text(table, "remedy"),
        if_unknown=_text(table, "if-unknown"),
        unsafe_if=_unsafe(table),
        only_unsafe=_flag(table, "only-unsafe"),
        versions=_flag(table, "versions"),
        measurable=_flag(table, "measurable"),
        yields_to=_patterns(table, "yields-to"),
        implied_by=tuple(pattern.parts for pattern in _patterns(table, "implied-by")),
        follows=tuple(pattern.parts for pattern in _patterns(table, "follows")),
        file=file,
    )


def _text(table: Mapping[str, Any], key: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str) or value != value.strip() or "\n" in value or (key in _REQUIRED and not value):
        raise ValueError(f"{key}: expected one line of text, not {value!r}")
    return value


def _choice(table: Mapping[str, Any], key: str, known: Iterable[str]) -> str:
    value = table.get(key)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{key}: expected one of {', '.join(known)}, not {value!r}")
    return value


def _flag(table: Mapping[str, Any], key: str) -> bool:
    value = table.get(key, False)
    if type(value) is not bool:
        raise ValueError(f"{key}: expected true or false, not {value!r}")
    return value


def _unsafe(table: Mapping[str, Any]) -> ValueTest | None:
    form = table.get("unsafe-if")
    if form is None:
        return None
    return read_test(form)


def _patterns(table: Mapping[str, Any], key: str) -> tuple[Pattern, ...]:
    texts = table.get(key, [])
    if not isinstance(texts, list) or (key == "facts" and not texts) or len(set(map(str, texts))) != len(texts):
        raise ValueError(f"{key}: expected a list of paths without repetition, not {texts!r}")
    patterns = tuple(Pattern.parse(text) if isinstance(text, str) else _refuse(key, text) for text in texts)
    for pattern in patterns:
        _check_facet(key, pattern)
    return patterns


def _refuse(key: str, value: object) -> Pattern:
    raise ValueError(f"{key}: expected a path, not {value!r}")


def _check_facet(key: str, pattern: Pattern) -> None:
    facet = pattern.parts[0]
    if facet == EFFECTIVE_FACET and (len(pattern.parts) != 2 or pattern.parts[1] not in BY_NAME):  # noqa: PLR2004  effective.NAME
        raise ValueError(f"{key}: there is no effective fact {'.'.join(pattern.parts[1:])!r}")
    if facet not in FACETS and facet != EFFECTIVE_FACET:
        raise ValueError(f"{key}: there is no facet {facet!r}")


def _check(rule: Rule) -> Rule:
    """Refuse what contradicts itself."""
    if len({side_of(pattern.parts) for pattern in rule.facts}) > 1:
        raise ValueError("facts: conditions and experiment in one rule")
    if rule.breaks == "none" and (rule.unsafe_if or rule.versions or rule.measurable or rule.yields_to):
        raise ValueError("breaks: a rule that breaks nothing has no unsafe values, versions, measures or yields-to")
    if rule.only_unsafe and rule.unsafe_if is None:
        raise ValueError("only-unsafe: needs unsafe-if")
    if rule.side is Side.CONDITIONS and rule.breaks == "experiment":
        raise ValueError("breaks: a condition breaks bitwise, statistical, functional or none")
    return rule
