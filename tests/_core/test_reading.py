"""Scans of trees: what is asked while they are walked, and what they tell."""

import blake3
import pytest

from reprofp._core import reading


@pytest.fixture
def tree(tmp_path):
    """Return a tree of a few files and folders as raw bytes."""
    for name in ("a/one", "a/sub/two", "b/three", "top"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "tree" / "empty").mkdir()
    return bytes(tmp_path / "tree")


def list_paths(scan):
    return [entry.path for entry in scan.entries()]


def test_folders_are_asked_for_and_left_out(tree):
    asked = []

    def keep_folder(path):
        asked.append(path)
        return path != b"a/sub"

    assert list_paths(reading.scan_tree(tree, keep_folder=keep_folder)) == [b"a/one", b"b/three", b"empty", b"top"]
    assert sorted(asked) == [b"a", b"a/sub", b"b", b"empty"]


def test_a_folder_of_which_all_was_left_out_is_no_entry(tree):
    assert list_paths(reading.scan_tree(tree, keep_folder=lambda path: path not in {b"a/sub", b"empty"})) == [
        b"a/one",
        b"b/three",
        b"top",
    ]
    scan = reading.scan_tree(tree, keep_entry=lambda path, _kind: path != b"b/three")
    assert list_paths(scan) == [b"a/one", b"a/sub/two", b"empty", b"top"]


def test_entries_are_asked_for_with_their_kind(tree):
    asked = []
    scan = reading.scan_tree(tree, keep_entry=lambda path, kind: asked.append((path, kind)) or kind == "folder")
    assert asked == [
        (b"a/one", "file"),
        (b"a/sub/two", "file"),
        (b"b/three", "file"),
        (b"empty", "folder"),
        (b"top", "file"),
    ]
    assert list_paths(scan) == [b"empty"]
    assert scan.totals() == (0, 0)


@pytest.mark.parametrize("question", ["keep_folder", "keep_entry"])
def test_an_exception_of_an_answer_is_raised(tree, question):
    def fail(*_arguments):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reading.scan_tree(tree, **{question: fail})


@pytest.mark.parametrize("extra", [b"", b"block", b"\0"])
def test_the_manifest_digest_is_that_of_the_text(tree, extra):
    scan = reading.scan_tree(tree)
    text = scan.manifest() + (b"\0" + extra if extra else b"")
    assert scan.manifest_digest(extra) == blake3.blake3(text).digest()


def test_without_a_cache_nothing_is_reused(tree):
    assert reading.scan_tree(tree).reused == 0
