"""What a file system's stamps tell of stores through shared mappings, and what a lease tells: one line for each folder given.

The list of file systems that the cache trusts (csrc/io/cache_trust.c) was made from this table. As root,
``--mount`` makes a small file system of each kind in a scratch folder, measures it and takes it away.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import itertools
import mmap
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

PAGE = mmap.PAGESIZE
SYNC_ALL = 7  # SYNC_FILE_RANGE_WAIT_BEFORE | WRITE | WAIT_AFTER
TICK = 0.02  # longer than a tick of the kernel's clock
libc = ctypes.CDLL(None, use_errno=True)


def stamp(path: str) -> tuple[int, int, int]:
    info = os.stat(path)
    return info.st_size, info.st_mtime_ns, info.st_ctime_ns


def make(folder: str) -> str:
    path = os.path.join(folder, "file")
    with open(path, "wb") as file:
        file.write(bytes(4 * PAGE))
        file.flush()
        os.fsync(file.fileno())
    time.sleep(TICK)
    return path


def sync(path: str) -> None:
    """Write dirty pages out through a descriptor that is open for reading only."""
    fd = os.open(path, os.O_RDONLY)
    try:
        if libc.sync_file_range(fd, ctypes.c_int64(0), ctypes.c_int64(0), SYNC_ALL) != 0:
            raise OSError(ctypes.get_errno(), "sync_file_range")
    finally:
        os.close(fd)


@contextlib.contextmanager
def mapped(path: str) -> Iterator[mmap.mmap]:
    """A shared writable mapping whose descriptor is closed again, as numpy.memmap leaves it."""
    fd = os.open(path, os.O_RDWR)
    pages = mmap.mmap(fd, 0)  # Python keeps a duplicate; see no_descriptor
    os.close(fd)
    try:
        yield pages
    finally:
        pages.close()


def changes(path: str, act: Callable[[], object]) -> bool:
    before = stamp(path)
    time.sleep(TICK)
    act()
    return stamp(path) != before


def store(pages: mmap.mmap, value: int) -> None:
    pages[0] = value


def first_store(path: str) -> bool:
    with mapped(path) as pages:
        return changes(path, lambda: store(pages, 1))


def store_after_reading(path: str) -> bool:
    """The page is in the mapping already, by a load."""
    with mapped(path) as pages:
        _ = pages[0]
        return changes(path, lambda: store(pages, 2))


def store_to_dirty(path: str) -> bool:
    with mapped(path) as pages:
        store(pages, 3)
        return changes(path, lambda: store(pages, 4))


def new_mapping_of_dirty(path: str) -> bool:
    """The page is dirty by write(2); whoever wrote is gone, somebody else maps it."""
    with open(path, "r+b") as file:
        file.write(b"dirty")
    with mapped(path) as pages:
        _ = pages[0]
        return changes(path, lambda: store(pages, 5))


def store_after_sync(path: str) -> bool:
    """The page was dirty and was written out by somebody who may only read."""
    with mapped(path) as pages:
        store(pages, 6)
        sync(path)
        return changes(path, lambda: store(pages, 7))


def lease(path: str) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.fcntl(fd, 10, int(signal.SIGURG))  # F_SETSIG: its default is to be ignored
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return os.strerror(error.errno or 0)
    finally:
        os.close(fd)
    return "granted"


def mapping_only(path: str) -> str:
    """A lease while only a mapping is left: made by mmap(2) itself, since Python's keeps a descriptor."""
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    fd = os.open(path, os.O_RDWR)
    place = libc.mmap(None, PAGE, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_SHARED, fd, 0)
    os.close(fd)
    try:
        return lease(path)
    finally:
        libc.munmap(place, PAGE)


def open_writer(path: str) -> str:
    with open(path, "r+b"):
        return lease(path)


