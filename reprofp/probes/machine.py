"""Reading the files in which Linux describes a machine, and turning what goes wrong into observations.

In: paths below the roots of a context. Out: text, or an observation that says why there is none. Files of
/proc and /sys are read in one go and bounded, so that a hostile or endless one costs little; bytes that are
not UTF-8 are written as escapes, so that every text has a canonical form.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from reprofp.model.observations import ABSENT, Absent, Observation, Observed, Unknown, UnknownCode, Value
from reprofp.probes.base import Context

__all__ = [
    "DENIED",
    "FAILED",
    "NOT_ASKED",
    "absent_unless",
    "attempt",
    "find_environ",
    "is_live",
    "parse_cpu_list",
    "read_bytes",
    "read_part",
    "read_text",
    "try_text",
]

DENIED = Unknown(UnknownCode.DENIED)
FAILED = Unknown(UnknownCode.FAILED)
NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)

_SMALL = 1 << 16
_MOST_CPUS = 1 << 16
"""Far above what any kernel is built for: a longer list is not a list of processors."""

_PART_CODES = {"denied": DENIED, "failed": FAILED}
_T = TypeVar("_T")


def is_live(context: Context) -> bool:
    """Whether the context is this machine: only then may instructions and drivers be asked."""
    return context.proc == Path("/proc") and context.sys == Path("/sys") and context.root == Path("/")


def read_text(path: Path, limit: int = _SMALL, *, whole: bool = True) -> str:
    """Return a file's text, without white space around it; its first ``limit`` bytes where not ``whole``.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file, or longer than ``limit`` bytes.
    """
    return read_bytes(path, limit, whole=whole).decode("utf-8", "backslashreplace").strip("\0 \t\r\n")


def read_bytes(path: Path, limit: int = _SMALL, *, whole: bool = True) -> bytes:
    """Return a file's bytes; its first ``limit`` bytes where not ``whole``. Never waits for a pipe or device.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file, or longer than ``limit`` bytes.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with open(descriptor, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError(f"{path} is not a regular file")
        data = _read_up_to(file, limit + 1)
    if len(data) > limit and whole:
        raise ValueError(f"{path} is longer than {limit} bytes")
    return data[:limit]


def _read_up_to(file: Any, count: int) -> bytes:
    """Files of /proc hand out a page or less at a time."""
    parts: list[bytes] = []
    while count > 0 and (part := file.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def try_text(path: Path, limit: int = _SMALL) -> str | None:
    """Return a file's text, or None where it is not there, not readable, or empty."""
    try:
        return read_text(path, limit) or None
    except (OSError, ValueError):
        return None


def attempt(read: Callable[[], Value | Observation], missing: Observation = FAILED) -> Observation:
    """Observe what ``read`` returns; ``missing`` is what a file that is not there (or None) means."""
    try:
        result = read()
    except (FileNotFoundError, NotADirectoryError):
        return missing
    except PermissionError:
        return DENIED
    except TimeoutError:
        return Unknown(UnknownCode.TIMED_OUT)
    except (OSError, ValueError, LookupError):
        return FAILED
    if isinstance(result, (Observed, Absent, Unknown)):
        return result
    return missing if result is None else Observed(result)


def read_part(context: Context, name: str, kind: type[_T]) -> _T | Unknown:
    """Return one part of the raw observations of the process, or why there is none.

    A part that failed in the process holds ``{"error": code}`` instead of its value.
    """
    part = (context.process or {}).get(name)
    if isinstance(part, dict) and set(part) == {"error"}:
        return _PART_CODES.get(str(part["error"]), FAILED)
    return part if isinstance(part, kind) else FAILED


def find_environ(context: Context) -> Mapping[str, str]:
    """Return the environment of the process that is described, else the context's own."""
    environ = (context.process or {}).get("environ")
    if isinstance(environ, dict) and all(isinstance(value, str) for value in environ.values()):
        return cast("dict[str, str]", environ)
    return context.environ


def parse_cpu_list(text: str) -> list[int]:
    """Read Linux's lists of processors: ``0-3,8`` (Documentation/core-api/printk-formats, "%*pbl").

    Raises:
        ValueError: it is no such list.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        begin, end = int(first), int(last if dash else first)
        if not 0 <= begin <= end < _MOST_CPUS:
            raise ValueError(f"{part!r} is no range of processors")
        found.extend(range(begin, end + 1))
    return found


def absent_unless(value: Value) -> Observation:
    """Observe a value that may be missing where everything was looked at."""
    return ABSENT if value in (None, "") else Observed(value)
