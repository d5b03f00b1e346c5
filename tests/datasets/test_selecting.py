"""Selections of trees: what counts, what is never opened, and what the digest's name says."""

import os
import shutil

import blake3
import msgpack
import pytest

from reprofp.datasets import hash_tree
from reprofp.errors import InputError, UnstableFileError


@pytest.fixture
def project(tmp_path):
    """Return a tree as a developer has it."""
    root = tmp_path / "project"
    files = {
        ".gitignore": "*.log\n/build/\n!keep.log\n",
        ".git/config": "[core]\n",
        "build/out.o": "o",
        "data/a.csv": "1",
        "data/b.csv": "2",
        "data/debug.log": "3",
        "data/keep.log": "4",
        "data/build/x.csv": "5",
        "data/raw/.gitignore": "# nothing but this\n*\n!*.csv\n",
        "data/raw/c.csv": "6",
        "data/raw/d.bin": "7",
        "main.py": "8",
        "__pycache__/main.pyc": "9",
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def names(found):
    return [os.fsdecode(entry.path) for entry in found.entries]


def test_ignore_files_are_read_where_they_lie(project):
    found = hash_tree(project, ignore_files=[".gitignore"])
    assert names(found) == [
        *[".gitignore", "__pycache__/main.pyc", "data/a.csv", "data/b.csv", "data/build/x.csv", "data/keep.log"],
        *["data/raw/c.csv", "main.py"],
    ]


def test_no_ignore_file_takes_back_what_belongs_to_git(project):
    (project / ".gitignore").write_text("!*\n")
    assert not any(name.startswith(".git/") for name in names(hash_tree(project, ignore_files=[".gitignore"])))
    found = hash_tree(project, ignore_files=[".gitignore"], exclude=["!.git"])
    assert ".git/config" in names(found)


def test_patterns_that_are_given_come_before_those_in_files(project):
    found = hash_tree(project, ignore_files=[".gitignore"], exclude=["__pycache__/", "!debug.log", ".gitignore"])
    assert names(found) == [
        *["data/a.csv", "data/b.csv", "data/build/x.csv", "data/debug.log", "data/keep.log", "data/raw/c.csv"],
        "main.py",
    ]


def test_only_what_is_included_counts(project):
    assert names(hash_tree(project, include=["/data/raw/", "main.*"])) == [
        *["__pycache__/main.pyc", "data/raw/.gitignore", "data/raw/c.csv", "data/raw/d.bin", "main.py"]
    ]
    assert names(hash_tree(project, include=["*.csv", "!b.csv"], exclude=["raw"])) == ["data/a.csv", "data/build/x.csv"]


def test_a_selection_is_what_lies_there_alone(project, tmp_path):
    shutil.copytree(project, tmp_path / "clean", ignore=shutil.ignore_patterns("*.bin"))
    whole = hash_tree(tmp_path / "clean")
    found = hash_tree(project, exclude=["*.bin"])
    assert found.manifest == whole.manifest
    assert found.digest.value == whole.digest.value
    assert found.digest.algorithm.startswith("blake3-tree+patterns.")
    assert found.digest == hash_tree(tmp_path / "clean", exclude=["*.bin"]).digest
    assert found.digest != hash_tree(project, exclude=["*.bin", "b"]).digest


def test_the_name_is_spelled_out_in_the_format(project):
    asked = msgpack.packb([[b"*.csv"], [b"raw/"], [b".gitignore"]])
    name = hash_tree(project, include=["*.csv"], exclude=["raw/"], ignore_files=[".gitignore"]).digest.algorithm
    assert name == f"blake3-tree+patterns.{blake3.blake3(asked).hexdigest()[:32]}"
    assert name == "blake3-tree+patterns.3e40685e15bd17393120fdbac6e7dd52"


def test_an_excluded_folder_is_never_opened(project, monkeypatch):
    (project / "secret").mkdir()
    (project / "secret" / ".gitignore").symlink_to("/proc/self/mem")
    (project / "secret" / "file").symlink_to("/proc/self/mem")
    with pytest.raises(InputError):
        hash_tree(project, ignore_files=[".gitignore"])
    before = os.stat(project / "secret").st_atime_ns
    found = hash_tree(project, exclude=["secret"], ignore_files=[".gitignore"])
    assert not any(name.startswith("secret") for name in names(found))
    assert os.stat(project / "secret").st_atime_ns == before


def test_empty_folders_are_no_part_of_a_selection(project):
    expected = hash_tree(project, exclude=["*.bin"])
    (project / "data" / "empty").mkdir()
    (project / "data" / "bins").mkdir()
    (project / "data" / "bins" / "x.bin").touch()
    assert hash_tree(project, exclude=["*.bin"]) == expected
    assert hash_tree(project, exclude=["*.bin"]).folders() == expected.folders()


def test_links_are_selected_by_their_own_path(project, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.csv").write_text("x")
    (project / "linked").symlink_to(tmp_path / "outside")
    (project / "inner").symlink_to("data")
    assert "linked/x.csv" in names(hash_tree(project, exclude=["inner"]))
    assert "inner" not in names(hash_tree(project, exclude=["inner"]))
    assert "inner" in names(hash_tree(project, exclude=["inner/"]))  # a link inside is no folder
    assert "linked/x.csv" not in names(hash_tree(project, exclude=["linked/"]))  # one outside stands for one


def test_an_ignore_file_that_cannot_be_read_is_an_error(project):
    (project / "data" / ".gitignore").symlink_to("/proc/self/mem")
    with pytest.raises(InputError, match=r"ignore file .*data/\.gitignore"):
        hash_tree(project, ignore_files=[".gitignore"], exclude=["/data/.gitignore"])
    (project / "data" / ".gitignore").unlink()
    os.mkfifo(project / "data" / ".gitignore")  # never opened
    hash_tree(project, ignore_files=[".gitignore"])
    os.unlink(project / "data" / ".gitignore")
    (project / "data" / ".gitignore").write_bytes(b"x" * (5 * 1024 * 1024))
    with pytest.raises(InputError, match="shorten it"):
        hash_tree(project, ignore_files=[".gitignore"])


def test_an_ignore_file_that_changes_meanwhile_is_an_error(project):
    def rewrite(_progress):
        (project / "data" / "raw" / ".gitignore").write_text("*")

    with pytest.raises(UnstableFileError, match="changed while it was"):
        hash_tree(project, ignore_files=[".gitignore"], exclude=["/data/raw/.gitignore"], progress=rewrite)


def test_names_that_are_not_utf8_and_deep_folders(tmp_path):
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(25):
        os.mkdir(b"\xff" * 200, dir_fd=here)
        below = os.open(b"\xff" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    for name in (b"kept", b"left"):
        os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=here))
    fd = os.open(".gitignore", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(fd, b"/left\n.gitignore\n")
    os.close(fd)
    os.close(here)
    found = hash_tree(tmp_path, ignore_files=[".gitignore"])
    assert [entry.path.rpartition(b"/")[2] for entry in found.entries] == [b"kept"]


@pytest.mark.parametrize("patterns", [{"include": ["*.cvs"]}, {"exclude": ["*"]}])
def test_a_selection_of_nothing_is_told(tmp_path, patterns):
    """All trees are equal by nothing, as after a slip of the pen."""
    (tmp_path / "a.csv").write_bytes(b"a")
    [problem] = hash_tree(tmp_path, **patterns).problems
    assert "nothing in it is selected" in problem.what
    assert not hash_tree(tmp_path, include=["*.csv"]).problems
