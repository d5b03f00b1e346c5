"""The private folder through which the processes of a run report, and the environment that leads them to it.

What is reported holds whole environments, secrets included: the folder is readable by its owner only,
lies in memory where the system has a folder for that, and is gone when the run has been recorded.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
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
_HOOK = "REPROFP_HOOK"
_PYTHONPATH = "REPROFP_HOOK_PYTHONPATH"


@dataclass(frozen=True)
class Report:
    """A Python process that began to listen, in the order of birth."""

    time_ns: int
    pid: int
    raw: dict[str, Any] | None
    """What it observed, or None where it never said: it was killed, or left without its exit handlers.

    Under ``numerics`` it has what the process measured of what it computes, where it did.
    """


@dataclass(frozen=True)
class ReportFolder:
    """The folder of one run."""

    path: Path

    def add_to(self, environ: Mapping[str, str]) -> dict[str, str]:
        """Return ``environ`` with what leads Python to the listener; the listener takes it out again."""
        changed = {**environ, _HOOK: str(self.path), "PYTHONPATH": str(CHILD_FOLDER)}
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

    def read(self) -> list[Report]:
        """Return the processes that began to listen, with what they reported."""
        marks = sorted(path for path in self.path.iterdir() if path.suffix == ".started")
        return sorted((_read_report(mark) for mark in marks), key=lambda report: report.time_ns)


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


def _read_report(mark: Path) -> Report:
    time_ns, _, pid = mark.stem.partition(".")
    raw = _read_raw(mark.with_suffix(".report"))
    if raw is not None:
        raw["numerics"] = _read_raw(mark.with_suffix(".numerics"))
    return Report(int(time_ns), int(pid), raw)


def _read_raw(path: Path) -> dict[str, Any] | None:
    """Read what a process wrote; what is not what the listener writes is no report."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return raw if isinstance(raw, dict) and raw.get("schema") == 1 else None
