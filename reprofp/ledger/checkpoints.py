"""Checkpoints of a ledger, and proofs that can be verified without it.

In: an open ledger. Out: texts: C2SP checkpoints (signed notes where a key library is installed), C2SP
tlog-proofs of records, and proofs that the ledger continues an earlier checkpoint. Guaranteed: before a
checkpoint is signed, the ledger is shown to continue the last one that it signed.
"""

from __future__ import annotations

import base64
import importlib.util
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from reprofp.errors import LedgerError, UsageError
from reprofp.ledger.folders import replace_file
from reprofp.ledger.verifier import (
    ED25519,
    MAGIC,
    Checkpoint,
    ProofError,
    VerifierKey,
    parse_checkpoint,
    verify_consistency,
)

if TYPE_CHECKING:
    from reprofp.ledger.store import Ledger

__all__ = ["KEY_NAME", "Signer", "can_sign", "make_checkpoint", "name_origin", "prove_continuation", "prove_record"]

KEY_NAME = "ledger-signing.key"
"""The file in the ledger's folder that holds its private key."""

_HEADER = "PRIVATE+KEY"
_SEED_BYTES = 32


def can_sign() -> bool:
    """Whether a library for Ed25519 is installed."""
    return importlib.util.find_spec("nacl") is not None


class Signer:
    """The key of a ledger."""

    def __init__(self, name: str, seed: bytes) -> None:
        """Keep the name that notes are signed under, and the 32 secret bytes.

        Raises:
            LedgerError: no library for Ed25519 is installed.
        """
        if not can_sign():
            raise LedgerError(
                "cannot sign: no library for Ed25519 is installed; `pip install 'reprofp[sign]'` brings one; `--unsigned`"
                " asks for a checkpoint without a signature, which proves as much to whoever holds it"
            )
        from nacl.signing import SigningKey  # noqa: PLC0415  an extra, and only signing needs it

        self._key = SigningKey(seed)
        self.public = VerifierKey(name, bytes(self._key.verify_key))

    def sign(self, checkpoint: Checkpoint) -> str:
        """Return the checkpoint as a signed note."""
        mark = self._key.sign(checkpoint.text.encode()).signature
        packed = base64.b64encode(self.public.key_id + mark).decode()
        return f"{checkpoint.text}\n\N{EM DASH} {self.public.name} {packed}\n"

    @classmethod
    def open(cls, folder: Path, origin: str) -> Signer:
        """Read the key of the ledger in ``folder``; make one where there is none.

        Raises:
            LedgerError: no library is installed, or the file cannot be read, is not private, or is no key.
        """
        path = folder / KEY_NAME
        try:
            if not path.exists():
                cls(origin, bytes(_SEED_BYTES))  # says so where it cannot sign, before a file is there
                _write_key(path, origin, os.urandom(_SEED_BYTES))
            text = path.read_text(encoding="ascii", errors="replace")
            is_open = bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
        except OSError as error:
            raise LedgerError(f"cannot read the ledger's key {path}: {error.strerror or error}") from error
        if is_open:
            raise LedgerError(f"the ledger's key {path} can be read by others: `chmod 600` it, or replace it")
        return cls(*_parse_key(path, text))


def _write_key(path: Path, origin: str, seed: bytes) -> None:
    packed = base64.b64encode(bytes([ED25519]) + seed).decode()
    replace_file(path, f"{_HEADER}+{origin}+{packed}\n".encode(), mode=0o600)


def _parse_key(path: Path, text: str) -> tuple[str, bytes]:
    head, _, rest = text.strip().partition(f"{_HEADER}+")
    name, _, packed = rest.partition("+")
    try:
        data = base64.b64decode(packed, validate=True)
    except ValueError:
        data = b""
    if head or not name or len(data) != _SEED_BYTES + 1 or data[0] != ED25519:
        raise LedgerError(f"{path} is no key of a ledger; put it back from a backup, or move it away to make another")
    return name, data[1:]


