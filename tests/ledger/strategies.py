"""Arbitrary records."""

from hypothesis import strategies as st

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.records import Process, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import FACETS, Phase

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), text, st.binary(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=5,
)
observations = st.one_of(st.builds(Observed, values), st.just(ABSENT), st.builds(Unknown, st.sampled_from(UnknownCode)))
facts = st.dictionaries(st.lists(text, max_size=3).map(tuple), observations, max_size=4)
names = st.one_of(st.sampled_from(sorted(FACETS)), st.just("framework.numpy"), st.just("newer.facet"))
times = st.integers(-(2**63), 2**63 - 1)


@st.composite
def facets(draw):
    chosen = draw(st.sets(names, max_size=4))
    return {name: Facet(name, draw(st.integers(1, 3)), draw(facts)) for name in chosen}


sides = st.builds(
    SideBlob,
    st.dictionaries(text, values, max_size=2),
    st.dictionaries(text, st.binary(max_size=32), max_size=2),
    text,
    st.binary(min_size=16, max_size=16),
)
snapshots = st.builds(Snapshot, times, st.sampled_from(Phase), facets(), sides, text)
codes = st.one_of(st.none(), st.integers(-64, 255))
results = st.builds(
    Result,
    codes,
    st.integers(0, 2**62),
    st.dictionaries(text, st.dictionaries(text, scalars, max_size=2), max_size=2),
    st.dictionaries(text, st.lists(st.tuples(st.integers(0, 9), st.floats(allow_nan=False)), max_size=3), max_size=2),
)
runs = st.builds(
    Run,
    times,
    snapshots,
    st.lists(st.builds(Process, text, codes, st.one_of(st.none(), snapshots)), max_size=3).map(tuple),
    results,
    sides,
    text,
)


def records():
    return st.one_of(snapshots, runs)
