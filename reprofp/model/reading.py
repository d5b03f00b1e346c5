"""Reading records back: every byte is checked against the id that points to it."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Protocol, cast

from reprofp.errors import FormatError
from reprofp.model.canonical import decode
from reprofp.model.facets import Facet
from reprofp.model.ids import format_id, hash_bytes
from reprofp.model.observations import Unknown, UnknownCode, Value
from reprofp.model.records import SCHEMA, Process, Record, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase

__all__ = ["Source", "read_record", "remember_facets"]


class _Memory:
    """Facets that were read already, by id: records of one host share most of theirs, and a facet never changes."""

    def __init__(self) -> None:
        self._limit = self._size = 0
        self._known: dict[bytes, tuple[Facet, int]] = {}
        self._mutex = Lock()

    def allow(self, limit: int) -> None:
        with self._mutex:
            self._limit, self._size = limit, 0
            self._known.clear()

    def read(self, raw_id: bytes, data: bytes) -> Facet:
        """Return the facet ``data``, whose id is known to be ``raw_id``."""
        found = self._known.get(raw_id)
        if found is not None:
            return found[0]
        facet = Facet.from_canonical(data)
        if len(data) <= self._limit // 4:
            with self._mutex:
                self._size += len(data) if raw_id not in self._known else 0
                self._known[raw_id] = facet, len(data)
                while self._size > self._limit:
                    self._size -= self._known.pop(next(iter(self._known)))[1]
        return facet


_memory = _Memory()


def remember_facets(limit: int) -> None:
    """Keep facets that are read, of up to ``limit`` canonical bytes in all (0, as at first: none).

    For a process that reads many records of few hosts. As objects they take some ten times their bytes.
    """
    _memory.allow(limit)


class Source(Protocol):
    """Where a reader finds what a manifest points to; each method returns canonical bytes.

    A method raises LookupError for what is not there.
    """

    def manifest(self, kind: str, raw_id: bytes) -> bytes:
        """Return the manifest of the record ``raw_id``."""

    def facet(self, raw_id: bytes) -> bytes | None:
        """Return the facet ``raw_id``, or None where a tombstone stands in its place."""

    def blob(self, kind: str, raw_id: bytes) -> bytes | None:
        """Return the blob ``raw_id``, or None where a tombstone stands in its place."""


def read_record(kind: str, raw_id: bytes, source: Source) -> Record:
    """Build the record ``raw_id`` of ``kind`` (``sn1`` or ``rn1``) from what ``source`` holds.

    Every byte that is read is checked against the id that points to it.

    Raises:
        FormatError: bytes do not match their id or their format.
        LookupError: ``source`` does not hold something that the record points to.
    """
    manifest = source.manifest(kind, raw_id)
    _check(kind, raw_id, manifest)
    value = decode(manifest, is_checked=True)  # it is held against the bytes that the record makes, below
    if not isinstance(value, dict):
        raise FormatError(f"manifest {format_id(kind, raw_id)} is not a map")
    schema = value.get("schema")
    if type(schema) is not int or schema > SCHEMA:
        raise FormatError(
            f"record {format_id(kind, raw_id)} has schema {schema!r}: it was written by a newer reprofp; upgrade to read it"
        )
    record = _read_snapshot(value, source) if kind == "sn1" else _read_run(value, source)
    if record.manifest != manifest:
        raise FormatError(f"record {format_id(kind, raw_id)}: its manifest does not agree with what it points to")
    return record


def _check(kind: str, raw_id: bytes, data: bytes) -> None:
    if hash_bytes(kind, data) != raw_id:
        raise FormatError(f"damaged: the bytes stored for {format_id(kind, raw_id)} have another id")


def _read_snapshot(value: Mapping[str, Value], source: Source) -> Snapshot:
    match value:
        case {
            "kind": "snapshot",
            "tool": str(tool),
            "time_ns": int(time_ns),
            "phase": str(phase),
            "facets": list(pairs),
            "side": bytes(side),
        }:
            facets = dict(_read_facet(pair, source) for pair in pairs)
            return Snapshot(time_ns, _read_phase(phase), facets, _read_side(side, source), tool)
    raise FormatError("not a snapshot's manifest: a field is missing or malformed")


def _read_phase(text: str) -> Phase:
    try:
        return Phase(text)
    except ValueError as error:
        raise FormatError(f"unknown phase {text!r}: written by a newer reprofp?") from error


def _read_facet(pair: Value, source: Source) -> tuple[str, Facet]:
    match pair:
        case [str(name), bytes(raw_id)]:
            data = source.facet(raw_id)
            if data is None:
                return name, _Tombstone(name, raw_id)
            _check("fa1", raw_id, data)
            return name, _memory.read(raw_id, data)
    raise FormatError("not a snapshot's manifest: a facet is a name and an id")


class _Tombstone(Facet):
    """A facet whose bytes were purged: its id is known, its facts are not."""

    def __init__(self, name: str, raw_id: bytes) -> None:
        super().__init__(name, 1, {(): Unknown(UnknownCode.DENIED)})
        self.__dict__["raw_id"] = raw_id


def _read_side(raw_id: bytes, source: Source) -> SideBlob:
    data = source.blob("sb1", raw_id)
    if data is None:
        side = SideBlob(salt=b"")
        side.blob.__dict__["raw_id"] = raw_id
        return side
    _check("sb1", raw_id, data)
    return SideBlob.from_value(decode(data))


def _read_blob(kind: str, raw_id: bytes, source: Source) -> Value:
    data = source.blob(kind, raw_id)
    if data is None:
        raise LookupError(f"{format_id(kind, raw_id)} was purged")
    _check(kind, raw_id, data)
    return decode(data)


def _read_run(value: Mapping[str, Value], source: Source) -> Run:
    match value:
        case {
            "kind": "run",
            "tool": str(tool),
            "time_ns": int(time_ns),
            "start": bytes(start),
            "processes": bytes(processes),
            "result": bytes(result),
            "side": bytes(side),
        }:
            return Run(
                time_ns,
                _read_part(start, source),
                _read_processes(_read_blob("pl1", processes, source), source),
                Result.from_value(_read_blob("rs1", result, source)),
                _read_side(side, source),
                tool,
            )
    raise FormatError("not a run's manifest: a field is missing or malformed")


def _read_part(raw_id: bytes, source: Source) -> Snapshot:
    return cast("Snapshot", read_record("sn1", raw_id, source))


def _read_processes(value: Value, source: Source) -> tuple[Process, ...]:
    if not isinstance(value, list):
        raise FormatError("not a run's list of processes")
    return tuple(_read_process(item, source) for item in value)


def _read_process(item: Value, source: Source) -> Process:
    match item:
        case {"role": str(role), "exit_code": None | int() as code, "snapshot": None | bytes() as raw_id, **rest} if (
            not rest
        ):
            return Process(role, code, _read_part(raw_id, source) if raw_id is not None else None)
    raise FormatError("not a run's list of processes: expected role, exit_code and snapshot")
