"""What differs between two contents: names of files, or of tensors."""

from __future__ import annotations

from dataclasses import dataclass

from reprofp.model.paths import FactPath

__all__ = ["CheckedPlace", "ContentDifference", "PathComparison", "PlaceDigest", "ValueDifference", "Verification"]


@dataclass(frozen=True, slots=True)
class ContentDifference:
    """What differs between two contents: names of files or tensors, as text."""

    path: FactPath
    """The fact that differs, the facet's name first; ``("outputs", name)`` for an output of a run."""
    what: str
    """``files`` or ``tensors``."""
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    moved: tuple[tuple[str, str, int], ...] = ()
    """Folders that have another path with the same files in them: old, new, and how many files."""
    retyped: tuple[str, ...] = ()
    """Tensors of another dtype or shape."""
    problem: str = ""
    """Why nothing can be told."""

    def __bool__(self) -> bool:
        """Whether anything differs, or that cannot be told."""
        return bool(
            self.changed or self.added or self.removed or self.renamed or self.moved or self.retyped or self.problem
        )


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """By how much the values of one tensor differ."""

    name: str
    dtype: str
    elements: int
    different: int
    """How many elements differ in any bit."""
    max_abs: float
    """The greatest distance of two finite values."""
    relative_norm: float
    """The Euclidean norm of all distances over that of the first one's values."""
    max_ulps: int | None
    """The greatest distance in steps from one number of the type to the next; None for integers."""
    not_finite: int
    """How many values are NaN or infinite on one side alone."""


@dataclass(frozen=True, slots=True)
class PlaceDigest:
    """What was found at one place."""

    path: str
    kind: str
    """``folder``, ``weights`` or ``file``."""
    digest: str
    bytes: int


@dataclass(frozen=True, slots=True)
class PathComparison:
    """How the content of two places compares."""

    a: PlaceDigest
    b: PlaceDigest
    contents: tuple[ContentDifference, ...] = ()
    """What differs; empty where nothing does, and of two opaque files."""
    note: str = ""
    values: tuple[ValueDifference, ...] | None = None
    """By how much the values of tensors differ that both have; None where nobody asked."""

    @property
    def is_same(self) -> bool:
        """Whether the content is the same: the same files, the same tensors, or the same bytes."""
        return self.a.digest == self.b.digest


@dataclass(frozen=True, slots=True)
class CheckedPlace:
    """One digest of a record, held against what lies at its place now."""

    path: FactPath
    """The fact that holds the digest, the facet's name first; ``("outputs", name)`` for an output of a run.

    Of another tool's list, the path of the file alone.
    """
    status: str
    """``equal``, ``differs``, or ``unchecked``."""
    expected: str = ""
    found: str = ""
    place: str = ""
    content: ContentDifference | None = None
    """What differs, as far as that can be told."""
    problem: str = ""
    """Why it could not be checked."""


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the data, weights and outputs of a record are still what the record says."""

    record: str
    places: tuple[CheckedPlace, ...]

    @property
    def answer(self) -> int:
        """0 where all is equal, 1 where something differs, 2 where something, or everything, could not be checked."""
        found = {place.status for place in self.places}
        return 1 if "differs" in found else 0 if found == {"equal"} else 2

    def __bool__(self) -> bool:
        """Whether everything was checked and is equal."""
        return self.answer == 0
