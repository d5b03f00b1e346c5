"""The ledger as the daemon holds it: opened when it is needed, and let go when it is not.

In: what to read or to append. Out: open ledgers, and where records are. Guaranteed: the lock is held while this
process writes and no longer than a moment after, so that `reprofp tag`, `ledger compact` and the like need not stop
the daemon; a ledger that was written anew beside it is noticed before the next answer.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from reprofp.errors import LedgerError
from reprofp.ledger import Kept, Ledger
from reprofp.ledger.connections import is_fatal
from reprofp.ledger.objects import Recent
from reprofp.ledger.parcels import Parcel
from reprofp.ledger.schema import FILE_NAME
from reprofp.ledger.spool import spool_record

__all__ = ["Books", "PackedFiles", "StorageFailedError"]

_REST_S = 0.5
_HOLD_S = 5.0
_PAUSE_S = 0.06  # three times as long as a waiting process sleeps between two attempts
_WAIT_S = 2.0
_PACKED_BYTES = 16 << 20
_FACET_BYTES = 8 << 20
_MOST_JUDGED = 1 << 15


class StorageFailedError(LedgerError):
    """The disk could not hold what was written: this process must not write again."""


class PackedFiles:
    """The files of records that were asked for lately, and which of them are comparable.

    A record never changes; what was purged or expired is forgotten with all the rest when the ledger was rewritten.
    """

    def __init__(self) -> None:
        """Know none."""
        self.packed = Recent(_PACKED_BYTES)
        self._judged: dict[tuple[str, Hashable, str], bool] = {}
        self.facets = Recent(_FACET_BYTES)

    def judge(self, a: str, b: Hashable, level: str, ask: Callable[[], bool]) -> bool:
        """Return whether a record is comparable with another, or with all that are judged like ``b``; it is asked once."""
        key = a, b, level
        if key not in self._judged:
            if len(self._judged) >= _MOST_JUDGED:
                self._judged.clear()
            self._judged[key] = ask()
        return self._judged[key]


class _Held:
    """One open ledger, with when it was used last."""

    def __init__(self) -> None:
        self.mutex = threading.RLock()
        self.ledger: Ledger | None = None
        self.file: tuple[int, int] | None = None
        self.revision = -1
        self.since = self.used = 0.0
        self.files = PackedFiles()

    def close(self) -> None:
        with self.mutex:
            ledger, self.ledger = self.ledger, None
            if ledger is not None:
                ledger.close()


class Books:
    """One writer and, for each lane of readers, one reader of the ledger in a folder."""

    def __init__(self, folder: Path, *, wait_s: float = _WAIT_S) -> None:
        """Keep the folder; ``wait_s`` is how long to wait for another process that writes."""
        self.folder = folder
        self._wait_s = wait_s
        self._writer = _Held()
        self._readers: dict[str, _Held] = {}
        self._mutex = threading.Lock()

    @contextmanager
    def reading(self, lane: str = "") -> Iterator[tuple[Ledger, PackedFiles]]:
        """Give an open ledger to read, with record files that were made of it; those of one lane wait for each other.

        Raises:
            LedgerError: it cannot be opened.
        """
        with self._mutex:
            held = self._readers.setdefault(lane, _Held())
        with held.mutex:
            file = self._find_file()
            if held.ledger is None or held.file != file or file is None:
                held.close()
                held.ledger = Ledger.open(self.folder, read_only=True)
            mark = file, held.ledger.read_revision()
            if mark != (held.file, held.revision):
                held.files = PackedFiles()  # what was purged or expired since must not be told any more
                held.file, held.revision = mark
            held.used = time.monotonic()
            yield held.ledger, held.files

    def _find_file(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self.folder / FILE_NAME)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def append(self, records: Sequence[Parcel]) -> list[Kept]:
        """Store records in one transaction; where the ledger cannot be written now, they wait in its spool.

        Raises:
            FormatError: one of them has no place in a ledger; none was stored.
            StorageFailedError: the disk failed; nothing was acknowledged, and nothing may be written any more.
            LedgerError: they could be neither stored nor spooled.
        """
        with self._writer.mutex:
            try:
                ledger = self._open_writer()
                ledger.append_many(records)
            except LedgerError as error:
                self._writer.close()
                _refuse_broken(error)
                return self._spool(records, error)
            self._writer.used = time.monotonic()
        return [Kept(record.id) for record in records]

    def tag(self, name: str, record: Parcel, *, is_spooled: bool = False) -> None:
        """Point a baseline to a record that was appended, or let the tag wait with it in the spool.

        Raises:
            UsageError: the name may not be used.
            LedgerError: it could not be stored.
        """
        if is_spooled:
            self._spool([record], LedgerError(f"the tag {name!r} could not be kept"), name)
            return
        with self._writer.mutex:
            try:
                self._open_writer().tag(name, record.id)
            except LedgerError as error:
                _refuse_broken(error)
                raise

    def _open_writer(self) -> Ledger:
        held, now = self._writer, time.monotonic()
        if held.ledger is not None and now - held.since > _HOLD_S:
            held.close()
            time.sleep(_PAUSE_S)  # whoever waits for the lock gets it now
        if held.ledger is None:
            held.ledger, held.since = Ledger.open(self.folder, wait_s=self._wait_s), now
        return held.ledger

    def _spool(self, records: Sequence[Parcel], error: LedgerError, tag: str | None = None) -> list[Kept]:
        try:
            return [
                Kept(record.id, spool_record(record.load(), self.folder, tag=tag), str(error)) for record in records
            ]
        except OSError:
            raise error from None

    def rest(self) -> None:
        """Let go of what was not used for a moment."""
        now = time.monotonic()
        with self._mutex:
            held = [self._writer, *self._readers.values()]
        for item in held:
            if item.ledger is not None and now - item.used > _REST_S and item.mutex.acquire(blocking=False):
                try:
                    if now - item.used > _REST_S:
                        item.close()
                finally:
                    item.mutex.release()

    def close(self) -> None:
        """Let go of everything."""
        with self._mutex:
            held = [self._writer, *self._readers.values()]
        for item in held:
            with suppress(LedgerError):
                item.close()


def _refuse_broken(error: LedgerError) -> None:
    cause = error.__cause__
    if cause is not None and is_fatal(cause):
        raise StorageFailedError(f"{error}; the daemon stops, so that nothing is acknowledged that is not there")
