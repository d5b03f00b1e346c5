"""Attachments: what a digest in a record was computed from (a tree's manifest, a list of tensors), for later questions.

In: texts of digests, and bytes. Out: the bytes again. They are objects like others (checked, compressed, purgeable)
but belong to no manifest: a record's id, its leaf and its verdicts do not depend on whether they are kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from reprofp.errors import FormatError, LedgerError
from reprofp.ledger import schema
from reprofp.ledger.items import Item
from reprofp.ledger.objects import Objects
from reprofp.model.ids import Digest, hash_bytes

__all__ = ["KIND", "MAX_ATTACHMENT_BYTES", "Attachments", "seal_attachment"]

KIND = "at1"

MAX_ATTACHMENT_BYTES = 8 * 1024 * 1024
"""A larger attachment is not kept: the digest stands without it."""

_MAX_COUNT = 10_000


def seal_attachment(digest: str, raw_id: bytes) -> bytes:
    """Return the seal of a row that binds a digest to an object."""
    return schema.seal("attachment", digest, raw_id)


class Attachments:
    """The tables ``attachment`` and ``attached`` of one open database."""

    def __init__(self, database: sqlite3.Connection, objects: Objects) -> None:
        """Keep the connection and the table of objects."""
        self._database = database
        self._objects = objects

    @property
    def _is_there(self) -> bool:
        """Whether the ledger's schema has attachments; one that is only read is not upgraded."""
        return schema.read_version(self._database) > 1

    def add(self, leaf: int, attachments: Mapping[str, bytes]) -> None:
        """Store the attachments of a record; those that are too large are left out.

        Raises:
            FormatError: a key is no digest, or there are very many.
        """
        if len(attachments) > _MAX_COUNT:
            raise FormatError(f"{len(attachments)} attachments are more than the {_MAX_COUNT} that a record may have")
        for digest, data in attachments.items():
            Digest.parse(digest)
            if len(data) <= MAX_ATTACHMENT_BYTES:
                number = self._add_one(digest, bytes(data))
                self._database.execute("INSERT OR IGNORE INTO attached VALUES (?, ?)", (leaf, number))

    def _add_one(self, digest: str, data: bytes) -> int:
        """Store one attachment, if nothing is kept under its digest yet, and return the number of its row."""
        row = self._database.execute("SELECT number FROM attachment WHERE digest = ?", (digest,)).fetchone()
        if row is not None:
            return int(row[0])
        raw_id = hash_bytes(KIND, data)
        number = self._objects.add(Item(KIND, raw_id, data, f"{KIND}/{digest.partition(':')[0]}"))
        self._objects.write_rows()
        cursor = self._database.execute(
            "INSERT INTO attachment (digest, object, seal) VALUES (?, ?, ?)",
            (digest, number, seal_attachment(digest, raw_id)),
        )
        return int(cursor.lastrowid or 0)

    def read(self, digest: str) -> bytes | None:
        """Return what is kept under ``digest``, or None where nothing is, or it was purged.

        Raises:
            LedgerError: it is damaged.
        """
        if not self._is_there:
            return None
        row = self._database.execute(
            "SELECT o.id, a.seal FROM attachment AS a LEFT JOIN object AS o ON o.number = a.object WHERE a.digest = ?",
            (digest,),
        ).fetchone()
        if row is None:
            return None
        raw_id, mark = row
        if not isinstance(raw_id, bytes) or seal_attachment(digest, raw_id) != mark:
            raise LedgerError(f"the attachment of {digest} was changed; run `reprofp ledger verify`")
        data = self._objects.read(raw_id)
        if data is not None and hash_bytes(KIND, data) != raw_id:
            raise LedgerError(f"the attachment of {digest} is damaged: its bytes have another id")
        return data

    def read_all(self, leaf: int) -> dict[str, bytes]:
        """Return what is kept of the attachments of the record ``leaf``, by the texts of their digests.

        Raises:
            LedgerError: one is damaged.
        """
        if not self._is_there:
            return {}
        rows = self._database.execute(
            "SELECT a.digest FROM attached AS t JOIN attachment AS a ON a.number = t.attachment WHERE t.leaf = ?"
            " ORDER BY a.digest",
            (leaf,),
        ).fetchall()
        found = {digest: self.read(digest) for (digest,) in rows}
        return {digest: data for digest, data in found.items() if data is not None}
