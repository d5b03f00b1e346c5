"""Records as the objects that they are stored as.

In: records. Out: the canonical bytes of their facets, blobs and manifests, each with its kind and id. Nothing here needs a
ledger, so that a record in a file is read without one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reprofp.model.ids import hash_bytes
from reprofp.model.observations import Value
from reprofp.model.records import Record, Run, Snapshot

__all__ = ["Item", "hash_host", "iterate_items", "iterate_parts"]


@dataclass(frozen=True, slots=True)
class Item:
    """An object as a record has it; ``data`` is not to be trusted where the object was purged."""

    kind: str
    raw_id: bytes
    data: bytes
    lineage: str = ""
    """What names the chains that it may be stored in; empty where it resembles no other."""
    host: bytes = bytes(8)
    is_hashed: bool = False
    """Whether ``raw_id`` was computed from ``data`` just now."""

    @property
    def is_purged(self) -> bool:
        """Whether the record was read with a tombstone in place of this object."""
        return not self.is_hashed and hash_bytes(self.kind, self.data) != self.raw_id


def iterate_items(record: Record) -> Iterator[Item]:
    """Yield the objects of ``record`` itself, without those of its snapshots; the manifest comes last."""
    host = hash_host(record.side.circumstances)
    if isinstance(record, Snapshot):
        kind, role = "sn1", record.phase.value
        for facet in record.facets.values():
            yield Item("fa1", facet.raw_id, facet.canonical, facet.name, host)
    else:
        kind, role = "rn1", "run"
        for blob in (record.process_list, record.result.blob):
            yield Item(blob.kind, blob.raw_id, blob.canonical, blob.kind, host)
    side = record.side.blob
    yield Item(side.kind, side.raw_id, side.canonical, f"{side.kind}/{role}", host)
    yield Item(kind, record.raw_id, record.manifest, f"{kind}/{role}", host)


def hash_host(circumstances: Mapping[str, Value]) -> bytes:
    """Return what tells hosts apart without naming them, so that a purge of the side blob leaves no name."""
    name = circumstances.get("os.host_name")
    return hashlib.sha256(b"reprofp host\0" + str(name).encode("utf-8", "surrogatepass")).digest()[:8]


def iterate_parts(record: Record) -> Iterator[Snapshot]:
    """Yield the snapshots that a run consists of, each once, the start first."""
    if not isinstance(record, Run):
        return
    seen = set()
    for part in (record.start, *(process.snapshot for process in record.processes)):
        if part is not None and part.raw_id not in seen:
            seen.add(part.raw_id)
            yield part
