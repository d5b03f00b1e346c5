"""What measured classes do to a verdict."""

import pytest

from reprofp.model.observations import ABSENT, Unknown, UnknownCode
from reprofp.model.schema import Phase
from reprofp.verdict import Level, answer_requirement, compare
from verdict.records import FULL, GONE, HOST, make_run, make_snapshot

BITWISE, STATISTICAL = Level.BITWISE, Level.STATISTICAL
A, B = "k1:" + "aa" * 32, "k1:" + "bb" * 32
UNSTABLE = "k1:unstable"
EQUAL = {"numerics.libm.elementwise": A, "numerics.numpy.matmul": B}
OTHER_CPU = {"cpu.model": 18}


def judge(a, b, **options):
    return compare(make_run(a), make_run(b, time_ns=2), **options)


def ends(interval):
    return interval.promised, interval.possible


def rules(verdict):
    return [reason.rule for reason in verdict.reasons]


class TestMeasuredEqual:
    def test_another_cpu(self):
        verdict = judge(EQUAL, {**EQUAL, **OTHER_CPU})
        assert ends(verdict.overall) == (STATISTICAL, BITWISE)
        assert [reason.mark for reason in verdict.reasons] == ["measured equal"]
        assert answer_requirement(verdict, BITWISE) == 2
        assert answer_requirement(verdict, BITWISE, accept_measured=True) == 0

    @pytest.mark.parametrize(
        "facts",
        [
            {"usage.modules.torch": True},
            {"usage.modules.jax": True},
            {"usage.modules.scipy": True},
            {"usage.modules.xgboost": True},
            {"numerics.numpy.matmul": GONE},
            {"numerics.libm.elementwise": Unknown(UnknownCode.TIMED_OUT)},
            {"numerics.numpy.random": Unknown(UnknownCode.FAILED)},
        ],
    )
    def test_not_where_something_that_can_have_computed_was_not_measured(self, facts):
        verdict = judge({**EQUAL, **facts}, {**EQUAL, **facts, **OTHER_CPU})
        assert verdict.conditions.possible is STATISTICAL

    def test_not_where_only_one_side_was_measured(self):
        verdict = judge(EQUAL, OTHER_CPU)
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)

    def test_not_where_the_kernels_were_others(self):
        newer = {**EQUAL, "numerics.numpy.matmul": "k2:" + "bb" * 32}
        verdict = judge(EQUAL, {**newer, **OTHER_CPU})
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)
        assert "numerics.classes" not in rules(verdict)

    def test_families_beyond_the_other_sides_are_not_equal(self):
        verdict = judge(EQUAL, {**EQUAL, "numerics.numpy.fft": A, **OTHER_CPU})
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)

    def test_nothing_is_spared_that_kernels_cannot_show(self):
        facts = {**EQUAL, "python.hash_seed": "random"}
        assert answer_requirement(judge(facts, facts), BITWISE, accept_measured=True) == 2


class TestMeasuredDifferent:
    def test_both_ends_are_statistical_whatever_the_rules_say(self):
        verdict = judge(EQUAL, {**EQUAL, "numerics.numpy.matmul": A})
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)
        assert rules(verdict) == ["numerics.classes"]
        assert "1 of 1 classes differ: matmul" in verdict.reasons[0].why

    def test_the_cause_comes_first(self):
        threads = "threads.openblas.libscipy_openblas64_.threads"
        other = {**EQUAL, "numerics.numpy.matmul": A, threads: 1}
        verdict = judge(EQUAL, other)
        assert verdict.reasons[0].path[0] == "threads"
        assert rules(verdict)[-1] == "numerics.classes"

    def test_a_backend_is_named_once(self):
        a = {**EQUAL, "numerics.numpy.casts": A, "numerics.numpy.sorting": A}
        b = {**EQUAL, "numerics.numpy.casts": B, "numerics.numpy.sorting": B}
        (reason,) = judge(a, b).reasons
        assert "2 of 3 classes differ: casts, sorting" in reason.why

    def test_a_backend_that_was_not_used_does_not_count(self):
        facts = {"numerics.torch_cpu.matmul": A}
        verdict = judge({**EQUAL, **facts}, {**EQUAL, "numerics.torch_cpu.matmul": B})
        assert ends(verdict.conditions) == (BITWISE, BITWISE)

    def test_a_backend_of_a_newer_release_lowers_what_is_promised(self):
        facts = {"numerics.abacus.matmul": A}
        verdict = judge({**EQUAL, **facts}, {**EQUAL, "numerics.abacus.matmul": B})
        assert ends(verdict.conditions) == (STATISTICAL, BITWISE)