def name_origin(ledger: Ledger) -> str:
    """Return the name of the ledger's log: that of the program, and the random id of the ledger."""
    return f"reprofp/ledger/{ledger.identity.hex()}"


def make_checkpoint(ledger: Ledger, *, signed: bool = True) -> str:
    """Return a checkpoint of the ledger as it is; a signed one is kept in it too.

    Raises:
        LedgerError: the ledger does not continue the last checkpoint that it signed, or cannot sign or be written.
    """
    frontier = ledger.frontier()
    checkpoint = Checkpoint(name_origin(ledger), frontier.size, frontier.root)
    if not signed:
        return checkpoint.text
    signer = Signer.open(ledger.path, checkpoint.origin)
    _refuse_fork(ledger, checkpoint)
    note = signer.sign(checkpoint)
    ledger.keep_checkpoint(checkpoint.size, checkpoint.root, time.time_ns(), note.encode())
    return note


def _refuse_fork(ledger: Ledger, checkpoint: Checkpoint) -> None:
    """Sign nothing that contradicts what was signed before: the ledger may have been put back from a backup."""
    last = ledger.last_checkpoint()
    if last is None or last[0] == 0:
        return
    size, root = last
    sound = size <= checkpoint.size and verify_consistency(
        size, checkpoint.size, root, checkpoint.root, ledger.prove_consistency(size, checkpoint.size)
    )
    if not sound:
        raise LedgerError(
            f"the ledger in {ledger.path} has {checkpoint.size} records and does not continue its last checkpoint, which"
            f" had {size}: it was edited, or put back from a backup; nothing was signed. `reprofp ledger verify` may"
            " tell more"
        )


def prove_record(ledger: Ledger, record_id: str, note: str) -> str:
    """Return the proof that a record is among those of the checkpoint in ``note`` (C2SP tlog-proof, v1).

    Raises:
        NameNotFoundError: the ledger has no such record.
        UsageError: the checkpoint is not of this ledger, or older than the record.
        LedgerError: what the proof is made of is damaged.
    """
    checkpoint = _read_own(ledger, note)
    index, path = ledger.prove_inclusion(record_id, checkpoint.size)
    manifest = base64.b64encode(ledger.manifest(record_id)).decode()
    return "\n".join([MAGIC, f"extra {manifest}", f"index {index}", *map(_write_hash, path), "", note])


def prove_continuation(ledger: Ledger, earlier: str, note: str) -> str:
    """Return the proof that the checkpoint in ``note`` continues an ``earlier`` one.

    Raises:
        UsageError: one of them is not of this ledger, or ``earlier`` is empty or the later.
        LedgerError: the ledger does not continue the earlier checkpoint, or is damaged.
    """
    old, new = _read_own(ledger, earlier), _read_own(ledger, note)
    if not 0 < old.size <= new.size:
        raise UsageError(f"a ledger of {new.size} records does not continue one of {old.size}")
    path = ledger.prove_consistency(old.size, new.size)
    if not verify_consistency(old.size, new.size, old.root, new.root, path):
        raise LedgerError(
            f"the ledger in {ledger.path} does not continue that checkpoint of {old.size} records: one of its first"
            " records was changed, or the checkpoint was; keep both, and see `reprofp ledger verify`"
        )
    return "\n".join([f"old {old.size}", *map(_write_hash, path), "", note])


def _write_hash(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _read_own(ledger: Ledger, note: str) -> Checkpoint:
    try:
        checkpoint, _ = parse_checkpoint(note)
    except ProofError as error:
        raise UsageError(f"not a checkpoint: {error}") from error
    if checkpoint.origin != name_origin(ledger):
        raise UsageError(f"that is a checkpoint of {checkpoint.origin}, and this ledger is {name_origin(ledger)}")
    if checkpoint.size > len(ledger):
        raise UsageError(
            f"that checkpoint has {checkpoint.size} records, and the ledger only {len(ledger)}: it was cut, or put back"
            " from a backup, since the checkpoint was made"
        )
    return checkpoint
