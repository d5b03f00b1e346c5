"""Conditions: their forms, and three-valued evaluation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import UsageError
from reprofp.model.observations import ABSENT, Observed, Unknown
from reprofp.model.schema import Phase
from reprofp.verdict.activity import (
    all_of,
    any_of,
    describe_condition,
    describe_test,
    read_condition,
    read_test,
    same_value,
)
from reprofp.verdict.views import View
from verdict.records import FULL, GONE, UNKNOWN, make_facets

TRUTHS = st.sampled_from([True, False, None])


def view(changes=None, phase=Phase.END):
    return View(make_facets({**FULL, **(changes or {})}), phase)


@pytest.mark.parametrize(
    ("form", "changes", "truth"),
    [
        ("always", {}, True),
        ("unknown", {}, None),
        ({"module": "numpy"}, {}, True),
        ({"module": ["torch", "numpy"]}, {}, True),
        ({"module": "torch"}, {}, False),
        ({"module": "torch"}, {"usage.modules.torch": UNKNOWN}, None),
        ({"library": "libm.so*"}, {}, True),
        ({"library": ["libcuda*"]}, {}, False),
        ({"library": ["libcuda*"]}, {"usage.libraries": UNKNOWN}, None),
        ({"package": "num*"}, {}, True),
        ({"package": "torch"}, {}, False),
        ({"package": "{1}"}, {}, True),
        ({"asks": "products"}, {}, True),
        ({"asks": "products"}, {"usage.calls.products": GONE}, False),
        ({"asks": ["products", "sorting"]}, {"usage.calls.products": GONE}, True),
        ({"asks": "products"}, {"usage.calls.products": GONE, "usage.asks": GONE}, None),
        ({"asks": "products"}, {"usage.calls.products": GONE, "usage.calls.dynamic": ["eval"]}, None),
        ({"asks": "products"}, {"usage.calls.products": UNKNOWN}, None),
        ({"asks": "products"}, {"usage.calls.products": GONE, "usage.modules.pandas": True}, False),
        ({"asks": "products"}, {"usage.calls.products": GONE, "usage.modules.scipy": True}, True),
        ({"asks": "products"}, {"usage.calls.products": GONE, "usage.modules.scipy": UNKNOWN}, None),
        ({"asks": "products"}, {"usage.calls.products": GONE, "usage.modules.torch": True}, True),
        ({"asks": "numpy-products"}, {"usage.calls.products": GONE, "usage.modules.torch": True}, False),
        ({"asks": "numpy-products"}, {"usage.modules.torch": True}, True),
        ({"asks": "numpy-products"}, {"usage.calls.products": GONE, "usage.modules.scipy": True}, True),
        ({"asks": "hashing"}, {"usage.calls.hashing": GONE, "usage.modules.scipy": True}, False),
        ({"asks": "hashing"}, {"usage.calls.hashing": GONE, "usage.modules.strange": True}, None),
        ({"asks": "environ:{1}"}, {"usage.calls.environ": ["numpy"]}, True),
        ({"asks": "environ:{1}"}, {"usage.calls.environ": ["*"]}, True),
        ({"asks": "environ:{1}"}, {"usage.calls.environ": ["OTHER"]}, False),
        ({"gpu": True}, {}, False),
        ({"gpu": True}, {"usage.gpu": True}, True),
        ({"gpu": True}, {"usage.gpu": UNKNOWN}, None),
        ({"ranks": True}, {}, False),
        ({"ranks": True}, {"distributed.world_size": 2}, True),
        ({"ranks": True}, {"distributed.world_size": 1}, False),
        ({"ranks": True}, {"distributed.world_size": UNKNOWN}, None),
        ({"fact": "threads.openblas.{2}.threads", "at-least": 2}, {}, True),
        ({"fact": "threads.openblas.{2}.threads", "at-least": 3}, {}, False),
        ({"fact": "threads.openblas.{9}.threads", "at-least": 3}, {}, None),
        ({"fact": ["os.libc.name", "os.x"], "equals": "glibc"}, {}, True),
        ({"not": {"module": "numpy"}}, {}, False),
        ({"not": "unknown"}, {}, None),
        ({"all": ["unknown", {"module": "torch"}]}, {}, False),
        ({"all": ["unknown", {"module": "numpy"}]}, {}, None),
        ({"any": ["unknown", {"module": "numpy"}]}, {}, True),
    ],
)
def test_evaluates(form, changes, truth):
    condition = read_condition(form)
    captures = ("numpy", "libscipy_openblas64_")
    assert condition.evaluate(view(changes), captures) is truth
    blockers = list(condition.blockers(view(changes), captures))
    assert truth is None or isinstance(truth, bool)
    assert all(isinstance(view(changes).look_up(path), Unknown) for path in blockers)


def test_names_what_it_waits_for():
    condition = read_condition({"all": [{"gpu": True}, {"module": "torch"}, {"library": "libx*"}]})
    waiting = view({"usage.gpu": UNKNOWN, "usage.modules.torch": UNKNOWN, "usage.libraries": UNKNOWN})
    assert list(condition.blockers(waiting, ())) == [
        ("effective", "gpu_used"),
        ("usage", "modules", "torch"),
        ("usage", "libraries"),
    ]


def test_what_a_process_did_not_do_so_far_is_unknown_before_its_end():
    assert read_condition({"module": "torch"}).evaluate(view(phase=Phase.START), ()) is None
    assert read_condition({"module": "numpy"}).evaluate(view(phase=Phase.START), ()) is True
    assert read_condition({"gpu": True}).evaluate(view(phase=Phase.START), ()) is None


@pytest.mark.parametrize(
    "form",
    [
        "sometimes",
        {},
        {"modul": "x"},
        {"module": []},
        {"module": [1]},
        {"module": "x", "library": "y"},
        {"gpu": False},
        {"all": []},
        {"any": "always"},
        {"fact": "os.x"},
        {"fact": "os.x", "equals": 1, "in": [1]},
        {"fact": "os.x", "equal": 1},
        {"fact": "os.x", "in": 1},
        {"fact": "os.x", "at-least": True},
        {"fact": "os.x", "absent": 1},
        {"fact": "os..x", "equals": 1},
        7,
    ],
)
def test_refuses_other_forms(form):
    with pytest.raises(UsageError):
        read_condition(form)


@pytest.mark.parametrize(
    ("table", "fact", "holds"),
    [
        ({"equals": "a"}, Observed("a"), True),
        ({"equals": 1}, Observed(True), False),
        ({"equals": 1}, ABSENT, False),
        ({"equals": 1, "absent": True}, ABSENT, True),
        ({"absent": True}, ABSENT, True),
        ({"absent": True}, Observed(1), False),
        ({"in": ["a", "b"]}, Observed("b"), True),
        ({"not-in": ["a"]}, Observed("b"), True),
        ({"not-in": ["a"]}, Observed("a"), False),
        ({"not-in": ["a"]}, ABSENT, False),
        ({"at-least": 2}, Observed(2), True),
        ({"at-least": 2}, Observed(1.5), False),
        ({"at-least": 1}, Observed(True), False),
        ({"at-least": 1}, Observed("9"), False),
        ({"present": True}, Observed(None), True),
        ({"present": True}, ABSENT, False),
        ({"present": True}, UNKNOWN, None),
    ],
)
def test_value_tests(table, fact, holds):
    assert read_test(table).holds(fact) is holds


@given(st.lists(TRUTHS))
def test_kleene_junctions_are_dual(values):
    def negate(value):
        return None if value is None else not value

    assert negate(any_of(values)) is all_of(map(negate, values))


@given(st.lists(TRUTHS, min_size=1), st.data())
def test_learning_never_changes_an_answer(values, data):
    learned = [data.draw(st.booleans()) if value is None else value for value in values]
    for join in (any_of, all_of):
        assert join(values) in (None, join(learned))


@given(st.sampled_from([0, 0.0, -0.0, False, 1, 1.0, True, "1", b"1", None, (1,), [1], float("nan"), {"a": 1}]))
def test_a_value_is_the_same_as_itself_only(value):
    assert same_value(value, value)
    assert [same_value(value, other) for other in (0, 0.0, False, "", None)].count(True) <= 1
    assert same_value((1, 2), [1, 2])


def test_is_told_as_people_read_it():
    form = {"all": [{"any": ["unknown", {"gpu": True}]}, {"not": {"module": ["a", "b"]}}]}
    assert describe_condition(form) == "(not known: no probe can see it or a GPU was used) and not (module a, b)"
    assert describe_condition({"fact": "a.b", "at-least": 2}) == "a.b is at least 2"
    assert describe_test(read_test({"not-in": [True, "x"], "absent": True})) == "anything but true, x or absent"
    assert describe_test(read_test({"absent": True})) == "absent"
