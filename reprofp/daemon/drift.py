"""Drift: which records that came since are not comparable with a baseline any more.

In: a baseline, a level, and how far the asker has seen. Out: the records after that, oldest first, which the level is not
certain for. Guaranteed: no record is passed over: ``after`` moves past what was judged, and no further; a record that
cannot be read is told of, not left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger import Filter, Summary
from reprofp.model.ids import parse_id
from reprofp.verdict import Level, answer_requirement, compare

if TYPE_CHECKING:
    from reprofp.daemon.reads import Asked
    from reprofp.model.observations import Value
    from reprofp.model.records import Record

__all__ = ["MAX_WAIT_MS", "find_drift", "move_on", "needs_another_look"]

MAX_WAIT_MS = 60_000
"""How long a request may wait for a record to come."""

_INT64 = 2**63 - 1
_JUDGED = 20
_WINDOW = 1000
_REASONS = 5


def find_drift(asked: Asked) -> Value:
    """Judge the records after a leaf, some at a time; without ``after``, tell where the ledger ends now."""
    params = asked.params
    named, level = params.name_or_record("baseline"), Level.parse(params.text_or_none("require") or "statistical")
    request = {name: params.paths(name) for name in ("vary", "ignore")}
    accept_measured = params.flag("accept_measured")
    size = len(asked.ledger)
    after = params.number("after", -1, _INT64, size - 1) or 0
    params.number("wait_ms", 0, MAX_WAIT_MS)
    params.finish()
    baseline, _ = asked.load(named)
    found: list[Value] = []
    judged = 0
    last = min(after + _WINDOW, size - 1)
    for line in _list_after(asked, after, last):
        if judged == _JUDGED:
            last = line.leaf - 1
            break
        if line.id != baseline.id and asked.sees(parse_id(line.id)[1]):
            judged += 1
            found += _judge(asked, baseline, line, level, accept_measured=accept_measured, **request)
    last = max(after, last)
    return {"after": last, "behind": size - 1 > last, "records": found}


def _list_after(asked: Asked, after: int, last: int) -> Iterator[Summary]:
    """Yield the records with leaves beyond ``after`` up to ``last``, oldest first; no parts."""
    lines = takewhile(lambda line: line.leaf > after, asked.ledger.log(wanted=Filter(below=last + 1)))
    return reversed(list(lines))


def _judge(
    asked: Asked, baseline: Record, line: Summary, level: Level, *, accept_measured: bool, **request: Any
) -> list[Value]:
    from reprofp.daemon.reads import describe_line  # noqa: PLC0415  it lists this method
    from reprofp.render.json import verdict_json  # noqa: PLC0415  the first verdict brings it

    try:
        record = asked.ledger.get(line.id)
    except (FormatError, LedgerError) as error:
        return [{**describe_line(line), "answer": 2, "reasons": [], "problem": str(error)}]
    verdict = compare(baseline, record, accept_measured=accept_measured, **request)
    answer = answer_requirement(verdict, level, accept_measured=accept_measured)
    if answer == 0:
        return []
    body = verdict_json(verdict, baseline, record)
    experiment = body["experiment"]
    told = [*body["reasons"], *experiment["differs"], *experiment["unknown"], *body["missing"]]
    return [{**describe_line(line), "answer": answer, "reasons": told[:_REASONS], "problem": ""}]


def needs_another_look(result: Value) -> bool:
    """Whether nothing was found yet, so that an asker who has time may wait."""
    return isinstance(result, Mapping) and not result["records"]


def move_on(params: Mapping[str, Value], result: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters of the next look: from where the last one ended."""
    return {**params, "after": result["after"]}
