"""Levels and intervals as people write them (their algebra is in test_laws)."""

import pytest

from reprofp.errors import UsageError
from reprofp.verdict.levels import BITWISE, Interval, Level


def test_levels_are_ordered_and_named():
    assert [level.label for level in sorted(Level)] == ["incomparable", "functional", "statistical", "bitwise"]
    assert Level.parse("Bitwise") is Level.BITWISE


def test_names_the_levels_that_there_are():
    with pytest.raises(UsageError, match="bitwise, statistical, functional, incomparable"):
        Level.parse("exact")


def test_an_interval_is_decided_when_its_ends_meet():
    assert BITWISE.decided
    assert not BITWISE.lower_promised(Level.STATISTICAL).decided
    assert str(BITWISE.lower_promised(Level.STATISTICAL)) == "[statistical, bitwise]"
    assert BITWISE.lower(Level.FUNCTIONAL) == Interval(Level.FUNCTIONAL, Level.FUNCTIONAL)
