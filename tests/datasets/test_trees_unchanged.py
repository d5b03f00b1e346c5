"""Unchanged trees: their digests come from the cache, and are the same."""

import os
import time

import pytest

from reprofp.datasets import files, hash_file, hash_path, hash_tree


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    for i in range(50):
        (root / str(i % 5)).mkdir(parents=True, exist_ok=True)
        (root / str(i % 5) / str(i)).write_bytes(bytes([i]) * 100 * i)
    time.sleep(0.05)  # older than the window in which a file might still change unseen
    return root


def hash_until_reused(call, reused):
    """The first call remembers; how soon a fresh file is trusted is the file system's affair."""
    for _ in range(100):
        found = call()
        if reused(found):
            return found
        time.sleep(0.05)
    pytest.skip("nothing is remembered on this file system (see docs/formats/digest-cache.md)")
    return None


def test_an_unchanged_tree_has_the_same_digest_without_being_read(tree):
    first = hash_tree(tree)
    assert first.reused == 0
    again = hash_until_reused(lambda: hash_tree(tree), lambda found: found.reused == 50)
    assert again == first
    assert again.folders() == first.folders()
    assert hash_tree(tree, cache=False).reused == 0
    assert hash_path(tree, cache=False) == first


def test_a_changed_file_is_read(tree):
    first = hash_until_reused(lambda: hash_tree(tree), lambda found: found.reused == 50)
    times = os.stat(tree / "1" / "1")
    (tree / "1" / "1").write_bytes(b"x" * 100)
    os.utime(tree / "1" / "1", ns=(times.st_atime_ns, times.st_mtime_ns))
    found = hash_tree(tree)
    assert found.digest != first.digest
    assert found.digest == hash_tree(tree, cache=False).digest


def test_a_selection_and_the_whole_share_what_is_known(tree):
    hash_until_reused(lambda: hash_tree(tree), lambda found: found.reused == 50)
    found = hash_tree(tree, exclude=["/1/"])
    assert (found.files, found.reused) == (40, 40)


def test_the_environment_turns_it_off(tree, monkeypatch):
    monkeypatch.setenv("REPROFP_NO_CACHE", "1")
    for _ in range(3):
        assert hash_tree(tree).reused == 0
        time.sleep(0.05)


def test_only_large_single_files_are_remembered(tree, own_home, monkeypatch):
    hash_file(tree / "1" / "1")
    assert not [path for path in own_home.rglob("*") if path.is_file() and "cache" in str(path)]
    monkeypatch.setattr(files, "LEAST_CACHED_BYTES", 1)
    first = hash_file(tree / "1" / "1")
    assert [path for path in own_home.rglob("*") if path.is_file() and "cache" in str(path)]
    assert hash_file(tree / "1" / "1") == first == hash_file(tree / "1" / "1", cache=False)
