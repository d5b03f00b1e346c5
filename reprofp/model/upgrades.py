"""Upgrades of old facets, fact by fact, so that a new release does not turn every baseline into Unknown.

An upgrade takes the facts of one version of a facet and gives those of the next; a fact that the old
version could not know stays unlisted, and reads as not asked. Ids are never recomputed: a record keeps
the facets that it was made of, and only what is compared is upgraded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from reprofp.model.facets import Facet
from reprofp.model.observations import Observation
from reprofp.model.paths import FactPath
from reprofp.model.schema import find_spec

__all__ = ["UPGRADES", "upgrade_facet"]

Facts: TypeAlias = Mapping[FactPath, Observation]

UPGRADES: dict[tuple[str, int], Callable[[Facts], Facts]] = {}
"""By facet name and the version that the upgrade starts from."""


def upgrade_facet(facet: Facet) -> Facet:
    """Return ``facet`` with the facts of its newest version, as far as upgrades lead."""
    spec = find_spec(facet.name)
    while spec is not None and facet.version < spec.version and (step := UPGRADES.get((facet.name, facet.version))):
        facet = Facet(facet.name, facet.version + 1, step(facet.facts))
    return facet
