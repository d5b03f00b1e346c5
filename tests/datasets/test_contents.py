"""What differs in content, told from attachments and from places."""

import json
from dataclasses import replace

import pytest

from reprofp import snapshot
from reprofp.datasets.contents import compare_contents, tell_difference
from reprofp.datasets.pairs import compare_paths
from reprofp.datasets.trees import hash_tree
from reprofp.datasets.weights import hash_weights
from reprofp.errors import InputError


def write_safetensors(path, tensors, metadata=None):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, values in tensors.items():
        header[name] = {"dtype": "U8", "shape": [len(values)], "data_offsets": [len(data), len(data) + len(values)]}
        data += bytes(values)
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.fixture
def pair(tmp_path):
    a, b = tmp_path / "a", tmp_path / "b"
    for folder in (a, b):
        (folder / "c").mkdir(parents=True)
        for name in ("same", "c/changed", "c/old", "gone"):
            (folder / name).write_text(name)
        (folder / "link").symlink_to("same")
    (b / "c" / "changed").write_text("!")
    (b / "c" / "old").rename(b / "c" / "new")
    (b / "gone").unlink()
    (b / "added").write_text("added")
    (b / "link").unlink()
    (b / "link").symlink_to("added")
    return a, b


def tell(a, b, find=None):
    keep = find or {str(tree.digest): tree.attachment() for tree in (a, b)}.get
    return tell_difference(("x",), (str(a.digest), str(b.digest)), (keep, keep))


def test_files_that_differ_are_named(pair):
    found = tell(*map(hash_tree, pair))
    assert (found.changed, found.added, found.removed) == (("c/changed", "link"), ("added",), ("gone",))
    assert found.renamed == (("c/old", "c/new"),)
    assert found
    assert not tell(hash_tree(pair[0]), hash_tree(pair[0]))


def test_what_was_not_kept_or_was_damaged_is_said(pair):
    a, b = map(hash_tree, pair)
    assert "not kept" in tell(a, b, lambda _digest: None).problem
    damaged = {str(a.digest): b.attachment(), str(b.digest): b.attachment()}
    assert "damaged" in tell(a, b, damaged.get).problem
    other = replace(b, digest=replace(b.digest, algorithm="blake3-tree(exclude=x)"))
    assert "different ways" in tell(a, other).problem


def test_tensors_that_differ_are_named(tmp_path):
    a = write_safetensors(tmp_path / "a.safetensors", {"same": [1], "w": [1, 2], "old": [3], "gone": [4], "shape": [5]})
    b = write_safetensors(tmp_path / "b.safetensors", {"w": [2, 2], "shape": [5, 5], "new": [3], "same": [1], "z": [9]})
    found = tell(hash_weights(a), hash_weights(b))
    assert (found.what, found.changed, found.retyped) == ("tensors", ("w",), ("shape",))
    assert (found.added, found.removed, found.renamed) == (("z",), ("gone",), (("old", "new"),))
    assert compare_paths(a, b).contents[0].changed == ("w",)


def test_the_same_tensors_in_another_file_are_the_same(tmp_path):
    a = write_safetensors(tmp_path / "a.safetensors", {"v": [1], "w": [2]})
    b = write_safetensors(tmp_path / "b.safetensors", {"w": [2], "v": [1]}, {"made": "later"})
    found = compare_paths(a, b)
    assert found.is_same
    assert "beside the tensors" in found.note
    for path in (a, b):
        folder = tmp_path / path.stem
        folder.mkdir()
        path.rename(folder / path.name)
    folders = compare_paths(tmp_path / "a", tmp_path / "b")
    assert not folders.is_same
    assert folders.note == "the tensors in them are the same"
    assert compare_paths(tmp_path / "a", tmp_path / "b" / "b.safetensors").is_same


def test_opaque_files_are_compared_as_bytes(tmp_path, pair):
    found = compare_paths(pair[0] / "same", pair[1] / "same")
    assert (found.is_same, found.contents) == (True, ())
    assert not compare_paths(pair[0] / "same", pair[1] / "added").is_same
    with pytest.raises(InputError, match="two folders, or two files"):
        compare_paths(pair[0], pair[1] / "added")


def test_records_without_differing_lists_have_no_contents(tmp_path, pair):
    def take(path):
        return snapshot(data={"x": path, "one": path / "same"})

    a, again, b = take(pair[0]), take(pair[0]), take(pair[1])
    assert compare_contents(a, again, a.attachments.get, again.attachments.get) == []
    (found,) = compare_contents(a, b, a.attachments.get, b.attachments.get)
    assert found.path == ("datasets", "declared", "x")
    assert found.renamed == (("c/old", "c/new"),)
