"""What repeated runs show: never more than what is promised, and less where a run differs from itself."""

from dataclasses import replace

import pytest

from reprofp.model.records import Repeats
from reprofp.verdict import Level, answer_requirement, compare
from verdict.records import make_run

GATE = {'usage.entropy."__main__"': 1}
AGREE = Repeats(5, ("exit_code", "outputs.x"))
DIFFER = Repeats(5, ("exit_code",), ("outputs.x",))
PARTLY = Repeats(5, ("exit_code", "outputs.x"), (), ("outputs.y",))


def compare_repeated(facts, a=None, b=None, other=None):
    first, second = make_run(facts), make_run(facts if other is None else other, time_ns=2)
    first = replace(first, result=replace(first.result, repeats=a))
    return compare(first, replace(second, result=replace(second.result, repeats=b)))


@pytest.mark.parametrize("repeats", [(AGREE, None), (None, AGREE), (AGREE, AGREE)])
def test_a_gate_that_did_nothing_lowers_only_what_is_promised(repeats):
    bare, verdict = compare_repeated(GATE), compare_repeated(GATE, *repeats)
    assert bare.overall.promised == verdict.overall.promised == Level.STATISTICAL
    assert (bare.overall.possible, verdict.overall.possible) == (Level.STATISTICAL, Level.BITWISE)
    assert [reason.mark for reason in verdict.reasons] == ["repeated equal, 5 of 5"]
    assert answer_requirement(verdict, Level.BITWISE) == 2
    assert answer_requirement(verdict, Level.BITWISE, accept_measured=True) == 0


@pytest.mark.parametrize("repeats", [(DIFFER, None), (None, DIFFER), (AGREE, DIFFER)])
@pytest.mark.parametrize("facts", [{}, GATE])
def test_a_run_that_differs_from_itself_is_statistical(facts, repeats):
    verdict = compare_repeated(facts, *repeats)
    assert verdict.overall.possible is Level.STATISTICAL
    assert "repeats" in {reason.rule for reason in verdict.reasons}
    assert not any(reason.mark for reason in verdict.reasons)


def test_what_was_not_made_each_time_shows_nothing():
    assert compare_repeated(GATE, PARTLY).overall == compare_repeated(GATE).overall
    assert any("nothing is known" in note for note in compare_repeated(GATE, PARTLY).notes)


def test_repeats_raise_no_promise():
    assert compare_repeated({}, AGREE).overall == compare_repeated({}).overall
    other = {"cpu.isa.avx512f": False}
    assert compare_repeated({}, AGREE, AGREE, other).overall == compare_repeated({}, other=other).overall


def test_a_gate_on_one_side_only_is_not_what_was_repeated():
    verdict = compare_repeated(GATE, AGREE, AGREE, other={})
    assert not any(reason.mark for reason in verdict.reasons)
