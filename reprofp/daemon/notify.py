"""Telling systemd how the daemon is: sd_notify(3) by a plain datagram, and lines for its journal."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping

__all__ = ["Notifier", "log_line"]

_PRIORITIES = {"error": 3, "warning": 4, "info": 6}


class Notifier:
    """Sends states to whoever supervises; without one it does nothing."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Read where to send, and how often a sign of life is wanted."""
        environ = os.environ if environ is None else environ
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_s = _read_watchdog(environ)

    def send(self, *states: str) -> None:
        """Send states such as ``READY=1``; that nobody listens must not matter."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.sendto("\n".join(states).encode(), self._address)
        except OSError:
            pass


def _read_watchdog(environ: Mapping[str, str]) -> float:
    """Return how many seconds may lie between two signs of life, or 0."""
    microseconds, process = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not microseconds.isdigit() or (process and process != str(os.getpid())):
        return 0.0
    return int(microseconds) / 1e6


def log_line(priority: str, event: str, **fields: object) -> None:
    """Write one line to standard error: an event and its fields, as journald takes them (sd-daemon(3))."""
    prefix = f"<{_PRIORITIES[priority]}>" if "JOURNAL_STREAM" in os.environ else "reprofp daemon: "
    text = " ".join([f"event={event}", *(f"{name}={_quote(value)}" for name, value in fields.items())])
    try:
        sys.stderr.write(f"{prefix}{text}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _quote(value: object) -> str:
    text = str(value)
    return text if text.isascii() and text.isprintable() and text and not set(text) & set(' "=') else repr(text)
