"""Other tools' digests from the same single read: what those tools print."""

import hashlib
import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from reprofp.datasets import hash_file, hash_tree
from reprofp.datasets.interop import OTHER_ALGORITHMS
from reprofp.errors import InputError, UnstableFileError, UsageError

MIB = 1024 * 1024
DATA = random.Random(8).randbytes(9 * MIB + 5)


@pytest.mark.parametrize("length", [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, len(DATA)])
@pytest.mark.parametrize("threads", [1, 3])
def test_digests_are_those_of_hashlib(tmp_path, length, threads):
    content = DATA[:length]
    (tmp_path / "file").write_bytes(content)
    found = hash_file(tmp_path / "file", also=OTHER_ALGORITHMS, threads=threads)
    header = f"blob {length}\0".encode()
    assert found == hash_file(tmp_path / "file")
    assert found.others == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "sha512": hashlib.sha512(content).hexdigest(),
        "sha1": hashlib.sha1(content).hexdigest(),
        "md5": hashlib.md5(content).hexdigest(),
        "git-sha1": hashlib.sha1(header + content).hexdigest(),
        "git-sha256": hashlib.sha256(header + content).hexdigest(),
    }


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed (Debian: apt-get install git)")
@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_git_gives_its_blobs_the_same_ids(tmp_path, form):
    subprocess.run(["git", "init", "-q", f"--object-format={form}", tmp_path / "repository"], check=True)
    (tmp_path / "file").write_bytes(DATA)
    printed = subprocess.run(
        ["git", "hash-object", "--no-filters", tmp_path / "file"],
        cwd=tmp_path / "repository",
        capture_output=True,
        check=True,
    ).stdout
    assert hash_file(tmp_path / "file", also=[f"git-{form}"]).others == {f"git-{form}": printed.decode().strip()}
    assert list(hash_file(tmp_path / "file", also=["git"]).others) == ["git-sha1"]


def make_tree(root):
    for i in range(40):
        path = root / f"folder {i % 5}" / f"file {i}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DATA[i : i + 3000 * i])
    (root / "odd\udcff\n").write_bytes(b"odd")
    (root / "empty").mkdir()
    (root / "link").symlink_to("folder 1")
    os.mkfifo(root / "fifo")
    return root


def test_a_tree_has_the_same_digest_and_others_by_path(tmp_path):
    root = make_tree(tmp_path / "tree")
    plain, found = hash_tree(root), hash_tree(root, also=["md5", "sha256"])
    assert found == plain
    assert (found.manifest, found.block, found.entries) == (plain.manifest, plain.block, plain.entries)
    assert found.folders() == plain.folders()
    assert found.others == {
        entry.path: {
            "sha256": hashlib.sha256((root / os.fsdecode(entry.path)).read_bytes()).hexdigest(),
            "md5": hashlib.md5((root / os.fsdecode(entry.path)).read_bytes()).hexdigest(),
        }
        for entry in plain.entries
        if entry.kind == "file"
    }


def test_a_selection_of_a_tree(tmp_path):
    root = make_tree(tmp_path / "tree")
    found = hash_tree(root, also=["md5"], exclude=["folder [12]/"])
    assert found == hash_tree(root, exclude=["folder [12]/"])
    assert found.others.keys() == {entry.path for entry in found.entries if entry.kind == "file"}


def test_failures_are_the_same(tmp_path):
    root = make_tree(tmp_path / "tree")
    (root / "mem").symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match=r"mem'.*EIO"):
        hash_tree(root, also=["md5"])
    assert hash_tree(root, also=["md5"], partial=True) == hash_tree(root, partial=True)


@pytest.mark.parametrize("change", ["content", "name", "added", "removed", "link"])
def test_what_changes_after_it_was_read_is_an_error(tmp_path, change):
    root = make_tree(tmp_path / "tree")

    def meddle(progress):
        if progress.files < progress.files_found:
            return
        match change:
            case "content":
                (root / "folder 0" / "file 0").write_bytes(b"x")
            case "name":
                (root / "folder 0").rename(root / "folder 9")
            case "added":
                (root / "folder 0" / "more").touch()
            case "removed":
                (root / "folder 0" / "file 0").unlink()
            case _:
                (root / "link").unlink()
                (root / "link").symlink_to("folder 2")

    with pytest.raises(UnstableFileError, match="changed while it was read"):
        hash_tree(root, also=["md5"], progress=meddle)


def test_interrupting_stops(tmp_path):
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 1024**4)

    def interrupt(_progress):
        raise KeyboardInterrupt

    for call, path in ((hash_tree, tmp_path), (hash_file, tmp_path / "huge")):
        with pytest.raises(KeyboardInterrupt):
            call(path, also=["md5"], progress=interrupt)


def test_files_that_tell_no_length():
    found = hash_file("/proc/version", also=["md5"])
    assert found == hash_file("/proc/version")
    assert found.others == {"md5": hashlib.md5(Path("/proc/version").read_bytes()).hexdigest()}
    with pytest.raises(InputError, match="as git does"):
        hash_file("/proc/version", also=["git"])


def test_unknown_digests_are_refused(tmp_path):
    (tmp_path / "file").touch()
    for also, why in ((["crc32"], "no digest is called"), ("md5", "is a list")):
        with pytest.raises(UsageError, match=why):
            hash_file(tmp_path / "file", also=also)
        with pytest.raises(UsageError, match=why):
            hash_tree(tmp_path, also=also)
