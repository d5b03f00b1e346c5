"""The ledger: an append-only, compressed, content-addressed store of records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprofp.late_names import find_late

if TYPE_CHECKING:
    from reprofp.ledger.files import read_record_file, write_record_file
    from reprofp.ledger.folders import default_path
    from reprofp.ledger.loading import find_content, load
    from reprofp.ledger.spool import Kept, keep
    from reprofp.ledger.store import Ledger
    from reprofp.ledger.summaries import Filter, Summary
    from reprofp.ledger.tags import TagMove
    from reprofp.ledger.verify import Finding, VerifyReport

__all__ = [
    "Filter",
    "Finding",
    "Kept",
    "Ledger",
    "Summary",
    "TagMove",
    "VerifyReport",
    "default_path",
    "find_content",
    "keep",
    "load",
    "read_record_file",
    "write_record_file",
]

_HOMES = {
    "Filter": "summaries",
    "Finding": "verify",
    "Kept": "spool",
    "Ledger": "store",
    "Summary": "summaries",
    "TagMove": "tags",
    "VerifyReport": "verify",
    "default_path": "folders",
    "find_content": "loading",
    "keep": "spool",
    "load": "loading",
    "read_record_file": "files",
    "write_record_file": "files",
}

__getattr__ = find_late(__name__, _HOMES)
