"""The socket that the daemon listens on: handed over by systemd, or made here.

In: a path, or the environment of socket activation. Out: a listening socket. Guaranteed: no socket is made in a folder
that another user could change, none is taken over from a daemon that answers, and no file that is no socket is removed.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import MutableMapping
from pathlib import Path

from reprofp.daemon.peers import own_uid
from reprofp.errors import DaemonError

__all__ = ["LONGEST_PATH", "listen", "remove_socket", "take_inherited"]

LONGEST_PATH = 107
"""What ``sun_path`` of unix(7) holds, without its last zero."""

_FIRST_DESCRIPTOR = 3  # sd_listen_fds(3)
_BACKLOG = 512
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def take_inherited(environ: MutableMapping[str, str] | None = None) -> socket.socket | None:
    """Return the socket that systemd handed over, or None; its variables are taken out of the environment.

    Raises:
        DaemonError: more than one was handed over, or it is no listening Unix stream socket.
    """
    environ = os.environ if environ is None else environ
    for_process, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if for_process != str(os.getpid()) or not count:
        return None
    if count != "1":
        raise DaemonError(f"systemd handed {count} sockets over, and the daemon listens on one: see its .socket unit")
    try:
        inherited = socket.socket(fileno=_FIRST_DESCRIPTOR)
        listens = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise DaemonError(f"what systemd handed over is no socket: {error.strerror}") from error
    if inherited.family != socket.AF_UNIX or inherited.type != socket.SOCK_STREAM or not listens:
        raise DaemonError("what systemd handed over is no listening Unix stream socket: it needs ListenStream=/a/path")
    inherited.set_inheritable(False)
    inherited.setblocking(False)
    return inherited


def listen(path: Path, *, is_shared: bool = False) -> socket.socket:
    """Make the socket at ``path`` and listen; only the owner can connect unless it is shared.

    Raises:
        DaemonError: the path is too long, a link, not a socket, another daemon's, or in a folder of another user.
    """
    _refuse_long(path)
    _make_folder(path.parent, is_shared=is_shared)
    _clear(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o111 if is_shared else 0o177)  # bind(2) makes the file, with this mode from the first moment
        try:
            made.bind(os.fspath(path))
        finally:
            os.umask(before)
        made.listen(_BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise DaemonError(f"cannot listen at {path}: {error.strerror or error}; choose another --socket") from error
    return made


def _refuse_long(path: Path) -> None:
    length = len(os.fsencode(path))
    if length > LONGEST_PATH:
        raise DaemonError(
            f"cannot listen at {path}: the path has {length} bytes, and a socket's may have {LONGEST_PATH};"
            " choose a shorter one with --socket or REPROFP_SOCKET"
        )


def _make_folder(folder: Path, *, is_shared: bool) -> None:
    try:
        folder.mkdir(mode=0o755 if is_shared else 0o700, parents=True, exist_ok=True)
        found = os.lstat(folder)
    except OSError as error:
        raise DaemonError(
            f"cannot make the folder {folder}: {error.strerror or error}; choose another --socket"
        ) from error
    if stat.S_ISLNK(found.st_mode):
        raise DaemonError(
            f"will not listen in {folder}: it is a symbolic link, whose target could change; name the target"
        )
    if found.st_uid not in (0, own_uid()):
        raise DaemonError(
            f"will not listen in {folder}: it belongs to user {found.st_uid}, who could put another socket in its place;"
            " choose a folder of yours with --socket or REPROFP_SOCKET"
        )
    if found.st_mode & _WRITABLE_BY_OTHERS and not found.st_mode & stat.S_ISVTX:
        raise DaemonError(
            f"will not listen in {folder}: others may write there; `chmod go-w` it, or choose another folder"
        )


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on any more."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise DaemonError(f"cannot look at {path}: {error.strerror or error}; choose another --socket") from error
    if stat.S_ISLNK(found.st_mode):
        raise DaemonError(f"will not listen at {path}: it is a symbolic link; remove it, or name its target")
    if not stat.S_ISSOCK(found.st_mode):
        raise DaemonError(
            f"will not listen at {path}: there is a file that is no socket; remove it, or choose another path"
        )
    if found.st_uid != own_uid():
        raise DaemonError(f"will not listen at {path}: the socket there belongs to user {found.st_uid}")
    _refuse_live(path)
    path.unlink(missing_ok=True)


def _refuse_live(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(os.fspath(path))
    if code not in (errno.ECONNREFUSED, errno.ENOENT):  # EAGAIN: its queue is full, so it is alive
        raise DaemonError(
            f"a daemon listens at {path} already: `reprofp daemon status --socket {path}` asks it how it is"
        )


def remove_socket(path: Path, made: socket.socket, inode: int) -> None:
    """Remove the socket's file, if it is still the one that was made."""
    made.close()
    try:
        if os.lstat(path).st_ino == inode:
            path.unlink()
    except OSError:
        pass
