"""Short lines about records, and the look-ups that find them, without loading what they hold."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from reprofp.errors import UsageError
from reprofp.ledger.tags import Tags
from reprofp.model.ids import format_id

__all__ = ["Filter", "Summaries", "Summary"]

_CHUNK = 500
_KINDS = {"snapshot": "sn1", "sn1": "sn1", "run": "rn1", "rn1": "rn1"}

_SELECT = (
    "SELECT r.leaf, m.kind, m.id, r.time_ns, f.id, f.conditions, f.experiment, r.exit_code, r.role, r.run"
    " FROM record AS r JOIN object AS m ON m.number = r.manifest JOIN fingerprint AS f ON f.number = r.fingerprint"
)
Names = Mapping[int, tuple[str, ...]]
_BY_PART = {"fp1": "id", "fc1": "conditions", "fe1": "experiment"}


@dataclass(frozen=True, slots=True)
class Summary:
    """A record in one line."""

    leaf: int
    id: str
    kind: str
    """``snapshot`` or ``run``."""
    time_ns: int
    fingerprint: str
    conditions: str
    experiment: str
    tags: tuple[str, ...]
    exit_code: int | None
    """A run's exit code, or minus the signal's number."""
    role: str
    """The role of a run's first process (its script first), or the phase of a snapshot."""
    is_part: bool
    """Whether it is a snapshot that a run consists of."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which records are asked for; the snapshots that a run consists of only with ``parts``."""

    kind: str | None = None
    parts: bool = False
    since_ns: int | None = None
    until_ns: int | None = None
    """Records from before this time only."""
    below: int | None = None
    """Only records with a smaller leaf: where the page before ended."""
    fingerprint: tuple[str, bytes] | None = None
    """The kind (fp1, fc1 or fe1) and the raw bytes of a fingerprint or of one of its parts."""

    def write_sql(self) -> tuple[list[str], list[object]]:
        """Return the conditions and their parameters.

        Raises:
            UsageError: there is no such kind of record.
        """
        conditions, values = ([] if self.parts else ["r.run IS NULL"]), list[object]()
        if self.kind is not None:
            if self.kind not in _KINDS:
                raise UsageError(f"there is no kind of record {self.kind!r}: ask for snapshot or run")
            conditions.append("m.kind = ?")
            values.append(_KINDS[self.kind])
        if self.since_ns is not None:
            conditions.append("r.time_ns >= ?")
            values.append(self.since_ns)
        if self.until_ns is not None:
            conditions.append("r.time_ns < ?")
            values.append(self.until_ns)
        if self.below is not None:
            conditions.append("r.leaf < ?")
            values.append(self.below)
        if self.fingerprint is not None:
            column = "f." + _BY_PART[self.fingerprint[0]]
            conditions.append(f"substr({column}, 1, 8) = ? AND {column} = ?")
            values += [self.fingerprint[1][:8], self.fingerprint[1]]
        return conditions, values


