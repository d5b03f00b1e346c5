"""Patterns: git's answers, on names as bytes, in an expression that no pattern makes slow."""

import os
import shutil
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reprofp.datasets.patterns import (
    PatternList,
    make_selection,
    may_match_below,
    parse_ignore_file,
    parse_pattern,
    parse_patterns,
)
from reprofp.errors import UsageError

NAMES = ["a", "b", "foo", "a.txt", "b.txt", "foo.py", "[x]", "a b", "#h", "!n", "a\\", "-", "ab", "A", "é", "a-b", "x]"]
PIECES = [
    *["*", "**", "?", "/", "a", "b", "foo", "bar", ".txt", ".py", "x", "[ab]", "[!a]", "[a-f]", "[[:alpha:]]"],
    *["[[:alnum:]_]", "\\", "!", "#", " ", "\\ ", "**/", "/**", "*.txt", "[x]", "\\[x\\]", "[]x]", "[^a]", "a-b"],
    *["[a\\-c]", "[", "é", "***", "[+--]", "[[:foo:]]", "[\\]]", "[b-a]"],
]
PATTERNS = st.builds(
    lambda pieces, negative, slash, spaces: "!" * negative + "".join(pieces) + "/" * slash + " " * spaces,
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
)

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed (Debian: apt-get install git)")


def git(*arguments):
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(["git", *arguments], capture_output=True, check=True, env=environ).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """Make a repository with the names above on three levels, and no commit."""
    root = tmp_path_factory.mktemp("repository")
    git("init", "-q", root)
    for i, first in enumerate(NAMES):
        for j, second in enumerate(NAMES):
            path = [root / first / second, root / first, root / first / second / NAMES[i + j - len(NAMES)]][(i * j) % 3]
            if not any(part.is_file() for part in [path, *path.parents]) and not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
    return root


def list_kept(root, patterns):
    """Walk as hash_tree does: a folder that matches is not entered."""
    kept = set()

    def walk(folder):
        for entry in os.scandir(os.path.join(os.fsencode(root), folder)):
            path = folder + b"/" + entry.name if folder else entry.name
            if path in {b".git", b".gitignore"} or patterns.match(path, folder=entry.is_dir()):
                continue
            if entry.is_dir():
                walk(path)
            else:
                kept.add(path)

    walk(b"")
    return kept


@needs_git
@settings(max_examples=60)
@given(lines=st.lists(PATTERNS, min_size=1, max_size=4))
@example(lines=["[b-a]"])
def test_git_agrees(repository, lines):
    text = "\n".join(lines).encode() + b"\n"
    (repository / ".gitignore").write_bytes(text)
    listed = set(git("-C", repository, "ls-files", "-o", "--exclude-standard", "-z").split(b"\0")) - {
        b"",
        b".gitignore",
    }
    assert list_kept(repository, PatternList(parse_ignore_file(text))) == listed


def matches(pattern, path, *, folder=False):
    return PatternList(parse_patterns([pattern])).match(path, folder=folder)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (b"*.pyc", [b"a.pyc", b"x/y/.pyc"], [b"a.pyco", b"a.py"]),
        (b"/top", [b"top"], [b"x/top"]),
        (b"a/b", [b"a/b"], [b"x/a/b", b"a/b/c"]),
        (b"**/a", [b"a", b"x/y/a"], [b"xa"]),
        (b"a/**", [b"a/b", b"a/b/c"], [b"a"]),
        (b"a/**/b", [b"a/b", b"a/x/y/b"], [b"ab", b"a/xb"]),
        (b"a/*/b", [b"a/x/b"], [b"a/b", b"a/x/y/b"]),
        (b"?\xff[!\x01-\x03]", [b"a\xff\x04"], [b"a\xff\x02", b"/\xff\x04"]),
        (b"\\#a\\ \\*", [b"#a *"], [b"#a x"]),
        (b"trailing   ", [b"trailing"], [b"trailing   "]),
        (b"trailing\\   ", [b"trailing "], [b"trailing"]),
        (b"back\\", [], [b"back", b"back\\"]),
        (b"[open", [], [b"[open", b"o"]),
        (b"[[:nothing:]]", [], [b"n", b":"]),
        (b"a\nb", [b"a\nb"], [b"a"]),
    ],
)
def test_patterns_match(pattern, yes, no):
    assert [path for path in yes if not matches(pattern, path)] == []
    assert [path for path in no if matches(pattern, path)] == []


