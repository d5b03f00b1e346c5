"""Reading a table to its end, whatever is damaged on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Row", "scan"]

Row = tuple[Any, ...]
"""Columns as the database gives them: of any type where it is damaged."""

_MAX_PROBES = 10_000
_MAX_PLACES = 1000
_SMALLEST = -(2**63)


def scan(database: sqlite3.Connection, table: str, columns: str, report: Callable[[str], None]) -> Iterator[Row]:
    """Yield the readable rows of ``table`` by rising key, which is the first of ``columns``.

    Where rows cannot be read, ``report`` is told, and the walk goes on behind them.
    """
    key = columns.partition(",")[0]
    sql = f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key}"  # noqa: S608  names of our own schema
    last = _SMALLEST
    for _ in range(_MAX_PLACES):
        try:
            for row in database.execute(sql, (last,)):
                _check_order(row[0], last)
                last = row[0]
                yield row
        except sqlite3.DatabaseError as error:  # once for each damaged place
            report(f"table {table}: rows after {key} {max(last, -1)} cannot be read ({error})")
        else:
            return
        behind = _skip_damage(database, sql, last)
        if behind is None:
            return
        last = behind
    report(f"table {table}: what follows {key} {last} is not read, since so much of it is damaged")


def _check_order(key: int, last: int) -> None:
    """Stop a walk that a damaged page leads in circles."""
    if key <= last:
        raise sqlite3.DatabaseError(f"malformed: row {key} follows row {last}")


def _skip_damage(database: sqlite3.Connection, sql: str, last: int) -> int | None:
    """Return a key such that the rows behind it can be read again, or None."""
    start = max(last, -1) + 1
    for probe in range(start, start + _MAX_PROBES):
        try:
            row = database.execute(sql + " LIMIT 1", (probe,)).fetchone()
        except sqlite3.DatabaseError:
            continue
        return None if row is None else probe
    return None
