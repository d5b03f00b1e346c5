"""What comes out when files are held against digests that another tool wrote down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Check", "Verification"]


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation: of a file or folder (``path`` as raw bytes), or of what ``problem`` says is in the way."""

    path: bytes
    algorithm: str
    expected: str
    found: str | None = None
    problem: str | None = None
    """Why nothing could be computed, or what else is wrong."""

    @property
    def holds(self) -> bool:
        """Whether the content is what was expected."""
        return self.problem is None and self.found == self.expected


@dataclass(frozen=True, slots=True)
class Verification:
    """All expectations of one file or folder of another tool."""

    kind: str
    """Whose they are: ``dvc``, ``hub``, ``list``."""
    checks: tuple[Check, ...]

    def __bool__(self) -> bool:
        """Whether there was something to check and all of it holds."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    @property
    def failures(self) -> Iterable[Check]:
        """The checks that do not hold."""
        return tuple(check for check in self.checks if not check.holds)