def test_a_slash_at_the_end_is_for_folders():
    assert matches(b"build/", b"x/build", folder=True)
    assert matches(b"build/", b"x/build", folder=False) is None
    assert matches(b"!build/", b"build", folder=True) is False


def test_the_last_pattern_that_matches_decides():
    patterns = PatternList(parse_patterns([b"*", b"!*.csv", b"!*/", b"secret.csv"]))
    assert patterns.match(b"a.csv", folder=False) is False
    assert patterns.match(b"a.txt", folder=False) is True
    assert patterns.match(b"folder", folder=True) is False
    assert patterns.match(b"x/secret.csv", folder=False) is True


def test_no_pattern_is_slow():
    """Each would take longer than the age of the universe by trying all ways."""
    hostile = [b"*a" * 60 + b"*b", b"**/a/" * 60 + b"b", b"**/*a*/" * 40 + b"*a*c", b"x" + b"?*" * 100 + b"y"]
    patterns = PatternList(parse_patterns(hostile))
    assert patterns.match(b"a" * 255, folder=False) is None
    assert patterns.match(b"/".join([b"a"] * 1500), folder=False) is None


@pytest.mark.parametrize("line", [b"", b"   ", b"# comment", b"!", b"/", b"!/"])
def test_lines_that_say_nothing(line):
    assert parse_pattern(line) is None


@given(PATTERNS)
@example("//*")
def test_the_text_of_a_pattern_reads_as_the_pattern(text):
    pattern = parse_pattern(text.encode())
    assert pattern is None or parse_pattern(pattern.text) == pattern


def test_ignore_files_may_come_from_other_systems():
    assert [p.text for p in parse_ignore_file(b"\xef\xbb\xbf*.a\r\n\r\n# x\r\n!b\\ \r\nlast")] == [
        b"*.a",
        b"!b\\ ",
        b"last",
    ]


@pytest.mark.parametrize(
    ("pattern", "folder", "could"),
    [
        (b"*.csv", b"any/where", True),
        (b"train/*.csv", b"train", True),
        (b"train/*.csv", b"test", False),
        (b"train/*.csv", b"train/x", False),
        (b"t*/x/y", b"train/x", True),
        (b"train/**/x", b"train/a/b", True),
        (b"/a", b"a", False),
    ],
)
def test_which_folders_could_hold_a_match(pattern, folder, could):
    assert may_match_below(parse_pattern(pattern), folder) is could


def test_a_selection_is_named_by_what_it_says():
    plain = make_selection()
    assert (plain.name, bool(plain)) == ("", False)
    one = make_selection(exclude=["*.pyc", "# comment", "", "cache/  "])
    same = make_selection(exclude=[b"*.pyc", b"cache/"])
    assert one == same
    assert one.name == same.name
    others = [
        make_selection(exclude=["cache/", "*.pyc"]),
        make_selection(include=["*.pyc", "cache/"]),
        make_selection(exclude=["*.pyc", "cache/"], ignore_files=[".gitignore"]),
    ]
    assert len({one.name, *(other.name for other in others)}) == 4


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"exclude": "*.pyc"}, "is a list"),
        ({"exclude": ["a\0b"]}, "zero byte"),
        ({"exclude": ["a" * 20000]}, "too long"),
        ({"include": ["!a"]}, "only take away"),
        ({"ignore_files": ["a/b"]}, "base name"),
        ({"ignore_files": [""]}, "base name"),
    ],
)
def test_what_makes_no_selection_is_refused(arguments, why):
    with pytest.raises(UsageError, match=why):
        make_selection(**arguments)
