"""Hashing of files, parts of files and trees by the native core, without the GIL.

In: paths as raw bytes, or open files. Out: digests, and the entries of a tree. Guaranteed: a digest is that of
content that did not change while it was read; Ctrl-C stops a long call; the number of threads changes no result.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from reprofp._core import ffi, lib
from reprofp.errors import InputError, ReprofpError, UnstableFileError, UsageError

__all__ = [
    "KINDS",
    "CacheHandle",
    "Progress",
    "ScannedEntry",
    "StableFile",
    "TreeScan",
    "default_threads",
    "describe_failure",
    "failure_error",
    "hash_file",
    "hash_ranges",
    "open_stable",
    "scan_tree",
    "watch_stable",
]

KINDS: dict[int, str] = {
    lib.RFP_ENTRY_FILE: "file",
    lib.RFP_ENTRY_FOLDER: "folder",
    lib.RFP_ENTRY_LINK: "link",
    lib.RFP_ENTRY_DANGLING: "dangling",
    lib.RFP_ENTRY_FIFO: "fifo",
    lib.RFP_ENTRY_SOCKET: "socket",
    lib.RFP_ENTRY_DEVICE: "device",
}
"""The words for the kinds of entries of a tree."""

RawBytes = bytes  # where a field is called bytes

_SECONDS_BETWEEN_REPORTS = 0.1
_MOST_THREADS = 256

_REMEDIES: dict[int, str] = {
    lib.RFP_ERR_NOT_FOUND: "check the path",
    lib.RFP_ERR_DENIED: "make it readable for this user, or leave it out",
    lib.RFP_ERR_KIND: "give a regular file or a folder",
    lib.RFP_ERR_LOOP: "repair the symbolic link",
    lib.RFP_ERR_UNSTABLE: "wait until nothing writes to it, then try again",
    lib.RFP_ERR_LIMIT: "raise the limit of open files (ulimit -n), or give a folder further down",
    lib.RFP_ERR_MEMORY: "free memory, or hash fewer files at once",
    lib.RFP_ERR_IO: "check the disk or the network mount",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long call is: files and bytes hashed so far, files found by walking, and their bytes.

    ``bytes_found`` holds the files whose length is known by now: all of a single file's, of a tree's those that were
    looked at. What is left takes about as long as the share of files, or of bytes where that is smaller.
    """

    files: int
    bytes: int
    files_found: int
    bytes_found: int = 0


ProgressCallback = Callable[[Progress], None]


class CacheHandle(Protocol):
    """What holds an open cache of the core."""

    @property
    def handle(self) -> Any:
        """The core's ``rfp_cache *``."""


def default_threads() -> int:
    """Return how many threads hash by default: as many as there are processors for this process."""
    return len(os.sched_getaffinity(0))


def _count_threads(threads: int | None) -> int:
    if threads is None:
        return default_threads()
    if threads not in range(1, _MOST_THREADS + 1):
        raise UsageError(f"the number of threads is between 1 and {_MOST_THREADS}, not {threads}")
    return threads


def describe_failure(status: int, system_error: int) -> str:
    """Say in one clause why the core could not read something, and what to do about it."""
    text: bytes = ffi.string(lib.rfp_strerror(status))
    reason = text.decode()
    if system_error:
        reason = f"{os.strerror(system_error)} ({errno.errorcode.get(system_error, system_error)})"
    remedy = _REMEDIES.get(status)
    return f"{reason}; {remedy}" if remedy else reason


def failure_error(path: bytes, status: int, system_error: int) -> ReprofpError:
    """Make the exception for something that the core could not read."""
    kind = UnstableFileError if status == lib.RFP_ERR_UNSTABLE else InputError
    return kind(f"cannot hash {os.fsdecode(path)!r}: {describe_failure(status, system_error)}")


