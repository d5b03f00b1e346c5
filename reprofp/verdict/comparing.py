"""Fact by fact: what is equal, what differs, what is not known on a side.

No rule decides anything here; rules only say which facts are expected, so that the silence of both
sides about one of them is noticed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from reprofp.model.facets import Facet
from reprofp.model.observations import Absent, Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import FactPath
from reprofp.verdict.activity import same_value
from reprofp.verdict.rule import EFFECTIVE_FACET
from reprofp.verdict.views import View, grows, is_opaque

__all__ = ["Compared", "Finding", "compare_facets", "compare_views", "list_differing", "same_fact"]

_PLAIN = (str, bool, int)
"""Types whose equality in Python is that of facts."""

_OUTSIDE = frozenset({"numerics"})
"""Facets that are evidence, not conditions."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact that differs, or that is Unknown on a side (it may stand for all below its path)."""

    path: FactPath
    a: Observation
    b: Observation

    @property
    def is_unknown(self) -> bool:
        """Whether a side does not know the fact."""
        return isinstance(self.a, Unknown) or isinstance(self.b, Unknown)


@dataclass(slots=True)
class Compared:
    """The findings about two views, and how many facts are equal."""

    findings: list[Finding] = field(default_factory=list)
    equal: int = 0


def same_fact(a: Observation, b: Observation) -> bool:
    """Whether two observations are known and equal."""
    if isinstance(a, Observed):
        return isinstance(b, Observed) and same_value(a.value, b.value)
    return a == b and not isinstance(a, Unknown)


def compare_views(a: View, b: View, expected: Mapping[str, Iterable[FactPath]]) -> Compared:
    """Compare all facts of two views; ``expected`` has by facet the literal paths that rules ask for."""
    found = Compared()
    for compared in compare_facets(a, b, expected, sorted(a.facets.keys() | b.facets.keys() | expected.keys())):
        found.findings += compared.findings
        found.equal += compared.equal
    return found


def compare_facets(
    a: View, b: View, expected: Mapping[str, Iterable[FactPath]], names: Iterable[str]
) -> Iterator[Compared]:
    """Compare the facets of these names one by one, as far as they are asked for."""
    for name in names:
        if name not in _OUTSIDE:
            compared = Compared()
            _compare_facet(name, a, b, expected.get(name, ()), compared)
            yield compared


def _compare_facet(name: str, a: View, b: View, expected: Iterable[FactPath], into: Compared) -> None:
    facet_a, facet_b = a.facets.get(name), b.facets.get(name)
    if name == EFFECTIVE_FACET:
        # Derived, not observed: what differs or is Unknown counts, what is equal is no further fact.
        for path in expected:
            _note(path, a.look_up(path), b.look_up(path), into)
            into.equal -= same_fact(a.look_up(path), b.look_up(path))
    elif facet_a is None or facet_b is None or is_opaque(facet_a) or is_opaque(facet_b):
        path = tuple(name.split("."))
        into.findings.append(Finding(path, _summarise(facet_a, a, path), _summarise(facet_b, b, path)))
    else:
        both = _Both(facet_a, facet_b, a, b)
        both.compare_facts(into)
        both.note_silence(expected, into)


def _summarise(facet: Facet | None, view: View, path: FactPath) -> Observation:
    """Say in one observation what a side has of a facet that the other cannot be compared on."""
    if facet is None:
        return view.look_up(path)
    if is_opaque(facet):
        return Unknown(UnknownCode.NEWER_SCHEMA)
    whole = facet.facts.get(())
    if len(facet.facts) == 1 and whole is not None and not isinstance(whole, Observed):
        return whole  # it says in one word that there is nothing, or that nothing is known
    return _say_count(sum(isinstance(fact, Observed) for fact in facet.facts.values()))


def _say_count(count: int) -> Observed:
    return Observed("no facts" if not count else "1 fact" if count == 1 else f"{count} facts")


