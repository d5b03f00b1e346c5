"""Checking records against their manifests, and replaying the Merkle tree over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reprofp.errors import FormatError
from reprofp.ledger.merkle import EMPTY_ROOT, Frontier, Node, hash_leaf
from reprofp.ledger.scanning import Row
from reprofp.model.canonical import decode
from reprofp.model.ids import format_id
from reprofp.model.observations import Value
from reprofp.model.reading import Source, read_record
from reprofp.model.records import Result, SideBlob

__all__ = ["RecordChecker", "TreeReplay"]

Manifest = Mapping[str, Value]


@dataclass
class TreeReplay:
    """The tree as its leaves give it."""

    kept_level: int
    frontier: Frontier = field(default_factory=Frontier)
    nodes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=lambda: {0: EMPTY_ROOT})
    is_whole: bool = True

    def add(self, manifest: bytes | None, *, keep_root: bool) -> None:
        """Append a leaf; after one that cannot be read nothing more can be told."""
        if manifest is None or not self.is_whole:
            self.is_whole = False
            return
        self.frontier, nodes = self.frontier.append(hash_leaf(manifest))
        self.nodes.update(self._select(nodes))
        if keep_root:
            self.roots[self.frontier.size] = self.frontier.root

    def _select(self, nodes: list[Node]) -> dict[tuple[int, int], bytes]:
        return {(node.level, node.position): node.hash for node in nodes if node.level >= self.kept_level}


class RecordChecker:
    """Compares the row of a record with its manifest, and follows what the manifest points to."""

    def __init__(self, source: Source, fingerprints: Mapping[int, tuple[bytes, bytes, bytes]]) -> None:
        """Keep where manifests and their parts are read from, and the rows of the table ``fingerprint``."""
        self._source = source
        self._fingerprints = fingerprints
        self._seen: set[tuple[object, ...]] = set()
        self.used: set[bytes] = set()
        """The ids of all objects that records point to."""
        self.parts: dict[bytes, set[int]] = {}
        """By the id of a snapshot, the leaves of the runs that consist of it."""
        self.opaque: set[int] = set()
        """The leaves of runs whose list of processes was purged: what they consist of is not known."""

    def check(self, row: Row, kind: str, raw_id: bytes, report: Callable[[str], None]) -> None:
        """Check one record, whose manifest has the right id already.

        Raises:
            FormatError: something that it points to is not what it should be.
            LookupError: something that it points to is not there.
        """
        manifest = decode(self._source.manifest(kind, raw_id))
        if not isinstance(manifest, dict):
            raise FormatError("its manifest is no map")
        self.used.add(raw_id)
        self._follow(manifest)
        role, exit_code = self._check_run(manifest, row[0]) if kind == "rn1" else self._check_snapshot(raw_id, manifest)
        self._compare_row(row, manifest, role, exit_code, report)

    def _follow(self, manifest: Manifest) -> None:
        self.used |= {value for key in ("side", "processes", "result") if isinstance(value := manifest.get(key), bytes)}
        pairs = manifest.get("facets", [])
        if isinstance(pairs, list):
            self.used |= {pair[1] for pair in pairs if isinstance(pair, list)}

    def _check_snapshot(self, raw_id: bytes, manifest: Manifest) -> tuple[str | None, int | None]:
        """Check what the manifest points to; facets that were checked together are not checked again."""
        phase = manifest.get("phase")
        marks = tuple(manifest.get(key) for key in ("phase", "fingerprint", "conditions", "experiment"))
        state = (getattr(self._source, "is_expired", False), *marks, str(manifest.get("facets")))
        if state in self._seen:
            self._read_blob("sb1", manifest, "side", SideBlob.from_value)
        else:
            read_record("sn1", raw_id, self._source)
            self._seen.add(state)
        return (phase if isinstance(phase, str) else None), None

    def _read_blob(self, kind: str, manifest: Manifest, key: str, read: Callable[[Value], object]) -> Value:
        raw_id = manifest.get(key)
        data = self._source.blob(kind, raw_id) if isinstance(raw_id, bytes) else None
        if data is None:
            return None
        value = decode(data)
        read(value)
        return value

    def _check_run(self, manifest: Manifest, leaf: int) -> tuple[str | None, int | None]:
        self._read_blob("sb1", manifest, "side", SideBlob.from_value)
        result = self._read_blob("rs1", manifest, "result", Result.from_value)
        processes = self._read_blob("pl1", manifest, "processes", lambda value: value)
        if not isinstance(processes, list):
            self.opaque.add(leaf)
            return None, None
        entries = [entry for entry in processes if isinstance(entry, dict)]
        snapshots = [manifest.get("start"), *(entry.get("snapshot") for entry in entries)]
        for part in snapshots:
            if isinstance(part, bytes):
                self.parts.setdefault(part, set()).add(leaf)
        last = snapshots[1] if len(snapshots) > 1 and snapshots[1] is not None else snapshots[0]
        self._compare_fingerprints(manifest, last)
        role = entries[0].get("role") if entries else ""
        code = result.get("exit_code") if isinstance(result, dict) else None
        return (role if isinstance(role, str) else None), (code if isinstance(code, int) else None)

    def _compare_fingerprints(self, manifest: Manifest, raw_id: Value) -> None:
        if not isinstance(raw_id, bytes):
            raise FormatError("its manifest names no snapshot")
        snapshot = decode(self._source.manifest("sn1", raw_id))
        keys = ("fingerprint", "conditions", "experiment")
        if not isinstance(snapshot, dict) or any(snapshot.get(key) != manifest.get(key) for key in keys):
            raise FormatError(f"its fingerprint is not that of {format_id('sn1', raw_id)}")

    def _compare_row(
        self, row: Row, manifest: Manifest, role: str | None, exit_code: int | None, report: Callable[[str], None]
    ) -> None:
        _leaf, _manifest, fingerprint, time_ns, _run, row_exit_code, row_role = row
        marks = tuple(manifest.get(key) for key in ("fingerprint", "conditions", "experiment"))
        if self._fingerprints.get(fingerprint) != marks:
            report("its row points to another fingerprint than its manifest")
        if time_ns != manifest.get("time_ns"):
            report("its row has another time than its manifest")
        # The list of processes and the result may have been purged: then the row alone knows.
        if role is not None and (row_role, row_exit_code) != (role, exit_code):
            report("its row has another role or exit code than the record")
