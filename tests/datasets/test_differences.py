"""Differences of trees: every path once, renames of equal content, folders that explain."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reprofp.datasets import hash_tree
from reprofp.datasets.differences import FolderChange, TreeDifference, compare_trees
from reprofp.datasets.manifest import BlockEntry, parse_manifest, write_block, write_lines
from reprofp.errors import FormatError

PATHS = st.lists(st.sampled_from([b"a", b"b", b"c", b"d.txt", b"e\\f"]), min_size=1, max_size=4).map(b"/".join)
TREES = st.dictionaries(PATHS, st.integers(0, 6), max_size=30)


def digest(number):
    return number.to_bytes(32, "big")


def write(tree):
    return write_lines({path: digest(number) for path, number in tree.items()})


def compare(a, b, **options):
    return compare_trees(write(a), write(b), **options)


@given(TREES, TREES)
@example({b"a/a": 0, b"b/a/a": 0}, {b"c/a/a": 0})  # two folders that could have moved to places one in the other
def test_every_path_is_told_of_once(a, b):
    found = compare(a, b)
    olds = [old for old, _ in found.renamed] + [move.old + b"/" + p for move in found.moved for p in move.paths]
    news = [new for _, new in found.renamed] + [move.new + b"/" + p for move in found.moved for p in move.paths]
    assert sorted([*found.changed, *found.removed, *olds]) == sorted(p for p in a if a[p] != b.get(p))
    assert sorted([*found.changed, *found.added, *news]) == sorted(p for p in b if b[p] != a.get(p))
    assert [a[old] for old in olds] == [b[new] for new in news]
    assert found.equal == sum(b.get(path) == number for path, number in a.items())
    assert bool(found) == (a != b)


@given(TREES, TREES, st.integers(1, 6))
def test_the_folders_hold_every_difference_once(a, b, most):
    found = compare(a, b, most_folders=most)
    assert len(found.folders) <= most
    moved = sum(move.files for move in found.moved)
    counted = [sum(getattr(folder, what) for folder in found.folders) for what in ("changed", "added", "removed")]
    assert counted == [len(found.changed), len(found.added), len(found.removed)]
    assert sum(folder.renamed for folder in found.folders) == len(found.renamed) + moved
    assert all(folder.differing <= folder.files for folder in found.folders)


@given(TREES, TREES)
def test_the_other_way_round(a, b):
    one, other = compare(a, b), compare(b, a)
    assert (one.changed, one.equal) == (other.changed, other.equal)
    assert len(one.added) + sum(m.files for m in one.moved) + len(one.renamed) == (
        len(other.removed) + sum(m.files for m in other.moved) + len(other.renamed)
    )


def test_a_rename_is_of_equal_content_and_prefers_equal_names():
    found = compare({b"a/x": 1, b"a/y": 1, b"k": 9}, {b"b/y": 1, b"c/z": 1, b"k": 9})
    assert found.renamed == ((b"a/x", b"c/z"), (b"a/y", b"b/y"))
    assert (found.added, found.removed, found.moved, found.equal) == ((), (), (), 1)


def test_empty_files_are_renamed_only_under_their_name(tmp_path):
    for name in ("a/__init__.py", "a/one"):
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).touch()
    for name in ("b/__init__.py", "b/two"):
        (tmp_path / "y" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "y" / name).touch()
    found = compare_trees(hash_tree(tmp_path / "x").attachment(), hash_tree(tmp_path / "y").attachment())
    assert found.renamed == ((b"a/__init__.py", b"b/__init__.py"),)
    assert (found.added, found.removed) == ((b"b/two",), (b"a/one",))


def test_a_moved_folder_is_one_difference():
    inside = {b"x/one": 1, b"x/two": 2, b"three": 3}
    found = compare(
        {b"old/" + path: n for path, n in inside.items()} | {b"k": 9},
        {b"new/place/" + path: n for path, n in inside.items()} | {b"k": 9},
    )
    assert [(move.old, move.new, move.files) for move in found.moved] == [(b"old", b"new/place", 3)]
    assert (found.renamed, found.added, found.removed, found.changed) == ((), (), (), ())


def test_a_folder_that_stays_did_not_move():
    found = compare({b"a/one": 1, b"a/two": 2}, {b"a/two": 2, b"b/one": 1})
    assert (found.moved, found.renamed) == ((), ((b"a/one", b"b/one"),))


def test_folders_are_opened_up_while_that_tells_more():
    before = {b"train/%d/%d" % (i, j): 1000 + 10 * i + j for i in range(9) for j in range(9)}
    after = {path: number + 5000 * (path.startswith(b"train/3/")) for path, number in before.items()}
    after[b"extra"] = 1
    assert compare(before, after).folders == (
        FolderChange(b"", deep=False, files=1, added=1),
        FolderChange(b"train/3", deep=True, files=9, changed=9),
    )
    assert compare(before, after, most_folders=1).folders == (
        FolderChange(b"", deep=True, files=82, changed=9, added=1),
    )


def test_another_kind_is_a_change():
    a, b = write_lines({b"x": digest(1)}), b"\0" + write_block([BlockEntry("link", b"x", b"y")])
    assert compare_trees(a, b) == TreeDifference(
        changed=(b"x",), folders=(FolderChange(b"", deep=True, files=1, changed=1),)
    )
    c = b"\0" + write_block([BlockEntry("link", b"x", b"z")])
    assert compare_trees(b, c).changed == (b"x",)
    assert compare_trees(b, b) == TreeDifference(equal=1)


def test_real_trees(tmp_path):
    for i in range(5):
        (tmp_path / "a" / f"f{i}").mkdir(parents=True)
        (tmp_path / "a" / f"f{i}" / "\udcff").write_text(str(i))
        (tmp_path / "a" / f"f{i}" / "x\n").write_text(f"{i} x")
    a = hash_tree(tmp_path / "a").attachment()
    (tmp_path / "a" / "f0").rename(tmp_path / "a" / "g0")
    (tmp_path / "a" / "f1" / "\udcff").unlink()
    (tmp_path / "a" / "f2" / "x\n").write_text("other")
    found = compare_trees(a, hash_tree(tmp_path / "a").attachment())
    assert [(move.old, move.new) for move in found.moved] == [(b"f0", b"g0")]
    assert (found.removed, found.changed) == ((b"f1/\xff",), (b"f2/x\n",))


LINE = b"0" * 64 + b"  a\n"
FOLDER = write_block([BlockEntry("folder", b"f")])


@pytest.mark.parametrize(
    "data",
    [
        LINE + b"\0",
        LINE[:-1] + b"\0" + FOLDER,
        LINE + b"\0" + FOLDER + b"\0",
        LINE + b"\0" + write_block([BlockEntry("folder", b"a")]),
        b"\0" + write_block([BlockEntry("folder", b"a"), BlockEntry("folder", b"a")]),
        b"\0" + write_block([BlockEntry("folder", b"a", b"detail")]),
        b"\0" + write_block([BlockEntry("link", b"a")]),
        b"\0" + write_block([BlockEntry("file", b"\xff", b"short")]),
        b"\0" + write_block([BlockEntry("file", b"listed", bytes(32))]),
        b"\0" + write_block([BlockEntry("other", b"a")]),
        b"\0\x80",
        b"\0\x90",
        b"\0\xff",
        LINE.replace(b"  a", b"  /a"),
        LINE.replace(b"  a", b"  a//b"),
        LINE.replace(b"  a", b"  a/../b"),
        LINE.replace(b"  a", b"  .."),
        LINE.replace(b"  a", b"  ./a"),
        LINE.replace(b"  a", b"  a/"),
    ],
)
def test_what_is_no_attachment_is_refused(data):
    with pytest.raises(FormatError):
        parse_manifest(data)
    with pytest.raises(FormatError):
        compare_trees(data, data)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    try:
        manifest = parse_manifest(data)
    except FormatError:
        return
    listed = {path: value for path, value in manifest.files.items() if b"\xff" not in path}
    assert write_lines(listed) == data.partition(b"\0")[0]
