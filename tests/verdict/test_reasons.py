"""The order of reasons, and which need no mention."""

from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.observations import Observed
from reprofp.model.schema import Side
from reprofp.verdict.levels import Level
from reprofp.verdict.reasons import fold, rank
from reprofp.verdict.results import Reason
from reprofp.verdict.ruleset import load_rules


def make(path="cpu.model", *, level=Level.STATISTICAL, lowers="both", kind="differs", mark="", remedy="do it"):
    active = "active" if lowers == "both" else "unknown"
    parts = tuple(path.split("."))
    return Reason(
        parts, Observed(1), Observed(2), kind, Side.CONDITIONS, "r", active, level, lowers, "why", remedy, mark=mark
    )


REASONS = st.builds(
    make,
    st.sampled_from(["cpu.model", "threads.x", "env.y", "os.z", "outputs.m"]),
    level=st.sampled_from([*Level, None]),
    lowers=st.sampled_from(["both", "promised", "nothing"]),
    kind=st.sampled_from(["differs", "gate", "unknown", "drift", "keyed", "evidence"]),
)


def test_strongest_first():
    weak = make("threads.x", lowers="promised")
    strong = make("env.y", level=Level.FUNCTIONAL)
    assert rank([weak, make("env.y"), strong]) == [strong, make("env.y"), weak]


def test_of_equals_the_nearest_to_the_arithmetic_comes_first():
    assert [reason.path[0] for reason in rank([make("env.y"), make("os.z"), make("threads.x"), make()])] == [
        "threads",
        "cpu",
        "os",
        "env",
    ]


def test_outputs_that_differ_are_shouted():
    assert rank([make("threads.x"), make("outputs.m", kind="evidence")])[0].path == ("outputs", "m")


@given(st.lists(REASONS), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_one_given(reasons, random):
    assert rank(reasons) == rank(random.sample(reasons, len(reasons)))


def test_what_follows_from_another_is_left_out():
    version, record = make("packages.imported.numpy.version"), make("packages.installed.numpy.record")
    assert fold([version, record], load_rules()) == [version]
    assert fold([record], load_rules()) == [record]


def test_a_weaker_cause_explains_nothing():
    version = make("packages.imported.numpy.version", lowers="promised")
    record = make("packages.installed.numpy.record")
    assert fold([version, record], load_rules()) == [version, record]