def hash_file(
    path: bytes,
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    cache: CacheHandle | None = None,
) -> tuple[bytes, int]:
    """Return the digest and the length of one regular file; an unchanged one's comes from the cache, if one is given.

    Raises:
        InputError: it is not there, not readable or not a regular file.
        UnstableFileError: it changed while it was read.
        UsageError: the number of threads is not plausible.
    """
    _check_path(path)
    out = ffi.new("uint8_t[]", lib.RFP_DIGEST_BYTES)
    length = ffi.new("uint64_t *")
    count = _count_threads(threads)
    status, system_error = _run(
        lambda state: lib.rfp_file_hash_cached(path, count, _handle(cache), state, ffi.new("int32_t *"), length, out),
        progress,
        patient=_is_small(path),
    )
    if status != lib.RFP_OK:
        raise failure_error(path, status, system_error)
    return bytes(ffi.buffer(out)), length[0]


@dataclass(slots=True)
class StableFile:
    """A regular file that is open for reading, and its length; ``digest`` is for its reader to set."""

    path: RawBytes
    fd: int
    bytes: int
    digest: RawBytes | None = None
    """The digest of the whole, once it is known: a cache remembers it if the file did not change."""


@contextmanager
def open_stable(path: bytes, cache: CacheHandle | None = None) -> Iterator[StableFile]:
    """Open a regular file for the block; that it did not change is checked when the block ends, also by an error.

    Raises:
        InputError: it is not there, not readable or not a regular file.
        UnstableFileError: it changed before the block ended.
    """
    fd = _open_regular(path)
    try:
        with watch_stable(fd, path, cache) as file:
            yield file
    finally:
        os.close(fd)


@contextmanager
def watch_stable(fd: int, path: bytes, cache: CacheHandle | None = None) -> Iterator[StableFile]:
    """Check when the block ends, also by an error, that an open file did not change; it stays open.

    Raises:
        InputError: it is not a regular file.
        UnstableFileError: it changed before the block ended.
    """
    stamp = ffi.new("rfp_stamp *")
    learns = cache is not None and lib.rfp_cache_may_learn(cache.handle, fd)  # before the stamp is taken
    _check_stamp(path, (lib.rfp_stamp_take_born if learns else lib.rfp_stamp_take)(fd, stamp))
    file = StableFile(path, fd, stamp.bytes)
    try:
        yield file
    except Exception:  # what a writer tore is not malformed: say that it changed
        _check_stamp(path, lib.rfp_stamp_check(fd, stamp))
        raise
    _check_stamp(path, lib.rfp_stamp_check(fd, stamp))
    if cache is not None and learns and file.digest is not None:
        lib.rfp_cache_put(cache.handle, stamp, file.digest)


def _open_regular(path: bytes) -> int:
    _check_path(path)
    try:
        if stat.S_ISREG(os.stat(path).st_mode):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        status = lib.RFP_ERR_DENIED if isinstance(error, PermissionError) else lib.RFP_ERR_NOT_FOUND
        raise failure_error(path, status, error.errno or 0) from error
    raise failure_error(path, lib.RFP_ERR_KIND, 0)


def _check_stamp(path: bytes, status: int) -> None:
    if status != lib.RFP_OK:
        raise failure_error(path, status, ffi.errno)


