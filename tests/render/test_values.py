"""Values as short, harmless text."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.render.layout import Span, align, cell_width, line, plain, wrap
from reprofp.render.values import (
    clean,
    format_bytes,
    format_change,
    format_duration,
    format_observation,
    format_time,
    format_value,
    shorten,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("true", '"true"'),
        ("", '""'),
        (" x", '" x"'),
        ("absent", '"absent"'),
        ("1.5", '"1.5"'),
        ("? what", '"? what"'),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (b"\x01\xff", "0x01ff"),
        ("blake3:" + "ab" * 32, "blake3:abababababab"),
        ({"b": 1, "a": [True, "x"]}, "{b: 1, a: [true, x]}"),
        (date(2026, 1, 2), "2026-01-02"),
        ("plain text", "plain text"),
    ],
)
def test_values(value, text):
    assert format_value(value) == text


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        (Observed(8), Observed(16), "8 -> 16"),
        (Observed("1.0"), Observed("1.1"), "1.0 -> 1.1"),
        (Observed("1"), Observed(1), '"1" -> 1'),
        (Observed("x"), ABSENT, "x -> absent"),
        (Observed("x"), Unknown(UnknownCode.DENIED), "x -> ? (denied)"),
        (Observed("random"), Observed("random"), "random (both)"),
        (ABSENT, ABSENT, "absent (both)"),
        (Unknown(UnknownCode.DENIED), Unknown(UnknownCode.DENIED), "? (denied, both)"),
        (Observed(["a", "b"]), Observed(["b", "c", "c"]), "-a +c +c"),
        (Observed(["a", "b"]), Observed(["b", "a"]), "the same items in another order"),
        (Observed("a" * 100 + "x" + "a" * 100), Observed("a" * 100 + "y" + "a" * 100), None),
    ],
)
def test_changes(a, b, text):
    said = format_change(a, b)
    if text is None:
        before, after = said.split(" -> ")
        assert before != after
        assert len(said) < 120
    else:
        assert said == text


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_cleaned_text_is_printable_and_one_line(text):
    cleaned = clean(text)
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in cleaned)
    assert len(cleaned.splitlines()) <= 1


@given(st.text(), st.integers(8, 100))
def test_shortened_text_fits(text, limit):
    assert len(shorten(text, limit)) <= limit


@given(st.text(st.characters(codec="ascii", exclude_characters="\x1c\x1d\x1e\x1f\x0b\x0c\r\t\n")), st.integers(5, 50))
def test_wrapping_loses_no_word(text, width):
    assert " ".join(wrap(text, width)).split() == text.split()


def test_wrapping_keeps_a_change_together():
    assert wrap("one difference: lr 0.1 -> 0.01", 26) == ["one difference:", "lr 0.1 -> 0.01"] or wrap(
        "one difference: lr 0.1 -> 0.01", 26
    ) == ["one difference: lr", "0.1 -> 0.01"]


def test_columns_hold_wide_characters():
    lines = align([[Span("日本"), Span("x")], [Span("abcd"), Span("y")], [Span("é"), Span("z")]])
    assert plain(lines) == "日本  x\nabcd  y\né     z\n"
    assert cell_width("e\u0301") == 1


def test_lines():
    assert plain([line("a ", Span("b", "good")), line()]) == "a b\n\n"


def test_times_sizes_and_durations():
    assert format_time(0) == "1970-01-01 00:00:00Z"
    assert format_time(10**30).endswith("since 1970")
    assert [format_bytes(size) for size in (0, 1023, 1024, 3 << 30, 5 << 40)] == [
        "0 B",
        "1023 B",
        "1 KiB",
        "3 GiB",
        "5 TiB",
    ]
    assert [format_duration(number) for number in (10**6, 2 * 10**9, 83 * 10**9, 7_260 * 10**9)] == [
        "1 ms",
        "2 s",
        "1 min 23 s",
        "2 h 1 min",
    ]


def test_observations():
    assert format_observation(ABSENT) == "absent"
    assert format_observation(Unknown(UnknownCode.NOT_ASKED)) == "? (not asked)"
