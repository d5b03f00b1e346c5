"""What a command was given by its standard input, told from how that was before and after.

In: looks at file descriptor 0, the wrapper's and those of the processes that reported. Out: one fact,
``datasets.stdin.digest``. It is Absent where nothing can have come: a terminal, the null device, a file
whose offset stayed where it was, a pipe or socket that was empty without a writer. What was read of a
regular file is known by its content from the first offset on. What came through a pipe or a socket is
gone, and Unknown.

An idle pipe (its writer is there, and nothing waits in it before nor after) counts as unused: services,
containers and test harnesses start programs with a pipe that they hold and never write to, and whatever
they ran would have unknown data. So a dialogue through a pipe that stays open to the end is missed,
unless the program asked by ``input()`` or the kernel keeps times for pipes (Linux before 6.15).
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import stat
import termios
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reprofp.errors import ReprofpError
from reprofp.hooks.reading import TICK_NS, Budget
from reprofp.model.observations import ABSENT, Absent, Observation, Observed, Unknown, UnknownCode

__all__ = ["Look", "StandardInput", "look_at", "look_at_own"]

_NOT_ASKED, _FAILED, _DENIED = (Unknown(getattr(UnknownCode, name)) for name in ("NOT_ASKED", "FAILED", "DENIED"))
_NULL_DEVICE = (1, 3)
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Look:
    """How a file descriptor was at one moment."""

    kind: str
    """``terminal``, ``null``, ``file``, ``pipe`` (or a socket) or ``other``."""
    place: tuple[int, int]
    """Device and inode: what it leads to."""
    state: tuple[int, ...]
    """Size, time of modification and of change; of a pipe also of the last access."""
    offset: int
    time_ns: int
    waiting: int | None = None
    """How many bytes wait in a pipe; None where that cannot be told."""
    has_writer: bool = True


def look_at(file: int) -> Look | None:
    """Look at a descriptor; None where it is closed, or nothing can be read from it."""
    try:
        info, flags = os.fstat(file), fcntl.fcntl(file, fcntl.F_GETFL)
    except OSError:
        return None
    if flags & os.O_ACCMODE == os.O_WRONLY or stat.S_ISDIR(info.st_mode):
        return None
    kind = _name_kind(info.st_mode, info.st_rdev, terminal=os.isatty(file))
    state = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, *([info.st_atime_ns] if kind == "pipe" else []))
    look = Look(kind, (info.st_dev, info.st_ino), state, _read_offset(file) if kind == "file" else 0, time.time_ns())
    return _add_waiting(look, file) if kind == "pipe" else look


def look_at_own() -> Look | None:
    """Look at this process's standard input, as far as a command that it starts will have it.

    Where it was closed, something else may have come to stand in its place.
    """
    try:
        return look_at(0) if os.get_inheritable(0) else None
    except OSError:
        return None


def _name_kind(mode: int, device: int, *, terminal: bool) -> str:
    if terminal:
        return "terminal"
    if stat.S_ISCHR(mode):
        return "null" if (os.major(device), os.minor(device)) == _NULL_DEVICE else "other"
    if stat.S_ISREG(mode):
        return "file"
    return "pipe" if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else "other"


def _read_offset(file: int) -> int:
    try:
        return os.lseek(file, 0, os.SEEK_CUR)
    except OSError:
        return -1


def _add_waiting(look: Look, file: int) -> Look:
    count = array.array("i", [0])
    try:
        fcntl.ioctl(file, termios.FIONREAD, count)
        poll = select.poll()
        poll.register(file, select.POLLIN | select.POLLRDHUP)
        events = dict(poll.poll(0)).get(file, 0)
    except OSError:
        return look
    gone = bool(events & (select.POLLHUP | select.POLLRDHUP | select.POLLERR))
    return Look(look.kind, look.place, look.state, look.offset, look.time_ns, count[0], not gone)


@dataclass(frozen=True)
class StandardInput:
    """The command's standard input before and after it ran."""

    before: Look | None = None
    after: Look | None = None
    budget: Budget = field(default_factory=Budget)

    def describe(
        self, process: Mapping[str, Any] | None, processes: Iterable[Mapping[str, Any]], *, is_fed: bool = False
    ) -> Observation:
        """Return the fact for one process, or for a command that did not report; ``processes`` are all that did.

        What came through a pipe to a process that ``is_fed`` by one that reported is known by what that one did.
        """
        asked = any(_has_asked(item) for item in processes if self._is_shared(item))
        outer = self._judge(asked=asked)
        if process is None or self._is_shared(process):
            return outer
        inner = ABSENT if is_fed and _comes_by_pipe(process) else self._judge_own(process)
        if isinstance(outer, Absent) or isinstance(inner, Absent):
            return inner if isinstance(outer, Absent) else outer
        return next((fact for fact in (outer, inner) if isinstance(fact, Unknown)), _NOT_ASKED)

    def _is_shared(self, process: Mapping[str, Any]) -> bool:
        """Whether a process had the same standard input as the command; an old report does not tell."""
        if "stdin" not in process:
            return True
        own = _read_look(process["stdin"], 0)
        return (own and own.place) == (self.before and self.before.place)

    def _judge(self, *, asked: bool) -> Observation:
        before, after = self.before, self.after
        if before is None or before.kind == "null":
            return ABSENT
        if after is None:
            return _FAILED
        if before.kind == "terminal":
            return _NOT_ASKED if asked else ABSENT
        if before.kind == "file":
            return _judge_file(before, after, 0, self.budget, asked=asked)
        return _NOT_ASKED if before.kind == "other" or asked or not _is_untouched(before, after) else ABSENT

    def _judge_own(self, process: Mapping[str, Any]) -> Observation:
        """Judge a standard input that something between the command and the process made for it."""
        told = process["stdin"]
        if not isinstance(told, list) or len(told) != len(("before", "after", "path")):
            return _FAILED
        before, after = (_read_look(told, index) for index in (0, 1))
        asked = _has_asked(process)
        if before is None or before.kind == "null" or (before.kind == "terminal" and not asked):
            return ABSENT
        if before.kind != "file":
            return _NOT_ASKED
        if after is None:
            return _FAILED
        return _judge_path(str(told[2]), before, after, self.budget, asked=asked)


