"""The private folder through which the processes of a run report, and the environment that leads them to it.

What is reported holds whole environments, secrets included: the folder is readable by its owner only,
lies in memory where the system has a folder for that, and is gone when the run has been recorded.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprofp.numerics import Request

__all__ = ["CHILD_FOLDER", "Report", "ReportFolder", "open_reports"]

CHILD_FOLDER = Path(__file__).parent / "child"
"""What goes onto PYTHONPATH: it holds the sitecustomize module that starts the listener."""

_MAX_BYTES = 256 << 20
_PATIENCE_S, _TURN_S = 1.0, 0.005
_HOOK = "REPROFP_HOOK"
_PYTHONPATH = "REPROFP_HOOK_PYTHONPATH"


@dataclass(frozen=True)
class Report:
    """A Python process that began to listen, in the order of birth."""

    time_ns: int
    pid: int
    token: str
    """The start that it comes from, as the process tells that made it; empty where none did."""
    raw: dict[str, Any] | None
    """What it observed, or None where it never said: it was killed, or left without its exit handlers.

    Under ``numerics`` it has what the process measured of what it computes, where it did.
    """

    @property
    def name(self) -> str:
        """What the tokens of the processes that it started begin with."""
        return f"{self.time_ns}_{self.pid}"


@dataclass(frozen=True)
class ReportFolder:
    """The folder of one run."""

    path: Path

    def add_to(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return ``environ`` with what leads Python to the listener; the listener takes it out again."""
        changed = {**environ, _HOOK: f"{self.path}:", "PYTHONPATH": str(CHILD_FOLDER)}
        before = environ.get("PYTHONPATH")
        if before is not None:
            changed[_PYTHONPATH] = before
        if before:
            changed["PYTHONPATH"] += os.pathsep + before
        return changed

    def ask_for_numerics(self, request: Request) -> None:
        """Have the processes measure what they compute when they end."""
        text = f"{request.limit_s}\n{request.library}"
        (self.path / "numerics").write_text(text, encoding="utf-8", errors="surrogateescape")

    def wait(self) -> None:
        """Wait for a moment for processes that end when the command has, such as multiprocessing's fork server."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end and any(map(_is_alive, self._list_silent())):
            time.sleep(_TURN_S)

    def _list_silent(self) -> list[int]:
        """Return the ids of the processes that began to listen and have not reported."""
        names = {path.name for path in self.path.iterdir()}
        marks = [name.removesuffix(".started") for name in names if name.endswith(".started")]
        return [int(mark.split(".")[1]) for mark in marks if f"{mark}.report" not in names]

    def read(self) -> list[Report]:
        """Return the processes that began to listen, with what they reported."""
        marks = sorted(path for path in self.path.iterdir() if path.suffix == ".started")
        shared: dict[str, dict[str, Any]] = {}
        return sorted((_read_report(mark, shared) for mark in marks), key=lambda report: report.time_ns)


@contextmanager
def open_reports() -> Iterator[ReportFolder]:
    """Make the folder, and remove it at the end."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = os.path.isdir(runtime) and os.access(runtime, os.W_OK | os.X_OK)
    path = tempfile.mkdtemp(prefix="reprofp-", dir=runtime if usable else None)
    try:
        yield ReportFolder(Path(path))
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {b"Z", b"X"}


def _read_report(mark: Path, shared: dict[str, dict[str, Any]]) -> Report:
    """Read what a process wrote; ``shared`` keeps the parts that many have in common."""
    time_ns, pid, token = f"{mark.stem}.".split(".")[:3]
    raw = _add_shared(_read_raw(mark.with_suffix(".report")), mark.parent, shared)
    if raw is not None:
        raw["numerics"] = _read_raw(mark.with_suffix(".numerics"))
    return Report(int(time_ns), int(pid), token, raw)


def _add_shared(raw: dict[str, Any] | None, folder: Path, shared: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    name = (raw or {}).get("large")
    if raw is None or not isinstance(name, str):
        return raw
    if name not in shared:
        shared[name] = _load_json(folder / f"{os.path.basename(name)}.large") or {}
    return {**raw, **shared[name]} if shared[name] else None


def _read_raw(path: Path) -> dict[str, Any] | None:
    """Read what a process wrote; what is not what the listener writes is no report."""
    raw = _load_json(path)
    return raw if raw is not None and raw.get("schema") == 1 else None


def _load_json(path: Path) -> dict[str, Any] | None:
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) else None
