"""``reprofp run -- CMD``: a snapshot before, the command as if it ran alone, a snapshot of what it reported.

In: an argument list and what was declared of the experiment. Out: the run's record, which is not
appended to any ledger, and the exit code to give. Guaranteed: once the command was started, nothing
that goes wrong on reprofp's side changes its exit code; it is told to ``options.warn`` instead.

The first process of a run is the command itself where that is Python, or the only Python that it ran.
Where the first process could not report (an isolated or old Python, no Python at all, a killed process),
its end snapshot holds what can be seen from outside, and its other facets are Unknown: ``not asked``
where no Python listened, ``failed`` where one did and never reported.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from reprofp.capture import TOOL, find_python, take_snapshot
from reprofp.errors import InputError, ReprofpError
from reprofp.hooks.declared import Declared, make_absolute
from reprofp.hooks.families import Group, find_first, group_reports, name_role, settle_starts
from reprofp.hooks.foreground import NotStartedError, find_program, run_in_foreground
from reprofp.hooks.interpreters import find_described_interpreter, name_script
from reprofp.hooks.reading import Budget, hash_data_files
from reprofp.hooks.reports import Report, ReportFolder, open_reports
from reprofp.hooks.results import Metrics, Outputs, Points
from reprofp.hooks.standard_input import StandardInput, look_at_own
from reprofp.hooks.standard_output import StandardOutput
from reprofp.model.facets import Facet
from reprofp.model.fingerprints import Fingerprint
from reprofp.model.ids import format_id
from reprofp.model.observations import Unknown, UnknownCode
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import FACETS, Phase
from reprofp.numerics import Request, describe_durations
from reprofp.probes.base import Context, Experiment
from reprofp.probes.declared import validate_experiment

__all__ = ["NotStartedError", "RunOptions", "is_disabled", "run_command"]

_MAX_SNAPSHOTS = 32
"""Processes of one run that get a snapshot each; a shell script may start thousands."""
_COERCED = frozenset({"C.UTF-8", "C.utf8", "UTF-8"})


def _warn(message: str) -> None:
    warnings.warn(message, RuntimeWarning, stacklevel=3)


@dataclass(frozen=True)
class RunOptions:
    """What was declared of a run, and what it is expected to make."""

    experiment: Experiment = field(default_factory=Experiment)
    outputs: Mapping[str, Path] = field(default_factory=dict)
    metrics: Path | None = None
    budget: Budget = field(default_factory=Budget)
    numerics: bool = True
    """Whether the processes measure what they compute, when everything else has been reported."""
    stdout: bool = False
    """Whether what the command writes to standard output is one of its outputs; it goes through a pipe then."""
    warn: Callable[[str], None] = _warn
    """Takes a sentence about something that went wrong after the command was started."""


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Whether REPROFP_DISABLE turns the hooks off."""
    return environ.get("REPROFP_DISABLE", "") not in {"", "0"}


def run_command(argv: Sequence[str], options: RunOptions) -> tuple[Run, int]:
    """Run ``argv`` in the foreground and record it.

    With REPROFP_DISABLE=1 no hook goes into the command, and its end facets are Unknown.

    Raises:
        NotStartedError: the command was not started; the error has the exit code to give.
        KeyboardInterrupt: the user interrupted before it was started, or while the run is recorded.
    """
    if not argv:
        raise NotStartedError("there is no command to run: give one after --, as in reprofp run -- python train.py")
    environ = _read_environ()
    find_program(argv[0], environ)  # before anything else is done
    try:
        recording = _Recording.begin(tuple(argv), environ, options)
    except (ReprofpError, OSError) as error:
        raise NotStartedError(f"the command was not started: {error}") from error
    with open_reports() as folder:
        if options.numerics:
            folder.ask_for_numerics(Request.make())
        before = look_at_own()
        with StandardOutput() if options.stdout else nullcontext() as recording.stdout:
            status, duration = _run(argv, environ, folder)
        folder.wait()
        recording.stdin = StandardInput(before, look_at_own(), options.budget)
        return recording.end(status, duration, folder.read()), _exit_code_of(status)


