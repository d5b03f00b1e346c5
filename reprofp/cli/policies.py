"""The options that name a policy, and what a policy adds to what the command line asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from reprofp.model.records import Record
    from reprofp.policies import Policy, Ruling
    from reprofp.verdict import Verdict

__all__ = ["judge", "policy_options"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def policy_options(function: _Function) -> _Function:
    """Add ``--policy`` and ``--no-policy``; the command gets one ``policy``, or None where none holds."""

    @functools.wraps(function)
    def find(*args: Any, **kwargs: Any) -> Any:
        named, without = kwargs.pop("policy_file"), kwargs.pop("no_policy")
        return function(*args, policy=_find_policy(named, without=without), **kwargs)

    decorators = (
        click.option(
            "--policy",
            "policy_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="The policy to go by, instead of the repository's (reprofp.toml, or pyproject.toml).",
        ),
        click.option("--no-policy", is_flag=True, help="Go by no policy."),
    )
    for decorator in reversed(decorators):
        find = decorator(find)
    return find  # type: ignore[return-value]  # the wrapper takes the options' own parameters


def _find_policy(named: Path | None, *, without: bool) -> Policy | None:
    if named is not None and without:
        raise click.UsageError("--policy and --no-policy exclude each other")
    if without:
        return None
    if named is not None:
        from reprofp.policies import read_policy

        return read_policy(named)
    from reprofp.policies.places import find_policy_file

    path = find_policy_file(Path.cwd())
    if path is None:
        return None
    from reprofp.policies import read_policy

    return read_policy(path)


def judge(
    policy: Policy | None, question: Callable[..., Verdict], a: Record, b: Record, **asked: Any
) -> tuple[Verdict, Ruling | None]:
    """Ask a question of two records, under a policy where there is one."""
    if policy is None:
        return question(a, b, **asked), None
    from reprofp.policies import rule_on

    return rule_on(policy, question, a, b, asked)
