"""Attacks on the verifier of proofs: whatever is changed, nothing is proved."""

import base64
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.builders import make_run, make_snapshot
from reprofp.errors import LedgerError, UsageError
from reprofp.ledger import Ledger, verifier
from reprofp.ledger.checkpoints import Signer, make_checkpoint, name_origin, prove_continuation, prove_record
from reprofp.ledger.verifier import Checkpoint, ProofError, VerifierKey, check_proof, open_note, verify_signature

nacl = pytest.importorskip("nacl.signing", reason="PyNaCl, which signs, is not installed")

# RFC 8032, section 7.1, tests 1 to 3: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_the_vectors_of_rfc_8032(secret, public, message, signature):
    key, text, mark = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert verify_signature(key, text, mark)
    assert bytes(nacl.SigningKey(bytes.fromhex(secret)).verify_key) == key
    assert not verify_signature(key, text + b"x", mark)
    # The same signature with S + L, which careless verifiers accept.
    other = mark[:32] + (int.from_bytes(mark[32:], "little") + ORDER).to_bytes(32, "little")
    assert not verify_signature(key, text, other)
    for at in range(0, 512, 31):
        changed = bytearray(mark)
        changed[at // 8] ^= 1 << at % 8
        assert not verify_signature(key, text, bytes(changed))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_it_agrees_with_the_library(seed, message):
    signer = nacl.SigningKey(seed)
    assert verify_signature(bytes(signer.verify_key), message, signer.sign(message).signature)


@pytest.mark.parametrize("key", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32, b"\xec" + b"\xff" * 30 + b"\x7f", b"x"])
def test_keys_that_sign_everything_are_refused(key):
    assert not verify_signature(key, b"anything", bytes(64))
    assert not verify_signature(key, b"anything", key + bytes(32))
    assert not verify_signature(key, b"anything", b"\x01" + bytes(63))


