"""``with reprofp.run(...) as run:`` records a part of a program as a run, from inside.

In: what is declared of the experiment. Out: ``run.record`` after the block, appended to the ledger.
Guaranteed: nothing that goes wrong on reprofp's side reaches the program; it gets one warning and no
record. An exception of the program ends the run with exit code 1 and goes on. No audit runs in a
process that describes itself, so what only the audit could tell is Unknown; so is whether the program
has come to use a module that reprofp had imported before it.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Union, cast

from reprofp.errors import InputError, UsageError
from reprofp.probes import raw

if TYPE_CHECKING:
    from reprofp.hooks.declared import Declared
    from reprofp.hooks.results import Outputs, Points
    from reprofp.hooks.standard_input import Look
    from reprofp.model.observations import Value
    from reprofp.model.records import Run, Snapshot
    from reprofp.probes.base import Experiment

__all__ = ["run"]

Pathish = Union[str, Path]
Settings = object
"""A dataclass, argparse's namespace, or an OmegaConf object."""
Paths = Union[Pathish, Iterable[Pathish], Mapping[str, Pathish]]


class _Began(NamedTuple):
    """A run that has begun."""

    start: Snapshot
    declared: Declared
    outputs: Outputs
    cwd: Path
    time_ns: int
    stdin: Look | None


