"""From a verdict to an exit code."""

import pytest

from reprofp.verdict.levels import Interval, Level
from reprofp.verdict.requirement import answer_requirement
from reprofp.verdict.results import Verdict

BITWISE, STATISTICAL, FUNCTIONAL = Level.BITWISE, Level.STATISTICAL, Level.FUNCTIONAL


def make(promised, possible, **options):
    return Verdict(overall=Interval(promised, possible), **options)


@pytest.mark.parametrize(
    ("promised", "possible", "level", "answer"),
    [
        (BITWISE, BITWISE, BITWISE, 0),
        (STATISTICAL, BITWISE, BITWISE, 2),
        (STATISTICAL, BITWISE, STATISTICAL, 0),
        (STATISTICAL, STATISTICAL, BITWISE, 1),
        (FUNCTIONAL, STATISTICAL, STATISTICAL, 2),
        (FUNCTIONAL, STATISTICAL, BITWISE, 1),
    ],
)
def test_promised_possible_or_undecided(promised, possible, level, answer):
    assert answer_requirement(make(promised, possible), level) == answer


def test_measured_evidence_counts_when_it_is_accepted():
    verdict = make(STATISTICAL, BITWISE, accepted=Interval(BITWISE, BITWISE))
    assert answer_requirement(verdict, BITWISE) == 2
    assert answer_requirement(verdict, BITWISE, accept_measured=True) == 0
    asked = make(STATISTICAL, BITWISE, accepted=Interval(BITWISE, BITWISE), accept_measured=True)
    assert answer_requirement(asked, BITWISE) == 0


def test_evidence_never_makes_the_impossible_possible():
    verdict = make(STATISTICAL, STATISTICAL, accepted=Interval(BITWISE, BITWISE))
    assert answer_requirement(verdict, BITWISE, accept_measured=True) == 1
