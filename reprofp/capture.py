"""Snapshots: the probes' facets and what stands beside them, as a record.

As a command, the environment that is active in the shell is described; in process, the process. Nothing
is written anywhere: a snapshot is recorded by whoever wants it recorded.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprofp import __version__
from reprofp.errors import InputError, ReprofpError
from reprofp.model.observations import Observation
from reprofp.model.records import SideBlob, Snapshot
from reprofp.model.schema import Phase
from reprofp.probes.base import Context, Experiment
from reprofp.probes.declared import validate_experiment
from reprofp.probes.runner import run_probes
from reprofp.probes.warm import Warm

if TYPE_CHECKING:
    from reprofp.client import Client

__all__ = ["TOOL", "describe_environment", "describe_process", "find_python", "take_snapshot"]

TOOL = f"reprofp {__version__}"
"""What records name as their maker."""

_DEADLINE_S = 0.25
"""How long the daemon may take to say what it keeps: finding it out takes less than waiting longer."""
_TRY_AGAIN_S = 30.0
_MOST_KEYS = 250

_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")
"""The variables of an active environment; a virtual environment lies on top of a conda one."""


class _Daemon:
    """What the daemon keeps for this user; where it is slow or gone, this process does without for a while."""

    _blind_until = 0.0

    def __init__(self) -> None:
        self._client: Client | None = None
        self._turn = threading.Lock()
        self._is_closed = False

    def find(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        groups = (list(keys[at : at + _MOST_KEYS]) for at in range(0, len(keys), _MOST_KEYS))
        return [value for group in groups for value in self._find_group(group)]

    def _find_group(self, keys: list[bytes]) -> Sequence[bytes | None]:
        values = self._ask("warm.get", keys=keys)
        is_answer = isinstance(values, list) and len(values) == len(keys)
        return [value if isinstance(value, bytes) else None for value in values] if is_answer else [None] * len(keys)

    def add(self, found: Mapping[bytes, bytes]) -> None:
        pairs = list(found.items())
        for at in range(0, len(pairs), _MOST_KEYS):
            keys, values = zip(*pairs[at : at + _MOST_KEYS], strict=True)
            self._ask("warm.put", keys=list(keys), values=list(values))

    def _ask(self, method: str, **params: list[bytes]) -> Any:
        # The probes share one connection, a turn each; one that waits for long does without.
        if time.monotonic() < _Daemon._blind_until or not self._turn.acquire(timeout=_DEADLINE_S):
            return None
        try:
            client = None if self._is_closed else self._connect()
            return None if client is None else client.ask(method, **params)["values"]
        except (ReprofpError, TypeError, KeyError):
            _Daemon._blind_until = time.monotonic() + _TRY_AGAIN_S
            return None
        finally:
            self._turn.release()

    def _connect(self) -> Client | None:
        from reprofp.client import Client, find_socket  # noqa: PLC0415 - without a daemon it is not needed

        if self._client is None and os.path.exists(find_socket()):
            self._client = Client(deadline_s=_DEADLINE_S)
        return self._client

    def close(self) -> None:
        with self._turn:
            self._is_closed = True
            if self._client is not None:
                self._client.close()


_known: dict[bytes, bytes] = {}
"""Answers of this process, for its next snapshot."""


def take_snapshot(context: Context) -> Snapshot:
    """Let the probes look at ``context`` and build the snapshot of what they saw.

    A probe that fails or hangs leaves its facts Unknown; it is no error of the snapshot.
    """
    with closing(_Daemon()) as daemon:
        seen = run_probes(context if context.warm else replace(context, warm=Warm(daemon, _known)))
    measured = context.numerics or (context.process or {}).get("numerics")
    if measured is not None:
        from reprofp.numerics import describe, make_facet  # noqa: PLC0415 - most snapshots measure nothing

        seen.facets["numerics"] = make_facet(measured)
        seen.circumstances.update(describe(measured))
    side = SideBlob(seen.circumstances, seen.keyed, seen.key_id)
    return Snapshot(context.clock(), context.phase, seen.facets, side, TOOL, seen.attachments)


def describe_environment(
    experiment: Experiment, python: Path | None = None, *, numerics: bool = False, deep: bool = False
) -> Snapshot:
    """Take a static snapshot of the host and of one interpreter's environment.

    The interpreter is ``python``, else that of the active virtual or conda environment, else this one. With
    ``numerics``, the frameworks that it has are measured, in processes of their own; with ``deep``, the libraries of
    the GPU are asked for their versions, likewise.

    Raises:
        InputError: the interpreter that was named, or that is said to be active, is not there, or something
            that was declared is missing or cannot be read.
    """
    validate_experiment(experiment)
    chosen = find_python(os.environ, python)
    measured = _measure(chosen) if numerics else None
    context = Context(phase=Phase.STATIC, python=chosen, experiment=experiment, numerics=measured, deep=deep)
    return take_snapshot(context)


def _measure(python: Path | None) -> dict[str, Any]:
    from reprofp.numerics import measure_elsewhere  # noqa: PLC0415 - most snapshots measure nothing

    return measure_elsewhere(python=python)


def describe_process(
    process: Mapping[str, Any],
    experiment: Experiment,
    phase: Phase = Phase.START,
    cwd: Path | None = None,
    *,
    stdin: Observation | None = None,
) -> Snapshot:
    """Take a snapshot of this process; ``process`` is what ``probes.raw.collect`` saw of it.

    ``cwd`` is the folder in which it began, where that is not the present one, and ``stdin`` what is known
    of its standard input.

    Raises:
        InputError: at the start, something that was declared is missing or cannot be read.
    """
    if phase is Phase.START:
        validate_experiment(experiment)
    folder = cwd or Path.cwd()
    return take_snapshot(Context(phase=phase, process=process, experiment=experiment, cwd=folder, stdin=stdin))


def find_python(environ: Mapping[str, str], named: Path | None = None) -> Path | None:
    """Return the interpreter to describe, or None where it is the one that runs reprofp.

    Raises:
        InputError: there is no interpreter at the path.
    """
    if named is not None:
        return _check_python(named, "--python names an interpreter")
    for variable in _ACTIVE:
        prefix = environ.get(variable)
        if prefix:
            return None if _is_own(prefix) else _check_python(Path(prefix, "bin", "python"), _explain_active(variable))
    return None


def _is_own(prefix: str) -> bool:
    return os.path.realpath(prefix) == os.path.realpath(sys.prefix)


def _explain_active(variable: str) -> str:
    return f"{variable} names the active environment; deactivate it, or name an interpreter with --python"


def _check_python(path: Path, why: str) -> Path:
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise InputError(f"cannot describe the environment: there is no interpreter at {path} ({why})")
    return path
