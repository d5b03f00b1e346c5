"""Verdicts and records as JSON-able values, in the words of the design; schemas are in docs/formats/json.

Guaranteed: every value that a fact can hold has a form here and the output is strict JSON (RFC 8259):
what JSON cannot hold is a map ``{"$": kind, "v": text}``, and a user's key that begins with ``$`` gets
another ``$``, as in canonical bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from reprofp.model.ids import format_id
from reprofp.model.observations import Absent, Observation, Observed, Value
from reprofp.model.paths import format_path
from reprofp.model.records import Process, Record, Result, Run, SideBlob, Snapshot

if TYPE_CHECKING:
    from reprofp.verdict import Interval, Reason, Rule, Verdict

__all__ = [
    "observation_json",
    "reason_json",
    "record_json",
    "rule_json",
    "summary_json",
    "time_json",
    "value_json",
    "verdict_json",
]

_SAFE_INTEGER = 2**53
"""Integers from here on lose digits in readers that hold numbers as doubles (RFC 8259, section 6)."""


def value_json(value: Value) -> Any:  # noqa: PLR0911 - one line for each type of a value
    """Return a value of a fact in its JSON form."""
    match value:
        case None | bool() | str():
            return _text_json(value) if isinstance(value, str) else value
        case int():
            return value if abs(value) < _SAFE_INTEGER else _tagged("int", str(value))
        case float():
            return value if math.isfinite(value) else _tagged("float", repr(value))
        case bytes():
            return _tagged("bytes", value.hex())
        case datetime() | date() | time():
            return _tagged(type(value).__name__, value.isoformat())
        case Mapping():
            return {_key_json(key): value_json(item) for key, item in value.items()}
        case Sequence():
            return [value_json(item) for item in value]
    return _text_json(str(value))


def _tagged(kind: str, text: str) -> dict[str, str]:
    return {"$": kind, "v": text}


def _key_json(key: str) -> str:
    return "$" + key if key.startswith("$") else key


def _text_json(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def observation_json(fact: Observation) -> dict[str, Any]:
    """Return an observation as a map with one key: ``observed``, ``absent`` or ``unknown``."""
    if isinstance(fact, Observed):
        return {"observed": value_json(fact.value)}
    if isinstance(fact, Absent):
        return {"absent": True}
    return {"unknown": fact.code.value}


def time_json(time_ns: int) -> str | None:
    """Return a moment as RFC 3339 in UTC, or None where it lies outside the calendar."""
    try:
        moment = datetime.fromtimestamp(time_ns // 10**9, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):
        return None
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % 10**9:09d}Z"


def interval_json(interval: Interval) -> dict[str, str]:
    """Return an interval of levels."""
    return {"promised": interval.promised.label, "possible": interval.possible.label}


def reason_json(reason: Reason) -> dict[str, Any]:
    """Return a reason with both of its values."""
    return {
        "path": format_path(reason.path),
        "kind": reason.kind,
        "side": reason.side.value,
        "a": observation_json(reason.a),
        "b": observation_json(reason.b),
        "rule": reason.rule,
        "active": reason.active,
        "level": None if reason.level is None else reason.level.label,
        "lowers": reason.lowers,
        "why": reason.why,
        "remedy": reason.remedy,
        "evidence": reason.evidence,
        "source": reason.source,
        "mark": reason.mark,
    }


def _reasons_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    return [reason_json(reason) for reason in reasons]


def verdict_json(verdict: Verdict, a: Record, b: Record) -> dict[str, Any]:
    """Return the answer of ``compare`` (schema compare.schema.json)."""
    experiment = verdict.experiment
    return {
        "schema": "reprofp/compare/1",
        "a": _identity_json(a),
        "b": _identity_json(b),
        "same_record": verdict.same_record,
        "conditions": interval_json(verdict.conditions),
        "experiment": {
            "level": None if experiment.level is None else experiment.level.label,
            "differs": _reasons_json(experiment.differs),
            "unknown": _reasons_json(experiment.unknown),
            "varied": _reasons_json(experiment.varied),
        },
        "overall": interval_json(verdict.overall),
        "reasons": _reasons_json(verdict.reasons),
        "missing": _reasons_json(verdict.missing),
        "counts": {"equal": verdict.equal, "irrelevant": verdict.irrelevant, "unknown": verdict.unknown},
        "notes": list(verdict.notes),
        "rules_version": verdict.rules_version,
        "requirement": None,
    }


def _identity_json(record: Record) -> dict[str, Any]:
    return {
        "id": record.id,
        "kind": "run" if isinstance(record, Run) else "snapshot",
        "fingerprint": str(record.fingerprint),
        "time": time_json(record.time_ns),
    }


def record_json(record: Record, *, circumstances: bool = False) -> dict[str, Any]:
    """Return a record with all of its facts (schema record.schema.json); circumstances only on request."""
    body = _snapshot_json if isinstance(record, Snapshot) else _run_json
    return {"schema": "reprofp/record/1", **body(record, circumstances=circumstances)}  # type: ignore[operator]  # by type


def _head_json(record: Record) -> dict[str, Any]:
    return {
        **_identity_json(record),
        "conditions": record.fingerprint.conditions,
        "experiment": record.fingerprint.experiment,
        "tool": record.tool,
    }


def _snapshot_json(snapshot: Snapshot, *, circumstances: bool) -> dict[str, Any]:
    return {
        **_head_json(snapshot),
        "phase": snapshot.phase.value,
        "facets": {
            name: {
                "id": format_id("fa1", facet.raw_id),
                "version": facet.version,
                "facts": {format_path(path): observation_json(fact) for path, fact in facet.facts.items() if path},
                **({"all": observation_json(facet.facts[()])} if () in facet.facts else {}),
            }
            for name, facet in snapshot.facets.items()
        },
        **_side_json(snapshot.side, wanted=circumstances),
    }


def _side_json(side: SideBlob, *, wanted: bool) -> dict[str, Any]:
    if not wanted:
        return {}
    return {"circumstances": value_json(side.circumstances), "keyed": sorted(side.keyed)}


def _run_json(run: Run, *, circumstances: bool) -> dict[str, Any]:
    return {
        **_head_json(run),
        "start": _snapshot_json(run.start, circumstances=circumstances),
        "processes": [_process_json(process, circumstances=circumstances) for process in run.processes],
        "result": _result_json(run.result),
        **_side_json(run.side, wanted=circumstances),
    }


def _process_json(process: Process, *, circumstances: bool) -> dict[str, Any]:
    snapshot = process.snapshot
    return {
        "role": process.role,
        "exit_code": process.exit_code,
        "snapshot": None if snapshot is None else _snapshot_json(snapshot, circumstances=circumstances),
    }


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "exit_code": result.exit_code,
        "duration_ns": result.duration_ns,
        "outputs": {name: value_json(output) for name, output in result.outputs.items()},
        "metrics": {
            name: [[step, value_json(float(number))] for step, number in points]
            for name, points in result.metrics.items()
        },
    }


def summary_json(summary: Any) -> dict[str, Any]:
    """Return one line of ``log`` (schema log.schema.json) from a summary of the ledger."""
    return {
        "id": summary.id,
        "kind": summary.kind,
        "time": time_json(summary.time_ns),
        "fingerprint": summary.fingerprint,
        "tags": list(summary.tags),
        "exit_code": summary.exit_code,
        "role": summary.role,
    }


def rule_json(rule: Rule) -> dict[str, Any]:
    """Return a rule (schema explain.schema.json)."""
    return {"schema": "reprofp/explain/1", "id": rule.id}
