"""Verdicts and records as JSON-able values, in the words of the design; schemas are in docs/formats/json.

Guaranteed: every value that a fact can hold has a form here and the output is strict JSON (RFC 8259):
what JSON cannot hold is a map ``{"$": kind, "v": text}``, and a user's key that begins with ``$`` gets
another ``$``, as in canonical bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from typing import TYPE_CHECKING, Any

from reprofp.model.facets import Facet
from reprofp.model.ids import format_id
from reprofp.model.observations import Absent, Observation, Observed, Value
from reprofp.model.paths import FactPath, format_path, starts_with
from reprofp.model.records import Process, Record, Repeats, Result, Run, SideBlob, Snapshot
from reprofp.render.contents import content_json
from reprofp.render.rules import describe_rule
from reprofp.render.wording import ANSWERS

if TYPE_CHECKING:
    from reprofp.model.contents import ContentDifference
    from reprofp.policies.policy import Ruling
    from reprofp.verdict import Interval, MetricComparison, Reason, Rule, Verdict
    from reprofp.verdict.metrics import SeriesComparison

__all__ = [
    "identity_json",
    "metric_json",
    "observation_json",
    "reason_json",
    "record_json",
    "rule_json",
    "ruling_json",
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
    return text.encode("utf-8", "replace").decode()


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


def verdict_json(
    verdict: Verdict,
    a: Record,
    b: Record,
    *,
    level: str | None = None,
    answer: int | None = None,
    contents: Sequence[ContentDifference] = (),
    ruling: Ruling | None = None,
) -> dict[str, Any]:
    """Return the answer of ``compare`` or ``check`` (schema compare.schema.json).

    ``level`` is what was required and ``answer`` the exit code that answers it; ``contents`` tell what differs in data
    and weights, ``ruling`` what a policy did.
    """
    experiment = verdict.experiment
    return {
        "schema": "reprofp/compare/1",
        "a": identity_json(a),
        "b": identity_json(b),
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
        "settles_later": _reasons_json(verdict.settles_later),
        "not_relevant": _reasons_json(verdict.not_relevant),
        "contents": [content_json(content) for content in contents],
        "metrics": [metric_json(metric) for metric in verdict.metrics],
        "counts": {"equal": verdict.equal, "irrelevant": verdict.irrelevant, "unknown": verdict.unknown},
        "notes": list(verdict.notes),
        "rules_version": verdict.rules_version,
        "requirement": None if answer is None else {"level": level, "answer": ANSWERS[answer]},
        "policy": None if ruling is None else ruling_json(ruling),
    }


def metric_json(metric: MetricComparison) -> dict[str, Any]:
    """Return the comparison of one metric."""
    return {
        "name": metric.name,
        "runs": [metric.runs_a, metric.runs_b],
        "means": [value_json(metric.mean_a), value_json(metric.mean_b)],
        "deviation": metric.deviation,
        "margin": metric.margin,
        "equivalent": metric.equivalent,
        "p_value": metric.p_value,
        "interval": None if metric.interval is None else list(metric.interval),
        "mark": metric.mark,
        "series": None if metric.series is None else _series_json(metric.series),
    }


def _series_json(series: SeriesComparison) -> dict[str, Any]:
    return {
        "steps": series.steps,
        "only": [series.only_a, series.only_b],
        "parts_at": series.parts_at,
        "values": None if series.values is None else [value_json(value) for value in series.values],
        "beyond_at": series.beyond_at,
    }


def ruling_json(ruling: Ruling) -> dict[str, Any]:
    """Return what a policy did to a verdict, and the verdict without it."""
    return {
        "file": ruling.policy.file.name,
        "ignored": _reasons_json(ruling.ignored),
        "varied": _reasons_json(ruling.varied),
        "pinned": [
            {
                "path": format_path(pin.path),
                "value": value_json(pin.value),
                "a": observation_json(pin.a),
                "b": observation_json(pin.b),
                "holds": pin.holds,
            }
            for pin in ruling.pinned
        ],
        "without": {
            "conditions": interval_json(ruling.without.conditions),
            "overall": interval_json(ruling.without.overall),
        },
    }


def identity_json(record: Record) -> dict[str, Any]:
    """Return what names a record."""
    return {
        "id": record.id,
        "kind": "run" if isinstance(record, Run) else "snapshot",
        "fingerprint": str(record.fingerprint),
        "time": time_json(record.time_ns),
    }


def record_json(record: Record, *, prefixes: Sequence[FactPath] = (), circumstances: bool = False) -> dict[str, Any]:
    """Return a record (schema record.schema.json), with all of its facts or those below ``prefixes``.

    Circumstances are there only on request.
    """
    draw = _Drawing(tuple(prefixes), circumstances)
    body = draw.snapshot(record) if isinstance(record, Snapshot) else draw.run(record)
    return {"schema": "reprofp/record/1", **body}


def _head_json(record: Record) -> dict[str, Any]:
    return {
        **identity_json(record),
        "conditions": record.fingerprint.conditions,
        "experiment": record.fingerprint.experiment,
        "tool": record.tool,
    }


@dataclass(frozen=True, slots=True)
class _Drawing:
    """What of a record is wanted."""

    prefixes: tuple[FactPath, ...]
    circumstances: bool

    def snapshot(self, snapshot: Snapshot) -> dict[str, Any]:
        facets = {name: self.facet(facet) for name, facet in snapshot.facets.items() if self._wants_facet(facet)}
        return {
            **_head_json(snapshot),
            "phase": snapshot.phase.value,
            "facets": facets,
            **self.side(snapshot.side),
        }

    def facet(self, facet: Facet) -> dict[str, Any]:
        return {
            "id": format_id("fa1", facet.raw_id),
            "version": facet.version,
            "facts": {
                format_path(path): observation_json(fact)
                for path, fact in facet.facts.items()
                if self._wants(facet.path + path)
            },
        }

    def run(self, run: Run) -> dict[str, Any]:
        return {
            **_head_json(run),
            "start": self.snapshot(run.start),
            "processes": [self.process(process) for process in run.processes],
            "result": _result_json(run.result),
            **self.side(run.side),
        }

    def process(self, process: Process) -> dict[str, Any]:
        snapshot = process.snapshot
        return {
            "role": process.role,
            "exit_code": process.exit_code,
            "snapshot": None if snapshot is None else self.snapshot(snapshot),
        }

    def side(self, side: SideBlob) -> dict[str, Any]:
        if not self.circumstances:
            return {}
        return {"circumstances": value_json(side.circumstances), "keyed": sorted(side.keyed)}

    def _wants_facet(self, facet: Facet) -> bool:
        return not self.prefixes or any(self._wants(facet.path + path) for path in facet.facts)

    def _wants(self, path: FactPath) -> bool:
        return not self.prefixes or any(starts_with(path, prefix) for prefix in self.prefixes)


def _result_json(result: Result) -> dict[str, Any]:
    return {
        "exit_code": result.exit_code,
        "duration_ns": result.duration_ns,
        "outputs": {name: value_json(output) for name, output in result.outputs.items()},
        "metrics": {
            name: [[step, value_json(float(number))] for step, number in points]
            for name, points in result.metrics.items()
        },
        **({} if result.repeats is None else {"repeats": _repeats_json(result.repeats)}),
    }


def _repeats_json(repeats: Repeats) -> dict[str, Any]:
    names = {"equal": repeats.equal, "differing": repeats.differing, "missing": repeats.missing}
    lists = {name: list(found) for name, found in names.items()}
    return {"of": repeats.of, **lists, "records": [format_id("rn1", raw_id) for raw_id in repeats.records]}


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
    """Return a rule (part of explain.schema.json)."""
    return {name.replace(" ", "_"): text for name, text in describe_rule(rule).items()}
