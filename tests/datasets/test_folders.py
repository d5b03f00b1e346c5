"""Digests of folders: what each would have alone."""

import os
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.datasets import hash_tree
from reprofp.datasets.manifest import parse_lines, write_lines

NAMES = st.sampled_from([b"a", b"b", b"a-", b"a0", b"\xff", b"back\\slash", b"new\nline", "\ufffd".encode()])
PATHS = st.lists(NAMES, min_size=1, max_size=5)


def build(root, paths):
    for i, parts in enumerate(paths):
        folder = os.path.join(os.fsencode(root), *parts[:-1])
        try:
            os.makedirs(folder, exist_ok=True)
            if i % 4 == 3:
                os.makedirs(os.path.join(folder, parts[-1]), exist_ok=True)
            elif not os.path.lexists(os.path.join(folder, parts[-1])):
                with open(os.path.join(folder, parts[-1]), "wb") as file:
                    file.write(b"%d" % i)
        except (FileExistsError, NotADirectoryError):
            continue


@settings(max_examples=30)
@given(paths=st.lists(PATHS, max_size=15))
def test_a_folder_has_the_digest_that_it_has_alone(tmp_path_factory, paths):
    root = tmp_path_factory.mktemp("tree")
    build(root, paths)
    found = hash_tree(root).folders()
    expected = {}
    for folder, _, _ in os.walk(os.fsencode(root)):
        alone = hash_tree(folder)
        expected[os.path.relpath(folder, os.fsencode(root))] = (alone.digest, alone.files, alone.bytes)
    del expected[b"."]
    assert {path: (digest.digest, digest.files, digest.bytes) for path, digest in found.items()} == expected
    assert list(found) == sorted(found)


def test_links_belong_to_the_folder_that_holds_them(tmp_path):
    for path in ("a/b", "c"):
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "file").write_text(path)
    (tmp_path / "a" / "b" / "link").symlink_to("../../c/file")
    one = hash_tree(tmp_path).folders()
    shutil.copytree(tmp_path / "a", tmp_path / "d", symlinks=True)
    other = hash_tree(tmp_path).folders()
    assert one.keys() == {b"a", b"a/b", b"c"}
    assert other[b"d"] == other[b"a"] == one[b"a"]
    assert other[b"d/b"] == one[b"a/b"]


@pytest.mark.skipif(shutil.which("b3sum") is None, reason="b3sum is not installed (Debian: apt-get install b3sum)")
def test_a_folder_by_hand(tmp_path):
    build(tmp_path, [[b"x", b"%d" % i] for i in range(3)] + [[b"y"]])
    found = hash_tree(tmp_path)
    lines = {path[2:]: value for path, value in parse_lines(found.manifest).items() if path.startswith(b"x/")}
    printed = subprocess.run(["b3sum", "--no-names"], input=write_lines(lines), capture_output=True, check=True).stdout
    assert found.folders()[b"x"].digest.value.hex() == printed.decode().strip()


def test_deep_trees_take_no_recursion(tmp_path):
    (tmp_path / "tree").mkdir()
    here = os.open(tmp_path / "tree", os.O_RDONLY)
    for _ in range(1000):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    try:
        found = hash_tree(tmp_path / "tree").folders()
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "tree"], check=True)  # Python's own way is recursive
    assert len(found) == 1000
    assert {digest.files for digest in found.values()} == {1}
