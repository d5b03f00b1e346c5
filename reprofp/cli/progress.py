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

__all__ = ["HashingLine"]

_SILENT_S = 0.5
_EVERY_S = 0.1
_CLEAR = "\r\x1b[K"


class HashingLine:
    """Shows how much was hashed; pass it as ``progress`` and use it as a context manager."""

    def __init__(self) -> None:
        """Start the clock."""
        self._next = time.monotonic() + _SILENT_S
        self._shown = False

    def __enter__(self) -> HashingLine:  # noqa: PYI034 - typing.Self needs Python 3.11
        """Return the line itself."""
        return self

    def __call__(self, progress: Progress) -> None:
        """Show how far the work is, if it is time to."""
        now = time.monotonic()
        if now >= self._next and sys.stderr.isatty():
            self._next, self._shown = now + _EVERY_S, True
            files = f"{progress.files} of {progress.files_found} files, " if progress.files_found else ""
            sys.stderr.write(f"{_CLEAR}hashing: {files}{format_bytes(progress.bytes)}")
            sys.stderr.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
