"""Settings of NCCL that stand in files: no variable of the environment shows them, and they decide the order of sums.

Source: NVIDIA, "NCCL User Guide", Environment Variables: ``NCCL_CONF_FILE``, else ``~/.nccl.conf``, and
``/etc/nccl.conf``, each a line ``NAME=value``; the environment goes before them, the user's file before the system's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from reprofp.model.observations import Observed, Unknown
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_value
from reprofp.probes.machine import attempt, find_environ, read_text
from reprofp.probes.redaction import redact_value

__all__ = ["add_nccl_files"]

_LINE = re.compile(r"\s*(NCCL_[A-Z0-9_]+)\s*=\s*(.*?)\s*")


def add_nccl_files(report: Report, context: Context) -> None:
    """Add each setting of the files that is in force, below ``nccl``."""
    environ = find_environ(context)
    found: dict[str, str] = {}
    for path in _list_places(context, environ):
        text = attempt(lambda path=path: read_text(path), Observed(""))  # type: ignore[misc]
        if isinstance(text, Unknown):
            report.add("nccl", fact=text)
            return
        for match in filter(None, map(_LINE.fullmatch, str(getattr(text, "value", "")).splitlines())):
            found.setdefault(match[1], match[2])
    for name, value in found.items():
        if name not in environ:
            report.observe("nccl", name, value=to_value(_shorten(str(redact_value(name, value)))))


def _list_places(context: Context, environ: Mapping[str, str]) -> list[Path]:
    chosen, home = environ.get("NCCL_CONF_FILE"), environ.get("HOME")
    user = chosen or (f"{home}/.nccl.conf" if home else None)
    places = [user, "/etc/nccl.conf"]
    return [context.root / place.lstrip("/") for place in places if place and place.startswith("/")]


def _shorten(value: str) -> str:
    """Keep the base name of a path."""
    return value.rstrip("/").rpartition("/")[2] if value.startswith("/") else value
