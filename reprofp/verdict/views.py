"""Views of records: the facts of one process, as far as its phase can vouch for them.

What a process gathers while it runs (modules, mapped libraries, thread pools, draws of entropy) is only
complete at its end. In an earlier phase, silence about it is Unknown(not loaded yet), not Absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reprofp.model.facets import Facet
from reprofp.model.observations import Absent, Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import FactPath
from reprofp.model.records import Process, Record, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase, find_spec
from reprofp.model.upgrades import upgrade_facet
from reprofp.verdict.effective import BY_NAME
from reprofp.verdict.rule import EFFECTIVE_FACET

__all__ = [
    "NOT_ASKED",
    "NOT_LOADED",
    "SideView",
    "View",
    "ends_with_process",
    "forget_process",
    "grows",
    "is_opaque",
    "split_path",
    "view_record",
]

NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)
NOT_LOADED = Unknown(UnknownCode.NOT_LOADED)

_GROWING: frozenset[FactPath] = frozenset(
    {
        ("usage",),
        ("packages", "imported"),
        ("threads", "openmp"),
        ("threads", "openblas"),
        ("threads", "mkl"),
        ("threads", "blis"),
        ("cuda", "loaded"),
        ("code", "sources"),
        ("datasets", "read"),
        ("datasets", "stdin"),
    }
)
"""Prefixes below which a process gathers facts until its end."""

_ORDER = {Phase.STATIC: 0, Phase.START: 1, Phase.END: 2}


def grows(path: FactPath) -> bool:
    """Whether a process gathers what lies at ``path`` while it runs."""
    return path[:1] in _GROWING or path[:2] in _GROWING


def ends_with_process(path: FactPath) -> bool:
    """Whether the fact has its final value only at the end of a process."""
    spec = find_spec(path[0])
    bound_facet = spec is not None and Phase.STATIC not in spec.phases
    return bound_facet or grows(path) or (path[0] == "rng" and path[1:2] != ("seeds",))


def split_path(path: FactPath, facets: Mapping[str, Facet]) -> tuple[Facet | None, int]:
    """Return the facet that holds ``path``, and how many parts its name takes."""
    facet = facets.get(path[0])
    if facet is None and path[1:]:
        return facets.get(f"{path[0]}.{path[1]}"), 2
    return facet, 1


def is_opaque(facet: Facet) -> bool:
    """Whether a newer release wrote the facet, so that its facts cannot be read."""
    spec = find_spec(facet.name)
    return spec is None or facet.version > spec.version


_MOST_GROUPED = 1000
_grouped: dict[tuple[bytes, bool], dict[str, list[FactPath]]] = {}


def _group_paths(facet: Facet) -> dict[str, list[FactPath]]:
    """Return a facet's paths by their first part; facets with one id have the same paths, in every record."""
    key = (facet.raw_id, () in facet.facts)  # what stands for a purged facet has its id, and not its facts
    groups = _grouped.get(key)
    if groups is None:
        if len(_grouped) >= _MOST_GROUPED:
            _grouped.clear()
        groups = {}
        for path in facet.facts:
            groups.setdefault(path[0] if path else "", []).append(path)
        _grouped[key] = groups
    return groups