class TestUnstable:
    def test_equal_unstable_classes_are_unsafe(self):
        facts = {**EQUAL, "numerics.numpy.matmul": UNSTABLE}
        verdict = judge(facts, facts)
        assert ends(verdict.conditions) == (STATISTICAL, STATISTICAL)
        assert rules(verdict) == ["numerics.unstable"]
        assert verdict.reasons[0].kind == "gate"

    def test_on_one_side_they_are_no_difference(self):
        verdict = judge(EQUAL, {**EQUAL, "numerics.numpy.matmul": UNSTABLE})
        assert rules(verdict) == ["numerics.unstable"]

    def test_they_spare_nothing(self):
        facts = {**EQUAL, "numerics.numpy.matmul": UNSTABLE}
        verdict = judge(facts, {**facts, **OTHER_CPU})
        assert "measured equal" not in [reason.mark for reason in verdict.reasons]


class TestOtherProcesses:
    def run(self, facts, child, **options):
        children = [("worker.py/1/0", make_snapshot({**FULL, **child}))]
        return make_run(facts, children=children, **options)

    def test_every_process_must_have_been_measured(self):
        a = self.run(EQUAL, EQUAL)
        b = self.run({**EQUAL, **OTHER_CPU}, {**EQUAL, **OTHER_CPU}, time_ns=2)
        assert compare(a, b).conditions.possible is BITWISE
        a = self.run(EQUAL, {})
        b = self.run({**EQUAL, **OTHER_CPU}, OTHER_CPU, time_ns=2)
        assert compare(a, b).conditions.possible is STATISTICAL

    def test_a_difference_in_any_process_counts(self):
        a = self.run(EQUAL, EQUAL)
        b = self.run(EQUAL, {**EQUAL, "numerics.numpy.matmul": A}, time_ns=2)
        assert ends(compare(a, b).conditions) == (STATISTICAL, STATISTICAL)


class TestSnapshotsOfEnvironments:
    """Nothing is known to have been used: what is not installed cannot have been."""

    @pytest.mark.parametrize(("installed", "possible"), [(ABSENT, BITWISE), ("2.13.0", STATISTICAL)])
    def test_measured_equal_needs_all_that_is_installed(self, installed, possible):
        facts = {**HOST, **EQUAL, "packages.installed.torch.version": installed}
        a, b = (make_snapshot({**facts, "cpu.model": model}, Phase.STATIC) for model in (17, 18))
        assert compare(a, b).conditions.possible is possible


class TestEndings:
    @pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2), (0, -9)])
    def test_runs_that_ended_differently_did_not_do_the_same(self, one, other):
        verdict = compare(make_run(exit_code=one), make_run(exit_code=other, time_ns=2))
        assert str(verdict.overall) == "[functional, functional]"
        assert [reason.rule for reason in verdict.reasons] == ["endings"]

    @pytest.mark.parametrize(("one", "other"), [(0, 0), (3, 3), (None, 0), (None, None)])
    def test_alike_or_unknown_endings_lower_nothing(self, one, other):
        verdict = compare(make_run(exit_code=one), make_run(exit_code=other, time_ns=2))
        assert str(verdict.overall) == "[bitwise, bitwise]"
