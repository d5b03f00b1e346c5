"""Does a power cut leave new content under old times? As root: python bench/faults/unchanged_power_cut.py [OPTIONS]

Overwrites a file in place on a small ext4 (mounted with OPTIONS, "defaults" by default), copies what its disk holds at
that moment, as a power cut would leave it, mounts the copy and looks. This is why no entry of the cache outlives a boot.
"""

from __future__ import annotations

import mmap
import os
import shutil
import subprocess
import sys
import tempfile
import time

OLD, NEW = b"old content", b"new content"


def run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def overwrite(path: str) -> None:
    """Past the page cache, so that the content is on the disk at once; its new time is in the journal, later."""
    page = mmap.mmap(-1, mmap.PAGESIZE)
    page.write(NEW)
    fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
    os.pwrite(fd, page, 0)
    os.close(fd)


def main() -> None:
    if "REPROFP_INSIDE" not in os.environ:  # mounts stay in a name space of their own
        os.environ["REPROFP_INSIDE"] = "1"
        sys.exit(subprocess.run(["unshare", "-m", sys.executable, *sys.argv], check=False).returncode)
    options = sys.argv[1] if len(sys.argv) > 1 else "defaults"
    scratch = tempfile.mkdtemp(prefix="reprofp-power-cut-")
    image, copy, place = f"{scratch}/disk", f"{scratch}/copy", f"{scratch}/place"
    try:
        with open(image, "wb") as file:
            file.truncate(64 << 20)
        run("mkfs.ext4", "-q", image)
        os.mkdir(place)
        run("mount", "-o", f"loop,{options}", image, place)
        with open(f"{place}/file", "wb") as file:
            file.write(OLD + bytes(mmap.PAGESIZE - len(OLD)))
        os.sync()
        time.sleep(6)
        before = os.stat(f"{place}/file").st_ctime_ns
        overwrite(f"{place}/file")
        shutil.copyfile(image, copy)
        run("umount", place)
        run("mount", "-o", "loop", copy, place)
        with open(f"{place}/file", "rb") as file:
            is_new = file.read(len(NEW)) == NEW
        is_same_time = os.stat(f"{place}/file").st_ctime_ns == before
        run("umount", place)
        print(f"after the cut: {'new' if is_new else 'old'} content, {'old' if is_same_time else 'new'} time of change")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
