"""The entry point: what a run of ``reprofp`` exits with, and what it says when it cannot answer.

Nothing is imported before it is needed: ``reprofp --version`` costs a bare Python.
"""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_OBJECTS_BEFORE_COLLECTING = 50_000
"""Importing makes many objects and hardly any garbage: looking for it 60 times took a twentieth of a command."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer one command line and return its exit code; no exception leaves here."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTING)
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        from reprofp.cli.streams import open_missing_streams

        open_missing_streams()
    try:
        code = _answer(words)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - every way to fail has its exit code
        from reprofp.cli.failures import report

        code = report(error, words)
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        from reprofp.cli.failures import drop_remarks

        drop_remarks()
    return code


def _answer(words: list[str]) -> int:
    if words in (["--version"], ["-V"]):
        from reprofp import __version__

        sys.stdout.write(f"reprofp {__version__}\n")
        return 0
    from reprofp.cli.group import invoke

    return invoke(words)


if __name__ == "__main__":
    sys.exit(main())
