"""Opens regular files below a root, however long their paths are, and nothing else.

In: a root and a path below it, as raw bytes. Out: a descriptor for reading. Guaranteed: a FIFO, a socket or a device is
never opened for reading; a path longer than the system takes at once is walked part by part.
"""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["open_below"]

_LONG_PATH = 4000  # PATH_MAX is 4,096, and holds the zero byte
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


def open_below(root: bytes, path: bytes) -> int:
    """Open a regular file (links are followed); the caller closes it.

    Raises:
        OSError: it is not there, not readable, or (with EINVAL) not a regular file.
    """
    full = os.path.join(root, path)
    if len(full) < _LONG_PATH:
        return _open_regular(full, None)
    folder, name = os.path.split(full)
    fd = _open_folder(folder)
    try:
        return _open_regular(name, fd)
    finally:
        os.close(fd)


def _open_regular(path: bytes, folder: int | None) -> int:
    if not stat.S_ISREG(os.stat(path, dir_fd=folder).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    fd = os.open(path, _READ, dir_fd=folder)
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    raise OSError(errno.EINVAL, "not a regular file any more")


def _open_folder(path: bytes) -> int:
    """Walk to a folder in steps that the system takes."""
    fd = os.open(b"/" if path.startswith(b"/") else b".", os.O_PATH | os.O_CLOEXEC)
    for part in path.split(b"/"):
        if not part:
            continue
        try:
            below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd
