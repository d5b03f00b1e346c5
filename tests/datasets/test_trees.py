"""Digests of trees: content and names, nothing else, whole or an error."""

import json
import os
import random
import shutil
import subprocess
import threading
from pathlib import Path

import blake3
import pytest

from reprofp._core import lib, reading
from reprofp.datasets import hash_file, hash_path, hash_tree, trees
from reprofp.datasets.manifest import is_listed, parse_lines, write_lines
from reprofp.errors import InputError, UnstableFileError

VECTORS = json.loads((Path(__file__).parent / "vectors" / "trees.json").read_text())


@pytest.fixture
def tree(tmp_path):
    """Return a tree with files of several sizes in several folders."""
    numbers = random.Random(5)
    root = tmp_path / "tree"
    for i in range(120):
        path = root / f"{i % 7}" / f"{i % 3}" / f"file {i}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(numbers.randbytes(int(2 ** numbers.uniform(0, 17))))
    (root / "large").write_bytes(numbers.randbytes(4 * 1024 * 1024 + 77))
    (root / "none").write_bytes(b"")
    return root


def build(root, entries):
    """Make a tree of a vector: [kind, path, content or target]."""
    for kind, text, *detail in entries:
        path = os.path.join(os.fsencode(root), text.encode("latin-1"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if kind == "file":
            with open(path, "wb") as file:
                file.write(detail[0].encode("latin-1"))
        elif kind == "folder":
            os.mkdir(path)
        elif kind == "link":
            os.symlink(detail[0].encode("latin-1"), path)
        else:
            os.mkfifo(path)
    os.makedirs(root, exist_ok=True)


@pytest.mark.parametrize("vector", VECTORS["trees"], ids=lambda vector: vector["name"])
def test_vectors(tmp_path, vector):
    build(tmp_path / "outside", VECTORS["outside"])
    build(tmp_path / "tree", vector["entries"])
    found = hash_tree(tmp_path / "tree")
    assert found.manifest.decode() == vector["manifest"]
    assert found.block.hex() == vector["block"]
    assert str(found.digest) == vector["digest"]
    by_hand = blake3.blake3(found.manifest + (b"\0" + found.block if found.block else b""))
    assert found.digest.value == by_hand.digest()


def test_every_file_has_the_digest_of_its_content(tree):
    found = hash_tree(tree)
    files = {os.fsencode(p.relative_to(tree)): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    assert {entry.path: entry.digest.value for entry in found.entries} == {
        path: blake3.blake3(content).digest() for path, content in files.items()
    }
    assert [entry.path for entry in found.entries] == sorted(files)
    assert all(entry.kind == "file" and entry.bytes == len(files[entry.path]) for entry in found.entries)
    assert (found.files, found.bytes) == (len(files), sum(map(len, files.values())))
    assert found.manifest == write_lines({path: blake3.blake3(files[path]).digest() for path in files})
    assert parse_lines(found.manifest).keys() == files.keys()
    assert (found.block, found.problems) == (b"", ())


def test_threads_and_levels_never_change_a_digest(tree):
    expected = hash_tree(tree, threads=1).digest
    for threads in (2, 3, 16):
        assert hash_tree(tree, threads=threads).digest == expected
    assert lib.rfp_blake3_force_level(lib.RFP_LEVEL_PORTABLE) == lib.RFP_OK
    try:
        assert hash_tree(tree).digest == expected
    finally:
        lib.rfp_blake3_force_level(lib.RFP_LEVEL_BEST)


def test_modes_times_and_place_do_not_matter(tree, tmp_path):
    expected = hash_tree(tree)
    shutil.copytree(tree, tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*"):
        path.chmod(0o700)
    assert hash_tree(tmp_path / "copy") == expected
    os.symlink(tree, tmp_path / "link")
    assert hash_path(tmp_path / "link") == expected


@pytest.mark.parametrize("change", ["content", "name", "added", "removed", "empty folder", "link"])
def test_every_change_shows(tree, change):
    before = hash_tree(tree).digest
    match change:
        case "content":
            (tree / "none").write_bytes(b"x")
        case "name":
            (tree / "none").rename(tree / "None")
        case "added":
            (tree / "more").write_bytes(b"")
        case "removed":
            (tree / "none").unlink()
        case "empty folder":
            (tree / "empty").mkdir()
        case _:
            (tree / "link").symlink_to("none")
    assert hash_tree(tree).digest != before


@pytest.mark.skipif(shutil.which("b3sum") is None, reason="b3sum is not installed (Debian: apt-get install b3sum)")
def test_b3sum_writes_and_accepts_the_manifest(tree, tmp_path):
    (tree / "back\\slash\nnewline").write_bytes(b"1")
    (tree / " leading and trailing ").write_bytes(b"2")
    (tree / "ünïcode 🦆").write_bytes(b"3")
    (tree / "-dash").write_bytes(b"4")
    (tmp_path / "elsewhere").write_bytes(b"5")
    (tree / "outside").symlink_to(tmp_path / "elsewhere")
    found = hash_tree(tree)
    (tmp_path / "manifest").write_bytes(found.manifest)
    subprocess.run(["b3sum", "--check", "--quiet", tmp_path / "manifest"], cwd=tree, check=True)
    names = sorted(parse_lines(found.manifest))
    written = subprocess.run(["b3sum", "--", *names], cwd=tree, capture_output=True, check=True).stdout
    assert written == found.manifest
    (tree / "none").write_bytes(b"changed")
    result = subprocess.run(["b3sum", "--check", tmp_path / "manifest"], cwd=tree, capture_output=True, check=False)
    assert result.returncode == 1


def test_a_link_out_of_the_tree_stands_for_its_content(tree, tmp_path):
    real = tmp_path / "real"
    shutil.copytree(tree, real)
    linked = tmp_path / "linked"
    linked.mkdir()
    for path in tree.iterdir():
        (linked / path.name).symlink_to(path)
    assert hash_tree(linked).digest == hash_tree(real).digest
    assert hash_tree(linked).manifest == hash_tree(real).manifest


def test_links_in_a_loop_end(tmp_path):
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    (root / "other").symlink_to(other)
    (other / "root").symlink_to(root)
    (other / "self").symlink_to(".")
    (root / "loop").symlink_to("loop")
    found = hash_tree(root)
    assert [(e.path, e.kind, e.target) for e in found.entries] == [
        (b"loop", "dangling", b"loop"),
        (b"other/root", "link", b".."),
        (b"other/self", "link", b"."),
    ]
    assert [problem.path for problem in found.problems] == [b"loop"]


def test_what_is_no_file_is_listed_and_never_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")  # opening it would wait for ever
    (tmp_path / "zero").symlink_to("/dev/zero")
    found = hash_tree(tmp_path)
    assert [(entry.path, entry.kind) for entry in found.entries] == [(b"fifo", "fifo"), (b"zero", "device")]
    assert [problem.what for problem in found.problems] == [
        "a FIFO: only its presence is part of the digest",
        "a device: only its presence is part of the digest",
    ]


def test_paths_longer_than_the_system_takes_at_once(tmp_path):
    """Deeper than PATH_MAX: made and removed step by step."""
    name, depth = "d" * 200, 30
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(depth):
            os.mkdir(name, dir_fd=here)
            below = os.open(name, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.close(os.open("leaf", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    finally:
        os.close(here)
    found = hash_tree(tmp_path)
    assert [entry.path for entry in found.entries] == [b"/".join([name.encode()] * depth + [b"leaf"])]


def test_an_unreadable_part_is_an_error_that_names_it(tmp_path):
    (tmp_path / "good").write_bytes(b"x")
    (tmp_path / "mem").symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match="EIO") as caught:
        hash_tree(tmp_path)
    assert str(tmp_path / "mem") in str(caught.value)


def test_every_failure_has_a_line_until_there_are_too_many(tmp_path, monkeypatch):
    for i in range(9):
        (tmp_path / f"mem\n{i}").symlink_to("/proc/self/mem")
    with pytest.raises(InputError) as caught:
        hash_tree(tmp_path)
    assert [str(i) in line for i, line in enumerate(str(caught.value).split("\n"))] == [True] * 9
    monkeypatch.setattr(trees, "MOST_NAMED", 5)
    with pytest.raises(InputError, match="and 4 more"):
        hash_tree(tmp_path)


def hash_often(tree):
    """Until the writer ran while the tree was read."""
    for _ in range(1000):
        hash_tree(tree)


def test_a_tree_that_changes_is_an_error(tree):
    stop = threading.Event()

    def come_and_go():
        while not stop.is_set():
            (tree / "0" / "more").write_bytes(b"x")
            (tree / "0" / "more").unlink()

    writer = threading.Thread(target=come_and_go)
    writer.start()
    try:
        with pytest.raises(UnstableFileError, match="changed while it was read"):
            hash_often(tree)
    finally:
        stop.set()
        writer.join()


def test_interrupting_stops_soon(tree):
    (tree / "huge").write_bytes(b"")
    os.truncate(tree / "huge", 1024**4)  # sparse: would take many minutes

    def interrupt(_progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hash_tree(tree, progress=interrupt)


def test_progress_counts_files(tree):
    seen = []
    found = hash_tree(tree, progress=seen.append)
    assert seen[-1] == reading.Progress(found.files, found.bytes, files_found=found.files, bytes_found=found.bytes)


def test_what_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(InputError, match="ENOTDIR"):
        hash_tree(tmp_path / "file")
    with pytest.raises(InputError, match="ENOENT"):
        hash_path(tmp_path / "nothing")
    with pytest.raises(InputError, match="zero byte"):
        hash_path("a\0b")


def test_an_empty_tree_is_the_digest_of_nothing(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_bytes(b"")
    assert hash_tree(tmp_path / "empty").digest.value == hash_file(tmp_path / "file").digest.value


@pytest.mark.parametrize(
    "name", [b"\xff", b"a\rb", "a\ufffd".encode(), b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80"]
)
def test_names_that_no_line_can_hold(tmp_path, name):
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:
        file.write(b"x")
    found = hash_tree(tmp_path)
    assert not is_listed(name)
    assert found.manifest == b""
    assert name in found.block
    assert [(entry.path, entry.bytes) for entry in found.entries] == [(name, 1)]
