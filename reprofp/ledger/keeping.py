"""Keeping a ledger for years: compacting, retention, and purging what leaked.

In: an open, writable ledger. Out: what was done, in numbers. Guaranteed: leaves, ids and proofs stay; baselines
never expire; what is purged is in none of the ledger's files afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reprofp.errors import NameNotFoundError, UsageError
from reprofp.ledger.rewriting import Plan
from reprofp.model.ids import format_id, parse_id

if TYPE_CHECKING:
    from reprofp.ledger.store import Ledger

__all__ = ["Change", "compact", "expire", "find_expirable", "find_secret", "purge"]

_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Change:
    """What a rewriting did."""

    before: int
    """The size of the file before, in bytes."""
    after: int
    count: int = 0
    """The objects that were purged, or the records that expired."""


def compact(ledger: Ledger) -> Change:
    """Write the ledger anew, in as few bytes as it takes.

    Raises:
        LedgerError: it is damaged, or cannot be written.
    """
    return Change(*ledger.rewrite(Plan()))


def find_secret(ledger: Ledger, secret: bytes) -> list[str]:
    """Return the ids of the objects that hold ``secret`` (not of manifests, which hold ids only).

    Raises:
        UsageError: the secret is so short that it would be found by chance.
        LedgerError: something cannot be read.
    """
    if len(secret) < _SHORTEST_SECRET:
        raise UsageError(f"a secret of {len(secret)} bytes is found by chance: give {_SHORTEST_SECRET} or more of it")
    return [format_id(kind, raw_id) for kind, raw_id, data in ledger.walk_objects() if secret in data]


def purge(ledger: Ledger, names: Iterable[str], reason: str) -> Change:
    """Put tombstones in the place of objects (``fa1:``, ``sb1:``, ``pl1:``, ``rs1:``, ``at1:``), for good.

    The leaves stay, so that every proof still holds; what was known from these objects reads as Unknown.

    Raises:
        UsageError: one of the names is a record's, whose manifest is the leaf.
        NameNotFoundError: the ledger has no such object.
        LedgerError: the ledger is damaged, cannot be written, or is held open by readers.
    """
    numbers = set()
    for name in names:
        kind, raw_id = parse_id(name)
        if kind not in ("fa1", "sb1", "pl1", "rs1", "at1"):
            raise UsageError(f"{name[:16]} cannot be purged: a manifest is a leaf of the tree, and holds ids only")
        number = ledger.find_object(raw_id)
        if number is None:
            raise NameNotFoundError(f"the ledger in {ledger.path} has no object {name}")
        numbers.add(number)
    if not numbers:
        raise UsageError("nothing to purge")
    return Change(*ledger.rewrite(Plan(purged=numbers, reason=reason)), len(numbers))


def find_expirable(ledger: Ledger, before_ns: int) -> list[int]:
    """Return the leaves of the records from before a time that may expire: not baselines, nor what those consist of."""
    return ledger.find_old(before_ns)


def expire(ledger: Ledger, before_ns: int) -> Change:
    """Let go of the facets, side blobs and attachments of old records that no other record needs.

    A run goes with its snapshots, by the run's time. Baselines, past and present, never expire.

    Raises:
        LedgerError: the ledger is damaged, cannot be written, or is held open by readers.
    """
    leaves = set(find_expirable(ledger, before_ns))
    return Change(*ledger.rewrite(Plan(expired=leaves)), len(leaves))