def _comes_by_pipe(process: Mapping[str, Any]) -> bool:
    look = _read_look(process["stdin"], 0)
    return look is not None and look.kind == "pipe"


def _judge_path(path: str, before: Look, after: Look, budget: Budget, *, asked: bool) -> Observation:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return _DENIED
    except (OSError, ValueError):
        return _FAILED
    try:
        return _judge_file(before, after, file, budget, asked=asked)
    finally:
        os.close(file)


def _has_asked(process: Mapping[str, Any]) -> bool:
    return bool((process.get("audit") or {}).get("inputs"))


def _read_look(told: object, index: int) -> Look | None:
    """Read what the listener tells: device, inode, mode, device number, size, times, offset, terminal, moment."""
    numbers = told[index] if isinstance(told, list) and len(told) > index else None
    if not isinstance(numbers, list) or len(numbers) != 10 or not all(isinstance(item, int) for item in numbers):  # noqa: PLR2004
        return None
    device, inode, mode, number, size, modified, changed, offset, terminal, moment = numbers
    kind = _name_kind(mode, number, terminal=bool(terminal))
    return None if stat.S_ISDIR(mode) else Look(kind, (device, inode), (size, modified, changed), offset, moment)


def _is_untouched(before: Look, after: Look) -> bool:
    """Whether nothing came nor went through a pipe, as far as that shows."""
    same = (before.waiting, before.has_writer, before.place, before.state) == (
        after.waiting,
        after.has_writer,
        after.place,
        after.state,
    )
    # What waits while the writer goes on writing may be other bytes than before: a full pipe looks like a full one.
    return same and before.waiting is not None and not (before.waiting and before.has_writer)


def _judge_file(before: Look, after: Look, file: int, budget: Budget, *, asked: bool) -> Observation:
    """Digest a regular file from where reading began; it has to be what it was, by what the kernel tells."""
    if before.offset == after.offset and before.place == after.place and not asked:
        return ABSENT
    settled = before.time_ns - max(before.state[1:]) >= TICK_NS
    if before.place != after.place or before.state != after.state or before.offset < 0 or not settled:
        return _FAILED
    if before.state[0] - before.offset > budget.bytes:
        return _NOT_ASKED
    try:
        digest = _hash_rest(file, before.offset)
    except PermissionError:
        return _DENIED
    except (OSError, ReprofpError):
        return _FAILED
    now = look_at(file)
    return Observed(digest) if now and (now.place, now.state) == (before.place, before.state) else _FAILED


def _hash_rest(file: int, offset: int) -> str:
    """Return the digest of a file's content from ``offset`` on, without moving what reads there."""
    from reprofp._core.hashing import Hasher  # noqa: PLC0415 - loads the native core

    hasher = Hasher()
    while data := _read_at(file, offset):
        hasher.update(data)
        offset += len(data)
    return f"blake3:{hasher.digest().hex()}"


def _read_at(file: int, offset: int) -> bytes:
    try:
        return os.pread(file, _CHUNK, offset)
    except OSError as error:
        if error.errno in {errno.EBADF, errno.EACCES}:
            raise PermissionError(error.errno, os.strerror(error.errno)) from error
        raise
