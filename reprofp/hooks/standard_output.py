"""The digest of what a command writes to its standard output, where that was asked for.

For that, its standard output becomes a pipe: what it writes arrives where it would have, and a moment later. A program
that asks whether it writes to a terminal is told no, so this is done on request only.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType

from reprofp.model.observations import Value

__all__ = ["NAME", "StandardOutput"]

NAME = "$stdout"
"""What it is called among the outputs."""
_CHUNK = 1 << 16
_PATIENCE_S = 1.0


class StandardOutput:
    """A context in which file descriptor 1 is a pipe whose bytes are counted, hashed, and handed on."""

    def __init__(self) -> None:
        """Prepare; nothing is changed before the block begins."""
        from reprofp._core.hashing import Hasher  # noqa: PLC0415 - loads the native core

        self._hasher, self._bytes, self._complete = Hasher(), 0, False

    def __enter__(self) -> StandardOutput:  # noqa: PYI034 - typing.Self is of Python 3.11
        """Put the pipe in the place of standard output.

        Raises:
            OSError: there is no standard output.
        """
        self._real = os.dup(1)
        reading, writing = os.pipe()
        os.dup2(writing, 1)
        os.close(writing)
        self._thread = threading.Thread(target=self._hand_on, args=(reading,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put standard output back, and wait for a moment for what still comes."""
        os.dup2(self._real, 1)
        self._thread.join(_PATIENCE_S)
        if not self._thread.is_alive():
            os.close(self._real)

    def _hand_on(self, reading: int) -> None:
        """Copy until the last writer is gone; where nobody reads, the command is to notice that as it would."""
        try:
            while data := os.read(reading, _CHUNK):
                self._hasher.update(data)
                self._bytes += len(data)
                _write_all(self._real, data)
            self._complete = True
        except OSError:
            pass
        finally:
            os.close(reading)

    def describe(self) -> dict[str, dict[str, Value]]:
        """Return the output by its name; a process that still writes to it leaves it unknown."""
        if not self._complete:
            return {NAME: {"error": "it was not closed, or nobody read it"}}
        return {NAME: {"digest": f"blake3:{self._hasher.digest().hex()}", "files": 1, "bytes": self._bytes}}


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
