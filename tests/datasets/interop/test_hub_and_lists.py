"""The hub's cache, lists of checksums and pointer files: read as their own tools read them."""

import hashlib
import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.datasets import hash_file, hash_tree
from reprofp.datasets.interop import Pointer, parse_pointer, verify_hub, verify_list
from reprofp.datasets.interop.lists import parse_list
from reprofp.errors import FormatError, InputError, UsageError


@pytest.fixture
def cache(tmp_path):
    """Make the folder of a repository as huggingface_hub lays it out."""
    root = tmp_path / "models--org--name"
    (root / "blobs").mkdir(parents=True)
    snapshot = root / "snapshots" / ("0" * 40)
    (snapshot / "sub").mkdir(parents=True)
    for name, content, kind in (("config.json", b"{}", "git-sha1"), ("sub/model.bin", b"\x01" * 5000, "sha256")):
        (tmp_path / "scratch").write_bytes(content)
        blob = hash_file(tmp_path / "scratch", also=[kind]).others[kind]
        (root / "blobs" / blob).write_bytes(content)
        (snapshot / name).symlink_to(os.path.relpath(root / "blobs" / blob, (snapshot / name).parent))
    return root


def test_contents_are_what_their_names_say(cache):
    found = verify_hub(cache)
    assert found
    assert sorted(check.algorithm for check in found.checks) == ["git-sha1", "sha256"]
    found = verify_hub(next((cache / "snapshots").iterdir()))
    assert found
    assert [check.path for check in found.checks] == [b"config.json", b"sub/model.bin"]


def test_what_is_wrong_in_the_cache_is_named(cache):
    blob = next(path for path in (cache / "blobs").iterdir() if len(path.name) == 64)
    blob.write_bytes(b"\x01" * 4999 + b"\x02")
    (cache / "blobs" / f"{'a' * 64}.incomplete").touch()
    (cache / "blobs" / "README").touch()
    (cache / "snapshots" / "lost").symlink_to("../blobs/nothing")
    found = verify_hub(cache)
    assert not found
    problems = {os.fsdecode(check.path): check.problem for check in found.failures}
    assert problems[f"blobs/{blob.name}"] is None  # its content is another one
    assert "did not end" in problems[f"blobs/{'a' * 64}.incomplete"]
    assert "no digest" in problems["blobs/README"]
    assert "missing" in problems["snapshots/lost"]
    assert not verify_hub(next(path for path in (cache / "snapshots").iterdir() if not path.is_symlink()))


def test_other_folders_are_refused(tmp_path):
    with pytest.raises(InputError, match="no repository"):
        verify_hub(tmp_path)


NAMES = ["plain", "with space", "back\\slash", "new\nline", "é", " lead", "-dash", "*star", "a  b", "(x) = y"]
COREUTILS = [("sha256sum", "SHA256SUMS"), ("md5sum", "x.md5"), ("sha1sum", "x"), ("sha512sum", "x")]
LISTS = [
    ("b3sum", "x.b3", []),  # Debian's b3sum 1.2.0 knows none of the options
    *((tool, name, options) for tool, name in COREUTILS for options in ([], ["--tag"], ["--binary"])),
]


@pytest.mark.parametrize(("tool", "name", "options"), LISTS)
def test_lists_of_real_tools(tmp_path, tool, name, options):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed (Debian: apt-get install coreutils b3sum)")
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in NAMES:
        (folder / path).write_text(path)
    listed = subprocess.run([tool, *options, "--", *NAMES], cwd=folder, capture_output=True, check=True).stdout
    (tmp_path / name).write_bytes(listed)
    found = verify_list(tmp_path / name, folder)
    assert found
    assert {os.fsdecode(check.path) for check in found.checks} == set(NAMES)
    (folder / "plain").write_text("other")
    (folder / "é").unlink()
    failed = verify_list(tmp_path / name, folder).failures
    assert [(os.fsdecode(check.path), check.problem is None) for check in failed] == [("plain", True), ("é", False)]


def test_windows_line_ends_and_upper_case():
    digest = hashlib.md5(b"").hexdigest()
    (check,) = parse_list(f"{digest.upper()} *name\r\n\r\n".encode(), "x")
    assert (check.path, check.algorithm, check.expected) == (b"name", "md5", digest)


@pytest.mark.parametrize(
    "line",
    [
        *[
            b"nothing",
            b"00  x",
            b"g" * 64 + b"  x",
            b"0" * 64 + b" x",
            b"0" * 64 + b"  ",
            b"\xff\x00",
            b"0" * 65 + b"  x",
        ],
        *[b"\\" + b"0" * 64 + b"  a\\x", b"0" * 64 + b"  a\n" + b"1" * 64 + b"  a", b"CRC (a) = 00", b"MD5 (a) = 00"],
    ],
)
def test_lines_that_say_nothing_are_refused(line):
    with pytest.raises(FormatError, match=r"line [12]"):
        parse_list(line, "list")


@given(st.binary(max_size=300), st.sampled_from([None, "sha256", "md5"]))
def test_any_bytes_are_read_or_refused(data, algorithm):
    try:
        checks = parse_list(data, "list", algorithm)
    except FormatError:
        return
    assert len({check.path for check in checks}) == len(checks)


def test_unknown_algorithms_are_refused():
    with pytest.raises(UsageError, match="crc32"):
        parse_list(b"", "x", "crc32")


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 12345\n"


def test_pointers_are_told_from_data():
    assert parse_pointer(POINTER) == Pointer("ab" * 32, 12345)
    extended = POINTER.replace(b"oid", b"ext-0-foo sha256:" + b"0" * 64 + b"\noid")
    assert parse_pointer(extended) == Pointer("ab" * 32, 12345)
    for other in (b"", POINTER[:-7], POINTER + b"x", b" " + POINTER, POINTER.replace(b"ab", b"AB"), POINTER * 9):
        assert parse_pointer(other) is None


def test_a_tree_names_its_pointers(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "model.bin").write_bytes(POINTER)
    (tmp_path / "small.txt").write_bytes(b"x" * len(POINTER))
    assert hash_tree(tmp_path).problems == ()  # nothing says that LFS is used: not looked for
    (tmp_path / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    for also in ((), ("sha256",)):
        (problem,) = hash_tree(tmp_path, also=also).problems
        assert (problem.path, "12345 bytes" in problem.what) == (b"sub/model.bin", True)
