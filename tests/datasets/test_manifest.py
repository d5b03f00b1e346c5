"""The manifest's lines and block: one way to write, and nothing else is read."""

import contextlib
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.datasets import hash_tree
from reprofp.datasets.manifest import BlockEntry, digest_manifest, is_listed, parse_lines, write_block, write_lines
from reprofp.errors import FormatError
from reprofp.model.canonical import decode

DIGESTS = st.binary(min_size=32, max_size=32)
NAMES = st.text(st.characters(exclude_characters="/\r\0\ufffd", exclude_categories=["Cs"]), min_size=1, max_size=20)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda parts: "/".join(parts).encode())


@given(st.dictionaries(PATHS, DIGESTS, max_size=20))
def test_lines_read_back(files):
    lines = write_lines(files)
    assert parse_lines(lines) == files
    assert list(parse_lines(lines)) == sorted(files)


@given(st.dictionaries(PATHS, DIGESTS, min_size=1, max_size=5), st.data())
def test_any_flipped_byte_changes_the_meaning_or_is_refused(files, data):
    lines = bytearray(write_lines(files))
    lines[data.draw(st.integers(0, len(lines) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(FormatError):
        assert parse_lines(bytes(lines)) != files


@settings(max_examples=25)
@given(
    names=st.dictionaries(
        st.binary(min_size=1, max_size=12).filter(lambda name: not set(name) & {0, 47}), DIGESTS, max_size=8
    )
)
def test_the_core_writes_the_same(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("tree")
    names = {name: value for name, value in names.items() if name not in (b".", b"..")}
    for name, content in names.items():
        with open(os.path.join(os.fsencode(root), name), "wb") as file:
            file.write(content)
    found = hash_tree(root)
    digests = {entry.path: entry.digest.value for entry in found.entries}
    assert digests.keys() == names.keys()
    assert found.manifest == write_lines({name: value for name, value in digests.items() if is_listed(name)})
    others = [BlockEntry("file", name, value) for name, value in digests.items() if not is_listed(name)]
    assert found.block == write_block(others)


LINE = b"0" * 64 + b"  a\n"


@pytest.mark.parametrize(
    "lines",
    [
        LINE[:-1],
        LINE.replace(b"  ", b" *"),
        LINE.upper().replace(b"0", b"A"),
        LINE + LINE,
        LINE.replace(b"  a", b"  b") + LINE,
        b"\\" + LINE,
        b"\\" + LINE.replace(b"  a", b"  \\x"),
        b"\\" + LINE.replace(b"  a", b"  a\\"),
        LINE.replace(b"  a", b"  \\\\"),
        LINE.replace(b"  a", b"  \xff"),
        b"\\" + LINE.replace(b"  a", b"  \\\\\xff"),
        b"\n",
    ],
)
def test_other_lines_are_refused(lines):
    with pytest.raises(FormatError):
        parse_lines(lines)


@pytest.mark.parametrize("path", [b"", b"\xff", b"a\rb"])
def test_paths_that_no_line_holds_are_refused(path):
    with pytest.raises(FormatError):
        write_lines({path: bytes(32)})


def test_the_block_is_canonical_and_sorted():
    block = write_block([BlockEntry("folder", b"b"), BlockEntry("link", b"a", b"../x")])
    assert decode(block) == [["link", b"a", b"../x"], ["folder", b"b"]]
    assert write_block([]) == b""
    assert digest_manifest(b"", block) != digest_manifest(block)
