"""Tags (baselines): names for records, with the history of where each name pointed.

In: names and leaves. Out: rows of the table ``tag_move``. Every move is kept; each carries a hash over the
move before it, so that a changed row shows.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from reprofp.errors import NameNotFoundError, UsageError
from reprofp.model.canonical import encode

__all__ = ["TagMove", "Tags", "check_tag_name", "link_move"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9._+-]{0,99}")
_LOOKS_LIKE_ID = re.compile(r"[0-9a-fA-F]{6,}")

FIRST_LINK = bytes(32)
"""What the first move continues."""


@dataclass(frozen=True, slots=True)
class TagMove:
    """One move of a name: when it came to which record (None where it was taken away), and from which."""

    name: str
    id: str | None
    previous: str | None
    time_ns: int


def check_tag_name(name: str) -> None:
    """Accept a name that cannot be mistaken for an id, a prefix of one, ``@-1`` or a path.

    Raises:
        UsageError: the name may not be used.
    """
    if _LOOKS_LIKE_ID.fullmatch(name):
        raise UsageError(f"{name!r} cannot be a tag: it reads as the beginning of an id; add another letter")
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a tag: use up to 100 letters, digits and . _ + -, a letter first,"
            " as in last-known-good"
        )


def link_move(before: bytes, name: str, raw_id: bytes | None, time_ns: int) -> bytes:
    """Return the hash of a move that follows one whose hash is ``before``."""
    return hashlib.sha256(b"reprofp tag\0" + before + encode([name, raw_id, time_ns])).digest()


class Tags:
    """The table ``tag_move`` of one open database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Keep the connection."""
        self._database = database

    def find(self, name: str) -> int | None:
        """Return the leaf that ``name`` points to, or None."""
        move = self._last_move(name)
        return None if move is None else move[1]

    def _last_move(self, name: str) -> tuple[int, int | None] | None:
        if not name.isascii():
            return None  # no tag is; and SQLite takes no text that is not UTF-8
        row = self._database.execute(
            "SELECT number, leaf FROM tag_move WHERE name = ? ORDER BY number DESC LIMIT 1", (name,)
        ).fetchone()
        return None if row is None else (row[0], row[1])

    def read_leaves(self) -> dict[str, int]:
        """Return the leaf of every name that points to a record, sorted by name."""
        leaves = {name: leaf for _, name, leaf, _ in self._read_moves()}
        return {name: leaf for name, leaf in sorted(leaves.items()) if leaf is not None}

    def _read_moves(self) -> list[tuple[int, str, int | None, int]]:
        rows: list[tuple[int, str, int | None, int]] = []
        for row in self._database.execute("SELECT number, name, leaf, time_ns FROM tag_move ORDER BY number"):
            if rows and row[0] <= rows[-1][0]:  # a damaged page may lead in circles
                raise sqlite3.DatabaseError("malformed: the moves of tags go in circles")
            rows.append(row)
        return rows

    def move(self, name: str, leaf: int | None, raw_id: bytes | None) -> None:
        """Point ``name`` to a record, or to none; a name that points there already stays as it is.

        Raises:
            NameNotFoundError: the name is to be taken away, and points nowhere.
        """
        last = self._last_move(name)
        if leaf is None and (last is None or last[1] is None):
            raise NameNotFoundError(f"there is no tag {name!r}; `reprofp tag` lists them")
        if last is not None and last[1] == leaf:
            return
        row = self._database.execute("SELECT link FROM tag_move ORDER BY number DESC LIMIT 1").fetchone()
        now = time.time_ns()
        link = link_move(FIRST_LINK if row is None else row[0], name, raw_id, now)
        self._database.execute(
            "INSERT INTO tag_move (name, leaf, previous, time_ns, link) VALUES (?, ?, ?, ?, ?)",
            (name, leaf, None if last is None else last[0], now, link),
        )

    def walk(self, name: str | None = None) -> Iterator[tuple[str, int | None, int | None, int]]:
        """Yield (name, leaf, previous leaf, time) of every move, the newest first."""
        places: dict[str, int | None] = {}
        moves = []
        for _, moved, leaf, time_ns in self._read_moves():
            moves.append((moved, leaf, places.get(moved), time_ns))
            places[moved] = leaf
        yield from (move for move in reversed(moves) if name in (None, move[0]))
