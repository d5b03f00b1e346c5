import json
import random
from contextlib import nullcontext
from pathlib import Path

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp._core.canonical import is_canonical
from reprofp.errors import FormatError
from reprofp.model.canonical import decode, encode
from reprofp.wire import (
    HEADER_BYTES,
    MAX_REQUEST_DEPTH,
    MAX_REQUEST_ITEMS,
    Frames,
    Reply,
    Request,
    check_shape,
    pack_error,
    pack_reply,
    pack_request,
    read_reply,
    read_request,
)

VECTORS = json.loads(Path(__file__).with_name("vectors").joinpath("wire.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS["requests"], ids=lambda vector: vector["what"])
def test_requests_have_these_bytes(vector):
    request = Request(vector["method"], vector["params"])
    assert pack_request(request).hex() == vector["frame"]
    assert read_request(bytes.fromhex(vector["frame"])[4:]) == request


@pytest.mark.parametrize("vector", VECTORS["replies"], ids=lambda vector: vector["what"])
def test_replies_have_these_bytes(vector):
    frame = bytes.fromhex(vector["frame"])
    if "code" in vector:
        assert pack_error(vector["code"], vector["text"]) == frame
        assert read_reply(frame[4:]) == Reply(code=vector["code"], text=vector["text"])
    else:
        assert pack_reply(vector["result"]) == frame
        assert read_reply(frame[4:]) == Reply(vector["result"])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_canonical_has_a_shape(value):
    check_shape(encode(value), 10_000, 32)


@given(st.binary(max_size=60))
def test_a_shape_is_msgpack(data):
    """What passes, msgpack reads: as many items as were counted, or a complaint that is not about its end."""
    try:
        check_shape(data, 100, 32)
    except FormatError:
        return
    try:
        msgpack.unpackb(data, raw=True, strict_map_key=False)
    except TypeError:  # a map or a list as a key
        pass
    except msgpack.exceptions.StackError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff" + b"\xc0" * 100,
        b"\xdc\xff\xff" + b"\x80" * 65535,
        b"\x91" * 64 + b"\xc0",
        b"\xc0\xc0",
        b"",
        b"\xc6\xff\xff\xff\xff",
        b"\xd4\x01\x00",
        b"\xc7\x01\x01\x00",
        b"\xc1",
    ],
)
def test_what_is_too_much_is_refused_before_it_is_built(data):
    with pytest.raises(FormatError):
        check_shape(data, 4096, 32)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"method": "ping", "params": {}},
        {"method": "ping", "params": {}, "version": True},
        {"method": "ping", "params": {}, "version": 2},
        {"method": "ping", "params": [], "version": 1},
        {"method": b"ping", "params": {}, "version": 1},
        {"method": "ping", "params": {}, "version": 1, "x": 0},
    ],
)
def test_what_is_no_request_is_refused(body):
    with pytest.raises(FormatError):
        read_request(encode(body))


def test_a_second_encoding_is_refused():
    with pytest.raises(FormatError, match="canonical"):
        read_request(msgpack.packb({"version": 1, "method": "ping", "params": {}}))


def test_a_length_that_is_too_long_is_refused_by_itself():
    frames = Frames(100)
    frames.feed((101).to_bytes(4, "big"))
    with pytest.raises(FormatError, match="101 bytes"):
        frames.take()


def test_an_empty_frame_is_refused():
    frames = Frames(100)
    frames.feed(bytes(4))
    with pytest.raises(FormatError):
        frames.take()


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.randoms(use_true_random=False))
def test_frames_come_out_as_they_went_in(payloads, rng):
    data = b"".join(len(item).to_bytes(4, "big") + item for item in payloads)
    frames, found = Frames(100), []
    while data:
        count = rng.randint(1, len(data))
        frames.feed(data[:count])
        data = data[count:]
        while (payload := frames.take()) is not None:
            found.append(payload)
    assert found == payloads


def mutate(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        kind, at = rng.randrange(4), rng.randrange(len(data) + 1)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randint(1, 8)]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 8))
        elif at < len(data):
            data[at] = rng.choice([0x80, 0x90, 0xC1, 0xDD, 0xDF, 0xC6, 0xDB, 0xFF])
    return bytes(data)


def test_fuzzed_requests_are_read_or_refused():
    """Twenty thousand: a request that is read is written with the very bytes that were read."""
    rng = random.Random(20_261_121)
    seeds = [bytes.fromhex(vector["frame"])[4:] for vector in VECTORS["requests"]]
    read = 0
    for number in range(20_000):
        data = mutate(rng, rng.choice(seeds)) if number % 4 else rng.randbytes(rng.randrange(200))
        try:
            request = read_request(data)
        except FormatError:
            continue
        read += 1
        assert pack_request(request)[4:] == data
    assert read > 0


def test_an_error_can_always_be_written():
    assert read_reply(pack_error("internal", "\udcff" * 10_000)[4:]).code == "internal"


@given(st.binary(max_size=80), st.randoms(use_true_random=False))
def test_what_the_core_is_sure_of_is_a_request_in_shape(noise, rng):
    """The server believes the core where it is sure: whatever passes there passes the check in Python."""
    frame = bytearray(pack_request(Request("log", {"kind": "run", "limit": 3, "tag": None}))[HEADER_BYTES:])
    for byte in noise[:3]:
        frame[rng.randrange(len(frame))] = byte
    data = rng.choice([bytes(frame), noise])
    if is_canonical(data, MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH):
        check_shape(data, MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH)
        assert encode(decode(data)) == data


def many(count):
    return b"\xdc" + count.to_bytes(2, "big") + b"\xc0" * count


@pytest.mark.parametrize(
    ("data", "fits"),
    [(many(4095), True), (many(4096), False), (b"\x91" * 8 + b"\xc0", True), (b"\x91" * 9 + b"\xc0", False)],
)
def test_limits_of_items_and_depth_are_those_of_the_check_in_python(data, fits):
    assert is_canonical(data, MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH) == fits
    with nullcontext() if fits else pytest.raises(FormatError):
        check_shape(data, MAX_REQUEST_ITEMS, MAX_REQUEST_DEPTH)
