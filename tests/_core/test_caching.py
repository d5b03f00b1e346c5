"""The cache through hashing: what is unchanged is not read, what changed is, and nothing about it is an error."""

import mmap
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import pytest

from reprofp._core.caching import Cache
from reprofp._core.reading import hash_file, scan_tree
from reprofp.errors import InputError


def settle():
    """Wait until what was written is old enough to be remembered."""
    time.sleep(0.05)


def scan(path, cache_file):
    with Cache.open(cache_file) as cache:
        return scan_tree(os.fsencode(path), threads=2, cache=cache)


@pytest.fixture
def cache_file(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir(mode=0o700)
    return folder / "cache"


@pytest.fixture
def tree(tmp_path, cache_file):
    root = tmp_path / "tree"
    root.mkdir()
    for i in range(30):
        (root / f"file {i}").write_bytes(random.Random(i).randbytes(i * 700))
    (root / "large").write_bytes(bytes(3_000_000))
    settle()
    with Cache.open(cache_file) as cache:
        scan_tree(os.fsencode(root), cache=cache)
    if cache.counts().elsewhere:
        pytest.skip("the file system of the tests is not one that the cache trusts")
    return root


def test_unchanged_tree(tree, cache_file):
    expected = scan_tree(os.fsencode(tree)).manifest()
    found = scan(tree, cache_file)
    assert found.reused == 31
    assert found.manifest() == expected


def test_one_changed(tree, cache_file):
    with open(tree / "file 7", "r+b") as file:
        file.write(b"!")
    found = scan(tree, cache_file)
    assert found.reused == 30
    assert found.manifest() == scan_tree(os.fsencode(tree)).manifest()
    settle()
    assert scan(tree, cache_file).reused == 30  # it was too young to be remembered
    assert scan(tree, cache_file).reused == 31


def test_counts(tree, cache_file):
    os.utime(tree / "file 3", ns=(5, 5))
    with Cache.open(cache_file) as cache:
        scan_tree(os.fsencode(tree), cache=cache)
        counts = cache.counts()
    assert (counts.entries, counts.used, counts.learned) == (31, 30, 0)
    assert counts.young >= 1


def test_one_file(tree, cache_file):
    path = os.fsencode(tree / "large")
    with Cache.open(cache_file) as cache:
        assert hash_file(path, cache=cache) == hash_file(path)
        assert cache.counts().used == 1


def test_mapped_writer_is_never_believed(tree, cache_file):
    with open(tree / "file 9", "r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
        for value in range(5):
            pages[0] = value
            settle()
            assert scan(tree, cache_file).manifest() == scan_tree(os.fsencode(tree)).manifest()


def test_truncated_and_grown_while_hashing(tree, cache_file):
    """Whoever wins, no digest of a mixture is remembered."""
    stop = threading.Event()

    def keep_changing():
        numbers = random.Random(1)
        while not stop.is_set():
            with open(tree / "large", "r+b") as file:
                file.truncate(numbers.randrange(3_000_000))
                file.truncate(3_000_000)
            time.sleep(0.002)

    writer = threading.Thread(target=keep_changing)
    writer.start()
    try:
        for _ in range(20):
            scan(tree, cache_file)
    finally:
        stop.set()
        writer.join()
    assert scan(tree, cache_file).manifest() == scan_tree(os.fsencode(tree)).manifest()


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", b"\0" * 100_000, os.urandom(5000)], ids=["empty", "text", "zeros", "noise"]
)
def test_what_is_no_cache(tree, cache_file, content):
    cache_file.write_bytes(content)
    expected = scan_tree(os.fsencode(tree)).manifest()
    assert scan(tree, cache_file).manifest() == expected
    assert scan(tree, cache_file).reused == 31


def test_folder_that_cannot_be_written(tree, tmp_path):
    cache = Cache.open(tmp_path / "nowhere" / "cache")
    assert not cache.is_usable
    scan_tree(os.fsencode(tree), cache=cache)
    assert not cache.save()
    assert "not remembered in" in cache.remark
    assert "nowhere/cache" in cache.remark


def test_names_that_no_file_has(tmp_path):
    for name in (tmp_path / ("x" * 300), tmp_path / "a\0b"):
        with pytest.raises(InputError, match="cannot use the cache"):
            Cache.open(name)


FILL_AND_SAVE = """
import os, sys
from pathlib import Path
from reprofp._core.caching import Cache
from reprofp._core.reading import scan_tree
place = Path(sys.argv[1])
(place / "filler").write_bytes(bytes(61440))
cache = Cache.open(place / "cache")
scan_tree(os.fsencode(sys.argv[2]), cache=cache)
assert cache.counts().learned == 31, cache.counts()
assert not cache.save()
print(cache.remark)
print(sorted(os.listdir(place)))
"""


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting needs root")
def test_full_disk(tree, tmp_path):
    """A disk of 64 KiB: remembering fails, hashing does not, and nothing is left over."""
    place = tmp_path / "small"
    place.mkdir(mode=0o700)
    script = tmp_path / "script.py"
    script.write_text(FILL_AND_SAVE)
    mount = 'mount -t tmpfs -o size=64k,mode=700 tmpfs "$1" && shift && exec "$@"'
    command = ["unshare", "-m", "sh", "-c", mount, "sh", place, sys.executable, script, place, tree]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    if done.returncode != 0 and ("mount" in done.stderr or "unshare" in done.stderr):
        pytest.skip("mounting is not allowed here")
    assert "No space left on device" in done.stdout, done.stderr
    assert "['cache.lock', 'filler']" in done.stdout


def test_two_trees_one_cache(tree, tmp_path, cache_file):
    """What was learned a moment ago is known before it is saved."""
    shutil.copytree(tree, tmp_path / "copy")
    settle()
    with Cache.open(cache_file) as cache:
        for expected in (0, 31):
            assert scan_tree(os.fsencode(tmp_path / "copy"), cache=cache).reused == expected
