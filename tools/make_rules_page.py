"""Compile the rules, and write docs/reference/rules.md from them: ``python tools/make_rules_page.py``."""

from itertools import groupby
from pathlib import Path

from reprofp.model.paths import format_path
from reprofp.verdict.activity import describe_condition, describe_test
from reprofp.verdict.effective import EFFECTIVE
from reprofp.verdict.loading import read_rules
from reprofp.verdict.rule import Rule
from reprofp.verdict.ruleset import COMPILED, RuleSet, compile_rules

ROOT = Path(__file__).parents[1]
VERDICT = ROOT / "reprofp" / "verdict"
COMPILED_RULES = VERDICT / COMPILED
PAGE = ROOT / "docs" / "reference" / "rules.md"
HEAD = """# Rules

Generated from the code by `python tools/make_rules_page.py`. [The format of rules](rules-format.md) tells what the words
mean; `reprofp explain RULE` prints one.

## Effective facts

What is in force, derived from what was set and what is there. Each is unknown where an unknown fact could change it.

| fact | from | tells |
|---|---|---|
"""


def read_all() -> RuleSet:
    return read_rules({path.name: path.read_text("utf-8") for path in sorted((VERDICT / "rules").glob("*.toml"))})


def make_page(rules: RuleSet) -> str:
    ordered = sorted(rules, key=lambda rule: (rule.file, rule.id))
    sections = (
        f"\n## {file.removesuffix('.toml')}\n" + "".join(map(describe_rule, group))
        for file, group in groupby(ordered, key=lambda rule: rule.file)
    )
    return HEAD + "".join(describe_effective()) + "".join(sections)


def describe_effective() -> list[str]:
    return [
        f"| `effective.{fact.name}` | {join(map(format_path, fact.inputs))} | {fact.tells} |\n" for fact in EFFECTIVE
    ]


def join(texts: object) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def describe_rule(rule: Rule) -> str:
    said = {
        "facts": join(format_path(pattern.parts) for pattern in rule.facts),
        "active": "" if rule.breaks == "none" else describe_condition(rule.active_when),
        "breaks": rule.breaks + (", and statistical for a major version" if rule.versions else ""),
        "unsafe": describe_test(rule.unsafe_if) if rule.unsafe_if else "",
        "implied by": join(map(format_path, rule.implied_by)),
        "yields to": join(format_path(pattern.parts) for pattern in rule.yields_to),
        "remedy": code(rule.remedy),
        "if unknown": code(rule.if_unknown),
        "evidence": f"{rule.evidence}: {rule.source}",
    }
    lines = "".join(f"- {name}: {text}\n" for name, text in said.items() if text)
    why = rule.why[0].upper() + rule.why[1:]
    return f"\n### `{rule.id}`\n\n{code(why)}.\n\n{lines}"


def code(text: str) -> str:
    """Show what a rule fills in as what it is."""
    for hole, name in {"{a}": "A", "{b}": "B", "{1}": "NAME", "{2}": "NAME"}.items():
        text = text.replace(hole, f"*{name}*")
    return text


if __name__ == "__main__":
    rules = read_all()
    COMPILED_RULES.write_text(compile_rules(rules), "utf-8")
    PAGE.write_text(make_page(rules), "utf-8")