class run:  # noqa: N801 - reads as a statement: with reprofp.run(...) as run
    """A run that is recorded from inside the program.

    Args:
        data: Datasets, files or folders: one path, several, or a mapping from names to paths.
        weights: Weight files, in the same forms.
        config: Hyper-parameters as a mapping, a dataclass, argparse's namespace or an OmegaConf object, or the file or
            files that hold them.
        outputs: What the block makes, in the forms of ``data``; it need not be there yet.
        seeds: Seeds by name.
        ledger: The ledger to append to, if not the user's own.

    Raises:
        InputError: something that was declared is not there.
        UsageError: two paths have the same name.
    """

    record: Run | None = None
    """The run's record, once the block has ended."""

    def __init__(
        self,
        *,
        data: Paths | None = None,
        weights: Paths | None = None,
        config: Pathish | Iterable[Pathish] | Mapping[str, Value] | Settings | None = None,
        outputs: Paths | None = None,
        seeds: Mapping[str, Value] | None = None,
        ledger: Pathish | None = None,
    ) -> None:
        """Declare the experiment; nothing is looked at before the block begins."""
        settings = _read_settings(config)
        files = _name_paths(cast("Paths | None", config)) if settings is None else {}
        _check_there([*_name_paths(data).values(), *_name_paths(weights).values(), *files.values()])
        self._declared: dict[str, Any] = {
            "argv": tuple(map(str, sys.argv)),
            "data": _name_paths(data),
            "weights": _name_paths(weights),
            "config": tuple(files.values()),
            "settings": settings or {},
            "seeds": dict(seeds or {}),
        }
        self._output_paths = {name: path.absolute() for name, path in _name_paths(outputs).items()}
        self._ledger = ledger
        self._points: Points = {}
        self._began: _Began | None = None

    def __enter__(self) -> run:  # noqa: PYI034 - typing.Self is of Python 3.11
        """Take the snapshot before the work."""
        if os.environ.get("REPROFP_DISABLE", "") in {"", "0"}:
            try:
                with raw.observing():
                    self._began = self._begin(raw.collect())
            except Exception as error:  # noqa: BLE001 - the program comes first
                _warn(f"this run is not recorded: {error}")
        return self

    def log(self, step: int | None = None, **metrics: float) -> None:
        """Report metrics; ``step`` counts up by itself where it is not given.

        Raises:
            UsageError: a metric is not a number, or the step no whole number.
        """
        from reprofp.hooks.results import add_metrics, split_metrics  # noqa: PLC0415

        default = max((len(series) for series in self._points.values()), default=0)
        entry = metrics if step is None else {"step": step, **metrics}
        add_metrics(self._points, *split_metrics(entry, default, lambda problem: UsageError(f"run.log: {problem}")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the snapshot after the work, and append the record."""
        if self._began is None:
            return
        try:
            with raw.observing():
                self.record = self._end(raw.collect(), _exit_code_of(error), self._began)
                self._append(self.record)
        except Exception as problem:  # noqa: BLE001 - the program comes first
            _warn(f"this run is not recorded: {problem}")
            return
        for missing in self._began.outputs.find_missing(self.record.result.outputs):
            _warn(f"output {missing}")

    def _begin(self, process: dict[str, Any]) -> _Began:
        from reprofp.capture import describe_process  # noqa: PLC0415 - after the process was looked at
        from reprofp.hooks.declared import Declared  # noqa: PLC0415
        from reprofp.hooks.results import Outputs  # noqa: PLC0415
        from reprofp.hooks.standard_input import look_at  # noqa: PLC0415
        from reprofp.model.schema import Phase  # noqa: PLC0415

        experiment, outputs = self._declare(), Outputs(self._output_paths)
        declared = Declared.remember(experiment)
        start = describe_process(process, experiment, Phase.START)
        outputs.remember()
        return _Began(start, declared, outputs, Path.cwd(), time.monotonic_ns(), look_at(0))

    def _declare(self) -> Experiment:
        from reprofp.hooks.declared import make_absolute  # noqa: PLC0415 - after the process was looked at
        from reprofp.probes.base import Experiment  # noqa: PLC0415

        return make_absolute(Experiment(**self._declared, outputs=self._output_paths))

    def _end(self, process: dict[str, Any], exit_code: int, began: _Began) -> Run:
        from reprofp.capture import TOOL, describe_process  # noqa: PLC0415
        from reprofp.hooks.standard_input import StandardInput, look_at  # noqa: PLC0415
        from reprofp.model.records import Process, Result, Run, SideBlob  # noqa: PLC0415
        from reprofp.model.schema import Phase  # noqa: PLC0415

        duration = time.monotonic_ns() - began.time_ns
        stdin = StandardInput(began.stdin, look_at(0)).describe(None, [])
        experiment = began.declared.leave_out(self._declare())
        end = describe_process(process, experiment, Phase.END, began.cwd, stdin=stdin)
        end = began.declared.carry_over(began.start, end)
        result = Result(exit_code, duration, began.outputs.hash(), self._points)
        processes = (Process(f"{_name_script()}/0/0", exit_code, end),)
        side = SideBlob(began.outputs.describe_paths(os.environ.get("HOME", "")))
        attachments = {**began.start.attachments, **began.outputs.attachments}
        return Run(began.start.time_ns, began.start, processes, result, side, TOOL, attachments)

    def _append(self, record: Run) -> None:
        from reprofp.connecting import keep  # noqa: PLC0415 - opens the store

        keep(record, None if self._ledger is None else Path(self._ledger))


def _warn(message: str) -> None:
    warnings.warn(f"reprofp: {message}", RuntimeWarning, stacklevel=3)


def _exit_code_of(error: BaseException | None) -> int:
    """Return what the program would exit with if nothing caught the exception."""
    if error is None:
        return 0
    code = error.code if isinstance(error, SystemExit) else 1
    return code if isinstance(code, int) else int(code is not None)


def _name_script() -> str:
    script = os.path.basename(sys.argv[0]) if sys.argv else ""
    return os.fsencode(script).decode("utf-8", "backslashreplace") or "python"


def _read_settings(config: Any) -> dict[str, Value] | None:
    """Return the hyper-parameters that the program hands over; None where it names files that hold them."""
    from reprofp.probes.config_objects import holds_settings, read_settings  # noqa: PLC0415 - dataclasses is not free

    if not holds_settings(config):
        return None
    try:
        return read_settings(config)
    except ValueError as error:
        raise UsageError(f"config cannot be read: {error}") from error


def _name_paths(paths: Paths | None) -> dict[str, Path]:
    """Name paths: a mapping's own names, else the base names."""
    if paths is None:
        return {}
    if isinstance(paths, Mapping):
        return {str(name): Path(path) for name, path in paths.items()}
    listed = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    named = {path.absolute().name: path for path in listed}
    if len(named) != len(listed):
        raise UsageError("two paths have the same name: give a mapping from names to paths")
    return named


def _check_there(paths: Iterable[Path]) -> None:
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no file or folder {path}: check the path")
