"""Lines of checksums."""

import os

from hypothesis import given
from hypothesis import strategies as st

from reprofp.cli.checksums import compare_checksums, format_line, format_tagged
from reprofp.datasets.interop.lists import parse_list

NAMES = st.binary(min_size=1).filter(lambda name: b"\0" not in name)
DIGESTS = st.binary(min_size=32, max_size=32)


@given(st.dictionaries(NAMES.filter(lambda name: b"\r" not in name), DIGESTS))
def test_what_is_written_is_read(digests):
    lines = b"".join(format_line(digest, os.fsdecode(name)) for name, digest in digests.items())
    assert {check.path: check.expected for check in parse_list(lines, "list")} == {
        name: digest.hex() for name, digest in digests.items()
    }


@given(st.dictionaries(NAMES.filter(lambda name: b"\r" not in name), DIGESTS))
def test_what_is_written_with_tags_is_read(digests):
    lines = b"".join(format_tagged("sha256", digest.hex(), os.fsdecode(name)) for name, digest in digests.items())
    assert all(check.algorithm == "sha256" for check in parse_list(lines, "list"))
    assert {check.path for check in parse_list(lines, "list")} == digests.keys()


TEXTS = DIGESTS.map(bytes.hex)


@given(st.dictionaries(NAMES, TEXTS), st.dictionaries(NAMES, TEXTS))
def test_comparing(a, b):
    result = compare_checksums(a, b)
    assert bool(result) == (a != b)
    assert result.equal + len(result.changed) + len(result.missing) == len(a)
    assert result.equal + len(result.changed) + len(result.added) == len(b)