def grain(path: str) -> str:
    """The smallest step between the times of changes that follow each other."""
    seen = []
    with open(path, "r+b", buffering=0) as file:
        for _ in range(300):
            file.write(b"x")
            seen.append(os.fstat(file.fileno()).st_ctime_ns)
    steps = [b - a for a, b in itertools.pairwise(seen) if b != a]
    return f"{min(steps) / 1000:.0f}us" if steps else "none"


QUESTIONS: dict[str, Callable[[str], object]] = {
    "first store": first_store,
    "after a load": store_after_reading,
    "new mapping, dirty page": new_mapping_of_dirty,
    "store to a dirty page": store_to_dirty,
    "after sync_file_range": store_after_sync,
    "lease": lease,
    "lease, open writer": open_writer,
    "lease, only a mapping": mapping_only,
    "step of ctime": grain,
}


def measure(name: str, folder: str) -> None:
    answers = []
    for question, ask in QUESTIONS.items():
        path = make(folder)
        try:
            answer = ask(path)
        except OSError as error:
            answer = os.strerror(error.errno or 0)
        answers.append(f"{question}: {answer}")
        os.unlink(path)
    print(f"{name:16} " + "; ".join(answers), flush=True)


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def with_image(scratch: str, kind: str, make_command: list[str]) -> None:
    image, place = f"{scratch}/{kind}.img", f"{scratch}/{kind}"
    os.mkdir(place)
    with open(image, "wb") as file:
        file.truncate(400 << 20)
    run(*make_command, image)
    run("mount", "-o", "loop", image, place)
    try:
        measure(kind, place)
        with_overlay(scratch, f"overlay/{kind}", place)
    finally:
        run("umount", place)
        os.unlink(image)


def with_overlay(scratch: str, name: str, upper_home: str) -> None:
    lower, merged = f"{scratch}/lower", f"{scratch}/merged"
    for folder in (lower, merged, f"{upper_home}/upper", f"{upper_home}/work"):
        os.makedirs(folder, exist_ok=True)
    options = f"lowerdir={lower},upperdir={upper_home}/upper,workdir={upper_home}/work"
    run("mount", "-t", "overlay", "overlay", "-o", options, merged)
    try:
        measure(name, merged)
    finally:
        run("umount", merged)


def with_memory(scratch: str, kind: str) -> None:
    place = f"{scratch}/{kind}"
    os.mkdir(place)
    run("mount", "-t", kind, kind, place)
    try:
        measure(kind, place)
        if kind == "tmpfs":
            with_overlay(scratch, f"overlay/{kind}", place)
    finally:
        run("umount", place)


def mount_and_measure() -> None:
    scratch = tempfile.mkdtemp(prefix="reprofp-stamps-")
    makers = {
        "ext4": ["mkfs.ext4", "-q"],
        "ext4-128": ["mkfs.ext4", "-q", "-I", "128"],
        "xfs": ["mkfs.xfs", "-q"],
        "btrfs": ["mkfs.btrfs", "-q"],
        "f2fs": ["mkfs.f2fs", "-q"],
    }
    try:
        for kind, command in makers.items():
            if shutil.which(command[0]) is None:
                print(f"{kind:16} not measured: no {command[0]}")
                continue
            try:
                with_image(scratch, kind, command)
            except subprocess.CalledProcessError as error:
                print(f"{kind:16} not measured: {error}")
        for kind in ("tmpfs", "ramfs"):
            with_memory(scratch, kind)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", help="measure the file systems of these folders")
    parser.add_argument("--mount", action="store_true", help="as root: mount and measure each kind")
    arguments = parser.parse_args()
    print(f"kernel {os.uname().release}")
    for folder in arguments.folders:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            measure(folder, place)
    if arguments.mount:
        if "REPROFP_STAMPS_INSIDE" not in os.environ:  # mounts stay in a name space of their own
            os.environ["REPROFP_STAMPS_INSIDE"] = "1"
            sys.exit(subprocess.run(["unshare", "-m", sys.executable, *sys.argv], check=False).returncode)
        mount_and_measure()


if __name__ == "__main__":
    main()