def hash_ranges(
    fd: int,
    ranges: Sequence[tuple[int, int]],
    path: bytes,
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> list[bytes]:
    """Return the digests of parts (offset and length) of an open file, whose stamp the caller takes.

    Raises:
        InputError: it could not be read.
        UnstableFileError: a part ends behind the end of the file.
        UsageError: the number of threads is not plausible.
    """
    parts = ffi.new("rfp_range[]", len(ranges))
    for part, (offset, length) in zip(parts, ranges, strict=True):
        part.offset, part.bytes = offset, length
    count = _count_threads(threads)
    status, system_error = _run(lambda state: lib.rfp_ranges_hash(fd, parts, len(ranges), count, state), progress)
    if status != lib.RFP_OK:
        raise failure_error(path, status, system_error)
    return [bytes(ffi.buffer(part.digest)) for part in parts]


@dataclass(frozen=True, slots=True)
class ScannedEntry:
    """One entry of a tree as the core reports it; ``listed`` where a line of the manifest holds it."""

    path: RawBytes
    kind: str
    target: RawBytes | None
    bytes: int
    digest: RawBytes | None
    listed: bool
    status: int
    system_error: int


class TreeScan:
    """A tree that was walked and hashed; its entries stay in the core's memory until they are asked for."""

    __slots__ = ("_cell", "_count", "_entries", "_tree")

    def __init__(self, cell: Any) -> None:
        """Take over the cell that owns the core's handle."""
        count = ffi.new("size_t *")
        self._cell = cell
        self._tree = cell[0]
        self._entries = lib.rfp_tree_entries(self._tree, count)
        self._count: int = count[0]

    def manifest(self) -> bytes:
        """Return the lines for the listed files, as b3sum writes them."""
        length = lib.rfp_tree_manifest(self._tree, ffi.NULL, 0)
        text = ffi.new("char[]", length)
        lib.rfp_tree_manifest(self._tree, text, length)
        return bytes(ffi.buffer(text))

    def manifest_digest(self, extra: RawBytes = b"") -> RawBytes:
        """Return BLAKE3(manifest), or BLAKE3(manifest, zero byte, extra) where there is more; makes no text."""
        out = ffi.new("uint8_t[]", lib.RFP_DIGEST_BYTES)
        lib.rfp_tree_manifest_digest(self._tree, extra, len(extra), out)
        return bytes(ffi.buffer(out))

    @property
    def reused(self) -> int:
        """How many files have their digest from the cache."""
        return int(lib.rfp_tree_reused(self._tree))

    def entries(self) -> Iterator[ScannedEntry]:
        """Yield all entries, sorted by the bytes of their paths."""
        return (self._read(self._entries[i]) for i in range(self._count))

    def unlisted(self) -> list[ScannedEntry]:
        """Return the entries that failed or that no line of the manifest holds."""
        found = []
        index = lib.rfp_tree_next_unlisted(self._tree, 0)
        while index < self._count:
            found.append(self._read(self._entries[index]))
            index = lib.rfp_tree_next_unlisted(self._tree, index + 1)
        return found

    def totals(self) -> tuple[int, int]:
        """Return how many files there are, and their bytes."""
        out = ffi.new("uint64_t[2]")
        lib.rfp_tree_totals(self._tree, out, out + 1)
        return out[0], out[1]

    @staticmethod
    def _read(entry: Any) -> ScannedEntry:
        is_file = entry.kind == lib.RFP_ENTRY_FILE
        return ScannedEntry(
            path=ffi.string(entry.path),
            kind=KINDS[entry.kind],
            target=ffi.string(entry.target) if entry.target != ffi.NULL else None,
            bytes=entry.bytes,
            digest=bytes(ffi.buffer(entry.digest)) if is_file else None,
            listed=bool(entry.flags & lib.RFP_ENTRY_LISTED),
            status=entry.status,
            system_error=entry.system_error,
        )


def scan_tree(
    path: bytes,
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    keep_folder: Callable[[bytes], bool] | None = None,
    keep_entry: Callable[[bytes, str], bool] | None = None,
    cache: CacheHandle | None = None,
) -> TreeScan:
    """Walk the tree at ``path`` and hash its files; what could not be read is an entry with a status.

    Args:
        path: the folder.
        threads: how many work at once; as many as there are processors by default.
        progress: called about ten times a second.
        keep_folder: whether the folder at a path below the root is walked; asked for each, by any thread, one at a time.
        keep_entry: whether the entry at a path, of a kind, is part of the tree; asked for each, before hashing.
        cache: where digests of unchanged files come from, and new ones go to.

    Raises:
        InputError: there is no folder that can be read.
        UsageError: the number of threads is not plausible.
    """
    _check_path(path)
    cell = ffi.gc(ffi.new("rfp_tree **"), lambda held: lib.rfp_tree_free(held[0]))
    questions = _Questions(keep_folder, keep_entry)
    options = ffi.new("rfp_tree_options *", {"threads": _count_threads(threads), "cache": _handle(cache)})
    context = ffi.new_handle(questions)  # must live as long as the walk
    if keep_folder is not None:
        options.keep_folder, options.filter_context = lib.rfp_python_keep_folder, context

    def scan(state: Any) -> int:
        questions.state = state
        status: int = lib.rfp_tree_open(path, options, state, cell)
        if status == lib.RFP_OK:
            status = questions.leave_out(cell[0])
        return status if status != lib.RFP_OK else lib.rfp_tree_hash(cell[0], state)

    status, system_error = _run(scan, progress)
    questions.raise_failure()
    if status != lib.RFP_OK:
        raise failure_error(path, status, system_error)
    return TreeScan(cell)


class _Questions:
    """What the core asks while it walks; an exception of an answer ends the walk and is raised afterwards."""

    def __init__(
        self, keep_folder: Callable[[bytes], bool] | None, keep_entry: Callable[[bytes, str], bool] | None
    ) -> None:
        self._keep_folder = keep_folder
        self._keep_entry = keep_entry
        self._failure: BaseException | None = None
        self.state: Any = None

    def keeps_folder(self, path: bytes) -> bool:
        """Answer for one folder."""
        if self._keep_folder is None or self._failure is not None:
            return False
        try:
            return bool(self._keep_folder(path))
        except BaseException as error:  # noqa: BLE001 - it cannot pass through the core
            self._fail(error)
            return False

    def leave_out(self, tree: Any) -> int:
        """Leave out the entries that are not kept; return a status."""
        if self._keep_entry is None or self._failure is not None:
            return int(lib.RFP_OK)
        count = ffi.new("size_t *")
        entries = lib.rfp_tree_entries(tree, count)
        keep = bytearray(count[0])
        try:
            for i in range(count[0]):
                keep[i] = self._keep_entry(ffi.string(entries[i].path), KINDS[entries[i].kind])
        except BaseException as error:  # noqa: BLE001 - raised by the thread that asked for the scan
            self._fail(error)
            return int(lib.RFP_ERR_CANCELLED)
        return int(lib.rfp_tree_keep(tree, ffi.from_buffer("uint8_t[]", keep), len(keep)))

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self.state.cancel = 1

    def raise_failure(self) -> None:
        """Raise what an answer raised."""
        if self._failure is not None:
            raise self._failure


@ffi.def_extern()  # type: ignore[untyped-decorator]
def rfp_python_keep_folder(context: Any, path: Any) -> int:
    """Ask the scan that the core walks for."""
    questions: _Questions = ffi.from_handle(context)
    return int(questions.keeps_folder(ffi.string(path)))


def _handle(cache: CacheHandle | None) -> Any:
    return ffi.NULL if cache is None else cache.handle


def _check_path(path: bytes) -> None:
    if b"\0" in path:
        raise InputError(f"cannot hash {os.fsdecode(path)!r}: a path holds no zero byte; check the path")


_SMALL_BYTES = 32 * 1024 * 1024


def _is_small(path: bytes) -> bool:
    """Whether hashing takes so short that nobody needs to interrupt it."""
    try:
        return os.stat(path).st_size < _SMALL_BYTES
    except OSError:
        return True


def _run(call: Callable[[Any], int], progress: ProgressCallback | None, *, patient: bool = False) -> tuple[int, int]:
    """Run a call of the core; return its status and errno.

    The call blocks, so it runs beside the main thread, which keeps reporting and hearing Ctrl-C; a thread that
    nobody can interrupt and that reports nothing waits for it directly.
    """
    state = ffi.new("rfp_progress *")
    if progress is None and (patient or threading.current_thread() is not threading.main_thread()):
        return call(state), ffi.errno
    outcome: list[tuple[int, int]] = []
    helper = threading.Thread(target=lambda: outcome.append((call(state), ffi.errno)), name="reprofp-hash", daemon=True)
    helper.start()
    try:
        _watch(helper, state, progress)
    finally:
        state.cancel = 1
        helper.join()
    return outcome[0]


def _watch(helper: threading.Thread, state: Any, progress: ProgressCallback | None) -> None:
    """Report now and then, and once more at the end."""
    running = True
    while running:
        helper.join(_SECONDS_BETWEEN_REPORTS)
        running = helper.is_alive()
        if progress is not None:
            progress(Progress(state.files, state.bytes, state.files_found, state.bytes_found))
