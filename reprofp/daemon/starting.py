"""Starting the daemon: its socket, its service, its loop."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from reprofp.client import find_socket
from reprofp.daemon.notify import Notifier
from reprofp.daemon.peers import find_group, own_uid
from reprofp.daemon.server import Server, fit_limits
from reprofp.daemon.service import Config, Service
from reprofp.daemon.sockets import listen, remove_socket, take_inherited
from reprofp.errors import LedgerError
from reprofp.ledger import default_path
from reprofp.ledger.folders import make_folder
from reprofp.model.reading import remember_facets

__all__ = ["Options", "serve"]

_FACET_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Options:
    """What a person chooses."""

    socket: Path | None = None
    ledger: Path | None = None
    is_shared: bool = False
    idle_exit_s: float = 0.0


def serve(options: Options) -> int:
    """Serve until told to stop, and return the exit code: 0, or 1 where the disk failed.

    Raises:
        DaemonError: the socket cannot be listened on.
        LedgerError: the ledger's folder cannot be made.
    """
    folder = _find_folder(options.ledger)
    service = Service(Config(folder, own_uid(), find_group(), options.is_shared))
    remember_facets(_FACET_BYTES)
    inherited = take_inherited()
    path = Path(find_socket()) if options.socket is None else options.socket
    listener = listen(path, is_shared=options.is_shared) if inherited is None else inherited
    name = listener.getsockname()
    inode = os.lstat(path).st_ino if inherited is None else 0
    server = Server(service, limits=fit_limits(), notifier=Notifier(), idle_exit_s=options.idle_exit_s)
    try:
        return asyncio.run(server.run(listener, lambda: {"socket": name, "ledger": folder, "pid": os.getpid()}))
    finally:
        if inherited is None:
            remove_socket(path, listener, inode)
        service.close()


def _find_folder(named: Path | None) -> Path:
    folder = Path(os.path.realpath(default_path() if named is None else named))
    try:
        make_folder(folder)
    except OSError as error:
        raise LedgerError(
            f"cannot make the ledger's folder {folder}: {error.strerror or error}; choose another with --ledger"
        ) from error
    return folder
