"""Trees with other digests beside BLAKE3, each file read once.

In: a root and what of it counts. Out: a source like the core's, and the other digests by path. Guaranteed: the tree's
digest is the one that the core gives; names, links and the times of all files are looked at again when the last file
was read, and what changed meanwhile is a failure.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import replace

from reprofp._core import lib, reading
from reprofp._core.hashing import Hasher
from reprofp._core.reading import Progress, ProgressCallback, ScannedEntry
from reprofp.datasets.interop.digests import check_names, read_digests
from reprofp.datasets.manifest import is_listed, write_line
from reprofp.datasets.opening import open_below
from reprofp.datasets.selecting import Selector
from reprofp.errors import ReprofpError, UnstableFileError

__all__ = ["read_tree"]

_Stamp = tuple[int, ...]
_SECONDS_BETWEEN_REPORTS = 0.1


class _Held:
    """A tree whose entries are held here; the same questions as the core's scan answers."""

    reused = 0

    def __init__(self, entries: list[ScannedEntry]) -> None:
        self._entries = entries

    def entries(self) -> Iterator[ScannedEntry]:
        return iter(self._entries)

    def unlisted(self) -> list[ScannedEntry]:
        return [entry for entry in self._entries if entry.status or not entry.listed]

    def totals(self) -> tuple[int, int]:
        files = [entry for entry in self._entries if entry.digest is not None and not entry.status]
        return len(files), sum(entry.bytes for entry in files)

    def manifest(self) -> bytes:
        return b"".join(self._lines())

    def manifest_digest(self, extra: bytes = b"") -> bytes:
        hasher = Hasher()
        for line in self._lines():
            hasher.update(line)
        if extra:
            hasher.update(b"\0" + extra)
        return hasher.digest()

    def _lines(self) -> Iterator[bytes]:
        for entry in self._entries:
            if entry.digest is not None and entry.listed and not entry.status:
                yield write_line(entry.path, entry.digest)


def read_tree(
    root: bytes,
    selector: Selector,
    also: Collection[str],
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> tuple[_Held, Mapping[bytes, Mapping[str, str]]]:
    """Read a tree once for all digests.

    Raises:
        InputError: there is no folder that can be read.
        UsageError: there is no such digest, or the number of threads is not plausible.
    """
    names = check_names(also)
    files, rest = _walk(root, selector, threads)
    reader = _Reader(root, names, files)
    reader.run(threads or reading.default_threads(), progress)
    again = _walk(root, selector, threads)
    changed = (set(again[0]) ^ set(files)) | {entry.path for entry in set(again[1]) ^ set(rest)}
    entries = {entry.path: entry for entry in [*rest, *map(reader.check, reader.entries)]}
    entries.update({path: _fail(path, lib.RFP_ERR_UNSTABLE, 0) for path in changed})
    return _Held([entries[path] for path in sorted(entries)]), reader.others


def _walk(root: bytes, selector: Selector, threads: int | None) -> tuple[list[bytes], list[ScannedEntry]]:
    """Return the files that count, and all other entries; nothing is read."""
    files: list[bytes] = []

    def keep_entry(path: bytes, kind: str) -> bool:
        kept = selector.keep_entry(path, kind)
        if kept and kind == "file":
            files.append(path)
        return kept and kind != "file"

    scan = reading.scan_tree(root, threads=threads, keep_folder=selector.keep_folder, keep_entry=keep_entry)
    return files, list(scan.entries())


class _Reader:
    """Reads files, by several threads, and reports how far they are."""

    def __init__(self, root: bytes, names: tuple[str, ...], files: list[bytes]) -> None:
        self._root = root
        self._names = names
        self._found = len(files)
        self._left = iter(files)
        self._lock = threading.Lock()
        self._bytes = 0
        self._stamps: dict[bytes, _Stamp] = {}
        self._stopped = threading.Event()
        self.entries: list[ScannedEntry] = []
        self.others: dict[bytes, Mapping[str, str]] = {}

    def run(self, threads: int, progress: ProgressCallback | None) -> None:
        """Read all files; this thread reports and hears Ctrl-C."""
        with ThreadPoolExecutor(threads, "reprofp-files") as pool:
            workers = [pool.submit(self._work) for _ in range(threads)]
            try:
                while wait(workers, _SECONDS_BETWEEN_REPORTS, FIRST_EXCEPTION).not_done:
                    self._report(progress)
                self._report(progress)
                for worker in workers:
                    worker.result()
            finally:
                self._stopped.set()

    def _report(self, progress: ProgressCallback | None) -> None:
        if progress is not None:
            progress(Progress(len(self.entries), self._bytes, self._found))

    def _work(self) -> None:
        while not self._stopped.is_set():
            with self._lock:
                path = next(self._left, None)
            if path is None:
                return
            self.entries.append(self.read(path))

    def read(self, path: bytes) -> ScannedEntry:
        """Return the entry of a file: with its digest, or with why it has none."""
        try:
            fd = open_below(self._root, path)
        except OSError as error:
            return _fail(path, _status_of(error), error.errno or 0)
        try:
            with reading.watch_stable(fd, path) as file:
                self._stamps[path] = _stamp(os.fstat(fd))
                found = read_digests(file, self._names, threads=1, advance=self._advance)
        except UnstableFileError:
            return _fail(path, lib.RFP_ERR_UNSTABLE, 0)
        except ReprofpError as error:
            cause = error.__cause__
            return _fail(path, lib.RFP_ERR_IO, cause.errno or 0 if isinstance(cause, OSError) else 0)
        finally:
            os.close(fd)
        self.others[path] = found.others
        return ScannedEntry(path, "file", None, found.bytes, found.blake3, is_listed(path), 0, 0)

    def check(self, entry: ScannedEntry) -> ScannedEntry:
        """Look at a file again, after all were read."""
        if entry.status:
            return entry
        try:
            fd = open_below(self._root, entry.path)
            now = _stamp(os.fstat(fd))
            os.close(fd)
        except OSError:
            now = ()
        if now == self._stamps[entry.path]:
            return entry
        return replace(entry, status=int(lib.RFP_ERR_UNSTABLE))

    def _advance(self, count: int) -> None:
        if self._stopped.is_set():
            raise InterruptedError
        with self._lock:
            self._bytes += count


def _fail(path: bytes, status: int, error: int) -> ScannedEntry:
    return ScannedEntry(path, "file", None, 0, None, is_listed(path), int(status), error)


def _status_of(error: OSError) -> int:
    if isinstance(error, PermissionError):
        return int(lib.RFP_ERR_DENIED)
    changed = isinstance(error, FileNotFoundError) or error.errno in {errno.EINVAL, errno.ELOOP, errno.ENOTDIR}
    return int(lib.RFP_ERR_UNSTABLE if changed else lib.RFP_ERR_IO)


def _stamp(status: os.stat_result) -> _Stamp:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
