from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.probes.arguments import read_arguments


def read(text):
    found = read_arguments(text.split())
    return {".".join(key): option.times for key, option in found.options.items()}, found.rest


@pytest.mark.parametrize(
    ("text", "options", "rest"),
    [
        ("", {}, []),
        ("--lr 0.1", {"lr": [["0.1"]]}, []),
        ("--lr=0.1", {"lr": [["0.1"]]}, []),
        ("--lr=", {"lr": [[""]]}, []),
        ("--learning-rate 0.1", {"learning_rate": [["0.1"]]}, []),
        ("-lr 0.1 -k v", {"lr": [["0.1"]], "k": [["v"]]}, []),
        ("--flag --lr 1", {"flag": [[]], "lr": [["1"]]}, []),
        ("--shift -5 --x -1e-3 --y -.5", {"shift": [["-5"]], "x": [["-1e-3"]], "y": [["-.5"]]}, []),
        ("--layers 1 2 3", {"layers": [["1", "2", "3"]]}, []),
        ("--x 1 --x 2", {"x": [["1"], ["2"]]}, []),
        ("-v -v", {"v": [[], []]}, []),
        ("--model.lr 1 --a.b.c=2", {"model.lr": [["1"]], "a.b.c": [["2"]]}, []),
        ("lr=0.1 +a.b=1 ++c=2", {"lr": [["0.1"]], "a.b": [["1"]], "c": [["2"]]}, []),
        ("db@foo=mysql opt/lr=x", {"db@foo": [["mysql"]], "opt/lr": [["x"]]}, []),
        ("--env A=B c=d", {"env": [["A=B"]], "c": [["d"]]}, []),
        ("--multirun lr=1,2", {"multirun": [[]], "lr": [["1,2"]]}, []),
        ("--lr=1 pos", {"lr": [["1"]]}, ["pos"]),
        ("pos ~key - -- --lr 1", {}, ["pos", "~key", "-", "--", "--lr", "1"]),
        ("https://host/?a=b", {}, ["https://host/?a=b"]),
        ("--expr a=b=c", {"expr": [["a=b=c"]]}, []),
        ("-5 --a..b 1", {"a..b": [["1"]]}, ["-5"]),
    ],
)
def test_arguments(text, options, rest):
    assert read(text) == (options, rest)


tokens = st.sampled_from(["--a", "-b", "--c=1", "x", "y=2", "+z.w=3", "-5", "--", "", "~k", "--a-b"]) | st.text(
    max_size=4
)


@given(st.lists(tokens, max_size=8))
@settings(max_examples=300, deadline=None)
def test_every_argument_is_somewhere(argv):
    found = read_arguments(argv)
    values = [text for option in found.options.values() for texts in option.times for text in texts]
    given_count = sum(len(option.times) for option in found.options.values())
    joined = sum(1 for argument in argv if "=" in argument)
    assert len(values) + len(found.rest) <= len(argv)
    assert len(values) + len(found.rest) + given_count >= len(argv)
    assert given_count <= len(argv)
    assert joined >= 0
    for text in [*values, *found.rest]:
        assert any(argument.endswith(text) for argument in argv)


@given(st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4), st.data())
@settings(max_examples=100, deadline=None)
def test_another_value_is_read_as_another(words, data):
    place = data.draw(st.integers(0, len(words) - 1))
    argv = [item for word in words for item in (f"--{word}", word)]
    other = list(argv)
    other[2 * place + 1] += "c"
    assert read_arguments(argv) != read_arguments(other)
