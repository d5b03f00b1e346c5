"""``reprofp policy``: what the policy of a repository says, and whether it can be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprofp.cli.command import Command
from reprofp.cli.options import json_option

if TYPE_CHECKING:
    from reprofp.policies import Policy

_EXAMPLES = (
    ("what holds in this folder, and from which file", "reprofp policy show"),
    ("can it be read? an unknown key is an error", "reprofp policy check"),
    ("a file that lies elsewhere", "reprofp policy check reprofp.toml"),
)


_EXITS = {
    0: "shown; with check: all is understood",
    1: "with check: a pin can never hold",
    3: "there is no policy, or it cannot be read or understood",
    130: "interrupted",
}


@click.command(cls=Command, short_help="Show or check the policy of a repository.", examples=_EXAMPLES, exits=_EXITS)
@click.argument("what", type=click.Choice(("show", "check")), metavar="{show|check}")
@click.argument("file", type=click.Path(path_type=Path), required=False, metavar="[FILE]")
@json_option
@click.pass_context
def command(ctx: click.Context, what: str, file: Path | None, as_json: bool) -> None:
    """Show the policy that holds here, or check that it can be read.

    A policy is looked for from this folder upwards until the repository's root: reprofp.toml, or
    pyproject.toml with a table [tool.reprofp]. check holds what it pins against this environment, the
    newest run of the ledger, and the facts that rules name.
    """
    from reprofp.cli.output import print_json, print_text, remark
    from reprofp.policies import find_branch, find_policy_file, read_policy

    path = file or find_policy_file(Path.cwd())
    if path is None:
        if what == "check":
            raise click.UsageError("there is no policy here: write reprofp.toml, or [tool.reprofp] in pyproject.toml")
        remark("there is no policy here")
    policy = None if path is None else read_policy(path)
    code = _check_pins(path, policy) if policy is not None and what == "check" else 0
    described = {} if policy is None else _describe(policy, find_branch(Path.cwd()))
    if as_json:
        print_json({"schema": "reprofp/policy/1", "file": None if path is None else str(path), **_fill(described)})
    elif what == "check" and not code:
        remark(f"{path}: {len(described)} settings, all understood")
    elif what == "show" and path is not None:
        print_text(f"# {path}\n" + "".join(f"{name} = {_write(value)}\n" for name, value in described.items()))
    ctx.exit(code)


def _check_pins(path: Path | None, policy: Policy) -> int:
    """Tell what is wrong with pins, and return 1 where one can never hold."""
    from reprofp.cli.output import remark
    from reprofp.cli.policy_pins import find_wrong_pins

    wrong = list(find_wrong_pins(policy))
    for said, _ in wrong:
        remark(f"{path}: {said}")
    return int(any(sure for _, sure in wrong))


def _describe(policy: Policy, branch: str) -> dict[str, Any]:
    """Return what is set, in the words of the file."""
    from reprofp.model.paths import format_path
    from reprofp.render.json import value_json

    settings = {
        "require": None if policy.require is None else policy.require.label,
        "accept-measured": policy.accept_measured or None,
        "ignore": [format_path(path) for path in policy.ignore],
        "vary": [format_path(path) for path in policy.vary],
        "pin": {format_path(path): value_json(value) for path, value in policy.pin.items()},
        "metrics": {
            **({} if policy.margin is None else {"margin": policy.margin}),
            **({"margins": dict(policy.margins)} if policy.margins else {}),
        },
        "baseline": policy.baseline_of(branch),
        "branches": dict(policy.branches),
    }
    return {name: value for name, value in settings.items() if value}


def _fill(described: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "require": None,
        "accept-measured": False,
        "ignore": [],
        "vary": [],
        "pin": {},
        "metrics": {},
        "baseline": "",
        "branches": {},
    }
    return {**empty, **described}


def _write(value: Any) -> str:
    """Write a value on one line, as TOML would take it."""
    import json

    from reprofp.render.values import clean

    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(clean(key))} = {_write(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=True)
