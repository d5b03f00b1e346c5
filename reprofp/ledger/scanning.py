"""Reading a table to its end, whatever is damaged on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Row", "scan"]

Row = tuple[Any, ...]
"""Columns as the database gives them: of any type where it is damaged."""

_MAX_PROBES = 1_000_000


def scan(database: sqlite3.Connection, table: str, columns: str, report: Callable[[str], None]) -> Iterator[Row]:
    """Yield the readable rows of ``table`` by rising key, which is the first of ``columns``.

    Where rows cannot be read, ``report`` is told, and the walk goes on behind them.
    """
    key = columns.partition(",")[0]
    sql = f"SELECT {columns} FROM {table} WHERE {key} > ? ORDER BY {key}"  # noqa: S608  names of our own schema
    last: int | None = -(2**63)
    while last is not None:
        try:
            for row in database.execute(sql, (last,)):
                last = row[0]
                yield row
        except sqlite3.DatabaseError as error:  # noqa: PERF203  once for each damaged place
            report(f"table {table}: rows after {key} {max(last, -1)} cannot be read ({error})")
            last = _skip_damage(database, table, key, last)
        else:
            return


def _skip_damage(database: sqlite3.Connection, table: str, key: str, last: int) -> int | None:
    """Return a key such that the rows behind it can be read again, or None."""
    try:
        end = database.execute(f"SELECT max({key}) FROM {table}").fetchone()[0]  # noqa: S608  names of our own schema
    except sqlite3.DatabaseError:
        end = None
    start = max(last, -1) + 1
    for probe in range(start, min(end if isinstance(end, int) else start + 1000, start + _MAX_PROBES)):
        try:
            # Reading the whole row that follows: a damaged one may be found, and still not be readable.
            database.execute(f"SELECT * FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT 1", (probe,)).fetchone()  # noqa: S608
        except sqlite3.DatabaseError:
            continue
        return probe
    return None
