import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.numerics import describe, make_facet

CLASS = "k1:" + "0a" * 32


def make(backends, **others):
    return {"schema": 1, "backends": backends, **others}


def test_classes_are_facts():
    facet = make_facet(make({"numpy": {"matmul": {"class": CLASS}, "casts": {"class": "k1:unstable"}}}))
    assert facet.facts == {("numpy", "matmul"): Observed(CLASS), ("numpy", "casts"): Observed("k1:unstable")}


@pytest.mark.parametrize(
    ("error", "code"),
    [("timed out", UnknownCode.TIMED_OUT), ("failed", UnknownCode.FAILED), ("?", UnknownCode.FAILED)],
)
def test_what_was_not_measured_is_unknown(error, code):
    facet = make_facet(
        make({"torch_cpu": {"matmul": {"error": error, "message": "why"}}, "jax": {"": {"error": error}}})
    )
    assert facet.facts == {("torch_cpu", "matmul"): Unknown(code), ("jax",): Unknown(code)}


@pytest.mark.parametrize("text", ["", "k1:", "k1:0a", "k1:UNSTABLE", CLASS + "0", CLASS.upper(), 7, None])
def test_what_is_no_class_is_unknown(text):
    facet = make_facet(make({"numpy": {"matmul": {"class": text}}}))
    assert facet.facts == {("numpy", "matmul"): Unknown(UnknownCode.FAILED)}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(JSON | st.fixed_dictionaries({"schema": st.just(1), "backends": JSON}))
def test_whatever_a_process_reports_is_no_error(raw):
    assert make_facet(raw).canonical


def test_kernels_and_durations_are_circumstances():
    raw = make({}, kernels={"libm.casts.sum": "00ff"}, duration_ns={"libm": 5})
    assert describe(raw) == {"numerics.libm.casts.sum": "00ff", "numerics.libm.duration_ns": 5}


@pytest.mark.parametrize("raw", [{}, {"kernels": None, "duration_ns": []}, {"kernels": 3}])
def test_circumstances_that_are_none_are_left_out(raw):
    assert describe(raw) == {}