def _run(argv: Sequence[str], environ: Mapping[str, str], folder: ReportFolder) -> tuple[int, int]:
    hooked = environ if is_disabled(environ) else folder.add_to(environ)
    before = time.monotonic_ns()
    status = run_in_foreground(argv, hooked)
    return status, time.monotonic_ns() - before


def _read_environ() -> dict[str, str]:
    """Return the environment without what this interpreter put in: in the C locale Python sets LC_CTYPE (PEP 538)."""
    environ = dict(os.environ)
    if environ.get("LC_CTYPE") in _COERCED and not environ.get("LC_ALL"):
        first = _read_first_value("LC_CTYPE")
        if first is None:
            del environ["LC_CTYPE"]
        elif first in {"", "C", "POSIX"}:
            environ["LC_CTYPE"] = first
    return environ


def _read_first_value(name: str) -> str | None:
    """Return a variable as this process was given it."""
    try:
        entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return os.environ.get(name)
    values = [entry.partition(b"=")[2] for entry in entries if entry.startswith(name.encode() + b"=")]
    return os.fsdecode(values[0]) if values else None


def _exit_code_of(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _find_described(argv: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    try:
        return find_python(environ, find_described_interpreter(argv, environ))
    except InputError:
        return None  # an active environment that is broken is no reason not to run the command


@dataclass
class _Recording:
    """A run between its two snapshots."""

    argv: tuple[str, ...]
    options: RunOptions
    context: Context
    start: Snapshot
    declared: Declared
    outputs: Outputs
    metrics: Metrics | None
    stdin: StandardInput = field(default_factory=StandardInput)
    stdout: StandardOutput | None = None
    reports: Sequence[Report] = ()

    @classmethod
    def begin(cls, argv: tuple[str, ...], environ: Mapping[str, str], options: RunOptions) -> _Recording:
        experiment = make_absolute(
            replace(options.experiment, argv=options.experiment.argv or argv, outputs=options.outputs)
        )
        validate_experiment(experiment)
        context = Context(
            phase=Phase.START,
            environ=environ,
            python=_find_described(argv, environ),
            experiment=experiment,
        )
        outputs, metrics = Outputs(options.outputs), Metrics(options.metrics) if options.metrics else None
        declared = Declared.remember(experiment)
        start = take_snapshot(context)
        outputs.remember()
        if metrics:
            metrics.remember()
        return cls(argv, options, context, start, declared, outputs, metrics)

    def end(self, status: int, duration: int, reports: list[Report]) -> Run:
        self.reports = reports
        exit_code = os.waitstatus_to_exitcode(status)
        made = {**self.outputs.hash(), **(self.stdout.describe() if self.stdout else {})}
        result = Result(exit_code, duration - _sum_measuring(reports), made, self._collect_metrics())
        for missing in self.outputs.find_missing(result.outputs):
            self.options.warn(f"output {missing}")
        processes = self._describe_processes(exit_code, reports)
        heard = {"run.listeners": len(reports), "run.reports": sum(item.raw is not None for item in reports)}
        side = SideBlob({**heard, **self.outputs.describe_paths(self.context.environ.get("HOME", ""))})
        attachments = {**self.start.attachments, **self.outputs.attachments}
        return Run(self.start.time_ns, self.start, processes, result, side, TOOL, attachments)

    def _collect_metrics(self) -> Points:
        try:
            return self.metrics.collect() if self.metrics else {}
        except InputError as error:
            self.options.warn(str(error))
            return {}

    def _describe_processes(self, exit_code: int, reports: list[Report]) -> tuple[Process, ...]:
        """Describe the command first, then the others: those that are alike together, and those that are silent."""
        first = find_first(reports)
        others = [report for report in reports if report is not first]
        groups = group_reports(others, first.raw if first else None)
        groups, beyond = groups[:_MAX_SNAPSHOTS], groups[_MAX_SNAPSHOTS:]
        settle_starts(reports, [*(report for group in groups for report in group.reports), *([first] if first else [])])
        groups = [group.merge_again() for group in groups]
        processes = [Process(group.role, None, self._look_at(group.raw, group.reports[0].token)) for group in groups]
        role, snapshot = self._describe_first(first, groups, processes)
        silent = sum(report.raw is None and not report.token for report in others)
        lost = [
            Process(f"python/0/{number}", None, self._look_from_outside(UnknownCode.FAILED)) for number in range(silent)
        ]
        left_out = [Process(group.role, None, None) for group in beyond]
        return (Process(role, exit_code, snapshot), *processes, *lost[:_MAX_SNAPSHOTS], *left_out)

    def _describe_first(
        self, first: Report | None, groups: Sequence[Group], processes: Sequence[Process]
    ) -> tuple[str, Snapshot | None]:
        """Describe the command, with what is known of the processes that it led to."""
        if first is None or first.raw is None:
            code = UnknownCode.NOT_ASKED if first is None else UnknownCode.FAILED
            return f"{name_script(self.argv)}/0/0", self._look_from_outside(code)
        first.raw["family"] = {
            group.role: _fingerprint(process.snapshot) for group, process in zip(groups, processes, strict=True)
        }
        return f"{name_role(first.raw, name_script(self.argv))}/0/0", self._look_at(first.raw, "")

    def _look_at(self, raw: dict[str, Any], token: str) -> Snapshot | None:
        """Take the end snapshot of what was reported; ``token`` names the start that it comes from, if one told of it."""
        raw["data_files"] = hash_data_files(raw, self.context.cwd, self._list_known(), self.options.budget)
        cwd = raw.get("cwd")
        return self._take(
            token=token,
            process=raw,
            environ=_read_mapping(raw.get("environ")) or self.context.environ,
            cwd=Path(cwd) if isinstance(cwd, str) else self.context.cwd,
        )

    def _take(self, token: str = "", **parts: Any) -> Snapshot | None:
        """Take an end snapshot; a run that has ended is recorded without one if it comes to that."""
        experiment = self.declared.leave_out(self.context.experiment)
        if token and (parts["process"].get("role") == "program"):
            experiment = replace(experiment, argv=())  # its own arguments
        heard = [report.raw for report in self.reports if report.raw]
        stdin = self.stdin.describe(parts.get("process"), heard, is_fed=bool(token))
        try:
            end = take_snapshot(replace(self.context, phase=Phase.END, experiment=experiment, stdin=stdin, **parts))
            return self.declared.carry_over(self.start, end)
        except (ReprofpError, OSError) as error:
            self.options.warn(f"a process of the run has no end snapshot: {error}")
            return None

    def _list_known(self) -> list[Path]:
        """Return what is hashed anyway, and what the run made."""
        experiment = self.context.experiment
        declared = [*experiment.data.values(), *experiment.weights.values(), *experiment.config]
        made = [*self.options.outputs.values(), *([self.options.metrics] if self.options.metrics else [])]
        return [*declared, *made]

    def _look_from_outside(self, code: UnknownCode) -> Snapshot | None:
        """Take an end snapshot in which what only the process itself can tell is Unknown."""
        seen = self._take()
        if seen is None:
            return None
        hidden = [spec for spec in FACETS.values() if Phase.STATIC not in spec.phases and spec.name != "framework"]
        unknown = {spec.name: Facet(spec.name, spec.version, {(): Unknown(code)}) for spec in hidden}
        return replace(seen, facets={**seen.facets, **unknown})


def _sum_measuring(reports: Sequence[Report]) -> int:
    """Return how long the one process of a run, in nanoseconds, measured after its work; several may overlap."""
    raw = reports[0].raw if len(reports) == 1 else None
    return sum(describe_durations((raw or {}).get("numerics")))


def _read_mapping(value: object) -> dict[str, str] | None:
    if isinstance(value, dict) and value.keys() != {"error"} and all(isinstance(item, str) for item in value.values()):
        return value
    return None


def _fingerprint(snapshot: Snapshot | None) -> str | None:
    """Return the fingerprint without what was measured: of many processes not every one is."""
    if snapshot is None:
        return None
    facets = [facet for name, facet in snapshot.facets.items() if name != "numerics"]
    return format_id("fp1", Fingerprint.of(snapshot.phase, facets).raw_id)
