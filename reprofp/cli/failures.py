"""What is said, and which exit code is given, when a command cannot answer.

One clear sentence on standard error; no traceback unless REPROFP_TRACEBACK=1 asks for one. Standard
output that cannot be written ends the command as a signal would (a closed pipe) or as an error.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import TextIO

from reprofp.errors import ReprofpError

__all__ = [
    "CLOSED_PIPE",
    "DEFECT",
    "INTERRUPTED",
    "NOT_STARTED",
    "UNREADABLE",
    "ClosedPipeError",
    "StoppedError",
    "drop_remarks",
    "report",
]

UNREADABLE = 3
"""Usage errors, and input or surroundings that a user can change."""
DEFECT = 70
"""A defect of reprofp."""
INTERRUPTED = 130
"""Ctrl-C."""
NOT_STARTED = 125
"""What ``run`` gives in place of UNREADABLE, as env(1) does: 3 could be the command's own."""
CLOSED_PIPE = 141
"""Whoever read the output stopped reading (128 + SIGPIPE, as other tools end)."""
_LINE_END = re.compile(r"\s*\n\s*")


class ClosedPipeError(Exception):
    """A closed pipe, told past click, which would exit with 1: that means "no"."""


class StoppedError(Exception):
    """Ctrl-C, told past click, which would write an empty line."""


def report(error: BaseException, words: Sequence[str] = ()) -> int:
    """Say what went wrong with the command line ``words`` and return the exit code."""
    code = _report(error)
    return NOT_STARTED if code == UNREADABLE and words[:1] == ["run"] else code


def _report(error: BaseException) -> int:
    if isinstance(error, SystemExit):
        return _report_exit(error)
    if isinstance(error, (BrokenPipeError, ClosedPipeError)):
        return _leave_quietly()
    if isinstance(error, (KeyboardInterrupt, StoppedError)) or type(error).__name__ == "Abort":
        return INTERRUPTED
    if os.environ.get("REPROFP_TRACEBACK") == "1":
        traceback.print_exception(error)
    code, text = _explain(error)
    _say(text)
    if isinstance(error, OSError):
        _drop_output()
    return code


def _report_exit(error: SystemExit) -> int:
    return error.code if isinstance(error.code, int) else 0 if error.code is None else UNREADABLE


def _leave_quietly() -> int:
    _drop_output()
    return CLOSED_PIPE


def _drop_output() -> None:
    _drop(sys.__stdout__, 1)


def drop_remarks() -> None:
    """Let standard error that cannot be written go nowhere: the exit code stays that of the answer."""
    _drop(sys.__stderr__, 2)


def _drop(stream: TextIO | None, descriptor: int) -> None:
    """Let what is still buffered go nowhere, or the interpreter would fail to flush it and exit with 120."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno() if stream else descriptor)
        os.close(nowhere)


def _explain(error: BaseException) -> tuple[int, str]:
    if isinstance(error, ReprofpError):
        return error.exit_code, str(error)
    if type(error).__module__.startswith("click"):
        return UNREADABLE, _explain_usage(error)
    if isinstance(error, OSError):
        return UNREADABLE, _explain_system(error)
    return DEFECT, _explain_defect(error)


def _explain_usage(error: BaseException) -> str:
    import click

    message = error.format_message() if isinstance(error, click.ClickException) else str(error)
    if type(error).__name__ == "NoArgsIsHelpError":  # click 8.2 and later
        return message
    context = getattr(error, "ctx", None)
    hint = f" (see '{context.command_path} --help')" if context is not None else ""
    return _LINE_END.sub(" ", message).rstrip(".") + hint


def _explain_system(error: OSError) -> str:
    what = error.strerror or str(error)
    where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    todo = {
        errno.ENOSPC: "; free some space and try again",
        errno.EACCES: "; check who may access it",
        errno.EPERM: "; check who may access it",
        errno.EROFS: "; choose another place",
        errno.EBADF: "; is it closed?",
    }
    if error.filename is None and error.errno == errno.ENOENT and not _has_folder():
        return "the folder that you are in was removed: go to another one and try again"
    if error.filename is None and error.errno in (errno.ENOSPC, errno.EBADF):
        where = "cannot write all of the output: "
    return f"{where}{what}{todo.get(error.errno or 0, '')}"


def _has_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _explain_defect(error: BaseException) -> str:
    return (
        f"a defect of reprofp, not of your input: {type(error).__name__}: {error} (at {_place(error.__traceback__)}). "
        f"Please report it{_tracker()}, with the output of the same command under REPROFP_TRACEBACK=1"
    )


def _place(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace)
    return f"{'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno}" if frames else "unknown place"


def _tracker() -> str:
    """Return where defects are reported, as the installed package names it."""
    from importlib.metadata import PackageNotFoundError, metadata

    with contextlib.suppress(PackageNotFoundError):
        for entry in metadata("reprofp").get_all("Project-URL") or []:
            label, _, url = entry.partition(",")
            if label.strip().lower() in {"issues", "bug tracker", "tracker"}:
                return f" at {url.strip()}"
    return " to the project's issue tracker"


def _say(text: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        prefix = "" if text.startswith("Usage:") else "reprofp: "
        safe = text.encode("utf-8", "backslashreplace").decode()
        sys.stderr.write(f"{prefix}{safe}\n")
        sys.stderr.flush()
