"""The methods that read: each takes what was asked, and returns a value of the wire format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from reprofp.daemon.books import PackedFiles
from reprofp.daemon.drift import find_drift
from reprofp.daemon.requests import Params
from reprofp.errors import NameNotFoundError, UsageError
from reprofp.ledger import Filter, Ledger, Summary
from reprofp.ledger.files import pack_record
from reprofp.ledger.searching import find_nearest, search
from reprofp.model.ids import format_id, parse_id
from reprofp.model.observations import Value
from reprofp.model.records import Record, Snapshot
from reprofp.verdict import Level, Verdict, answer_requirement, check_before_run, compare
from reprofp.verdict.promising import falls_short, list_grounds, promises

__all__ = ["READS", "Asked", "describe_line"]

_MOST_LINES = 1000
_LINES = 20
_INT64 = 2**63 - 1
_MOST_UIDS = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a method has to work with."""

    ledger: Ledger
    params: Params
    sees: Callable[[bytes], bool]
    """Whether who asks may read the values of the record with this raw id."""
    files: PackedFiles
    owned_by: Callable[[int], Callable[[str], bool]]
    """Gives for a uid what says of a record's id whether that user put it."""

    def find(self, name: str) -> tuple[str, bytes, str | None]:
        """Return the kind, raw id and note of the record that a name stands for."""
        return self.ledger.resolve(name)

    def load(self, named: str | Record) -> tuple[Record, str | None]:
        """Return a record whose values may be read.

        Raises:
            NameNotFoundError: there is none; one of another user is as if it were not there.
        """
        if not isinstance(named, str):
            return named, None
        kind, raw_id, note = self.find_visible(named)
        return self.ledger.get(format_id(kind, raw_id)), note

    def find_visible(self, name: str) -> tuple[str, bytes, str | None]:
        """Return the kind, raw id and note of a record whose values may be read.

        Raises:
            NameNotFoundError: there is none; one of another user is as if it were not there.
        """
        found = self.find(name)
        if not self.sees(found[1]):
            raise NameNotFoundError(f"you have no record {name!r} here: values are shown to whoever put them")
        return found


def _resolve(asked: Asked) -> Value:
    name = asked.params.text("name")
    asked.params.finish()
    kind, raw_id, note = asked.find(name)
    return {"id": format_id(kind, raw_id), "note": note}


def _get(asked: Asked) -> Value:
    name = asked.params.text("name")
    asked.params.finish()
    kind, raw_id, note = asked.find_visible(name)
    data = asked.files.packed.find(raw_id)
    if data is None:
        data = pack_record(asked.ledger.get(format_id(kind, raw_id)))
        asked.files.packed.add(raw_id, data)
    return {"note": note, "record": data}


def _tags(asked: Asked) -> Value:
    asked.params.finish()
    return {"tags": dict(asked.ledger.tags())}


def _log(asked: Asked) -> Value:
    params = asked.params
    limit = params.number("limit", 1, _MOST_LINES, _LINES)
    before, tag = params.text_or_none("before"), params.text_or_none("tag")
    uid = params.number("uid", 0, _MOST_UIDS)
    wanted = Filter(
        kind=params.text_or_none("kind"),
        since_ns=params.number("since_ns", 0, _INT64),
        until_ns=params.number("until_ns", 0, _INT64),
        below=None if before is None else _find_leaf(asked, before),
    )
    params.finish()
    owned = None if uid is None else asked.owned_by(uid)
    lines = search(asked.ledger, wanted, tag=tag, owned=owned, limit=limit)
    return {"records": [describe_line(line) for line in lines]}


def _find_leaf(asked: Asked, name: str) -> int:
    kind, raw_id, _ = asked.find(name)
    return asked.ledger.summary(format_id(kind, raw_id)).leaf


