"""Records on the screen: one in full (``show``), many as a table (``log``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from reprofp.model.facets import Facet
from reprofp.model.observations import Observation, Observed, Value
from reprofp.model.paths import FactPath, format_path, starts_with
from reprofp.model.records import Record, Repeats, Result, Run, Snapshot
from reprofp.render.layout import Line, Span, align, indent, line, wrap
from reprofp.render.values import (
    clean,
    format_bytes,
    format_duration,
    format_observation,
    format_time,
    format_value,
)

if TYPE_CHECKING:
    from reprofp.ledger import Summary

__all__ = ["draw_end", "draw_exit", "draw_log", "draw_record", "draw_repeats"]

_MANY = 8
_NAMES = 60
_WIDE = 200
_FINGERPRINT = 16
_ID = 16


def draw_record(
    record: Record, *, prefixes: Sequence[FactPath] = (), everything: bool = False, circumstances: bool = False
) -> list[Line]:
    """Draw one record: what names it, what came out, its facts.

    With ``prefixes`` only the facts below them; with ``everything`` no list of facts is shortened.
    """
    lines = _draw_head(record)
    if isinstance(record, Run):
        lines += _draw_result(record.result)
    lines += [spans for part in _parts(record) for spans in _draw_part(*part, prefixes, everything=everything)]
    if circumstances:
        lines += [spans for owner, snapshot in _sides(record) for spans in _draw_side(owner, snapshot)]
    return lines


def _draw_head(record: Record) -> list[Line]:
    kind = "run" if isinstance(record, Run) else "snapshot"
    rows = [
        (kind, record.id),
        ("time", format_time(record.time_ns)),
        ("fingerprint", str(record.fingerprint)),
        ("conditions", record.fingerprint.conditions),
        ("experiment", record.fingerprint.experiment),
        ("tool", clean(record.tool)),
    ]
    if isinstance(record, Snapshot):
        rows.append(("phase", record.phase.value))
    return align([[Span(name, "dim"), Span(value)] for name, value in rows])


def draw_exit(code: int | None) -> str:
    """Write how a process ended."""
    if code is None:
        return "not known"
    return f"signal {-code}" if code < 0 else str(code)


def draw_end(code: int | None) -> str:
    """Write how a process ended, as a remark of its own."""
    return draw_exit(code) if code is not None and code < 0 else f"exit {draw_exit(code)}"


def _draw_result(result: Result) -> list[Line]:
    rows = [("exit code", draw_exit(result.exit_code)), ("duration", format_duration(result.duration_ns))]
    rows += [(f"output {clean(name)}", _draw_output(output)) for name, output in result.outputs.items()]
    rows += [(f"metric {clean(name)}", _draw_metric(points)) for name, points in result.metrics.items()]
    rows += [("repeats", draw_repeats(result.repeats))] if result.repeats else []
    return [line(), *align([[Span(name, "dim"), Span(value)] for name, value in rows])]


def draw_repeats(repeats: Repeats) -> str:
    """Say what running a command several times showed."""
    if repeats.differing:
        return f"{repeats.of} runs differ: {clean(', '.join(repeats.differing))}"
    if repeats.missing:
        return f"{repeats.of} runs, not each made {clean(', '.join(repeats.missing))}"
    return f"{repeats.of} runs made the same bits"


def _draw_output(output: Mapping[str, Value]) -> str:
    if "error" in output:
        return f"? ({clean(str(output['error']))})"
    size = output.get("bytes")
    text = clean(str(output.get("digest")))
    return f"{text}  {format_bytes(size)}" if isinstance(size, int) else text


def _draw_metric(points: Sequence[tuple[int, float]]) -> str:
    if not points:
        return "no points"
    step, value = points[-1]
    return f"{value!r} at step {step} ({len(points)} points)" if len(points) > 1 else f"{value!r} at step {step}"


def _parts(record: Record) -> list[tuple[str, Snapshot]]:
    """Return the snapshots that are shown: of a run, each process's end, or the start where there is none."""
    if isinstance(record, Snapshot):
        return [("", record)]
    ends = [
        (f"process {clean(process.role)}, exit code {draw_exit(process.exit_code)}", process.snapshot)
        for process in record.processes
        if process.snapshot is not None
    ]
    return ends or [("start (no end was seen)", record.start)]


