"""``reprofp explain``: what a rule says, why, and where that is known from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.options import ParamType, json_option

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from reprofp.verdict import Rule

_EXAMPLES = (
    ("all rules", "reprofp explain"),
    ("one of them", "reprofp explain python.hash-seed"),
    ("for a program", "reprofp explain --json"),
)


class _RuleName(ParamType):
    """The id of a rule."""

    name = "RULE"

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Offer the rules' ids."""
        from click.shell_completion import CompletionItem

        from reprofp.verdict import load_rules

        return [CompletionItem(rule.id) for rule in load_rules().rules if rule.id.startswith(incomplete)]


@click.command(cls=Command, short_help="Explain a rule of verdicts.", examples=_EXAMPLES)
@click.argument("rule", required=False, type=_RuleName())
@json_option
def command(
    rule: str | None,
    as_json: bool,
) -> None:
    """Explain a rule: its facts, when it is active, what it breaks, why, and the remedy.

    Without RULE, list all rules.
    """
    from reprofp.cli.output import print_json, print_lines, screen_width
    from reprofp.render.json import rule_json
    from reprofp.render.rules import draw_rule, draw_rules

    rules = _find(rule)
    if as_json:
        print_json({"schema": "reprofp/explain/1", "rules": [rule_json(item) for item in rules]})
    elif rule is None:
        print_lines(draw_rules(rules))
    else:
        print_lines(draw_rule(rules[0], screen_width()))


def _find(name: str | None) -> list[Rule]:
    from reprofp.verdict import explain, load_rules

    return list(load_rules().rules) if name is None else [explain(name)]