def make_records(count):
    return [make_snapshot(number, lr=number) if number % 3 else make_run(number) for number in range(count)]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A ledger with two checkpoints, a proof of a record, one of continuation, and the key."""
    with Ledger.open(tmp_path_factory.mktemp("world")) as ledger:
        names = ledger.append_many(make_records(7))
        earlier = make_checkpoint(ledger)
        names += ledger.append_many(make_records(20)[7:])
        note = make_checkpoint(ledger)
        key = Signer.open(ledger.path, name_origin(ledger)).public
        proof = prove_record(ledger, names[4], note)
        continued = prove_continuation(ledger, earlier, note)
        yield {
            "ledger": ledger, "names": names, "earlier": earlier, "note": note,
            "key": key, "proof": proof, "continued": continued,
        }  # fmt: skip


def test_what_is_true_is_proved(world):
    key = world["key"]
    for name in world["names"]:
        proof = prove_record(world["ledger"], name, world["note"])
        assert check_proof(proof, key).startswith(f"{name} is record ")
        assert check_proof(proof, held=open_note(world["note"], key)).startswith(name)
    old = open_note(world["earlier"], key)
    assert "continues the 13 of the checkpoint" in check_proof(world["continued"], key, old)


@pytest.mark.parametrize("which", ["proof", "continued"])
def test_every_changed_byte_is_found(world, which):
    text, key, old = world[which], world["key"], open_note(world["earlier"], world["key"])
    held = old if which == "continued" else None
    data = text.encode()
    positions = range(0, len(data), 1 if which == "continued" else 3)
    for at in positions:
        for bit in (1, 32):
            changed = data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]
            with pytest.raises(ProofError):
                check_proof(changed.decode("utf-8", "surrogateescape"), key, held)


@pytest.mark.parametrize("which", ["proof", "continued"])
def test_every_truncation_and_extension_is_found(world, which):
    text, key = world[which], world["key"]
    held = open_note(world["earlier"], key) if which == "continued" else None
    for at in range(len(text)):
        with pytest.raises(ProofError):
            check_proof(text[:at], key, held)
    for more in ("\n", "x", " ", "\n\n", "\0", text):
        with pytest.raises(ProofError):
            check_proof(text + more, key, held)
        with pytest.raises(ProofError):
            check_proof(more + text, key, held)


@pytest.mark.parametrize("which", ["proof", "continued"])
def test_every_line_taken_away_doubled_or_swapped_is_found(world, which):
    lines, key = world[which].split("\n"), world["key"]
    held = open_note(world["earlier"], key) if which == "continued" else None
    for at in range(len(lines)):
        for changed in (lines[:at] + lines[at + 1 :], lines[: at + 1] + lines[at:], swap(lines, at)):
            if changed == lines:
                continue
            with pytest.raises(ProofError):
                check_proof("\n".join(changed), key, held)


def swap(lines, at):
    return [*lines[:at], *lines[at : at + 2][::-1], *lines[at + 2 :]]


def test_another_index_is_found(world):
    for index in ["0", "1", "40", "-1", "04", "4 ", "9" * 30, "٤"]:
        lines = world["proof"].split("\n")
        if lines[2] == f"index {index}":
            continue
        lines[2] = f"index {index}"
        with pytest.raises(ProofError):
            check_proof("\n".join(lines), world["key"])


def test_a_swapped_key_is_found(world):
    name = world["key"].name
    for key in (
        VerifierKey(name, bytes(nacl.SigningKey(bytes(32)).verify_key)),
        VerifierKey("other", world["key"].public),
    ):
        with pytest.raises(ProofError, match="carries no signature"):
            check_proof(world["proof"], key)
    # One that claims the same key id.
    body, _, tail = world["note"].partition("\n\n")
    forged = nacl.SigningKey(bytes(32)).sign((body + "\n").encode()).signature
    line = f"\N{EM DASH} {name} {base64.b64encode(world['key'].key_id + forged).decode()}\n"
    with pytest.raises(ProofError, match="not good"):
        open_note(f"{body}\n\n{line}", world["key"])
    with pytest.raises(ProofError, match="not good"):
        open_note(f"{body}\n\n{line}{tail}", world["key"])
    assert open_note(f"{body}\n\n{tail}\N{EM DASH} witness {base64.b64encode(bytes(76)).decode()}\n", world["key"])


def test_a_changed_key_line_is_found(world):
    text = str(world["key"])
    assert VerifierKey.parse(text) == world["key"]
    for at in range(len(text)):
        with pytest.raises(ProofError):
            VerifierKey.parse(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
        with pytest.raises(ProofError):
            VerifierKey.parse(text[:at])


def test_two_ledgers_with_a_common_past(world, tmp_path):
    """A ledger that went another way after a checkpoint continues it; what only the other has is not in it."""
    with Ledger.open(tmp_path) as other:
        other.append_many(make_records(20)[:9])
        other.append(make_snapshot(10**6))
        checkpoint = Checkpoint(name_origin(world["ledger"]), len(other), other.frontier().root)
        seed = Signer.open(world["ledger"].path, "").public  # the same key signs both: a fork
        assert seed == world["key"]
        note = Signer.open(world["ledger"].path, "").sign(checkpoint)
        old = open_note(world["note"], world["key"])
        lines = prove(other, 9 if len(other) > 9 else 1, note)
        with pytest.raises(ProofError, match=r"does not continue|begins at"):
            check_proof(lines, world["key"], old)
        with pytest.raises(ProofError, match="not for the checkpoint that you hold"):
            check_proof(world["proof"], world["key"], checkpoint)


def prove(ledger, first, note):
    path = ledger.prove_consistency(first)
    return "\n".join([f"old {first}", *(base64.b64encode(item).decode() for item in path), "", note])


def test_a_checkpoint_from_the_future(world):
    """Who holds a newer checkpoint than the ledger shows is told that the ledger was cut."""
    key = world["key"]
    future = Checkpoint(key.name, 10**6, bytes(32))
    with pytest.raises(ProofError, match="begins at"):
        check_proof(world["continued"], key, future)
    with pytest.raises(UsageError, match="it was cut, or put back from a backup"):
        prove_continuation(world["ledger"], future.text, world["note"])
    with pytest.raises(UsageError, match="it was cut, or put back"):
        prove_record(world["ledger"], world["names"][0], future.text)


def test_a_checkpoint_of_another_ledger(world, tmp_path):
    with Ledger.open(tmp_path) as other:
        other.append(make_snapshot())
        with pytest.raises(UsageError, match="that is a checkpoint of"):
            prove_record(other, make_snapshot().id, world["note"])
        held = Checkpoint(name_origin(other), 20, bytes(32))
        with pytest.raises(ProofError, match="about"):
            check_proof(world["proof"], world["key"], held)


def test_nothing_is_proved_to_who_brings_nothing(world):
    with pytest.raises(ProofError, match="proves nothing by itself"):
        check_proof(world["proof"])
    with pytest.raises(ProofError, match="only to who holds"):
        check_proof(world["continued"], world["key"])
    with pytest.raises(ProofError, match="not to be trusted without the key"):
        check_proof(world["continued"], None, open_note(world["earlier"], world["key"]))


def test_no_two_checkpoints_that_contradict_are_signed(tmp_path):
    with Ledger.open(tmp_path / "one") as ledger:
        ledger.append_many(make_records(5))
        make_checkpoint(ledger)
        ledger._database.execute("UPDATE checkpoint SET root = zeroblob(32)")
        with pytest.raises(LedgerError, match="does not continue its last checkpoint"):
            make_checkpoint(ledger)
        ledger._database.execute("UPDATE checkpoint SET size = 100")
        with pytest.raises(LedgerError, match=r"does not continue|has .* records, not 100"):
            make_checkpoint(ledger)


def test_the_key_is_private(tmp_path):
    with Ledger.open(tmp_path) as ledger:
        make_checkpoint(ledger)
        path = tmp_path / "ledger-signing.key"
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        with pytest.raises(LedgerError, match="can be read by others"):
            make_checkpoint(ledger)
        path.write_text("junk")
        path.chmod(0o600)
        with pytest.raises(LedgerError, match="is no key of a ledger"):
            make_checkpoint(ledger)


def test_without_a_library_an_unsigned_checkpoint_is_there(tmp_path, monkeypatch):
    from reprofp.ledger import checkpoints  # noqa: PLC0415

    monkeypatch.setattr(checkpoints, "can_sign", lambda: False)
    with Ledger.open(tmp_path) as ledger:
        names = ledger.append_many(make_records(5))
        with pytest.raises(LedgerError, match=r"no library for Ed25519.*--unsigned"):
            make_checkpoint(ledger)
        assert not (tmp_path / "ledger-signing.key").exists()
        note = make_checkpoint(ledger, signed=False)
        proof = prove_record(ledger, names[0], note)
        held, _ = verifier.parse_checkpoint(note)
        assert check_proof(proof, held=held).startswith(names[0])


def test_the_file_stands_alone(world, tmp_path):
    """It runs in a Python without anything, not even site-packages."""
    script = tmp_path / "verifier.py"
    script.write_bytes(Path(verifier.__file__).read_bytes())
    (tmp_path / "proof").write_text(world["proof"])
    (tmp_path / "held").write_text(world["note"])
    words = [sys.executable, "-I", "-S", script, tmp_path / "proof"]

    def ask(*more):
        return subprocess.run([*words, *more], capture_output=True, text=True, check=False, cwd=tmp_path)

    done = ask("--key", str(world["key"]), "--record", world["names"][4])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"proved: {world['names'][4]} is record ")
    assert ask("--held", "held").returncode == 0
    assert ask("--key", str(world["key"]), "--record", world["names"][5]).returncode == 1
    assert ask().returncode == 1
    assert ask("--held", "missing").returncode == 3
    assert ask("--nonsense").returncode == 3
    (tmp_path / "proof").write_bytes(b"\xff")
    assert ask("--held", "held").returncode == 3


def test_arbitrary_text_proves_nothing(world):
    random.seed(4)
    for _ in range(300):
        data = bytearray(world["proof"].encode())
        for _ in range(random.randint(1, 5)):
            data[random.randrange(len(data))] = random.randrange(256)
        text = data.decode("utf-8", "replace")
        if text != world["proof"]:
            with pytest.raises(ProofError):
                check_proof(text, world["key"])
    assert json.dumps(world["proof"])
