"""Holding the pins of a policy against facts that are known here: this environment, the newest run, and the rules.

A pin that names no fact, or a value of another type than the fact has, holds for no two runs: it is a mistake.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprofp.model.observations import Value
    from reprofp.model.paths import FactPath
    from reprofp.model.records import Record
    from reprofp.policies import Policy

__all__ = ["find_wrong_pins"]

_TYPES = {bool: "true or false", int: "a whole number", float: "a number with a point", str: "text", list: "a list"}


def find_wrong_pins(policy: Policy) -> Iterator[tuple[str, bool]]:
    """Yield what is wrong with a pin, and whether it is sure: another machine may have what an enumeration here has not."""
    if not policy.pin:
        return
    from reprofp.cli.facts import hint_facts, list_paths
    from reprofp.model.paths import format_path

    records = list(_take_records())
    paths = [*list_paths(records), *_list_ruled()]
    known = set(paths)
    for path, value in policy.pin.items():
        if path not in known:
            yield (
                f"pin.{format_path(path)}: no fact of this name is known here{hint_facts(path, paths)}",
                not _is_open(path),
            )
        elif said := _say_type(path, value, records):
            yield f"pin.{format_path(path)}: {said}", True


def _take_records() -> Iterator[Record]:
    """Take this environment, and the newest run of the ledger where there is one: it tells of processes too."""
    from reprofp.cli.names import take_now
    from reprofp.errors import ReprofpError
    from reprofp.ledger import Ledger, load

    yield take_now()
    with contextlib.suppress(ReprofpError):
        with Ledger.open(None, read_only=True) as book:
            names = [item.id for item in book.log(1, "run")]
        for name in names:
            yield load(name)[0]


def _list_ruled() -> list[FactPath]:
    """List the facts that rules name in full."""
    from reprofp.verdict.ruleset import load_rules

    patterns = [pattern.parts for rule in load_rules().by_id.values() for pattern in rule.facts]
    return [parts for parts in patterns if not any("*" in part for part in parts)]


def _is_open(path: FactPath) -> bool:
    """Whether the fact lies below a prefix that lists what is there: any name may be."""
    from reprofp.model.paths import starts_with
    from reprofp.model.schema import FACETS

    spec = FACETS.get(path[0])
    return spec is None or path[0] == "framework" or any(starts_with(path[1:], prefix) for prefix in spec.enumerated)


def _say_type(path: FactPath, value: Value, records: Sequence[Record]) -> str:
    """Say that the fact has values of another type, as in 1 and 1.0, which are never the same."""
    from reprofp.model.observations import Observed
    from reprofp.render.values import format_observation

    facts = [fact for record in records if isinstance(fact := record.look_up(path), Observed)]
    if not facts or any(type(fact.value) is type(value) for fact in facts):
        return ""
    kinds = [_TYPES.get(type(one), type(one).__name__) for one in (value, facts[0].value)]
    here = format_observation(facts[0])
    return f"{format_observation(Observed(value))} is {kinds[0]}, and the fact is {kinds[1]} ({here} here): it can never hold"
