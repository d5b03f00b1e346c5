"""Seeded random changes of files, of every kind that is known to deceive a check by times and sizes."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import random
import shutil
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

SIZES = (1, 100, 4096, 5000, 20_000, 70_000)


class HeldMapping:
    """A shared writable mapping without a descriptor, as numpy.memmap leaves one."""

    def __init__(self, path: str) -> None:
        self.size = os.path.getsize(path)
        fd = os.open(path, os.O_RDWR)
        self._place = _libc.mmap(None, self.size, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)
        os.close(fd)

    def store(self, offset: int, value: int) -> None:
        ctypes.c_uint8.from_address(self._place + offset).value = value

    def close(self) -> None:
        _libc.munmap(self._place, self.size)


class Mutator:
    """Changes the files of a folder; the same seed makes the same changes."""

    def __init__(self, root: str, files: int, seed: int) -> None:
        self.root = root
        self.numbers = random.Random(seed)
        self.done: dict[str, int] = {}
        self._held: dict[int, HeldMapping] = {}  # by inode: names move
        self._writers: dict[int, int] = {}
        self._scratch = os.path.join(os.path.dirname(os.path.abspath(root)), "scratch")
        os.makedirs(root, exist_ok=True)
        os.makedirs(self._scratch, exist_ok=True)
        self.names = [os.path.join(root, f"file-{i:04}") for i in range(files)]
        for i, path in enumerate(self.names):
            with open(path, "wb") as file:
                file.write(self.numbers.randbytes(SIZES[i % len(SIZES)]))

    def change(self, names: list[str] | None = None) -> str:
        """Do one random change to a random file; return the name of its kind."""
        kind = self.numbers.choice(list(KINDS))
        KINDS[kind](self, self.numbers.choice(names or self.names))
        self.done[kind] = self.done.get(kind, 0) + 1
        return kind

    def close(self) -> None:
        for mapping in self._held.values():
            mapping.close()
        for fd in self._writers.values():
            os.close(fd)
        self._held.clear()
        self._writers.clear()

    # ---- Parts ----

    def _patch(self, path: str) -> None:
        """Rewrite some bytes in place; the size stays."""
        with open(path, "r+b", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(self.numbers.randrange(max(size, 1)))
            file.write(self.numbers.randbytes(1)) if size else None

    @contextlib.contextmanager
    def _times_kept(self, path: str):  # noqa: ANN202
        info = os.stat(path)
        yield
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    # ---- Kinds ----

    def write(self, path: str) -> None:
        self._patch(path)

    def write_and_restore_mtime(self, path: str) -> None:
        with self._times_kept(path):
            self._patch(path)

    def write_same_bytes(self, path: str) -> None:
        with open(path, "r+b", buffering=0) as file:
            content = file.read()
            file.seek(0)
            file.write(content)

    def append(self, path: str) -> None:
        with open(path, "ab") as file:
            file.write(self.numbers.randbytes(self.numbers.randrange(1, 50)))

    def truncate_and_extend(self, path: str) -> None:
        size = os.path.getsize(path)
        os.truncate(path, size // 2)
        os.truncate(path, size)

    def truncate_and_refill(self, path: str) -> None:
        with self._times_kept(path):
            size = os.path.getsize(path)
            with open(path, "wb") as file:
                file.write(self.numbers.randbytes(size))

    def store_through_mapping(self, path: str) -> None:
        if size := os.path.getsize(path):
            mapping = HeldMapping(path)
            mapping.store(self.numbers.randrange(size), self.numbers.randrange(256))
            mapping.close()

    def hold_mapping(self, path: str) -> None:
        inode = os.stat(path).st_ino
        if inode not in self._held and os.path.getsize(path) and len(self._held) < 20:
            self._held[inode] = HeldMapping(path)

    def store_through_held_mapping(self, path: str) -> None:
        """To a page that mostly is dirty already: no time changes."""
        if not self._held:
            self.hold_mapping(path)
        for inode, mapping in self._held.items():
            if self.numbers.random() < 0.5 and self._size_of(inode) >= mapping.size:
                mapping.store(self.numbers.randrange(min(mapping.size, 64)), self.numbers.randrange(256))

    def drop_mapping(self, _path: str) -> None:
        if self._held:
            inode = self.numbers.choice(list(self._held))
            self._held.pop(inode).close()

    def hold_writer(self, path: str) -> None:
        inode = os.stat(path).st_ino
        if inode not in self._writers and len(self._writers) < 20:
            self._writers[inode] = os.open(path, os.O_WRONLY)

    def write_through_held_writer(self, path: str) -> None:
        if not self._writers:
            self.hold_writer(path)
        fd = self.numbers.choice(list(self._writers.values()))
        os.pwrite(fd, self.numbers.randbytes(1), 0)

    def drop_writer(self, _path: str) -> None:
        if self._writers:
            os.close(self._writers.pop(self.numbers.choice(list(self._writers))))

    def swap(self, path: str) -> None:
        other = self.numbers.choice(self.names)
        spare = os.path.join(self._scratch, "swap")
        if other != path:
            os.rename(path, spare)
            os.rename(other, path)
            os.rename(spare, other)

    def write_through_hard_link(self, path: str) -> None:
        link = os.path.join(self._scratch, "link")
        os.link(path, link)
        with self._times_kept(path):
            self._patch(link)
        os.unlink(link)

    def touch(self, path: str) -> None:
        os.utime(path)

    def change_mode(self, path: str) -> None:
        os.chmod(path, self.numbers.choice((0o600, 0o644, 0o664)))

    def copy_over(self, path: str) -> None:
        """As cp -p does: the content and times of another file, into the same inode."""
        spare = os.path.join(self._scratch, "copy")
        with open(spare, "wb") as file:
            file.write(self.numbers.randbytes(os.path.getsize(path)))
        shutil.copystat(path, spare)
        shutil.copy2(spare, path)

    def restore_from_archive(self, path: str) -> None:
        """As tar -x does: a new inode, often the same number, with the old times."""
        info = os.stat(path)
        os.unlink(path)
        with open(path, "wb") as file:
            file.write(self.numbers.randbytes(info.st_size))
        os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))

    def replace_as_rsync(self, path: str) -> None:
        info = os.stat(path)
        spare = os.path.join(self._scratch, "rsync")
        with open(spare, "wb") as file:
            file.write(self.numbers.randbytes(info.st_size))
        os.utime(spare, ns=(info.st_atime_ns, info.st_mtime_ns))
        os.rename(spare, path)

    def write_by_copy_file_range(self, path: str) -> None:
        spare = os.path.join(self._scratch, "range")
        with open(spare, "w+b") as source, open(path, "r+b") as target:
            source.write(self.numbers.randbytes(100))
            source.flush()
            size = os.fstat(target.fileno()).st_size
            if size >= 100:
                os.copy_file_range(source.fileno(), target.fileno(), 100, 0, 0)

    def set_times_far_away(self, path: str) -> None:
        moment = self.numbers.choice((0, 1, 2**31 * 10**9, 4_000_000_000 * 10**9))
        self._patch(path)
        os.utime(path, ns=(moment, moment))

    def _size_of(self, inode: int) -> int:
        """The size of a held file: a store behind its end would kill us."""
        for path in self.names:
            info = os.stat(path)
            if info.st_ino == inode:
                return info.st_size
        return 0


KINDS: dict[str, Callable[[Mutator, str], None]] = {
    name: getattr(Mutator, name)
    for name in (
        "write",
        "write_and_restore_mtime",
        "write_same_bytes",
        "append",
        "truncate_and_extend",
        "truncate_and_refill",
        "store_through_mapping",
        "hold_mapping",
        "store_through_held_mapping",
        "drop_mapping",
        "hold_writer",
        "write_through_held_writer",
        "drop_writer",
        "swap",
        "write_through_hard_link",
        "touch",
        "change_mode",
        "copy_over",
        "restore_from_archive",
        "replace_as_rsync",
        "write_by_copy_file_range",
        "set_times_far_away",
    )
}
"""What can be done to a file, by name."""
