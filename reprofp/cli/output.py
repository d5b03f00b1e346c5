"""Writing answers: lines or JSON on standard output, remarks on standard error.

Colour only where a person looks (a terminal, NO_COLOR unset, TERM not dumb), and rich is imported only
then. What the terminal's encoding cannot hold is written as escapes.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from reprofp.render.layout import Line, plain

__all__ = ["print_bytes", "print_json", "print_json_line", "print_lines", "print_text", "remark", "screen_width"]

_STYLES = {
    "good": "bold green",
    "bad": "bold red",
    "doubt": "bold yellow",
    "strong": "bold",
    "dim": "dim",
    "path": "cyan",
}
_WIDTH = 100
"""The width where no terminal tells one."""


def screen_width() -> int:
    """Return the width to lay text out for."""
    try:
        return int(os.environ.get("COLUMNS", "")) or _terminal_width()
    except ValueError:
        return _terminal_width()


def _terminal_width() -> int:
    """Ask the terminal (shutil, which does the same, costs as much as the rest of this module)."""
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or _WIDTH if sys.__stdout__ else _WIDTH
    except (OSError, ValueError):
        return _WIDTH


def print_text(text: str) -> None:
    """Write text to standard output."""
    _write(sys.stdout, text)


def print_bytes(data: bytes) -> None:
    """Write bytes to standard output: paths need not be text."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def print_json(value: Any) -> None:
    """Write one JSON document."""
    import json

    _write(sys.stdout, json.dumps(value, indent=2, allow_nan=False) + "\n")


def print_json_line(value: Any) -> None:
    """Write one JSON document on one line."""
    import json

    _write(sys.stdout, json.dumps(value, separators=(",", ":"), allow_nan=False) + "\n")


def print_lines(lines: Iterable[Line]) -> None:
    """Write lines, in colour where a person looks."""
    if _is_colourful(sys.stdout):
        _print_styled(list(lines))
    else:
        _write(sys.stdout, plain(lines))


def remark(text: str) -> None:
    """Write a remark of one line to standard error; that nobody can read it changes no answer and no exit code."""
    with contextlib.suppress(OSError):
        _write(sys.stderr, f"reprofp: {text}\n")


def _is_colourful(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _print_styled(lines: list[Line]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    for spans in lines:
        console.print(Text.assemble(*((span.text, _STYLES.get(span.style, "")) for span in spans)))


def _write(stream: TextIO, text: str) -> None:
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