@dataclass(frozen=True, slots=True)
class _Both:
    """One facet of both sides, and the views that it is seen in."""

    facet_a: Facet
    facet_b: Facet
    a: View
    b: View

    def compare_facts(self, into: Compared) -> None:
        """Compare what either side lists."""
        facts_a, facts_b, base = self.facet_a.facts, self.facet_b.facts, self.facet_a.path
        suspects = _list_suspects(self.facet_a, self.facet_b, final=self.a.is_final and self.b.is_final)
        same = _is_same(self.facet_a, self.facet_b)
        into.equal += len(facts_a if same else facts_a.keys() | facts_b.keys()) - len(suspects)
        for path in suspects:
            full = base + path
            if not (_is_covered(path, facts_a) or _is_covered(path, facts_b) or self._is_detailed(path)):
                _note(full, *self._look_up_both(path, full), into)

    def _look_up_both(self, path: FactPath, full: FactPath) -> tuple[Observation, Observation]:
        """Look a fact up on both sides; what one side knows below a fact that the other does not know is counted."""
        a, b = self.a.look_up(full), self.b.look_up(full)
        if isinstance(a, Unknown) and path not in self.facet_b.facts:
            return a, _count_below(self.facet_b, self.b, path) or b
        if isinstance(b, Unknown) and path not in self.facet_a.facts:
            return _count_below(self.facet_a, self.a, path) or a, b
        return a, b

    def _is_detailed(self, path: FactPath) -> bool:
        """Whether one side says of ``path`` that nothing is there, and the other lists what is below it.

        Then each fact below is compared with its absence, and the path itself is no fact of the other side.
        """
        for one, other, view in ((self.facet_a, self.facet_b, self.b), (self.facet_b, self.facet_a, self.a)):
            known = path in one.facts and not isinstance(one.facts[path], Unknown)
            if known and path not in other.facts and any(True for _path in view.list_below(other, path)):
                return True
        return False

    def note_silence(self, expected: Iterable[FactPath], into: Compared) -> None:
        """Note the expected facts that neither side lists, where silence is not Absent on both."""
        depth = len(self.facet_a.path)
        for full in expected:
            path = full[depth:]
            if _speaks(path, self.facet_a, self.a) or _speaks(path, self.facet_b, self.b):
                continue
            finding = Finding(full, self.a.look_up(full), self.b.look_up(full))
            if finding.is_unknown:
                into.findings.append(finding)


def _count_below(facet: Facet, view: View, path: FactPath) -> Observation | None:
    count = sum(isinstance(facet.facts[below], Observed) for below in view.list_below(facet, path))
    return _say_count(count) if count else None


def _is_same(a: Facet, b: Facet) -> bool:
    """Whether two facets are equal by their ids, and neither stands for one that was purged."""
    return a.raw_id == b.raw_id and a.facts.get(()) == b.facts.get(())


def _list_suspects(a: Facet, b: Facet, *, final: bool) -> Collection[FactPath]:
    """Return the listed paths at which the facets are not plainly equal."""
    if _is_same(a, b):
        suspects = {path for path, fact in a.facts.items() if type(fact) is Unknown}
    else:
        suspects = set(list_differing(a.facts, b.facts))
    if not final:
        # What a process gathers is not settled yet, even where both say the same.
        suspects |= {path for path in {**a.facts, **b.facts} if grows(a.path + path)}
    return sorted(suspects)


def list_differing(a: Mapping[FactPath, Observation], b: Mapping[FactPath, Observation]) -> list[FactPath]:
    """Return the listed paths at which two facets may differ; at all others they are known and equal."""
    others = dict(b)
    differing = [path for path, fact in a.items() if not _is_plainly_equal(fact, others.pop(path, None))]
    return differing + list(others)


def _is_plainly_equal(a: Observation, b: Observation | None) -> bool:
    """Whether two facts are known and equal; False also where that takes a closer look."""
    if type(a) is Observed and type(b) is Observed:
        kind = type(a.value)
        return kind in _PLAIN and kind is type(b.value) and a.value == b.value
    return type(a) is Absent and type(b) is Absent


def _is_covered(path: FactPath, facts: Mapping[FactPath, Observation]) -> bool:
    """Whether an Unknown ancestor speaks for ``path``, which is not listed; then the ancestor alone is named."""
    return path not in facts and any(isinstance(facts.get(path[:length]), Unknown) for length in range(len(path)))


def _note(path: FactPath, fact_a: Observation, fact_b: Observation, into: Compared) -> None:
    if same_fact(fact_a, fact_b):
        into.equal += 1
    else:
        into.findings.append(Finding(path, fact_a, fact_b))


def _speaks(path: FactPath, facet: Facet, view: View) -> bool:
    """Whether something listed speaks for ``path``: itself, an Unknown ancestor, or facts below it."""
    facts = facet.facts
    return path in facts or _is_covered(path, facts) or any(True for _path in view.list_below(facet, path))
