import json
import math
from datetime import date, datetime, time, timezone
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import oracle
from reprofp.errors import FormatError
from reprofp.model.canonical import MAX_DEPTH, decode, encode
from reprofp.model.ids import hash_bytes

VECTORS = json.loads((Path(__file__).parent / "vectors" / "canonical.json").read_text())

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.binary(max_size=12)
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT.filter(lambda key: not key.startswith("$")), inner, max_size=4)
    ),
    max_leaves=12,
)
ANY = st.recursive(
    SCALARS
    | st.integers()
    | st.floats()
    | st.datetimes()
    | st.datetimes(timezones=st.just(timezone.utc))
    | st.dates()
    | st.times(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def same(left, right):
    """Equality that tells 1, 1.0 and True apart, and -0.0 from 0.0, and holds NaN equal to itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return math.copysign(1, left) == math.copysign(1, right) and (
            left == right or (math.isnan(left) and math.isnan(right))
        )
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(vector):
    data = bytes.fromhex(vector["hex"])
    assert encode(decode(data)) == data
    assert hash_bytes("fa1", data).hex() == vector["fa1"]


@given(PLAIN)
def test_agrees_with_an_encoder_written_from_the_specification(value):
    assert encode(value) == oracle.pack(value)


@given(ANY)
def test_decode_gives_back_what_was_encoded(value):
    data = encode(value)
    back = decode(data)
    assert encode(back) == data
    if not any(kind in repr(value) for kind in ("nan",)):  # the sign of a NaN is not kept
        assert same(back, value)


@given(st.dictionaries(TEXT, SCALARS, max_size=6), st.randoms())
def test_order_of_keys_does_not_matter(value, random):
    keys = list(value)
    random.shuffle(keys)
    assert encode({key: value[key] for key in keys}) == encode(value)


@given(st.binary(max_size=60))
def test_decode_accepts_only_what_encode_writes(data):
    try:
        value = decode(data)
    except FormatError:
        return
    assert encode(value) == data


@given(ANY, st.data())
def test_a_changed_byte_never_reads_as_the_same_value(value, draw):
    data = bytearray(encode(value))
    position = draw.draw(st.integers(0, len(data) - 1))
    data[position] ^= draw.draw(st.integers(1, 255))
    try:
        other = decode(bytes(data))
    except FormatError:
        return
    assert encode(other) != encode(value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xcd\x00\x01",  # 1 in three bytes
        b"\xd0\x01",  # a positive number as a signed one
        b"\xca\x3f\x80\x00\x00",  # 1.0 as float32
        b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",  # NaN, untagged
        b"\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",  # infinity, untagged
        b"\x82\xa1b\x01\xa1a\x02",  # keys out of order
        b"\x82\xa1a\x01\xa1a\x01",  # a key twice
        b"\x81\x01\x02",  # a number as key
        b"\x81\xc4\x01a\x02",  # bytes as key
        b"\xd4\x01\x00",  # an extension
        b"\xd6\xff\x00\x00\x00\x00",  # the timestamp extension
        b"\xa2\xc3\x28",  # not UTF-8
        b"\x01\x01",  # something after the value
        b"\xdd\xff\xff\xff\xff",  # four thousand million items promised
        b"\x81\xa1$\xa3int",  # a tag without its text
        b"\x82\xa1$\xa3int\xa1v\xa15",  # a small number tagged as a large one
        b"\x82\xa1$\xa5float\xa1v\xa31.0",  # a finite float, tagged
        b"\x82\xa1$\xa6future\xa1v\xa11",  # a tag that nobody knows
        b"\x81\xa2$x\x01",  # a key with one dollar
        b"\x91" * (MAX_DEPTH + 1) + b"\xc0",
        b"\x91" * 100_000 + b"\xc0",
    ],
    ids=lambda data: data[:12].hex() or "nothing",
)
def test_refuses_what_is_not_canonical(data):
    with pytest.raises(FormatError):
        decode(data)


@pytest.mark.parametrize(
    "value", ["\ud800", {"\udfff": 1}, {1: 2}, {None: 1}, {b"a": 1}, object(), {1, 2}, bytearray(b"a"), 1j]
)
def test_refuses_values_without_a_canonical_form(value):
    with pytest.raises(FormatError):
        encode(value)


def test_depth_is_bounded_on_both_sides():
    value = None
    for _ in range(MAX_DEPTH):
        value = [value]
    assert decode(encode(value)) == value
    with pytest.raises(FormatError, match="deeper"):
        encode([value])
    with pytest.raises(FormatError, match="deeper"):
        decode(msgpack.packb([value]))


def test_kinds_of_numbers_are_distinct():
    assert len({encode(1), encode(1.0), encode(True), encode("1"), encode(b"1")}) == 5
    assert encode(-0.0) != encode(0.0)
    assert encode(2**64) != encode(float(2**64))


def test_dates_are_tagged_by_kind():
    moments = [datetime(2026, 1, 2), datetime(2026, 1, 2, tzinfo=timezone.utc), date(2026, 1, 2), time(0), "2026-01-02"]
    assert len({encode(moment) for moment in moments}) == len(moments)
