"""Times on the command line: dates, moments, and how long ago."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone

import click

__all__ = ["read_time"]

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"([0-9]{1,6})([mhdw])")
_NS = 1_000_000_000
_FURTHEST = (1 << 63) - 1
"""The nanoseconds that a ledger counts to, in the year 2262; what lies beyond is as far as that."""


def read_time(text: str | None) -> int | None:
    """Return nanoseconds since 1970 for ``2026-11-21``, ``2026-11-21T14:00Z`` or ``7d`` (that long ago).

    What names no time zone is UTC, as `log` prints times.

    Raises:
        click.UsageError: the text is no time.
    """
    if text is None:
        return None
    match = _AGO.fullmatch(text)
    if match is not None:
        return _clamp(time.time_ns() - int(match.group(1)) * _UNITS[match.group(2)] * _NS)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise click.UsageError(
            f"{text!r} is no time: write a date (2026-11-21), a moment (2026-11-21T14:00), or how long ago (90m, 12h, 7d, 4w)"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return _clamp(int(moment.timestamp()) * _NS)


def _clamp(time_ns: int) -> int:
    return max(-_FURTHEST, min(_FURTHEST, time_ns))
