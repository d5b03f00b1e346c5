"""Progress of long hashing: one line on standard error that is gone when the work is done.

Only where a person looks, and only once the work has taken long enough to wonder.
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING

from reprofp.render.values import format_bytes

if TYPE_CHECKING:
    from reprofp._core.reading import Progress

__all__ = ["HashingLine", "describe_progress"]

_SILENT_S = 0.5
_EVERY_S = 0.1
_GUESS_S = 1.0
"""How long the work has to have taken before the time that is left is told."""
_CLEAR = "\r\x1b[K"


class HashingLine:
    """Shows how much was hashed; pass it as ``progress`` and use it as a context manager."""

    def __init__(self) -> None:
        """Start the clock."""
        self._begun = time.monotonic()
        self._next = self._begun + _SILENT_S
        self._looked_at = sys.stderr.isatty()
        self._shown = False

    def __enter__(self) -> HashingLine:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Return the line itself."""
        return self

    def __call__(self, progress: Progress) -> None:
        """Show how far the work is, if it is time to."""
        now = time.monotonic()
        if self._looked_at and now >= self._next:
            self._next, self._shown = now + _EVERY_S, True
            sys.stderr.write(f"{_CLEAR}{describe_progress(progress, now - self._begun)}")
            sys.stderr.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()


def describe_progress(progress: Progress, seconds: float) -> str:
    """Say how much was hashed in so many seconds, how fast, and how long the rest may take."""
    parts = []
    if progress.files_found > 1:
        parts.append(f"{progress.files} of {progress.files_found} files")
    of_all = f" of {format_bytes(progress.bytes_found)}" if progress.bytes_found > progress.bytes else ""
    parts.append(f"{format_bytes(progress.bytes)}{of_all}")
    if seconds > 0:
        parts.append(f"{format_bytes(int(progress.bytes / seconds))}/s")
    left = _guess_left(progress, seconds)
    return "hashing: " + ", ".join([*parts, f"{_format_left(left)} left"] if left is not None else parts)


def _guess_left(progress: Progress, seconds: float) -> float | None:
    """Return how many seconds the rest takes if it goes on as before; None while that cannot be told."""
    files = (progress.files, progress.files_found) if progress.files_found > 1 else (0, 0)
    counts = (files, (progress.bytes, progress.bytes_found))
    share = min((done / found for done, found in counts if found > 0), default=0.0)
    return seconds * (1 - share) / share if share > 0 and seconds >= _GUESS_S else None


def _format_left(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
