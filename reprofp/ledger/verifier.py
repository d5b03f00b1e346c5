"""Verify proofs of a ledger without the ledger, and without reprofp: this file needs Python alone.

Usage: python verifier.py PROOF [--key KEY | --key-file FILE] [--held CHECKPOINT] [--record ID]

PROOF is what ``reprofp ledger prove`` wrote: that a record is in a ledger (C2SP tlog-proof), or that a ledger
continues an earlier checkpoint (the body of a C2SP tlog-witness request). What it is worth depends on what you bring
along: KEY is the ledger's verifier key, whose signature the proof's checkpoint must carry; CHECKPOINT is one that you
kept, or got from a place that the ledger's owner cannot change. One of them is needed; nothing in PROOF is trusted.

Exit codes: 0 proved, 1 not proved, 3 usage error or a file that cannot be read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "Checkpoint",
    "ProofError",
    "VerifierKey",
    "check_proof",
    "hash_leaf",
    "hash_node",
    "main",
    "open_note",
    "parse_checkpoint",
    "verify_consistency",
    "verify_inclusion",
    "verify_signature",
]

MAGIC = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = 1 << 20
ED25519 = 0x01
_HASH_BYTES = 32
_MAX_PATH = 64
_MAX_SIGNATURES = 100
_THIRD_KEY = 91
_KEY_ID_BYTES = 4
_SIGNATURE_BYTES = 64
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[^\s+]{1,255}")
_DASH = "\N{EM DASH} "


class ProofError(ValueError):
    """The proof does not prove what it claims, or is no proof."""


# The Merkle tree, RFC 6962 section 2.1 and RFC 9162 section 2.1.


def hash_leaf(data: bytes) -> bytes:
    """Return the hash of a leaf: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def hash_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def verify_inclusion(leaf_hash: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether ``path`` proves that the tree of ``size`` leaves with ``root`` has the leaf at ``index``."""
    if not 0 <= index < size or not _are_hashes((leaf_hash, root, *path)):
        return False
    node, last, current = index, size - 1, leaf_hash
    for sibling in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            current = hash_node(sibling, current)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            current = hash_node(current, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether ``path`` proves that the second tree begins with the leaves of the first."""
    if not 0 < first <= second or not _are_hashes((first_root, second_root, *path)):
        return False
    if first == second:
        return not path and first_root == second_root
    # A first tree that is one complete subtree is its own first hash, and is left out of the path.
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    return bool(hashes) and _replay_consistency(first, second, hashes) == (first_root, second_root)


def _replay_consistency(first: int, second: int, hashes: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Rebuild both roots (RFC 9162, section 2.1.4.2); None where the path has a wrong length."""
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            old, new = hash_node(sibling, old), hash_node(sibling, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = hash_node(new, sibling)
        node, last = node >> 1, last >> 1
    return (old, new) if last == 0 else None


def _are_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == _HASH_BYTES for value in values)


# Ed25519 signatures, RFC 8032 section 5.1. Verifying handles no secret, so plain integers will do.

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
_SIGN = 1 << 255
Point = tuple[int, int, int, int]


def _add(one: Point, two: Point) -> Point:
    a = (one[1] - one[0]) * (two[1] - two[0]) % _P
    b = (one[1] + one[0]) * (two[1] + two[0]) % _P
    c = 2 * one[3] * two[3] * _D % _P
    d = 2 * one[2] * two[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _multiply(number: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            result = _add(result, point)
        point, number = _add(point, point), number >> 1
    return result


def _decode_point(data: bytes) -> Point:
    """Read a point; an encoding that is not the canonical one is refused."""
    number = int.from_bytes(data, "little")
    y, odd = number % _SIGN, number // _SIGN
    if y >= _P:
        raise ProofError("a point of the curve is not written canonically")
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and odd):
        raise ProofError("a point is not on the curve")
    if x % 2 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


def _encode_point(point: Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(_HASH_BYTES, "little")


_BASE = _decode_point((4 * pow(5, _P - 2, _P) % _P).to_bytes(_HASH_BYTES, "little"))


def verify_signature(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether ``signature`` (64 bytes) is that of ``message`` under the Ed25519 public ``key`` (32 bytes)."""
    if len(key) != _HASH_BYTES or len(signature) != _SIGNATURE_BYTES:
        return False
    number = int.from_bytes(signature[32:], "little")
    if number >= _L:
        return False
    try:
        x, y, z, t = _decode_point(key)
    except ProofError:
        return False
    if _encode_point(_multiply(8, (x, y, z, t))) == _encode_point((0, 1, 1, 0)):
        return False  # a key of small order signs everything
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % _L
    found = _add(_multiply(number, _BASE), _multiply(challenge, (_P - x, y, z, _P - t)))
    return _encode_point(found) == signature[:32]


# Signed notes and checkpoints, https://c2sp.org/signed-note and https://c2sp.org/tlog-checkpoint.


@dataclass(frozen=True)
class VerifierKey:
    """The public key of a ledger, written ``name+hash+key``."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that stand before a signature by this key."""
        packed = self.name.encode() + b"\n" + bytes([ED25519]) + self.public
        return hashlib.sha256(packed).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """Write the key as a line of text."""
        packed = base64.b64encode(bytes([ED25519]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{packed}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a key.

        Raises:
            ProofError: the text is no Ed25519 verifier key, or its hash is not that of its name and key.
        """
        name, _, rest = text.strip().partition("+")
        _, _, packed = rest.partition("+")
        data = _decode(packed, "the key")
        if not _NAME.fullmatch(name) or len(data) != _HASH_BYTES + 1 or data[0] != ED25519:
            raise ProofError("the key is no Ed25519 verifier key (name+hash+base64)")
        key = cls(name, data[1:])
        if str(key) != text.strip():
            raise ProofError("the key's hash is not that of its name and key: it was changed or mistyped")
        return key


@dataclass(frozen=True)
class Checkpoint:
    """The head of a ledger's tree."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> tuple[Checkpoint, list[tuple[str, bytes, bytes]]]:
    """Read a checkpoint and its signatures (name, key id, signature); none of them is checked.

    A checkpoint without signatures is its three lines alone.

    Raises:
        ProofError: it is no checkpoint.
    """
    body, blank, tail = text.partition("\n\n")
    body = body + "\n" if blank else body
    lines = body.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0] or not _NUMBER.fullmatch(lines[1]):  # noqa: PLR2004  a checkpoint
        raise ProofError("the checkpoint is not of three lines: origin, size and root")
    checkpoint = Checkpoint(lines[0], int(lines[1]), _decode_hash(lines[2], "the root"))
    if checkpoint.text != body:
        raise ProofError("the checkpoint is not written canonically")
    return checkpoint, _parse_signatures(tail) if blank else []


def _parse_signatures(text: str) -> list[tuple[str, bytes, bytes]]:
    lines = text.split("\n")
    if lines.pop() or not 0 < len(lines) <= _MAX_SIGNATURES:
        raise ProofError("the checkpoint's signatures are cut off, missing or too many")
    return [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, packed = line.removeprefix(_DASH).partition(" ")
    data = _decode(packed, "a signature")
    if not line.startswith(_DASH) or not _NAME.fullmatch(name) or len(data) <= _KEY_ID_BYTES:
        raise ProofError("a signature's line is malformed")
    return name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:]


def open_note(text: str, key: VerifierKey) -> Checkpoint:
    """Return the checkpoint in ``text`` once its signature by ``key`` was found good.

    Raises:
        ProofError: it is no checkpoint, of another ledger, or not signed by the key.
    """
    checkpoint, signatures = parse_checkpoint(text)
    ours = [item[2] for item in signatures if item[:2] == (key.name, key.key_id)]
    if not ours:
        raise ProofError(f"the checkpoint carries no signature by the key of {key.name}")
    if len(ours) > 1 or not verify_signature(key.public, checkpoint.text.encode(), ours[0]):
        raise ProofError("the checkpoint's signature is not good: it was changed, or another key signed it")
    if checkpoint.origin != key.name:
        raise ProofError(f"the checkpoint is of {checkpoint.origin}, and the key of {key.name}")
    return checkpoint


def _decode(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProofError(f"{what} is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise ProofError(f"{what} is not canonical base64")
    return data


def _decode_hash(text: str, what: str) -> bytes:
    data = _decode(text, what)
    if len(data) != _HASH_BYTES:
        raise ProofError(f"{what} has {len(data)} bytes instead of {_HASH_BYTES}")
    return data


# Proofs.


def check_proof(text: str, key: VerifierKey | None = None, held: Checkpoint | None = None) -> str:
    """Return a sentence on what ``text`` proves, given a key, or a checkpoint that the caller held before, or both.

    Raises:
        ProofError: it proves nothing.
    """
    if key is None and held is None:
        raise ProofError("a proof proves nothing by itself: give the ledger's key, or a checkpoint that you hold")
    head, blank, note = text.partition("\n\n")
    lines = head.split("\n")
    if not blank:
        raise ProofError("the proof is cut off: it has no checkpoint")
    claimed, _ = parse_checkpoint(note)
    if key is not None:
        claimed = open_note(note, key)
    if held is not None and held.origin != claimed.origin:
        raise ProofError(f"the proof is about {claimed.origin}, and the checkpoint that you hold about {held.origin}")
    if lines[0] == MAGIC:
        return _check_inclusion(lines[1:], claimed, held)
    if lines[0].startswith("old "):
        return _check_continuation(lines, claimed, key, held)
    raise ProofError(f"not a proof: its first line is neither {MAGIC} nor `old` and a size")


def _check_inclusion(lines: list[str], claimed: Checkpoint, held: Checkpoint | None) -> str:
    if held is not None and held != claimed:
        raise ProofError(
            f"the proof is for a tree of {claimed.size} records, and not for the checkpoint that you hold"
            f" ({held.size} records); ask for a proof that fits it"
        )
    if len(lines) < 2 or not lines[0].startswith("extra ") or not lines[1].startswith("index "):  # noqa: PLR2004
        raise ProofError("the proof has no lines `extra` and `index`")
    leaf = _decode(lines[0].removeprefix("extra "), "the manifest")
    index = _read_number(lines[1].removeprefix("index "))
    path = _read_path(lines[2:])
    if not verify_inclusion(hash_leaf(leaf), index, claimed.size, path, claimed.root):
        raise ProofError(
            "the record is not in the tree of the checkpoint: the proof was changed, or is of another tree"
        )
    # Canonical maps are sorted: behind the two sub-ids a snapshot's manifest has its facets, a run's has none.
    kind = "sn1" if leaf[_THIRD_KEY:].startswith(b"\xa6facets") else "rn1"
    name = hashlib.sha256(b"reprofp " + kind.encode() + b"\0" + leaf).hexdigest()
    return f"{kind}:{name} is record {index} of the {claimed.size} in {claimed.origin}"


def _check_continuation(lines: list[str], claimed: Checkpoint, key: VerifierKey | None, held: Checkpoint | None) -> str:
    if held is None:
        raise ProofError("that a ledger continues an earlier one is told only to who holds the earlier checkpoint")
    if key is None:
        raise ProofError("the newer checkpoint is not to be trusted without the key that signed it")
    size = _read_number(lines[0].removeprefix("old "))
    path = _read_path(lines[1:])
    if size != held.size:
        raise ProofError(f"the proof begins at {size} records, and the checkpoint that you hold has {held.size}")
    if not verify_consistency(held.size, claimed.size, held.root, claimed.root, path):
        raise ProofError(
            "the ledger does not continue the checkpoint that you hold: it was edited or cut, or is another"
        )
    return f"{claimed.origin} with {claimed.size} records continues the {held.size} of the checkpoint that you hold"


def _read_number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ProofError(f"{text[:20]!r} is no number")
    return int(text)


def _read_path(lines: list[str]) -> list[bytes]:
    if len(lines) > _MAX_PATH:
        raise ProofError("the proof has too many hashes")
    return [_decode_hash(line, "a hash") for line in lines]


def _read(path: str) -> str:
    with open(path, "rb") as file:
        data = file.read(MAX_PROOF_BYTES + 1)
    if len(data) > MAX_PROOF_BYTES:
        raise ProofError(f"{path} is larger than any proof")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProofError(f"{path} is no text") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Verify the proof that the command line names, say what it proves, and return the exit code."""
    import argparse  # noqa: PLC0415 - a ledger that verifies has no use for it

    parser = argparse.ArgumentParser(prog="verifier", description="Verify a proof of a ledger, without the ledger.")
    parser.add_argument("proof", metavar="PROOF", help="the file that `reprofp ledger prove` wrote")
    parser.add_argument("--key", help="the ledger's verifier key, name+hash+base64")
    parser.add_argument("--key-file", metavar="FILE", help="a file that holds the key")
    parser.add_argument("--held", metavar="CHECKPOINT", help="a checkpoint that you hold")
    parser.add_argument("--record", metavar="ID", help="the record that it must be about, sn1: or rn1: and 64 digits")
    parser.exit_on_error = False
    try:
        options = parser.parse_args(argv)
    except (argparse.ArgumentError, SystemExit) as error:
        if isinstance(error, SystemExit) and not error.code:
            raise
        return 3
    try:
        text = _read(options.proof)
        words = options.key or (_read(options.key_file) if options.key_file else None)
        held = _read(options.held) if options.held else None
    except (OSError, ProofError) as error:
        sys.stderr.write(f"cannot read: {error}\n")
        return 3
    try:
        key = VerifierKey.parse(words) if words else None
        sys.stdout.write(f"proved: {_check(text, key, _trust(held, key), options.record)}\n")
    except ProofError as error:
        sys.stderr.write(f"not proved: {error}\n")
        return 1
    return 0


def _check(text: str, key: VerifierKey | None, held: Checkpoint | None, record: str | None) -> str:
    found = check_proof(text, key, held)
    if record is not None and not found.startswith(record + " "):
        raise ProofError(f"the proof is about another record: {found}")
    return found


def _trust(text: str | None, key: VerifierKey | None) -> Checkpoint | None:
    """Read the checkpoint that the caller holds; where it is signed, the signature must be good too."""
    if text is None:
        return None
    checkpoint, signatures = parse_checkpoint(text)
    return open_note(text, key) if signatures and key is not None else checkpoint


if __name__ == "__main__":
    sys.exit(main())
