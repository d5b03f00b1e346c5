import hashlib

import pytest

from reprofp.errors import FormatError
from reprofp.model.ids import Digest, format_id, hash_bytes, parse_id


def test_an_id_is_sha256_over_the_kind_a_zero_byte_and_the_bytes():
    assert hash_bytes("fp1", b"abc") == hashlib.sha256(b"reprofp fp1\0abc").digest()


def test_ids_are_read_as_they_are_written():
    raw = hash_bytes("sn1", b"")
    assert parse_id(format_id("sn1", raw)) == ("sn1", raw)


@pytest.mark.parametrize(
    "text", ["", "sn1:", "sn1:12", "zz9:" + "0" * 64, "sn1:" + "G" * 64, "sn1:" + "A" * 64, "0" * 64]
)
def test_refuses_what_is_no_id(text):
    with pytest.raises(FormatError, match="not an id"):
        parse_id(text)


def test_digests_are_read_as_they_are_written():
    digest = Digest("blake3-tree", b"\x01\xff")
    assert str(digest) == "blake3-tree:01ff"
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize("text", ["", "blake3", "blake3:", "blake3:0", "blake3:XY", ":00", "BLAKE3:00"])
def test_refuses_what_is_no_digest(text):
    with pytest.raises(FormatError, match="not a digest"):
        Digest.parse(text)
