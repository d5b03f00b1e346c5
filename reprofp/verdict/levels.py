"""Levels of sameness, and intervals of them.

An interval ``[promised, possible]`` says what is sure and the best that more knowledge could justify.
Intervals only ever go down: every operation here is a minimum, so the order of findings never matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from reprofp.errors import UsageError

__all__ = ["BITWISE", "Interval", "Level"]


class Level(IntEnum):
    """What may be promised of two runs of the same experiment, weakest first."""

    INCOMPARABLE = 0
    """Evidence of corruption, or results that answer different questions."""
    FUNCTIONAL = 1
    """The same task, but precision, algorithms or major versions differ: compare quality, not numbers."""
    STATISTICAL = 2
    """Differences are rounding, order or random-stream noise: compare with a tolerance or over several runs."""
    BITWISE = 3
    """The same bits."""

    @property
    def label(self) -> str:
        """The level's name as people write it."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: str) -> Level:
        """Read a level's name.

        Raises:
            UsageError: there is no such level.
        """
        try:
            return cls[text.upper()]
        except KeyError:
            known = ", ".join(level.label for level in reversed(cls))
            raise UsageError(f"{text!r} is not a level: expected one of {known}") from None


@dataclass(frozen=True, slots=True)
class Interval:
    """What is promised, and what is still possible; ``promised <= possible`` always holds."""

    promised: Level
    possible: Level

    @property
    def decided(self) -> bool:
        """Whether the ends meet."""
        return self.promised == self.possible

    def lower(self, level: Level) -> Interval:
        """Return the interval with both ends at most ``level``."""
        return Interval(min(self.promised, level), min(self.possible, level))

    def lower_promised(self, level: Level) -> Interval:
        """Return the interval with what is promised at most ``level``."""
        return Interval(min(self.promised, level), self.possible)

    def meet(self, other: Interval) -> Interval:
        """Return the interval that promises no more than either."""
        return Interval(min(self.promised, other.promised), min(self.possible, other.possible))

    def __str__(self) -> str:
        """Write the interval as ``[promised, possible]``."""
        return f"[{self.promised.label}, {self.possible.label}]"


BITWISE = Interval(Level.BITWISE, Level.BITWISE)
"""Where every comparison starts: the same bits, until something stands in the way."""