@dataclass
class View:
    """The facts of one process (or of a state without one) of one record."""

    facets: Mapping[str, Facet]
    phase: Phase
    _found: dict[FactPath, Observation] = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """Whether the process had ended, so that what it gathered is complete."""
        return self.phase is Phase.END

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact at a full path, effective facts included."""
        fact = self._found.get(path)
        if fact is None:
            fact = self._found[path] = self._find(path)
        return fact

    def _find(self, path: FactPath) -> Observation:
        if path[0] == EFFECTIVE_FACET:
            effective = BY_NAME.get(".".join(path[1:]))
            return NOT_ASKED if effective is None else effective.derive(self)
        facet, length = split_path(path, self.facets)
        if facet is None:
            return NOT_ASKED if self.is_final else NOT_LOADED if ends_with_process(path) else NOT_ASKED
        fact = facet.look_up(path[length:])
        return fact if self.is_final or isinstance(fact, Unknown) else self._doubt(path, fact)

    def _doubt(self, path: FactPath, fact: Observation) -> Observation:
        """Turn "not so far" into Unknown."""
        so_far_not = isinstance(fact, Absent) or (isinstance(fact, Observed) and fact.value is False)
        return NOT_LOADED if so_far_not and grows(path) else fact

    def doubts_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names listed directly below ``prefix`` of which it is not known whether they are there."""
        return self._list_names(prefix, Unknown)

    def names_below(self, prefix: FactPath) -> Iterable[str]:
        """Return the names listed directly below ``prefix``, without those that are Absent."""
        return self._list_names(prefix, Observed)

    def _list_names(self, prefix: FactPath, kind: type[Observation]) -> Iterable[str]:
        facet, length = split_path(prefix, self.facets)
        if facet is None:
            return ()
        depth = len(prefix) - length
        below = self.list_below(facet, prefix[length:])
        return {path[depth] for path in below if len(path) > depth and isinstance(facet.facts[path], kind)}

    def list_below(self, facet: Facet, inner: FactPath) -> Iterable[FactPath]:
        """Return the listed paths of a facet at or below ``inner``."""
        if not inner:
            return facet.facts
        groups = _group_paths(facet)
        group, depth = groups.get(inner[0], ()), len(inner)
        return group if depth == 1 else [path for path in group if path[:depth] == inner]


@dataclass
class SideView:
    """One side of a comparison: the view of its first process, and those of all its processes."""

    first: View
    children: list[tuple[str, View | None]] = field(default_factory=list)
    """By role; None for a process that did not report."""
    keyed: SideBlob = field(default_factory=SideBlob)

    @property
    def views(self) -> list[View]:
        """The views of every process that reported."""
        return [self.first, *(view for _role, view in self.children if view is not None)]

    @property
    def is_complete(self) -> bool:
        """Whether every process reported."""
        return all(view is not None for _role, view in self.children)


def view_record(record: Record, other: Record) -> SideView:
    """Return what ``record`` can vouch for in a comparison with ``other``."""
    if isinstance(record, Snapshot):
        blind = _ORDER[record.phase] < _ORDER[_phase_of(other)]
        return SideView(_view(record, blind=blind), keyed=record.side)
    if record.end is None:
        return SideView(_view(record.start, blind=True), _view_children(record.processes), record.start.side)
    return SideView(_view(record.end), _view_children(record.processes), _side_of_run(record))


def _phase_of(record: Record) -> Phase:
    if isinstance(record, Run):
        return Phase.END if record.end is not None else record.start.phase
    return record.phase


def _side_of_run(run: Run) -> SideBlob:
    """Return the keyed values of the process, or those of its start where the end has none."""
    end = run.end.side if run.end is not None else run.start.side
    return end if end.keyed or end.key_id else run.start.side


def _view_children(processes: tuple[Process, ...]) -> list[tuple[str, View | None]]:
    return [(process.role, _view(process.snapshot) if process.snapshot else None) for process in processes[1:]]


def _view(snapshot: Snapshot, *, blind: bool = False) -> View:
    facets = {name: upgrade_facet(facet) for name, facet in snapshot.facets.items()}
    if not blind:
        return View(facets, snapshot.phase)
    return View({name: facet for name, facet in map(forget_process, facets.items()) if facet is not None}, Phase.START)


def forget_process(item: tuple[str, Facet]) -> tuple[str, Facet | None]:
    """Leave out of a facet what a process settles only at its end."""
    name, facet = item
    if ends_with_process(facet.path) or not facet.facts:
        return name, None if ends_with_process(facet.path) else facet
    kept = {path: fact for path, fact in facet.facts.items() if not ends_with_process(facet.path + path)}
    return name, facet if len(kept) == len(facet.facts) else Facet(name, facet.version, kept)
