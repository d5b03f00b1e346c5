from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from reprofp.probes.yaml_values import read_argument, read_document, read_override, read_scalar

SCALARS = """
    1 -1 +1 -0 0 00 017 0o17 09 0_7 1_000 1__0 0x1F 0X1F +0x1f 0b11 0b 0x 1e-3 1e3 1E3 1e+3 -1e-3 1e5_0 1.5 1. .5 -.5 .5e3 .5e+3
    -.5e3 1_0.5 .1_0 _1 1:30 1:30.5 190:20:30 -1:30 0:30 1:60 .inf +.inf -.INF .Inf .nan .NAN inf nan yes Yes YES yEs no on ON
    off Off true True TRUE tRUE false y n Y N null Null NULL nULL ~ None none 2024-01-01 2024-01-01T12:00:00 text a-b a_b a.b
    bert-base-uncased org/model </s> 1e400 -1e400 12e 1.2.3 - 1- e5 0.1.0 1,000 0e0 1e 0.0 -0.0 9007199254740993 1_ 0_. 0_.5 1_.e+3 1_.e3 .1_ 1_:30.
""".split()  # noqa: SIM905


def ask_omegaconf(text):
    return OmegaConf.create(f"a: {text}").a


def same(a, b):
    both_nan = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return both_nan or (type(a) is type(b) and repr(a) == repr(b))


@pytest.mark.parametrize("text", [text for text in SCALARS if text not in ("-", "0b", "0x")])
def test_scalars_are_read_as_omegaconf_reads_them(text):
    assert same(read_scalar(text), ask_omegaconf(text))


@given(
    st.text("0123456789-+._:eExbaf", min_size=1, max_size=8).filter(
        lambda text: text[0] not in "-:" and text[-1] != ":"
    )
)
@settings(max_examples=250, deadline=None)
def test_anything_like_a_number_is_read_as_omegaconf_reads_it(text):
    try:
        expected = ask_omegaconf(text)
    except Exception:  # noqa: BLE001  "0x" alone, or a colon that ends a key: nothing to agree on
        return
    assert same(read_scalar(text), expected)


@given(st.sampled_from("yes no on off true false null inf nan y n none".split()).flatmap(  # noqa: SIM905
    lambda word: st.lists(st.booleans(), min_size=len(word), max_size=len(word)).map(
        lambda ups: "".join(c.upper() if up else c for c, up in zip(word, ups, strict=True)))))  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_words_are_read_as_omegaconf_reads_them(word):
    assert same(read_scalar(word), ask_omegaconf(word))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("3", 3), ("-3", -3), ("0.1", 0.1), (".5", 0.5), (".5e3", 500.0), ("-.5", -0.5), ("1.", 1.0),
        ("true", True), ("False", False), ("text", "text"), ("", ""), ("0", 0), ("0.0", 0.0), ("[1, 2.5, a]", [1, 2.5, "a"]),
        ('{"a": [1]}', {"a": [1]}), ("[1", "[1"), ("{a: 1}", "{a: 1}"), ("'q'", "'q'"), ("[a]: b", "[a]: b"),
    ],
)  # fmt: skip
def test_arguments_that_every_program_would_read_alike(text, value):
    assert same(read_argument(text), value)


@pytest.mark.parametrize("text", "010 1:30 yes no on off null ~ None 1_000 0x1F .inf nan 1e5_0 2024-01-01 TRUE".split())  # noqa: SIM905
def test_arguments_that_programs_read_differently_stay_text(text):
    assert read_argument(text) == text


@given(st.one_of(st.text(max_size=10), st.floats().map(str), st.integers().map(str)))
@settings(max_examples=200, deadline=None)
def test_an_argument_is_text_or_what_yaml_says(text):
    value = read_argument(text)
    if isinstance(value, (bool, int)) or (isinstance(value, float) and not text.lstrip("+-").startswith(".")):
        assert same(value, read_scalar(text))
    elif isinstance(value, float):
        assert value == float(text)


@pytest.mark.parametrize(
    ("text", "value"), [("'1'", "1"), ('"a b"', "a b"), ("yes", True), ("", None), ("[a, 1e-3]", ["a", 1e-3])]
)
def test_overrides(text, value):
    assert same(read_override(text), value)


def test_blocks_may_nest_as_deeply_as_a_file_has_room():
    text = "\n".join(" " * depth + "a:" for depth in range(1300))
    with contextlib.suppress(ValueError):
        assert read_document(text)


def test_documents():
    text = "lr: 1e-3\nwhen: 2024-01-01\non: yes\nnested: {a: [1, 0o7, .5e+3]}\nbase: &b {x: 1}\nmore: {<<: *b, y: 2}\n"
    expected = OmegaConf.to_container(OmegaConf.create(text))
    assert read_document(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a: [", "a: 1\n---\nb: 2\n", "!!python/object/apply:os.system ['true']", "a: !custom 1", "\0", "? {a: 1}\n: 2",
        "[" * 100_000, "{" * 100_000, "- " * 100_000, "a: &a [*b]", "a: !!timestamp x",
    ],
    ids=range(11),
)  # fmt: skip
def test_what_cannot_be_read_is_an_error(text):
    with pytest.raises(ValueError, match="no YAML that can be read"):
        read_document(text)
