"""Lines of checksums."""

import os

from hypothesis import given
from hypothesis import strategies as st

from reprofp.cli.checksums import compare_checksums, format_line, parse_lines

NAMES = st.binary(min_size=1).filter(lambda name: b"\0" not in name)
DIGESTS = st.binary(min_size=32, max_size=32)


@given(st.dictionaries(NAMES, DIGESTS))
def test_what_is_written_is_read(digests):
    lines = b"".join(format_line(digest, os.fsdecode(name)) for name, digest in digests.items())
    found = parse_lines(lines, "list")
    assert found.digests == digests
    assert found.algorithms == (("blake3", "sha256") if digests else ())


@given(st.dictionaries(NAMES, DIGESTS), st.dictionaries(NAMES, DIGESTS))
def test_comparing(a, b):
    result = compare_checksums(a, b)
    assert bool(result) == (a != b)
    assert result.equal + len(result.changed) + len(result.missing) == len(a)
    assert result.equal + len(result.changed) + len(result.added) == len(b)
