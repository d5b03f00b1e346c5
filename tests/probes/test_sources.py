from __future__ import annotations

import sys
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.model.observations import Unknown, UnknownCode
from reprofp.probes.sources import list_sources, read_sources
from reprofp.probes.syntax import digest_syntax

SOURCE = b'''"""Train."""
import os  # system

def f(a, b=1, *c, d: int = 2, **e) -> str:
    """Doc."""
    x = [i for i in range(10) if i % 2]
    return f"{a!r:>{b}} {x}" + 'a'

class C:
    """Doc."""
    y = 0xFFFFFFFFFFFFFFFFFFFFFF
'''

SAME = {
    "comments": SOURCE.replace(b"# system", b"# other"),
    "docstrings": SOURCE.replace(b"Doc.", b"Words."),
    "docstring gone": SOURCE.replace(b'"""Train."""\n', b""),
    "blank lines": SOURCE.replace(b"\n", b"\n\n"),
    "quotes": SOURCE.replace(b"'a'", b'"a"'),
    "brackets": SOURCE.replace(b"i % 2]", b"(i % 2)]"),
    "line ends": SOURCE.replace(b"\n", b"\r\n"),
    "prefix": SOURCE.replace(b"'a'", b"u'a'"),
}
OTHER = {
    "number": SOURCE.replace(b"b=1", b"b=2"),
    "type of number": SOURCE.replace(b"b=1", b"b=1.0"),
    "truth value": SOURCE.replace(b"b=1", b"b=True"),
    "name": SOURCE.replace(b"import os", b"import sys"),
    "order": SOURCE.replace(b"a, b=1", b"b, a=1"),
    "format": SOURCE.replace(b"!r", b"!s"),
    "text": SOURCE.replace(b"'a'", b"'b'"),
    "bytes": SOURCE.replace(b"'a'", b"b'a'"),
    "text that is no docstring": SOURCE.replace(b"y = 0x", b"'text'; y = 0x"),
}


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
def test_layout_comments_and_docstrings_do_not_count(source):
    assert source != SOURCE
    assert digest_syntax(source) == digest_syntax(SOURCE)


@pytest.mark.parametrize("source", OTHER.values(), ids=OTHER)
def test_everything_else_counts(source):
    assert source != SOURCE
    assert digest_syntax(source) not in (None, digest_syntax(SOURCE))


@pytest.mark.parametrize("source", [b"def", b"\0", b"\xff\xfe", b"(" * 10_000, b"x = " + b"-" * 100_000 + b"1"])
def test_what_is_no_python_has_no_digest(source):
    assert digest_syntax(source) is None


def test_the_digest_of_a_known_tree_does_not_change():
    # Held still: a record that was written years ago is compared with it.
    expected = "00a0ec196b6e4334e73c48e7a3ea7895855c2cd97ac4f57ea113427e2b7e7268"
    assert digest_syntax(SOURCE) == expected


@given(st.text(max_size=30), st.integers(), st.floats(allow_nan=False))
@settings(max_examples=50, deadline=None)
def test_constants_of_any_kind_are_told_apart(text, number, fraction):
    sources = [f"x = {value!r}".encode("utf-8", "replace") for value in (text, str(number), number, fraction)]
    digests = [digest_syntax(source) for source in dict.fromkeys(sources)]
    assert len(set(digests)) == len(digests)


def make_files(folder, **sources):
    folder.mkdir(exist_ok=True)
    files = {}
    for name, source in sources.items():
        (folder / f"{name}.py").write_bytes(source)
        files[name] = str(folder / f"{name}.py")
    return files


def test_the_users_own_modules_wherever_they_lie():
    modules = {
        "__main__": "train.py",
        "helpers": "/home/ada/project/helpers.py",
        "train": "/home/ada/project/train.py",
        "shared": "/home/ada/lib/shared.py",
        "numpy": "/home/ada/.venv/lib/python3.11/site-packages/numpy/__init__.py",
        "yaml": "/usr/lib/python3/dist-packages/yaml/__init__.py",
        "os": "/usr/lib/python3.11/os.py",
        "_ssl": "/usr/lib/python3.11/lib-dynload/_ssl.so",
        "sys": None,
        "frozen": "<frozen importlib>",
        "reprofp.model": "/work/reprofp/model/__init__.py",
    }
    assert list_sources(modules, "/usr", "/home/ada/project") == {
        "__main__": "/home/ada/project/train.py",
        "helpers": "/home/ada/project/helpers.py",
        "shared": "/home/ada/lib/shared.py",
    }


def test_moving_the_project_changes_nothing(tmp_path):
    here = read_sources(make_files(tmp_path / "a", __main__=SOURCE, helper=b"x = 1\n"), {})
    there = read_sources(make_files(tmp_path / "b", __main__=SOURCE, helper=b"x = 1\n"), {})
    assert here == there
    assert here.files == 2
    assert here.digest.value.startswith("sha256:")
    assert here.syntax.value.startswith("sha256-ast1:")


def test_a_comment_changes_the_content_and_not_the_syntax(tmp_path):
    plain = read_sources(make_files(tmp_path / "a", __main__=b"x = 1\n"), {})
    noted = read_sources(make_files(tmp_path / "b", __main__=b"x = 1  # one\n"), {})
    other = read_sources(make_files(tmp_path / "c", other=b"x = 1\n"), {})
    assert plain.digest != noted.digest
    assert plain.syntax == noted.syntax
    assert plain.syntax != other.syntax


def test_extension_modules_count_with_their_content(tmp_path):
    states = []
    for content in (b"\x7fELF1", b"\x7fELF2"):
        (tmp_path / "fast.so").write_bytes(content)
        states.append(read_sources({"fast": str(tmp_path / "fast.so")}, {}))
    assert states[0].digest != states[1].digest
    assert states[0].syntax != states[1].syntax


def test_sources_of_another_python_have_no_syntax(tmp_path):
    state = read_sources(make_files(tmp_path, __main__=b"print 1\n"), {})
    assert state.digest.value
    assert state.syntax == Unknown(UnknownCode.FAILED)


def test_many_lines_are_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr("reprofp.probes.sources._SYNTAX_LIMIT", 10)
    state = read_sources(make_files(tmp_path, __main__=b"x = 1_000_000_000\n"), {})
    assert state.syntax == Unknown(UnknownCode.TIMED_OUT)
    assert state.digest.value


@pytest.mark.parametrize("executable", ["", "/nowhere/python", "/bin/false", "/bin/echo"])
def test_without_an_interpreter_only_the_syntax_is_unknown(tmp_path, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    state = read_sources(make_files(tmp_path, __main__=b"x = 1\n"), {})
    assert isinstance(state.syntax, Unknown)
    assert state.digest.value


def test_warnings_about_the_users_sources_stay_away(tmp_path):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        state = read_sources(make_files(tmp_path, __main__=b"x = '\\d'\n"), {})
    assert caught == []
    assert state.syntax.value


def test_a_source_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        read_sources({"gone": str(tmp_path / "gone.py")}, {})
