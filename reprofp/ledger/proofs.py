"""Proofs about a ledger's tree: that a record is in it, and that it continues an earlier one.

In: an open database. Out: paths of hashes, which ``reprofp.ledger.merkle`` verifies without any ledger.
"""

from __future__ import annotations

import sqlite3

from reprofp.errors import LedgerError
from reprofp.ledger.merkle import hash_leaf
from reprofp.ledger.objects import Objects

__all__ = ["TreeReader"]


class TreeReader:
    """Reads the nodes of the tree that are kept, and computes the leaves."""

    def __init__(self, database: sqlite3.Connection) -> None:
        """Keep the connection."""
        self._database = database
        self._objects = Objects(database)

    def __call__(self, level: int, position: int) -> bytes | None:
        """Return the hash of a complete subtree, or None where it is not kept; that of a leaf always.

        Raises:
            LedgerError: the manifest of a leaf is damaged or missing.
        """
        return self._read_leaf(position) if level == 0 else self._read_node(level, position)

    def _read_node(self, level: int, position: int) -> bytes | None:
        row = self._database.execute(
            "SELECT hash FROM tree_node WHERE level = ? AND position = ?", (level, position)
        ).fetchone()
        return None if row is None else bytes(row[0])

    def _read_leaf(self, leaf: int) -> bytes:
        row = self._database.execute("SELECT manifest FROM record WHERE leaf = ?", (leaf,)).fetchone()
        try:
            manifest = None if row is None else self._objects.read_row(row[0])
        except ValueError as error:
            raise LedgerError(f"the manifest of record {leaf} {error}; run `reprofp ledger verify`") from error
        if manifest is None:
            raise LedgerError(f"record {leaf} is missing; run `reprofp ledger verify`")
        return hash_leaf(manifest)
