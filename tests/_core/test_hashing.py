"""BLAKE3 in Python, against the blake3 package as the oracle."""

import platform
import random
import threading

import blake3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp._core import ffi, lib
from reprofp._core.hashing import DIGEST_BYTES, KEY_BYTES, Hasher, hash_bytes, hash_many
from reprofp.errors import UsageError

CHUNK = 1024
MIB = 1024 * 1024
KEY = bytes(range(32))
CONTEXT = "reprofp tests 2026-11-21 a context"
DATA = random.Random(1).randbytes(2 * MIB + 5)
LEVELS = {
    ffi.string(lib.rfp_blake3_level_name(level)).decode(): level
    for level in range(lib.RFP_LEVEL_BEST)
    if lib.rfp_blake3_force_level(level) == lib.RFP_OK
}
lib.rfp_blake3_force_level(lib.RFP_LEVEL_BEST)


@pytest.fixture(params=sorted(LEVELS))
def level(request):
    """Force one instruction set after the other."""
    assert lib.rfp_blake3_force_level(LEVELS[request.param]) == lib.RFP_OK
    yield request.param
    assert lib.rfp_blake3_force_level(lib.RFP_LEVEL_BEST) == lib.RFP_OK


def test_portable_level_is_there():
    assert "portable" in LEVELS


@pytest.mark.usefixtures("level")
def test_all_lengths_up_to_two_chunks():
    for length in range(2 * CHUNK + 2):
        part = DATA[:length]
        expected = blake3.blake3(part)
        assert hash_bytes(part) == expected.digest()


@pytest.mark.usefixtures("level")
def test_modes_of_all_lengths_around_blocks():
    for length in [*range(0, 2 * CHUNK, 31), 63, 64, 65, 1023, 1024, 1025, 5000, 70000]:
        part = DATA[:length]
        assert hash_bytes(part, key=KEY) == blake3.blake3(part, key=KEY).digest()
        assert hash_bytes(part, context=CONTEXT) == blake3.blake3(part, derive_key_context=CONTEXT).digest()


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("power", range(11, 22))
def test_powers_of_two_and_their_neighbours(power):
    for length in (2**power - 1, 2**power, 2**power + 1):
        part = DATA[:length]
        assert hash_bytes(part) == blake3.blake3(part).digest()


@pytest.mark.parametrize("power", range(22, 27))
def test_large_powers_of_two_and_their_neighbours(power):
    data = memoryview(DATA[:MIB] * (2**power // MIB) + b"x")
    for length in (2**power - 1, 2**power, 2**power + 1):
        assert hash_bytes(data[:length]) == blake3.blake3(data[:length]).digest()


@pytest.mark.usefixtures("level")
def test_random_splits_of_a_stream():
    numbers = random.Random(2)
    for _ in range(100):
        length = int(2 ** numbers.uniform(0, 20))
        hasher, expected, done = Hasher(), blake3.blake3(), 0
        while done < length:
            step = int(2 ** numbers.uniform(0, 18))
            hasher.update(DATA[done : min(done + step, length)])
            expected.update(DATA[done : min(done + step, length)])
            done = min(done + step, length)
            if numbers.random() < 0.3:
                assert hasher.digest() == expected.digest()
        assert hasher.digest() == blake3.blake3(DATA[:length]).digest()


@given(st.lists(st.binary(max_size=3000), max_size=20))
def test_updates_equal_their_concatenation(parts):
    hasher = Hasher()
    for part in parts:
        hasher.update(part)
    assert hasher.digest() == blake3.blake3(b"".join(parts)).digest()


@given(st.lists(st.binary(max_size=6000), max_size=60))
def test_many_inputs_equal_one_by_one(inputs):
    assert hash_many(inputs) == [blake3.blake3(data).digest() for data in inputs]


@pytest.mark.usefixtures("level")
def test_many_inputs_of_every_size():
    numbers = random.Random(3)
    lengths = [*range(0, 17 * CHUNK, 97), *(numbers.randrange(40 * CHUNK) for _ in range(100))]
    numbers.shuffle(lengths)
    inputs = [DATA[i : i + length] for i, length in enumerate(lengths)]
    assert hash_many(inputs) == [blake3.blake3(data).digest() for data in inputs]


def test_copy_continues_on_its_own():
    hasher = Hasher(derive_key_context=CONTEXT)
    hasher.update(DATA[:5000])
    twin = hasher.copy()
    twin.update(b"more")
    assert hasher.digest() == hash_bytes(DATA[:5000], context=CONTEXT)
    assert twin.digest() == hash_bytes(DATA[:5000] + b"more", context=CONTEXT)
    assert twin.hexdigest() == twin.digest().hex()


def test_buffers_of_every_kind():
    digest = hash_bytes(b"abcdefgh")
    assert digest == hash_bytes(bytearray(b"abcdefgh")) == hash_bytes(memoryview(b"abcdefgh"))
    assert digest == hash_bytes(memoryview(b"abcdefgh").cast("I"))
    assert len(digest) == DIGEST_BYTES == KEY_BYTES == 32


def test_context_is_text_or_bytes():
    assert hash_bytes(b"x", context="é") == hash_bytes(b"x", context="é".encode())


def test_wrong_keys_are_refused():
    with pytest.raises(UsageError, match="32 bytes, not 3"):
        Hasher(key=b"abc")
    with pytest.raises(UsageError, match="not both"):
        hash_bytes(b"", key=KEY, context=CONTEXT)


def test_an_unknown_level_is_refused():
    foreign = lib.RFP_LEVEL_AVX2 if platform.machine() == "aarch64" else lib.RFP_LEVEL_NEON
    assert lib.rfp_blake3_force_level(foreign) == lib.RFP_ERR_UNSUPPORTED
    assert ffi.string(lib.rfp_blake3_level_name(lib.RFP_LEVEL_NEON)) == b"neon"


def test_threads_hash_at_the_same_time():
    """The GIL is released: two threads with hashers of their own do not disturb each other."""
    results = []

    def work(part):
        results.extend((hash_bytes(part), blake3.blake3(part).digest()) for _ in range(20))

    threads = [threading.Thread(target=work, args=(DATA[i * 1000 : i * 1000 + 300000],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    assert all(ours == theirs for ours, theirs in results)
