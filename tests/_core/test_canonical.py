"""The native check of canonical bytes, beside the encoder in Python: a yes is never wrong, and dates alone are left open."""

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from reprofp._core.canonical import find_facet_name, is_canonical
from reprofp.errors import FormatError
from reprofp.model.canonical import decode, encode
from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
keys = st.one_of(text, st.sampled_from(["$", "$v", "$$", "v", "", "!", "%"]))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**66), 2**66), st.floats(), text, st.binary(max_size=40), st.dates()
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=20), st.dictionaries(keys, inner, max_size=20)),
    max_leaves=25,
)
facts = st.dictionaries(
    st.lists(text, max_size=3).map(tuple),
    st.one_of(st.builds(Observed, values), st.just(ABSENT), st.builds(Unknown, st.sampled_from(UnknownCode))),
    max_size=6,
)


def holds_date(value):
    if isinstance(value, dict):
        return any(map(holds_date, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds_date, value))
    return hasattr(value, "isoformat")


def judge(data):
    """Return what the decoder in Python says."""
    try:
        return True, decode(data)
    except FormatError:
        return False, None


def check_agreement(data):
    taken, value = judge(data)
    assert is_canonical(data) == (taken and not holds_date(value)), data.hex()


@given(values)
def test_what_the_encoder_writes_is_canonical(value):
    check_agreement(encode(value))


@given(values, st.randoms(use_true_random=False))
def test_what_is_broken_is_judged_as_in_python(value, rng):
    check_agreement(break_bytes(rng, encode(value)))


def break_bytes(rng, good):
    data = bytearray(good)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                data[at:at] = rng.choice([b"\xc0", b"\xc4\x00", b"\xcc\x01", b"\xd9\x01a", b"\xa1$", b"\x81", b"\x90"])
            case 2:
                del data[at : at + rng.randint(1, 4)]
            case _:
                data[at:at] = data[at // 2 : at]
    return bytes(data)


@given(st.binary(max_size=60))
@example(b"")
@example(bytes.fromhex("82a124a3696e74a17601"))
@example(bytes.fromhex("82a124a5666c6f6174a176a36e616e"))
def test_any_bytes_are_judged_as_in_python(data):
    check_agreement(data)


@pytest.mark.parametrize(
    "text", ["18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809"]
)
def test_tagged_integers_begin_where_64_bits_end(text):
    check_agreement(b"\x82\xa1$\xa3int\xa1v" + bytes([0xA0 + len(text)]) + text.encode())


@pytest.mark.parametrize(
    "text", ["-0", "01" + "9" * 25, "+" + "9" * 25, "9" * 10 + "_" + "9" * 19, " " + "9" * 25, "٣" * 12]
)
def test_an_integer_has_one_text(text):
    raw = text.encode()
    check_agreement(
        b"\x82\xa1$\xa3int\xa1v\xd9" + bytes([len(raw)]) + raw
        if len(raw) > 31
        else b"\x82\xa1$\xa3int\xa1v" + bytes([0xA0 + len(raw)]) + raw
    )


@pytest.mark.parametrize("depth", [31, 32, 33])
@pytest.mark.parametrize("inner", ["c0", "82a124a5666c6f6174a176a36e616e"])
def test_depth_ends_where_it_does_in_python(depth, inner):
    check_agreement(b"\x91" * depth + bytes.fromhex(inner))
    check_agreement(b"\x81\xa1a" * depth + bytes.fromhex(inner))


def test_items_and_depth_can_be_limited():
    data = encode({"a": [1, 2, 3]})
    assert is_canonical(data, 6, 2)
    assert not is_canonical(data, 5, 2)
    assert not is_canonical(data, 6, 1)
    assert not is_canonical(b"\xdd\xff\xff\xff\xff")


def test_every_width_of_every_character_is_judged_as_in_python():
    rng = random.Random(1)
    for first in range(0x80, 0x100):
        for _ in range(40):
            check_agreement(
                b"\xa4" + bytes([first, *rng.choices([0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0], k=3)])
            )


@given(text.filter(bool), st.integers(1, 2**64), facts)
def test_facets_are_known_with_their_names(name, version, found):
    facet = Facet(name, version, found)
    open_ = version >= 2**64 or any(isinstance(fact, Observed) and holds_date(fact.value) for fact in found.values())
    assert find_facet_name(facet.canonical) == (None if open_ else name)
    if not open_:
        again = Facet.from_canonical(facet.canonical, is_checked=True)
        assert Facet(again.name, again.version, again.facts).canonical == facet.canonical  # nan is not equal to itself


@settings(max_examples=300)
@given(facts, st.randoms(use_true_random=False))
def test_a_broken_facet_is_taken_only_where_python_takes_it(found, rng):
    data = break_bytes(rng, Facet("gpu", 1, found).canonical)
    name = find_facet_name(data)
    if name is not None:
        assert Facet.from_canonical(data).name == name


@pytest.mark.parametrize("code", UnknownCode)
def test_every_reason_is_known_to_the_core(code):
    assert find_facet_name(Facet("gpu", 1, {("a",): Unknown(code)}).canonical) == "gpu"


@pytest.mark.parametrize("pair", [(("a",), ("a",)), (("b",), ("a",)), (("a", "b"), ("a",)), (("é",), ("z",))])
def test_facts_out_of_order_are_refused(pair):
    data = encode({"facet": "gpu", "facts": [[list(path), "absent"] for path in pair], "version": 1})
    assert find_facet_name(data) is None
    with pytest.raises(FormatError):
        Facet.from_canonical(data)
