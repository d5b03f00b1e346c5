"""``reprofp hash``."""

import io
import json
import os
import sys

import blake3
import numpy as np
import pytest
import safetensors.numpy

from render.schemas import check
from reprofp.datasets import hash_tree, hash_weights


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "data"
    (root / "sub").mkdir(parents=True)
    (root / "a").write_bytes(b"a")
    (root / "sub" / "b").write_bytes(b"b" * 5000)
    (root / "new\nline").write_bytes(b"")
    (root / "back\\slash").write_bytes(b"x")
    return root


def test_a_file_as_b3sum_prints_it(ask, tree):
    path = tree / "sub" / "b"
    assert ask("hash", path).out == f"{blake3.blake3(b'b' * 5000).hexdigest()}  {path}\n"


def test_names_are_escaped_as_b3sum_does(ask, tree, monkeypatch):
    monkeypatch.chdir(tree)
    done = ask("hash", "new\nline", "back\\slash")
    empty, x = blake3.blake3(b"").hexdigest(), blake3.blake3(b"x").hexdigest()
    assert done.out == f"\\{empty}  new\\nline\n\\{x}  back\\\\slash\n"


def test_names_that_are_not_text(command, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff"
    with open(path, "wb"):
        pass
    done = command("hash", os.fsdecode(path), errors="surrogateescape")
    assert os.fsencode(done.out) == blake3.blake3(b"").hexdigest().encode() + b"  " + path + b"\n"


def test_standard_input(ask, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"abc" * 10**6)))
    assert ask("hash", "-").out == f"{blake3.blake3(b'abc' * 10**6).hexdigest()}  -\n"


def test_a_folder(ask, tree):
    assert ask("hash", tree).out == f"{hash_tree(tree).digest}  {tree}\n"


def test_what_a_digest_cannot_cover_is_remarked(ask, tree):
    os.mkfifo(tree / "fifo")
    done = ask("hash", tree)
    assert done.code == 0
    assert "fifo" in done.err


def test_one_that_cannot_be_read_does_not_stop_the_others(ask, tree):
    done = ask("hash", tree / "none", tree / "a")
    assert done.code == 3
    assert str(tree / "none") in done.err
    assert done.out.endswith(f"  {tree / 'a'}\n")


def test_json(ask, tree, tmp_path):
    weights = tmp_path / "w.safetensors"
    safetensors.numpy.save_file({"w": np.arange(4.0)}, weights)
    document = json.loads(ask("hash", "--json", tree, tree / "a").out)
    check("hash", document)
    assert [item["kind"] for item in document["items"]] == ["folder", "file"]
    document = json.loads(ask("hash", "--json", "--tensors", weights).out)
    check("hash", document)
    assert document["items"][0]["tensors"]["w"]["shape"] == [4]


def test_tensors(ask, tmp_path):
    weights = tmp_path / "w.safetensors"
    safetensors.numpy.save_file({"b": np.arange(4.0), "a": np.zeros((2, 3), np.float32)}, weights)
    lines = ask("hash", "--tensors", weights).out.splitlines()
    assert lines[0] == f"{hash_weights(weights).digest}  {weights}"
    assert sorted(line.split("  ")[2] for line in lines[1:]) == ["a", "b"]
    assert any(line.endswith("F32 [2, 3]") for line in lines)


def test_manifest_and_check(ask, tree, tmp_path):
    listed = tmp_path / "data.b3"
    assert ask("hash", tree, "--manifest", listed).code == 0
    assert listed.read_bytes() == hash_tree(tree).manifest
    assert ask("hash", tree, "--manifest", "-").out.encode() == listed.read_bytes()
    assert ask("hash", "--check", listed, tree).out == "4 equal, 0 changed, 0 missing, 0 added\n"
    (tree / "a").write_bytes(b"other")
    (tree / "sub" / "b").unlink()
    (tree / "added").write_bytes(b"")
    done = ask("hash", "--check", listed, tree)
    assert done.code == 1
    assert done.out == "changed  a\nmissing  sub/b\nadded    added\n2 equal, 1 changed, 1 missing, 1 added\n"
    document = json.loads(ask("hash", "--check", listed, tree, "--json").out)
    check("hash-check", document)
    assert (document["match"], document["added"]) == (False, ["added"])


def test_check_of_this_folder_leaves_out_its_own_list(ask, tree, monkeypatch):
    monkeypatch.chdir(tree)
    ask("hash", ".", "--manifest", "list.b3")
    assert ask("hash", "--check", "list.b3").code == 0


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"hello\n", "line 1"),
        (b"0" * 64 + b" one-space\n", "line 1"),
        (b"0" * 64 + b"  a\n" + b"1" * 64 + b"  a\n", "stands twice"),
        (b"\\" + b"0" * 64 + b"  a\\qb\n", "backslash"),
    ],
)
def test_lists_that_are_none(ask, tree, tmp_path, content, said):
    listed = tmp_path / "list"
    listed.write_bytes(content)
    done = ask("hash", "--check", listed, tree)
    assert done.code == 3
    assert done.failed_clearly
    assert said in done.err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--manifest", "x", "a", "b"],
        ["--manifest", "x", "no-folder"],
        ["--check", "x", "a", "b"],
        ["--check", "x", "--tensors"],
        ["--check", "none"],
        ["none"],
    ],
)
def test_what_makes_no_sense(ask, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = ask("hash", *words)
    assert done.code == 3
    assert done.failed_clearly


def test_a_manifest_that_cannot_be_written_leaves_nothing(ask, tree, tmp_path):
    done = ask("hash", tree, "--manifest", tmp_path / "none" / "list")
    assert done.code == 3
    assert done.failed_clearly
    assert list(tmp_path.iterdir()) == [tree]


def test_what_a_list_cannot_hold_is_said(ask, tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "plain").write_text("x")
    with open(os.fsencode(tmp_path) + b"/tree/ut\xff", "w") as file:
        file.write("x")
    for words in (("--manifest", str(tmp_path / "m.b3")), ("--check", str(tmp_path / "m.b3"))):
        done = ask("hash", str(tmp_path / "tree"), *words)
        assert done.code == 0
        assert "only the folder's digest covers it" in done.err
