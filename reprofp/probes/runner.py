"""Runs probes: bounded in time, never raising for what a probe could not see.

In: a context and probes. Out: facets, circumstances, keyed values, and each probe's outcome.

Guaranteed: every probe that applies gives a facet, in which what hung, failed or was refused is one
Unknown with its code; the words of a failure are a circumstance, redacted; and no probe can hold the caller longer than
the time limit. A probe may hang in a system call that nothing interrupts (a dead network file system),
so probes run one after the other in a worker thread; when one does not move on, another worker takes
the rest, and at the end of the time the hung one is left behind. Each worker is a daemon: it never
keeps the process from ending.

A probe's class may say how it wants to be run: ``waits = True`` (it waits for another program: it starts first, beside
the others), ``calling_thread = True`` (it asks for the state of a thread), ``unbounded = True`` (its work is as large
as what the user declared, as in hashing data: it runs last, in the calling thread, and the user's own interrupt is the
limit).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from reprofp.model.canonical import encode
from reprofp.model.facets import Facet
from reprofp.model.observations import Unknown, UnknownCode, Value
from reprofp.probes.base import Context, Probe, Report
from reprofp.probes.files import to_text
from reprofp.probes.keys import load_key
from reprofp.probes.redaction import redact_path, redact_text
from reprofp.probes.registry import PROBES

__all__ = ["ObservationSet", "Outcome", "ProbeOutcome", "round_duration", "run_probes"]

_PATIENCE = 0.1
"""How long, in seconds, a probe may hold up the others before another worker goes on without it."""

_MESSAGE_LENGTH = 500


class Outcome(str, Enum):
    """How a probe ended."""

    OK = "ok"
    NOT_APPLICABLE = "not applicable"
    DENIED = "denied"
    TIMED_OUT = "timed out"
    FAILED = "failed"


_CODES = {
    Outcome.DENIED: UnknownCode.DENIED,
    Outcome.TIMED_OUT: UnknownCode.TIMED_OUT,
    Outcome.FAILED: UnknownCode.FAILED,
}


_TOLD_NS = 1_000_000
"""Shorter durations are not recorded: they are noise, and would be a fifth of what a repeated snapshot takes on disk."""


def round_duration(duration_ns: int) -> int:
    """Return a duration in milliseconds with two significant digits."""
    milliseconds = duration_ns // _TOLD_NS
    unit: int = 10 ** max(len(str(milliseconds)) - 2, 0)
    return milliseconds // unit * unit


@dataclass(frozen=True)
class ProbeOutcome:
    """How a probe ended, how long that took, and what it said when it did not end well (redacted)."""

    outcome: Outcome
    duration_ns: int
    message: str = ""


@dataclass
class ObservationSet:
    """What a set of probes saw: facets, and what stands beside them."""

    facets: dict[str, Facet] = field(default_factory=dict)
    circumstances: dict[str, Value] = field(default_factory=dict)
    keyed: dict[str, bytes] = field(default_factory=dict)
    key_id: str = ""
    attachments: dict[str, bytes] = field(default_factory=dict)
    timings: dict[str, ProbeOutcome] = field(default_factory=dict)


@dataclass
class _Answer:
    outcome: ProbeOutcome
    facet: Facet | None = None
    report: Report = field(default_factory=Report)


def run_probes(context: Context, probes: Sequence[Probe] = PROBES, *, time_limit: float = 2.0) -> ObservationSet:
    """Run ``probes`` and gather what they saw.

    Args:
        context: the world that the probes look at.
        probes: the probes, in the order in which they run.
        time_limit: seconds for all of them together, except those that are unbounded.

    Raises:
        InputError: REPROFP_KEY names a file that is no key.
    """
    explain = _explainer(context.environ)

    def ask(probe: Probe) -> _Answer:
        return _ask(probe, context, explain)

    answers = {probe.name: ask(probe) for probe in probes if _has_mark(probe, "calling_thread")}
    bounded = [probe for probe in probes if probe.name not in answers and not _has_mark(probe, "unbounded")]
    answers |= _Crew(bounded, ask, time_limit).run()
    answers |= {probe.name: ask(probe) for probe in probes if probe.name not in answers}
    return _gather(context, probes, answers)


def _has_mark(probe: Probe, mark: str) -> bool:
    return bool(getattr(probe, mark, False))


def _explainer(environ: Mapping[str, str]) -> Callable[[BaseException], str]:
    home = environ.get("HOME", "")

    def explain(error: BaseException) -> str:
        text = to_text(f"{type(error).__name__}: {error}")[:_MESSAGE_LENGTH]
        return redact_path(redact_text(text), home)

    return explain


def _ask(probe: Probe, context: Context, explain: Callable[[BaseException], str]) -> _Answer:
    """Run one probe; whatever it raises becomes an outcome."""
    start = time.perf_counter_ns()
    facet, report = None, Report()
    outcome, message = Outcome.NOT_APPLICABLE, ""
    try:
        if probe.applies(context):
            report = probe.observe(context)
            facet = _to_facet(probe, report)
            outcome = Outcome.OK
    except PermissionError as error:
        outcome, message = Outcome.DENIED, explain(error)
    except TimeoutError as error:
        outcome, message = Outcome.TIMED_OUT, explain(error)
    except Exception as error:  # noqa: BLE001  a probe's defect must not cost the others' facts
        outcome, message = Outcome.FAILED, explain(error)
    duration = time.perf_counter_ns() - start
    if facet is None and outcome in _CODES:
        facet, report = Facet(probe.name, probe.version, {(): Unknown(_CODES[outcome])}), Report()
    return _Answer(ProbeOutcome(outcome, duration, message), facet, report)


def _to_facet(probe: Probe, report: Report) -> Facet:
    """Make the facet; refuse what could not be written down, for the record would fail as a whole later."""
    facet = Facet(probe.name, probe.version, report.facts)
    _ = facet.canonical
    encode(report.circumstances)
    return facet


class _Crew:
    """Works through a list of probes with as many workers as have hung, plus one."""

    def __init__(self, probes: Sequence[Probe], ask: Callable[[Probe], _Answer], time_limit: float) -> None:
        waiting = [probe for probe in probes if _has_mark(probe, "waits")]
        self._probes = [*waiting, *(probe for probe in probes if probe not in waiting)]
        self._workers, self._ask = len(waiting) + 1, ask
        self._deadline = time.monotonic() + time_limit
        self._patience = min(_PATIENCE, time_limit / (2 * len(probes) + 2))
        self._changed = threading.Condition()
        self._next = iter(self._probes)
        self._started: dict[str, int] = {}
        self._answers: dict[str, _Answer] = {}

    def run(self) -> dict[str, _Answer]:
        """Return the answers of all probes; those that have not ended in time are said to have timed out."""
        for _ in range(min(self._workers, len(self._probes))):
            self._hire()
        with self._changed:
            while len(self._answers) < len(self._probes) and (left := self._deadline - time.monotonic()) > 0:
                progress = len(self._answers)
                self._changed.wait(min(left, self._patience))
                if len(self._answers) == progress and self._all_are_stuck():
                    self._hire()
            late = [probe for probe in self._probes if probe.name not in self._answers]
            return {**self._answers, **{probe.name: self._late(probe) for probe in late}}

    def _all_are_stuck(self) -> bool:
        """Whether probes are waiting while every worker has been at its probe for longer than the patience."""
        now, patience = time.perf_counter_ns(), self._patience * 1e9
        working = [start for name, start in self._started.items() if name not in self._answers]
        return len(self._started) < len(self._probes) and all(now - start >= patience for start in working)

    def _hire(self) -> None:
        threading.Thread(target=self._work, name="reprofp-probe", daemon=True).start()

    def _work(self) -> None:
        for probe in self._take():
            answer = self._ask(probe)
            with self._changed:
                self._answers[probe.name] = answer
                self._changed.notify()

    def _take(self) -> Iterator[Probe]:
        while True:
            with self._changed:
                probe = next(self._next, None)
                if probe is None or time.monotonic() > self._deadline:
                    return
                self._started[probe.name] = time.perf_counter_ns()
            yield probe

    def _late(self, probe: Probe) -> _Answer:
        start = self._started.get(probe.name)
        duration = 0 if start is None else time.perf_counter_ns() - start
        facet = Facet(probe.name, probe.version, {(): Unknown(UnknownCode.TIMED_OUT)})
        return _Answer(ProbeOutcome(Outcome.TIMED_OUT, duration, "did not end within the time limit"), facet)


def _gather(context: Context, probes: Sequence[Probe], answers: Mapping[str, _Answer]) -> ObservationSet:
    result = ObservationSet()
    secrets: dict[str, bytes] = {}
    for probe in probes:
        answer = answers[probe.name]
        _note(result, probe, answer.outcome)
        if answer.facet is not None:
            result.facets[probe.name] = answer.facet
            result.circumstances.update(answer.report.circumstances)
            result.attachments.update(answer.report.attachments)
            secrets.update(answer.report.secrets)
    _add_keyed(result, context, secrets)
    return result


def _note(result: ObservationSet, probe: Probe, outcome: ProbeOutcome) -> None:
    result.timings[probe.name] = outcome
    result.circumstances[f"probes.{probe.name}.outcome"] = outcome.outcome.value
    if outcome.duration_ns >= _TOLD_NS:
        result.circumstances[f"probes.{probe.name}.duration_ms"] = round_duration(outcome.duration_ns)
    if outcome.message:
        result.circumstances[f"probes.{probe.name}.message"] = outcome.message


def _add_keyed(result: ObservationSet, context: Context, secrets: Mapping[str, bytes]) -> None:
    if not secrets:
        return
    key = load_key(context.environ)
    result.key_id = key.id
    result.keyed = {to_text(path): key.digest(path, value) for path, value in sorted(secrets.items())}
    if key.problem:
        result.circumstances["probes.key"] = redact_path(
            f"values are compared under a key that ended with this process ({key.problem})",
            context.environ.get("HOME", ""),
        )
