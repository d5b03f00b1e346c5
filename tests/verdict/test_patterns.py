"""Patterns of paths, and the index that finds the most specific."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import UsageError
from reprofp.verdict.patterns import Pattern, PatternIndex, fill, match_part

PARTS = st.lists(st.sampled_from(["a", "b", "ab", "*", "a*", "*b"]), min_size=1, max_size=4)
PATHS = st.lists(st.sampled_from(["a", "b", "ab", "acb"]), min_size=1, max_size=4).map(tuple)


@st.composite
def patterns(draw):
    parts = ["f", *draw(PARTS), *draw(st.sampled_from([[], ["**"]]))]
    return Pattern.parse(".".join(parts))


@given(st.text("ab*", max_size=6), st.text("ab\n", max_size=7))
def test_a_star_stands_for_any_text_as_in_a_regular_expression(part, text):
    expected = re.compile(".*".join(map(re.escape, part.split("*"))), re.DOTALL).fullmatch(text)
    assert match_part(part, text) == (expected is not None)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("os.libc.version", "os.libc.version", True),
        ("os.libc.version", "os.libc", False),
        ("os.*.version", "os.libc.version", True),
        ("os.*.version", "os.libc.x.version", False),
        ("usage.libraries.libcu*.**", "usage.libraries.libcudnn.build_id", True),
        ("memory.**", "memory", True),
        ("memory.**", "memory.a.b.c", True),
        ("memory.a.**", "memory", False),
    ],
)
def test_matches(pattern, path, matches):
    assert Pattern.parse(pattern).matches(tuple(path.split("."))) is matches


@pytest.mark.parametrize("text", ["**", "*.a", "a.**.b", "", "a..b"])
def test_refuses_what_names_no_facet_or_hides_a_star(text):
    with pytest.raises((ValueError, UsageError)):
        Pattern.parse(text)


def test_quotes_keep_dots_inside_a_part():
    assert Pattern.parse('usage.libraries."libm.so*".**').matches(("usage", "libraries", "libm.so.6", "build_id"))


def test_a_prefix_ends_at_the_first_star():
    assert Pattern.parse("a.b.c*.d").prefix == ("a", "b")
    assert Pattern.parse("a.b").prefix == ("a", "b")


def test_the_most_specific_decides():
    index = PatternIndex()
    for text in ("p.**", "p.*.v", "p.num*.v", "p.numpy.v", "p.numpy.**"):
        index.add(Pattern.parse(text), text)
    found = {path: [match.value for match in index.find(tuple(path.split(".")))] for path in PROBES}
    assert found == PROBES


PROBES = {
    "p.numpy.v": ["p.numpy.v"],
    "p.numpy.x": ["p.numpy.**"],
    "p.numexpr.v": ["p.num*.v"],
    "p.scipy.v": ["p.*.v"],
    "p.scipy.x": ["p.**"],
    "q.x": [],
}


def test_captures_what_stars_matched():
    index = PatternIndex()
    index.add(Pattern.parse("p.*.x.lib*"), "rule")
    (match,) = index.find(("p", "one", "x", "libtwo"))
    assert match.captures == ("one", "libtwo")
    assert fill(("q", "{2}", "{1}"), match.captures) == ("q", "libtwo", "one")
    assert fill(("q", "{3}"), match.captures) is None


def test_finds_what_may_lie_below():
    index = PatternIndex()
    for text in ("p.a.b", "p.*.c", "p.d.**", "q.a"):
        index.add(Pattern.parse(text), text)
    assert set(index.find_below(("p",))) == {"p.a.b", "p.*.c", "p.d.**"}
    assert set(index.find_below(("p", "a"))) == {"p.a.b", "p.*.c"}
    assert set(index.find_below(("p", "d", "e", "f"))) == {"p.d.**"}


@given(st.lists(patterns(), max_size=6, unique=True), PATHS)
def test_the_index_agrees_with_matching_one_by_one(items, path):
    path = ("f", *path)
    index = PatternIndex()
    for pattern in items:
        index.add(pattern, pattern)
    found = {match.value for match in index.find(path)}
    matching = {pattern for pattern in items if pattern.matches(path)}
    assert found <= matching
    assert bool(found) == bool(matching)


@given(st.permutations(["p.**", "p.*.v", "p.num*.v", "p.numpy.v", "p.*y.v"]))
def test_the_order_of_filing_does_not_matter(texts):
    index = PatternIndex()
    for text in texts:
        index.add(Pattern.parse(text), text)
    assert {match.value for match in index.find(("p", "scipy", "v"))} == {"p.*y.v"}
