"""Reading files of machines: bounded, and every failure by its name."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context
from reprofp.probes.machine import attempt, is_live, parse_cpu_list, read_part, read_text, try_text


def fail(error):
    def read():
        raise error

    return read


@pytest.mark.parametrize(
    ("error", "fact"),
    [
        (FileNotFoundError(), ABSENT),
        (NotADirectoryError(), ABSENT),
        (PermissionError(), Unknown(UnknownCode.DENIED)),
        (TimeoutError(), Unknown(UnknownCode.TIMED_OUT)),
        (OSError(5, "Input/output error"), Unknown(UnknownCode.FAILED)),
        (ValueError(), Unknown(UnknownCode.FAILED)),
        (KeyError(), Unknown(UnknownCode.FAILED)),
    ],
)
def test_failures_have_names(error, fact):
    assert attempt(fail(error), missing=ABSENT) == fact


def test_a_defect_is_not_hidden():
    with pytest.raises(TypeError):
        attempt(fail(TypeError()))


@pytest.mark.parametrize(
    ("value", "fact"),
    [(0, Observed(0)), ("", Observed("")), (None, ABSENT), (ABSENT, ABSENT), (Observed(1), Observed(1))],
)
def test_values_are_observed(value, fact):
    assert attempt(lambda: value, missing=ABSENT) == fact


def test_text_is_bounded_and_valid(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b" \xff text\n\0")
    assert read_text(path) == "\\xff text"
    path.write_bytes(b"12345")
    assert read_text(path, 5) == "12345"
    assert read_text(path, 4, whole=False) == "1234"
    with pytest.raises(ValueError, match="longer than 4 bytes"):
        read_text(path, 4)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "", "missing"):
        assert try_text(tmp_path / name) is None


@given(st.lists(st.integers(0, 300), min_size=1, unique=True).map(sorted))
def test_lists_of_processors(numbers):
    """Written as the kernel does, as ranges."""
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    text = ",".join(str(start) if start == end else f"{start}-{end}" for start, end in zip(starts, ends, strict=True))
    assert parse_cpu_list(text) == numbers


@pytest.mark.parametrize("name", ["proc", "sys", "root"])
def test_one_root_of_another_machine_makes_all_of_it_another(tmp_path, name):
    assert is_live(Context())
    assert not is_live(Context(**{name: tmp_path}))


def test_parts_of_a_process():
    context = Context(process={"a": [1], "b": {"error": "denied"}, "c": {"error": "new"}, "d": {"error": 1, "x": 2}})
    assert read_part(context, "a", list) == [1]
    assert read_part(context, "b", dict) == Unknown(UnknownCode.DENIED)
    assert read_part(context, "c", list) == Unknown(UnknownCode.FAILED)
    assert read_part(context, "d", dict) == {"error": 1, "x": 2}
    assert read_part(context, "missing", list) == Unknown(UnknownCode.FAILED)
    assert read_part(Context(), "a", list) == Unknown(UnknownCode.FAILED)