def _draw_part(title: str, snapshot: Snapshot, prefixes: Sequence[FactPath], *, everything: bool) -> list[Line]:
    lines = [line(), line(Span(title, "strong"))] if title else []
    for facet in snapshot.facets.values():
        facts = {path: fact for path, fact in facet.facts.items() if _is_wanted(facet.path + path, prefixes)}
        if facts:
            lines += _draw_facet(facet, facts, everything=everything or bool(prefixes))
    return lines


def _is_wanted(path: FactPath, prefixes: Sequence[FactPath]) -> bool:
    return not prefixes or any(starts_with(path, prefix) for prefix in prefixes)


def _draw_facet(facet: Facet, facts: Mapping[FactPath, Observation], *, everything: bool) -> list[Line]:
    rows: list[list[Span]] = []
    for _, group in groupby(facts.items(), key=lambda item: item[0][:1]):
        rows += _draw_group(list(group), everything=everything)
    return [line(), line(Span(clean(facet.name), "path")), *(indent(spans, 2) for spans in align(rows))]


def _draw_group(facts: list[tuple[FactPath, Observation]], *, everything: bool) -> list[list[Span]]:
    if everything or len(facts) <= _MANY:
        limit = _WIDE if everything else _NAMES
        return [[_name_fact(path), Span(format_observation(fact, limit))] for path, fact in facts]
    names = list(dict.fromkeys(path[1] if len(path) > 1 else "" for path, _ in facts))
    flags = all(fact == Observed(value=True) for _, fact in facts)
    first = wrap((" " if flags else ", ").join(map(clean, names)), _NAMES)[0]
    return [[Span(clean(facts[0][0][0])), Span(f"{first} ... ({len(names)}, --all)")]]


def _name_fact(path: FactPath) -> Span:
    return Span(clean(format_path(path)) if path else "(all)")


def _sides(record: Record) -> list[tuple[str, Mapping[str, Value]]]:
    own = [("", record.side.circumstances)]
    if isinstance(record, Snapshot):
        return own
    inner = [("start ", record.start.side.circumstances)]
    inner += [
        (f"{process.role} ", process.snapshot.side.circumstances) for process in record.processes if process.snapshot
    ]
    return own + inner


def _draw_side(owner: str, circumstances: Mapping[str, Value]) -> list[Line]:
    rows = [[Span(clean(name)), Span(format_value(value, _WIDE))] for name, value in sorted(circumstances.items())]
    title = line(Span(f"{clean(owner)}circumstances", "path"), Span("  never part of a fingerprint", "dim"))
    return [line(), title, *(indent(spans, 2) for spans in align(rows))]


_LOG_HEAD = ("record", "time", "kind", "fingerprint", "ended", "tags", "phase or process")


def draw_log(summaries: Iterable[Summary], *, head: bool = False) -> list[Line]:
    """Draw the ledger's records as a table, one line each; with ``head`` the columns are named, if there are rows."""
    rows = [_draw_summary(summary) for summary in summaries]
    return align([[Span(name, "dim") for name in _LOG_HEAD], *rows] if head and rows else rows)


def _draw_summary(summary: Summary) -> list[Span]:
    ended = "" if summary.exit_code is None else draw_end(summary.exit_code)
    return [
        Span(summary.id[:_ID], "path"),
        Span(format_time(summary.time_ns)),
        Span(summary.kind),
        Span(summary.fingerprint[:_FINGERPRINT], "dim"),
        Span(ended),
        Span(", ".join(map(clean, summary.tags)), "strong"),
        Span(clean(summary.role)),
    ]
