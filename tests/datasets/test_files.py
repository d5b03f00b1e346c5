"""Digests of files: as b3sum prints them, of content that did not change."""

import os
import random
import subprocess
import sys
import threading
import time

import blake3
import pytest

from reprofp._core import reading
from reprofp.datasets import hash_file, hash_path
from reprofp.errors import InputError, UnstableFileError, UsageError

MIB = 1024 * 1024
DATA = random.Random(4).randbytes(9 * MIB + 17)


@pytest.mark.parametrize("length", [0, 1, 1024, 65537, MIB - 1, MIB, MIB + 1, 4 * MIB, len(DATA)])
def test_digest_is_blake3_of_the_content(tmp_path, length):
    path = tmp_path / "file"
    path.write_bytes(DATA[:length])
    expected = blake3.blake3(DATA[:length]).digest()
    for threads in (None, 1, 2, 7):
        found = hash_file(path, threads=threads)
        assert (str(found.digest), found.bytes) == (f"blake3:{expected.hex()}", length)
    assert hash_path(path) == found


def test_names_are_bytes_text_or_paths(tmp_path):
    raw = os.fsencode(tmp_path) + b"/\xff\n"
    with open(raw, "wb") as file:
        file.write(b"x")
    assert hash_file(raw) == hash_file(os.fsdecode(raw))
    os.symlink(raw, tmp_path / "link")
    assert hash_file(tmp_path / "link") == hash_file(raw)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: None, r"No such file or directory \(ENOENT\); check the path"),
        (os.mkdir, "not a regular file or folder; give a regular file or a folder"),
        (os.mkfifo, "not a regular file or folder"),
        (lambda path: os.symlink(path, path), r"\(ELOOP\); repair the symbolic link"),
    ],
)
def test_what_is_refused_is_named(tmp_path, make, why):
    path = tmp_path / "thing"
    make(path)
    with pytest.raises(InputError, match=why) as caught:
        hash_file(path)
    assert str(path) in str(caught.value)


def test_a_device_is_never_read():
    with pytest.raises(InputError, match="not a regular file"):
        hash_file("/dev/zero")


def test_a_zero_byte_is_refused():
    with pytest.raises(InputError, match="zero byte"):
        hash_file("a\0b")


def test_a_file_that_fails_to_read_is_an_error():
    with pytest.raises(InputError, match="EIO"):
        hash_file("/proc/self/mem")


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's identity, which only root can")
def test_an_unreadable_file_is_an_error(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"x")
    path.chmod(0)
    script = f"""
import os
from reprofp.datasets import hash_file
hash_file({os.fspath(__file__)!r})  # everything is imported now
os.chdir({os.fspath(tmp_path)!r})
os.seteuid(65534)
hash_file("secret")
"""
    tmp_path.chmod(0o755)
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "InputError: cannot hash 'secret': Permission denied (EACCES)" in result.stderr


def hash_often(path):
    """Until the writer ran while the file was read."""
    for _ in range(1000):
        hash_file(path)


def change_while_open(path, change, error=None):
    """Do something to a file within the block of open_stable, then fail within it."""
    with reading.open_stable(os.fsencode(path)):
        change()
        if error is not None:
            raise error


def test_a_changing_file_is_an_error(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    stop = threading.Event()

    def write():
        with open(path, "r+b", buffering=0) as file:
            while not stop.is_set():
                file.seek(5)
                file.write(b"x")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        with pytest.raises(UnstableFileError, match="changed while it was read; wait"):
            hash_often(path)
    finally:
        stop.set()
        writer.join()
    assert hash_file(path).bytes == len(DATA)


def test_a_change_of_the_same_length_is_an_error(tmp_path):
    path = tmp_path / "file"
    for content in (b"abc", b"abd") * 10:
        path.write_bytes(b"abe")
        with pytest.raises(UnstableFileError):
            change_while_open(path, lambda content=content: path.write_bytes(content))


def test_a_change_explains_any_error_of_the_block(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with pytest.raises(UnstableFileError):
        change_while_open(path, lambda: path.write_bytes(b"abd"), ValueError())
    with pytest.raises(KeyError):
        change_while_open(path, lambda: None, KeyError())


def test_restored_times_do_not_hide_a_change(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    before = path.stat()

    def change():
        path.write_bytes(b"abd")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(UnstableFileError):
        change_while_open(path, change)


def test_progress_is_reported(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)
    seen = []
    hash_file(path, progress=seen.append)
    assert seen[-1] == reading.Progress(files=1, bytes=len(DATA), files_found=0, bytes_found=len(DATA))


def test_an_error_of_the_callback_stops_the_call(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(DATA)

    def fail(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hash_file(path, progress=fail)


@pytest.mark.parametrize("threads", [0, -1, 257, 2.5, "2"])
def test_an_implausible_number_of_threads_is_refused(tmp_path, threads):
    with pytest.raises(UsageError, match=f"between 1 and 256, not {threads}"):
        hash_file(tmp_path / "file", threads=threads)


def test_a_write_that_is_under_way_is_waited_for(tmp_path):
    """It set the file's time when it began: a stamp taken meanwhile does not tell of it."""
    size = 256 * MIB
    path = tmp_path / "file"
    path.write_bytes(b"a" * size)
    expected = {blake3.blake3(bytes([letter]) * size, max_threads=2).digest() for letter in b"ab"}
    with open(path, "r+b") as file:
        time.sleep(0.02)
        before = os.fstat(file.fileno()).st_ctime_ns
        writer = threading.Thread(target=os.pwrite, args=(file.fileno(), b"b" * size, 0))
        writer.start()
        while writer.is_alive() and os.stat(path).st_ctime_ns == before:
            pass
        try:
            assert hash_file(path, cache=False).digest.value in expected
        finally:
            writer.join()
