"""Fingerprints: ids over a phase and the ids of facets (format ``fingerprint/1``).

The canonical form is ``{"phase": phase, "facets": [[name, id], ...]}`` with the 32 raw bytes of each
facet's id, sorted by the UTF-8 bytes of the names. The same form over the facets of one side gives the
sub-ids ``fc1`` (conditions) and ``fe1`` (experiment).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reprofp.errors import FormatError
from reprofp.model.canonical import encode_plain
from reprofp.model.facets import Facet
from reprofp.model.ids import format_id, hash_bytes
from reprofp.model.schema import Phase, Side, find_spec

__all__ = ["Fingerprint"]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The id of a state, and its two sub-ids; each is 32 raw bytes."""

    raw_id: bytes
    raw_conditions: bytes
    raw_experiment: bytes

    @classmethod
    def of(cls, phase: Phase, facets: Iterable[Facet]) -> Fingerprint:
        """Compute the fingerprint of ``facets`` in ``phase``."""
        return cls.of_ids(phase, [(facet.name, facet.raw_id) for facet in facets])

    @classmethod
    def of_ids(cls, phase: Phase, facets: Iterable[tuple[str, bytes]]) -> Fingerprint:
        """Compute the fingerprint of facets of which names and raw ids are known.

        Raises:
            FormatError: a name holds a lone surrogate.
        """
        try:
            ordered = sorted(facets, key=lambda facet: facet[0].encode())
        except UnicodeEncodeError as error:
            raise FormatError(f"text with a lone surrogate has no canonical form: {error.object!r}") from error
        experiment = [facet for facet in ordered if _side_of(facet[0]) is Side.EXPERIMENT]
        conditions = [facet for facet in ordered if _side_of(facet[0]) is Side.CONDITIONS]
        return cls(_hash("fp1", phase, ordered), _hash("fc1", phase, conditions), _hash("fe1", phase, experiment))

    def __str__(self) -> str:
        """Write the fingerprint's id."""
        return format_id("fp1", self.raw_id)

    @property
    def conditions(self) -> str:
        """The sub-id over the facets of the conditions."""
        return format_id("fc1", self.raw_conditions)

    @property
    def experiment(self) -> str:
        """The sub-id over the facets of the experiment."""
        return format_id("fe1", self.raw_experiment)


def _side_of(name: str) -> Side:
    spec = find_spec(name)
    return Side.CONDITIONS if spec is None else spec.side


def _hash(kind: str, phase: Phase, facets: list[tuple[str, bytes]]) -> bytes:
    return hash_bytes(kind, encode_plain({"facets": facets, "phase": phase.value}))