class Summaries:
    """Reads the table ``record`` of one open database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Keep the connection."""
        self._database = database

    def walk(self, wanted: Filter, limit: int | None = None) -> Iterator[Summary]:
        """Yield what ``wanted`` asks for, the last appended first.

        Each chunk is a read of its own, so that a slow consumer does not hold old pages in the log. Where
        rows are damaged, the others are yielded before the error is raised.
        """
        read = self._prepare(wanted)
        below, left = 2**63 - 1, limit
        while left is None or left > 0:
            count = _CHUNK if left is None else min(left, _CHUNK)
            try:
                chunk = read("r.leaf < ? ORDER BY r.leaf DESC LIMIT ?", below, count)
            except sqlite3.DatabaseError as error:
                yield from islice(self._walk_around(read, below), left)
                raise error from None
            yield from chunk
            if len(chunk) < count:
                return
            if chunk[-1].leaf >= below:
                raise sqlite3.DatabaseError("malformed: the records go in circles")
            below, left = chunk[-1].leaf, None if left is None else left - count

    def _prepare(self, wanted: Filter) -> Callable[..., list[Summary]]:
        """Return a function that takes the end of a query and its parameters."""
        names = self._name_leaves()
        conditions, values = wanted.write_sql()
        start = f"{_SELECT} WHERE {''.join(condition + ' AND ' for condition in conditions)}"

        def read(end: str, *parameters: int) -> list[Summary]:
            return [_read_row(row, names) for row in self._database.execute(start + end, (*values, *parameters))]

        return read

    def _walk_around(self, read: Callable[..., list[Summary]], below: int) -> Iterator[Summary]:
        """Yield what can be read one by one."""
        size = self._database.execute("SELECT size FROM tree").fetchone()[0]
        for leaf in range(min(below, size) - 1, -1, -1):
            with contextlib.suppress(sqlite3.DatabaseError):
                yield from read("r.leaf = ?", leaf)

    def _name_leaves(self) -> dict[int, tuple[str, ...]]:
        names: dict[int, tuple[str, ...]] = {}
        for name, leaf in Tags(self._database).read_leaves().items():
            names[leaf] = (*names.get(leaf, ()), name)
        return names

    def find(self, leaf: int) -> Summary | None:
        """Return the record at ``leaf``, or None."""
        rows = self._database.execute(f"{_SELECT} WHERE r.leaf = ?", (leaf,)).fetchall()
        return _read_row(rows[0], self._name_leaves()) if rows else None

    def find_alike(self, kind: str, raw_id: bytes, limit: int) -> list[Summary]:
        """Return the newest records with this fingerprint (fp1), conditions (fc1) or experiment (fe1); no parts.

        Each step follows an index in its order, so that a million records with the same conditions cost no sort.
        """
        column = _BY_PART[kind]
        numbers = self._database.execute(
            f"SELECT number FROM fingerprint WHERE substr({column}, 1, 8) = ? AND {column} = ?"  # noqa: S608  our own names
            " ORDER BY number DESC LIMIT ?",
            (raw_id[:8], raw_id, limit),
        ).fetchall()
        leaves: list[int] = []
        for (number,) in numbers:
            rows = self._database.execute(
                "SELECT leaf FROM record WHERE fingerprint = ? AND run IS NULL ORDER BY leaf DESC LIMIT ?",
                (number, limit),
            )
            leaves += [leaf for (leaf,) in rows]
        found = (self.find(leaf) for leaf in sorted(leaves, reverse=True)[:limit])
        return [line for line in found if line is not None]

    def find_newest(self, position: int) -> Summary | None:
        """Return the record that was appended last (1), the one before it (2), and so on; parts do not count."""
        row = self._database.execute(
            "SELECT leaf FROM record WHERE run IS NULL ORDER BY leaf DESC LIMIT 1 OFFSET ?", (position - 1,)
        ).fetchone()
        return None if row is None else self.find(row[0])

    def find_prefix(self, kind: str | None, low: bytes, high: bytes) -> Sequence[Summary]:
        """Return the records whose ids lie between ``low`` and ``high`` (32 bytes each), in the order of their leaves."""
        rows = self._database.execute(
            f"{_SELECT} WHERE substr(m.id, 1, 8) BETWEEN ? AND ? AND m.id BETWEEN ? AND ? AND (? IS NULL OR m.kind = ?)"
            f" ORDER BY r.leaf LIMIT {_CHUNK}",
            (low[:8], high[:8], low, high, kind, kind),
        ).fetchall()
        names = self._name_leaves()
        return [_read_row(row, names) for row in rows]

    def find_fingerprints(self, low: bytes, high: bytes) -> list[bytes]:
        """Return the fingerprints between ``low`` and ``high`` (32 bytes each)."""
        rows = self._database.execute(
            "SELECT id FROM fingerprint WHERE substr(id, 1, 8) BETWEEN ? AND ? AND id BETWEEN ? AND ? LIMIT ?",
            (low[:8], high[:8], low, high, _CHUNK),
        ).fetchall()
        return list(dict.fromkeys(row[0] for row in rows))


def _read_row(
    row: tuple[int, str, bytes, int, bytes, bytes, bytes, int | None, str, int | None],
    names: Names,
) -> Summary:
    leaf, kind, raw_id, time_ns, raw_fingerprint, conditions, experiment, exit_code, role, run = row
    return Summary(
        leaf,
        format_id(kind, raw_id),
        "run" if kind == "rn1" else "snapshot",
        time_ns,
        format_id("fp1", raw_fingerprint),
        format_id("fc1", conditions),
        format_id("fe1", experiment),
        names.get(leaf, ()),
        exit_code,
        role,
        run is not None,
    )
