"""``reprofp hash``."""

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import blake3
import numpy as np
import pytest
import safetensors.numpy

from cli.conftest import SCRIPT
from privileges import permissions_count
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


@pytest.mark.parametrize(
    ("algorithm", "name"), [("sha256", "list"), ("sha256", "SHA256SUMS"), ("md5", "x"), ("sha1", "x")]
)
@pytest.mark.parametrize("tagged", [False, True])
def test_lists_of_other_tools(ask, tree, tmp_path, algorithm, name, tagged):
    (tree / "new\nline").unlink()
    (tree / "back\\slash").unlink()
    lines = []
    for path in ("a", "sub/b"):
        digits = hashlib.new(algorithm, (tree / path).read_bytes()).hexdigest()
        lines.append(f"{algorithm.upper()} ({path}) = {digits}\n" if tagged else f"{digits} *./{path}\n")
    listed = tmp_path / name
    listed.write_text("".join(lines))
    document = json.loads(ask("hash", "--check", listed, tree, "--json").out)
    check("hash-check", document)
    assert (document["match"], document["algorithm"], document["equal"]) == (True, algorithm, 2)
    (tree / "sub" / "b").write_text("!")
    (tree / "more").write_text("!")
    done = ask("hash", "--check", listed, tree)
    assert done.code == 1
    assert done.out == "changed  sub/b\nadded    more\n1 equal, 1 changed, 0 missing, 1 added\n"


def test_digests_of_other_tools(ask, tree):
    done = ask("hash", "--also", "sha256,md5", tree / "a")
    first, *others = done.out.splitlines()
    assert first == f"{blake3.blake3(b'a').hexdigest()}  {tree / 'a'}"
    assert others == [
        f"{name.upper()} ({tree / 'a'}) = {hashlib.new(name, b'a').hexdigest()}" for name in ("sha256", "md5")
    ]
    document = json.loads(ask("hash", "--also", "sha256", tree, tree / "a", "--json").out)
    check("hash", document)
    assert document["items"][0]["others"]["a"]["sha256"] == hashlib.sha256(b"a").hexdigest()
    assert ask("hash", "--also", "crc", tree / "a").code == 3


def test_folders(ask, tree):
    (tree / "sub" / "deep").mkdir()
    (tree / "sub" / "deep" / "c").write_text("c")
    lines = ask("hash", "--folders", tree).out.splitlines()
    assert lines[0] == ask("hash", tree).out.strip()
    assert lines[1:] == [
        f"  {hash_tree(tree / 'sub').digest}  {tree / 'sub'}  2 files",
        f"  {hash_tree(tree / 'sub' / 'deep').digest}  {tree / 'sub' / 'deep'}  1 file",
    ]
    document = json.loads(ask("hash", "--folders", "--depth", "1", tree, "--json").out)
    check("hash", document)
    assert list(document["items"][0]["folders"]) == ["sub"]


def test_selections_have_digests_of_their_own(ask, tree):
    (tree / ".gitignore").write_text("sub/\n")
    whole = ask("hash", tree).out
    digests = {
        ask("hash", *words, tree).out
        for words in (["--exclude", "sub/"], ["--include", "a"], ["--ignore-file", ".gitignore"])
    }
    assert len(digests | {whole}) == 4
    check("hash", json.loads(ask("hash", "--exclude", "sub/", tree, "--json").out))
    assert "sub/b" not in ask("hash", "--exclude", "sub/", tree, "--manifest", "-").out


def test_a_part_will_do_on_request(ask, tree):
    (tree / "a").chmod(0)
    (tree / "sub" / "b").chmod(0)
    with permissions_count():
        check_a_part(ask, tree)


def check_a_part(ask, tree):
    done = ask("hash", tree)
    assert (done.code, done.out) == (3, "")
    assert done.err.count("\n") == done.err.count("reprofp: ") == 2
    done = ask("hash", "--partial", tree)
    assert done.code == 3
    assert done.out.startswith("blake3-tree+partial:")
    document = json.loads(ask("hash", "--partial", tree, "--json").out)
    check("hash", document)
    assert len(document["items"][0]["failures"]) == 2


def test_a_link_in_circles_is_one_line_and_the_rest_is_hashed(ask, tree):
    (tree / "loop").symlink_to("loop")
    (tree / "nowhere").symlink_to("/none")
    done = ask("hash", tree, tree / "a", "--threads", "1", "--no-cache")
    assert done.out.splitlines()[-1] == f"{blake3.blake3(b'a').hexdigest()}  {tree / 'a'}"
    assert all(line.startswith("reprofp: ") for line in done.err.splitlines())


def test_an_interrupt_leaves_no_garbage(tmp_path):
    big = tmp_path / "big"
    with open(big, "wb") as file:
        file.truncate(1 << 36)
        for at in range(0, 1 << 36, 1 << 30):  # no hole is skipped from here on
            os.pwrite(file.fileno(), b"x", at)
    process = subprocess.Popen([SCRIPT, "hash", big], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until_it_hashes(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")


def wait_until_it_hashes(process):
    """Wait until the process has the file open."""
    while process.poll() is None:
        try:
            links = [os.readlink(link) for link in Path(f"/proc/{process.pid}/fd").iterdir()]
        except OSError:
            continue
        if any(link.endswith("/big") for link in links):
            return
        time.sleep(0.01)


def test_what_has_no_tensors_and_what_no_file_asks_for(ask, tmp_path):
    (tmp_path / "text").write_text("words")
    for path in (tmp_path, tmp_path / "text"):
        done = ask("hash", "--tensors", path)
        assert done.code == 3
        assert done.failed_clearly
        assert "leave --tensors out" in done.err
    assert "have no file of this name" in ask("hash", "--ignore-file", "nope", tmp_path).err
    for option in (["--ignore-file", "nope"], ["--exclude", "*.log"], ["--folders"]):
        done = ask("hash", *option, tmp_path / "text")
        assert done.code == 3
        assert f"{option[0]} is about the files of a folder" in done.err


def test_a_list_that_cannot_be_written_is_named_as_it_was_asked_for(ask, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("a")
    done = ask("hash", tmp_path / "data", "--manifest", "/proc/nowhere/list.b3")
    assert done.code == 3
    assert done.failed_clearly
    assert "cannot write the list to /proc/nowhere/list.b3: " in done.err
