"""Loading what a person names: a record of the ledger, or one in a file.

In: the text. Out: the record, and a note where the choice deserves one. A file comes last, after all that
the ledger knows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from reprofp.errors import LedgerError, NameNotFoundError
from reprofp.ledger.files import read_record_file
from reprofp.model.digests import find_attachment
from reprofp.model.ids import format_id
from reprofp.model.records import Record

if TYPE_CHECKING:
    from reprofp.ledger.store import Ledger

__all__ = ["find_content", "load"]


def load(text: str, ledger_path: Path | None = None) -> tuple[Record, str | None]:
    """Return the record that ``text`` names, and a note where one is due.

    A text with a slash is a file and asks no ledger.

    Raises:
        NameNotFoundError: nothing has that name.
        AmbiguousNameError: several records do; they are listed.
        UsageError: ``text`` cannot be a name.
        FormatError: it names a file that is no record, is truncated, or is of a newer reprofp.
        InputError: it names a file that cannot be read.
        LedgerError: the ledger, or the record in it, cannot be read.
    """
    if os.sep in text:
        return read_record_file(Path(text)), None
    with _open_ledger(ledger_path, spooled=True) as ledger:
        try:
            kind, raw_id, note = ledger.resolve(text)
        except NameNotFoundError:
            if not text or not os.path.exists(text):
                raise
        else:
            return ledger.get(format_id(kind, raw_id)), note
    return read_record_file(Path(text)), None


def _open_ledger(path: Path | None, *, spooled: bool = False) -> Ledger:
    from reprofp.ledger.store import Ledger  # noqa: PLC0415 - a record in a file does not need it

    return Ledger.open(path, read_only=True, spooled=spooled)


def find_content(record: Record, ledger_path: Path | None, digest: str) -> bytes | None:
    """Return what a digest of ``record`` stands for: as the record itself has it, or the ledger, or None."""
    found = find_attachment(record, digest)
    if found is not None:
        return found
    try:
        with _open_ledger(ledger_path) as ledger:
            return ledger.attachment(digest)
    except LedgerError:
        return None  # without it less can be told, and nothing else changes
