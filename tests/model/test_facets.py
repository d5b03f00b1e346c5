import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.test_canonical import SCALARS, TEXT
from reprofp.errors import FormatError
from reprofp.model.canonical import MAX_FACET_BYTES, encode
from reprofp.model.facets import Facet
from reprofp.model.ids import hash_bytes
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.upgrades import UPGRADES, upgrade_facet

VECTORS = json.loads((Path(__file__).parent / "vectors" / "facets.json").read_text())

PATHS = st.lists(TEXT, max_size=3).map(tuple)
FACTS = st.builds(Observed, SCALARS) | st.just(ABSENT) | st.builds(Unknown, st.sampled_from(UnknownCode))
FACETS = st.builds(Facet, TEXT.filter(bool), st.integers(1, 9), st.dictionaries(PATHS, FACTS, max_size=6))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(vector):
    data = bytes.fromhex(vector["hex"])
    facet = Facet.from_canonical(data)
    assert facet.name == vector["name"]
    assert facet.raw_id.hex() == vector["id"] == hash_bytes("fa1", data).hex()


@given(FACETS)
def test_bytes_give_back_the_facet(facet):
    back = Facet.from_canonical(facet.canonical)
    assert back == facet
    assert back.raw_id == facet.raw_id


@given(FACETS, st.randoms())
def test_order_of_facts_does_not_matter(facet, random):
    items = list(facet.facts.items())
    random.shuffle(items)
    assert Facet(facet.name, facet.version, dict(items)).raw_id == facet.raw_id


def test_name_and_version_are_part_of_the_id():
    facts = {("a",): Observed(1)}
    assert len({Facet(name, version, facts).raw_id for name in ("cpu", "gpu") for version in (1, 2)}) == 4


@pytest.mark.parametrize(
    "value",
    [
        1,
        {"facet": "cpu"},
        {"facet": "cpu", "version": 0, "facts": []},
        {"facet": "cpu", "version": True, "facts": []},
        {"facet": "", "version": 1, "facts": []},
        {"facet": "cpu", "version": 1, "facts": [], "more": 1},
        {"facet": "cpu", "version": 1, "facts": [[["a"], "observed"]]},
        {"facet": "cpu", "version": 1, "facts": [[["a"], "absent", 1]]},
        {"facet": "cpu", "version": 1, "facts": [[["a"], "unknown", "forgotten"]]},
        {"facet": "cpu", "version": 1, "facts": [[[1], "absent"]]},
        {"facet": "cpu", "version": 1, "facts": [["a", "absent"]]},
        {"facet": "cpu", "version": 1, "facts": [[["b"], "absent"], [["a"], "absent"]]},
        {"facet": "cpu", "version": 1, "facts": [[["a"], "absent"], [["a"], "absent"]]},
    ],
)
def test_refuses_what_is_not_a_facet(value):
    with pytest.raises(FormatError):
        Facet.from_canonical(encode(value))


def test_size_is_bounded():
    with pytest.raises(FormatError, match="4194304"):
        _ = Facet("cpu", 1, {("a",): Observed("x" * MAX_FACET_BYTES)}).canonical
    with pytest.raises(FormatError, match="larger"):
        Facet.from_canonical(b"\xc0" * (MAX_FACET_BYTES + 1))


def test_silence_means_absent_only_below_an_enumerated_prefix():
    packages = Facet("packages", 1, {("installed", "numpy", "version"): Observed("2.0")})
    assert packages.look_up(("installed", "torch", "version")) == ABSENT
    cpu = Facet("cpu", 1, {("vendor",): Observed("x")})
    assert cpu.look_up(("isa", "avx2")) == ABSENT
    assert cpu.look_up(("brand",)) == Unknown(UnknownCode.NOT_ASKED)


def test_an_unknown_ancestor_answers_for_what_lies_below():
    facet = Facet("packages", 1, {("installed",): Unknown(UnknownCode.DENIED), ("imported", "numpy"): ABSENT})
    assert facet.look_up(("installed", "torch", "version")) == Unknown(UnknownCode.DENIED)
    assert facet.look_up(("imported", "numpy", "version")) == ABSENT
    whole = Facet("env", 1, {(): Unknown(UnknownCode.TIMED_OUT)})
    assert whole.look_up(("OMP_NUM_THREADS",)) == Unknown(UnknownCode.TIMED_OUT)


def test_an_observed_ancestor_says_nothing_of_what_lies_below():
    facet = Facet("cpu", 1, {("cache",): Observed(1)})
    assert facet.look_up(("cache", "l2")) == Unknown(UnknownCode.NOT_ASKED)


@pytest.mark.parametrize(
    "facet", [Facet("cpu", 2, {("vendor",): Observed("x")}), Facet("weather", 1, {("rain",): Observed(True)})]
)
def test_what_a_newer_version_wrote_is_unknown(facet):
    assert Facet.from_canonical(facet.canonical) == facet
    path = next(iter(facet.facts))
    assert facet.look_up(path) == Unknown(UnknownCode.NEWER_SCHEMA)


def test_upgrades_lead_step_by_step_to_the_newest_version(monkeypatch):
    monkeypatch.setitem(UPGRADES, ("cpu", 0), lambda facts: {("vendor",): facts["maker",]})
    old = Facet("cpu", 0, {("maker",): Observed("x")})
    assert upgrade_facet(old).look_up(("vendor",)) == Observed("x")
    assert upgrade_facet(Facet("cpu", 1, {})).version == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(
            b"\xa5facet\xa6config", b"\xd9\x05facet\xa6config"
        ),  # a longer form of a text's length
        lambda data: data.replace(b"\xa7version\x01", b"\xa7version\xcd\x00\x01"),  # a longer form of a number
        lambda data: data[:1] + data[-9:] + data[1:-9],  # keys in another order
        lambda data: data + b"\xc0",
    ],
)
def test_bytes_of_another_encoding_are_no_facet(change):
    data = Facet("config", 1, {("lr",): Observed(0.1)}).canonical
    assert change(data) != data
    with pytest.raises(FormatError):
        Facet.from_canonical(change(data))
