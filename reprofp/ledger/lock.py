"""The lock that lets one process at a time write a ledger.

SQLite before 3.51.3 can corrupt a database in WAL mode when two connections write or checkpoint at the
same moment (https://sqlite.org/wal.html#walresetbug), so it must never come to that: whoever writes
holds an flock(2) on a file beside the database, from before it is opened until after it is closed. The
kernel drops the lock with the process that held it, however that process ended.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import time
import weakref
from pathlib import Path

from reprofp.errors import LedgerError

__all__ = ["Lock"]

_PAUSE_S = 0.02
_OPEN_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW


class Lock:
    """A lock that is held until ``release``; see ``take`` and ``share``."""

    def __init__(self, descriptor: int) -> None:
        """Keep the descriptor that holds the lock."""
        self._descriptor = descriptor
        _held.add(self)

    @classmethod
    def take(cls, path: Path, *, wait_s: float) -> Lock:
        """Become the one writer, waiting at most ``wait_s`` seconds.

        Raises:
            LedgerError: another process holds the lock (it is named), or the file system has no locks.
            OSError: the lock file cannot be created or opened.
        """
        deadline = time.monotonic() + wait_s
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _OPEN_FLAGS, 0o600)
            try:
                if _try_lock(descriptor, fcntl.LOCK_EX, path) and _is_file_at(descriptor, path):
                    _write_holder(descriptor)
                    return cls(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)
            if time.monotonic() >= deadline:
                raise LedgerError(
                    f"the ledger in {path.parent} is being written by {_read_holder(path)}, and was not free within"
                    f" {wait_s:g} s; wait for it to end and try again"
                )
            time.sleep(_PAUSE_S)

    @classmethod
    def share(cls, path: Path) -> Lock | None:
        """Keep writers out without waiting; None where one is at work, or the file cannot be opened or locked."""
        try:
            descriptor = os.open(path, os.O_RDONLY | _OPEN_FLAGS)
        except OSError:
            return None
        with contextlib.suppress(LedgerError):
            if _try_lock(descriptor, fcntl.LOCK_SH, path):
                return cls(descriptor)
        os.close(descriptor)
        return None

    def release(self) -> None:
        """Let others in. Does nothing the second time."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


_held: weakref.WeakSet[Lock] = weakref.WeakSet()


def _release_inherited() -> None:
    """Close what a fork handed on: a child must neither hold the lock nor outlive it with it."""
    for lock in list(_held):
        lock.release()


os.register_at_fork(after_in_child=_release_inherited)


def _try_lock(descriptor: int, operation: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EINTR):
            return False
        raise LedgerError(
            f"cannot lock the ledger in {path.parent}: its file system has no working locks"
            f" ({os.strerror(error.errno or 0)}); set REPROFP_HOME to a folder on a local disk"
        ) from error
    return True


def _is_file_at(descriptor: int, path: Path) -> bool:
    """Whether the file that was locked is still the one that others will find."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except FileNotFoundError:
        return False


def _write_holder(descriptor: int) -> None:
    """Say who holds the lock, for the message of whoever waits for it; a full disk must not matter."""
    command = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} ({command[:80]})\n".encode(errors="replace"), 0)


def _read_holder(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            text = file.read(200).decode(errors="replace").strip()
    except OSError:
        text = ""
    return text if text.isprintable() and text else "another process"
