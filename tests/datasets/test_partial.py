"""Parts of trees: what could be read, under a name that says so, and every failure by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprofp.datasets import hash_tree
from reprofp.datasets.differences import compare_trees
from reprofp.datasets.manifest import FAILED, BlockEntry, parse_manifest
from reprofp.errors import InputError


@pytest.fixture
def tree(tmp_path):
    for name in ("a/one", "a/two", "b/three"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "a" / "mem").symlink_to("/proc/self/mem")
    (tmp_path / "mem").symlink_to("/proc/self/mem")
    return tmp_path


def test_without_asking_there_is_no_digest_but_a_line_for_each_failure(tree):
    with pytest.raises(InputError) as caught:
        hash_tree(tree)
    lines = str(caught.value).split("\n")
    assert [line.partition(":")[0] for line in lines] == [
        f"cannot hash '{tree}/a/mem'",
        f"cannot hash '{tree}/mem'",
    ]
    assert caught.value.exit_code == 3


def test_a_part_says_that_it_is_one(tree):
    found = hash_tree(tree, partial=True)
    assert found.digest.algorithm == "blake3-tree+partial"
    assert [problem.path for problem in found.failures] == [b"a/mem", b"mem"]
    assert all("EIO" in problem.what for problem in found.failures)
    assert [entry.path for entry in found.entries] == [b"a/one", b"a/two", b"b/three"]
    assert (found.files, found.bytes) == (3, 17)
    manifest = parse_manifest(found.attachment())
    assert manifest.files.keys() == {b"a/one", b"a/two", b"b/three"}
    assert manifest.block == (BlockEntry(FAILED, b"a/mem"), BlockEntry(FAILED, b"mem"))


def test_a_part_never_equals_the_whole(tree):
    part = hash_tree(tree, partial=True)
    (tree / "mem").unlink()
    smaller = hash_tree(tree, partial=True)
    assert smaller.digest != part.digest
    (tree / "a" / "mem").unlink()
    whole = hash_tree(tree, partial=True)
    assert whole == hash_tree(tree)
    assert whole.digest.algorithm == "blake3-tree"
    assert compare_trees(part.attachment(), whole.attachment()).removed == (b"a/mem", b"mem")


def test_folders_of_a_part_say_so_too(tree):
    found = hash_tree(tree, partial=True).folders()
    assert {digest.digest.algorithm for digest in found.values()} == {"blake3-tree+partial"}
    assert found[b"a"].files == 2
    assert found[b"b"].digest.value == hash_tree(tree / "b").digest.value


def test_a_part_of_a_selection(tree):
    found = hash_tree(tree, partial=True, exclude=["/mem"])
    assert found.digest.algorithm.startswith("blake3-tree+patterns.")
    assert found.digest.algorithm.endswith("+partial")
    assert hash_tree(tree, exclude=["mem"], partial=True).digest == hash_tree(tree, exclude=["mem"]).digest


def test_a_root_that_cannot_be_read_is_an_error_all_the_same(tmp_path):
    with pytest.raises(InputError):
        hash_tree(tmp_path / "nothing", partial=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes another user's identity, which only root can")
def test_what_another_user_may_not_read(tmp_path):
    (tmp_path / "closed").mkdir()
    for name in ("file", "secret", "closed/file"):
        (tmp_path / name).write_text(name)
    for name, mode in (("secret", 0), ("closed", 0), ("", 0o755)):
        (tmp_path / name).chmod(mode)
    script = f"""
import os
from reprofp.datasets import hash_tree
hash_tree({os.fspath(Path(__file__).parent)!r})  # everything is imported now
os.chdir({os.fspath(tmp_path)!r})
os.seteuid(65534)
found = hash_tree(".", partial=True)
print([problem.path for problem in found.failures], found.manifest[66:])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[b'closed', b'secret'] b'file\\n'\n"