def describe_line(line: Summary) -> dict[str, Value]:
    """Return what a record is in short."""
    return {
        "conditions": line.conditions,
        "exit_code": line.exit_code,
        "experiment": line.experiment,
        "fingerprint": line.fingerprint,
        "id": line.id,
        "kind": line.kind,
        "role": line.role,
        "tags": list(line.tags),
        "time_ns": line.time_ns,
    }


@dataclass(frozen=True, slots=True)
class _Pair:
    a: Record
    b: Record
    level: str | None
    vary: list[tuple[str, ...]]
    ignore: list[tuple[str, ...]]
    accept_measured: bool
    strict: bool


def _read_pair(asked: Asked, first: str, second: str, level: str | None, *, strict: bool) -> _Pair:
    params = asked.params
    named = params.name_or_record(first), params.name_or_record(second)
    wanted = params.text_or_none("require") or level
    vary, ignore = params.paths("vary"), params.paths("ignore")
    accept_measured = params.flag("accept_measured")
    is_strict = params.flag("strict") if strict else False
    params.finish()
    a, b = (asked.load(item)[0] for item in named)
    return _Pair(a, b, wanted, vary, ignore, accept_measured, is_strict)


def _conclude(verdict: Verdict, pair: _Pair) -> Value:
    from reprofp.render.json import verdict_json  # noqa: PLC0415  the first verdict brings it

    answer = None
    if pair.level is not None:
        answer = answer_requirement(
            verdict, Level.parse(pair.level), accept_measured=pair.accept_measured, strict=pair.strict
        )
    body: dict[str, Value] = verdict_json(verdict, pair.a, pair.b, level=pair.level, answer=answer)
    return {"answer": answer, "verdict": body}


def _compare(asked: Asked) -> Value:
    pair = _read_pair(asked, "a", "b", None, strict=False)
    verdict = compare(pair.a, pair.b, vary=pair.vary, ignore=pair.ignore, accept_measured=pair.accept_measured)
    return _conclude(verdict, pair)


def _check(asked: Asked) -> Value:
    pair = _read_pair(asked, "baseline", "now", "bitwise", strict=True)
    if not isinstance(pair.b, Snapshot):
        raise UsageError("check takes a snapshot as 'now': what is to run has not run yet")
    verdict = check_before_run(pair.a, pair.b, vary=pair.vary, ignore=pair.ignore, accept_measured=pair.accept_measured)
    return _conclude(verdict, pair)


def _find_comparable(asked: Asked) -> Value:
    named = asked.params.name_or_record("name")
    level = Level.parse(asked.params.text_or_none("require") or "statistical")
    limit = asked.params.number("limit", 1, _MOST_LINES, _LINES)
    asked.params.finish()
    record, _ = asked.load(named)
    return {"records": [describe_line(line) for line in islice(_judge_nearest(asked, record, level), limit)]}


def _judge_nearest(asked: Asked, record: Record, level: Level) -> Iterator[Summary]:
    for line in find_nearest(asked.ledger, record):
        if not asked.sees(parse_id(line.id)[1]):
            continue
        ask = partial(_is_comparable, asked, record, line.id, level)
        if asked.files.judge(record.id, line.id, level.label, ask):
            yield line


def _is_comparable(asked: Asked, record: Record, other: str, level: Level) -> bool:
    """Judge two records; of those that agree in all that a verdict rests on, one is judged for all."""
    if falls_short(record, asked.ledger.get(other, asked.files.facets, sides=False), level):
        return False
    candidate = asked.ledger.get(other, asked.files.facets)
    return asked.files.judge(
        record.id, list_grounds(candidate), level.label, lambda: promises(record, candidate, level)
    )


READS: dict[str, Callable[[Asked], Value]] = {
    "resolve": _resolve,
    "record.get": _get,
    "tags": _tags,
    "log": _log,
    "compare": _compare,
    "check": _check,
    "comparable_with": _find_comparable,
    "drift": find_drift,
}
"""The methods that read the ledger."""
