"""Declared data and weights between the start and the end of a run.

They are hashed once, at the start. At the end their digests are carried over where nothing there has
changed since, as identities tell; what has changed meanwhile is Unknown, since nobody can say which
content was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reprofp.hooks.identities import State, identify_all
from reprofp.model.facets import Facet
from reprofp.model.observations import Observation, Unknown, UnknownCode
from reprofp.model.paths import FactPath, starts_with
from reprofp.model.records import Snapshot
from reprofp.probes.base import Experiment

__all__ = ["Declared", "make_absolute"]


def make_absolute(experiment: Experiment) -> Experiment:
    """Return the experiment with its paths as they are now, whatever folder the program changes to."""
    return replace(
        experiment,
        data={name: path.absolute() for name, path in experiment.data.items()},
        weights={name: path.absolute() for name, path in experiment.weights.items()},
        config=tuple(path.absolute() for path in experiment.config),
        outputs={name: path.absolute() for name, path in experiment.outputs.items()},
    )


@dataclass(frozen=True)
class Declared:
    """The declared data and weights of a run, and how they were before it was hashed."""

    paths: Mapping[FactPath, Path]
    """By the facts that describe them, the facet's name first."""
    before: Mapping[FactPath, State]

    @classmethod
    def remember(cls, experiment: Experiment) -> Declared:
        """Look at what is there; to be called before it is hashed."""
        paths: dict[FactPath, Path] = {("datasets", "declared", name): path for name, path in experiment.data.items()}
        paths.update({("weights", name): path for name, path in experiment.weights.items()})
        return cls(paths, {place: identify_all(path) for place, path in paths.items()})

    @staticmethod
    def leave_out(experiment: Experiment) -> Experiment:
        """Return the experiment that is described at the end: what was hashed is not hashed again."""
        return replace(experiment, data={}, weights={})

    def carry_over(self, start: Snapshot, end: Snapshot) -> Snapshot:
        """Return ``end`` with what ``start`` tells of the declared data and weights, as far as it still holds."""
        facets = dict(end.facets)
        for name in {place[0] for place in self.paths}:
            if name in start.facets:
                facets[name] = self._complete(start.facets[name], facets.get(name))
        return replace(end, facets=facets)

    def _complete(self, start: Facet, end: Facet | None) -> Facet:
        """Take the place of a facet that was taken without them: what it says of the whole is not so."""
        facts: dict[FactPath, Observation] = {path: fact for path, fact in (end.facts if end else {}).items() if path}
        for place, path in self.paths.items():
            if place[0] != start.name:
                continue
            if identify_all(path) == self.before[place]:
                facts.update({fact: seen for fact, seen in start.facts.items() if starts_with(fact, place[1:])})
                facts.update({(): start.facts[()]} if () in start.facts else {})
            else:
                facts[place[1:]] = Unknown(UnknownCode.FAILED)
        return Facet(start.name, start.version, facts)
