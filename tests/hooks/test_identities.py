import os

import pytest

from reprofp.hooks.identities import identify, identify_all


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree" / "sub").mkdir(parents=True)
    (tmp_path / "tree" / "sub" / "file").write_text("1")
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("1")
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "tree" / "circle").symlink_to(tmp_path / "tree")
    (tmp_path / "tree" / "dangling").symlink_to("nonesuch")
    return tmp_path / "tree"


CHANGES = {
    "write": lambda tree: (tree / "sub" / "file").write_text("22"),
    "add": lambda tree: (tree / "sub" / "new").write_text(""),
    "remove": lambda tree: (tree / "sub" / "file").unlink(),
    "behind a link": lambda tree: (tree.parent / "far" / "file").write_text("22"),
    "link": lambda tree: ((tree / "link").unlink(), (tree / "link").symlink_to("sub")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows(tree, change):
    before = identify_all(tree)
    assert identify_all(tree) == before
    CHANGES[change](tree)
    assert identify_all(tree) != before


def test_what_is_not_there_has_no_state(tmp_path):
    assert identify_all(tmp_path / "nonesuch") == frozenset()
    assert identify(tmp_path / "nonesuch") is None


def test_a_file_has_the_state_of_itself(tmp_path):
    (tmp_path / "file").write_text("1")
    before = identify_all(tmp_path / "file")
    assert len(before) == 1
    os.utime(tmp_path / "file", ns=(0, 0))
    assert identify_all(tmp_path / "file") != before
