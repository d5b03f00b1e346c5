"""Opening a record's file without building the record: for whoever stores it, and shows nothing of it.

In: the bytes of a file. Out: its parcel, or None where anything is not surely as it should be: then
``files.unpack_record`` decides, and says why. Guaranteed: a parcel comes only of bytes that ``unpack_record`` takes.

Each object's bytes are hashed, and checked to be canonical by the native core in one pass; those of a facet that was
checked before in this process are known by their id, and are not checked again: an id stands for one sequence of bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgpack

from reprofp._core.canonical import find_facet_name, is_canonical
from reprofp.errors import FormatError
from reprofp.ledger.files import MAGIC, MAGIC_ATTACHED, MAX_FILE_BYTES, unpack_record
from reprofp.ledger.items import Item, hash_host
from reprofp.ledger.parcels import Entry, Parcel, wrap
from reprofp.model.canonical import MAX_FACET_BYTES, decode
from reprofp.model.fingerprints import Fingerprint
from reprofp.model.ids import hash_bytes, parse_id
from reprofp.model.records import MAX_MANIFEST_BYTES, SCHEMA, Result
from reprofp.model.schema import Phase

__all__ = ["open_file", "try_to_open"]

_MOST_ITEMS = 1 << 16
_DEPTH = 3
_ID_BYTES = 32
_MOST_KNOWN = 4096
_KEYS = ["objects", "purged", "record"]
_INT64 = range(-(2**63), 2**63)
_SNAPSHOT = {"conditions", "experiment", "facets", "fingerprint", "kind", "phase", "schema", "side", "time_ns", "tool"}
_RUN = {
    "conditions", "experiment", "fingerprint", "kind", "processes", "result", "schema", "side", "start", "time_ns", "tool"
}  # fmt: skip

_known_facets: dict[bytes, str] = {}


class _Doubt(Exception):  # noqa: N818  no error: another way is taken
    """Something is not surely right."""


def open_file(data: bytes) -> Parcel:
    """Return the parcel of the record whose file's bytes are ``data``; see ``files.unpack_record``.

    Raises:
        FormatError: they are not exactly what ``pack_record`` gives for some record.
    """
    parcel = try_to_open(data)
    return wrap(unpack_record(data)) if parcel is None else parcel


def try_to_open(data: bytes) -> Parcel | None:
    """Return the parcel of a record's file, or None where the file must be looked at more closely."""
    if len(data) > MAX_FILE_BYTES or not data.startswith((MAGIC, MAGIC_ATTACHED)):
        return None
    try:
        return _File(data).open()
    except (_Doubt, FormatError, ValueError, KeyError, TypeError):
        return None


def _require(condition: object) -> None:
    if not condition:
        raise _Doubt


def _unpack(data: bytes | memoryview) -> Any:
    return msgpack.unpackb(data, raw=False)


class _File:
    """One file while it is opened."""

    def __init__(self, data: bytes) -> None:
        body = memoryview(data)[len(MAGIC) :]
        _require(is_canonical(body, _MOST_ITEMS, _DEPTH))
        plain = _unpack(body)
        attached = plain.pop("attachments", None)
        _require(list(plain) == _KEYS and plain["purged"] == [])
        _require((attached is not None) == data.startswith(MAGIC_ATTACHED) and attached != [])
        self._data = data
        self._attachments = _read_attachments(attached or [])
        self._kind, self._raw_id = parse_id(plain["record"])
        self._objects = _read_objects(plain["objects"])
        self._used: set[bytes] = set()
        self._entries: dict[bytes, Entry] = {}

    def open(self) -> Parcel:
        """Return the parcel."""
        _require(self._kind in ("sn1", "rn1"))
        if self._kind == "sn1":
            self._open_snapshot(self._raw_id, self._attachments)
        else:
            self._open_run(self._raw_id)
        _require(len(self._used) == len(self._objects))
        data = self._data
        return Parcel(tuple(self._entries.values()), lambda: unpack_record(data))

    def _take(self, kind: str, raw_id: bytes) -> bytes:
        found, data = self._objects[raw_id]
        _require(found == kind)
        self._used.add(raw_id)
        return data

    def _take_canonical(self, kind: str, raw_id: bytes) -> bytes:
        data = self._take(kind, raw_id)
        _require(is_canonical(data))
        return data

    def _take_manifest(self, kind: str, raw_id: bytes, keys: set[str]) -> tuple[bytes, dict[str, Any]]:
        manifest = self._take_canonical(kind, raw_id)
        _require(len(manifest) <= MAX_MANIFEST_BYTES)
        fields = _unpack(manifest)
        _require(isinstance(fields, dict) and set(fields) == keys)
        _require(type(fields["tool"]) is str and fields["schema"] == SCHEMA and type(fields["schema"]) is int)
        _require(type(fields["time_ns"]) is int and fields["time_ns"] in _INT64)
        return manifest, fields

    def _open_snapshot(self, raw_id: Any, attachments: Mapping[str, bytes] | None = None) -> Entry:
        _require(type(raw_id) is bytes and len(raw_id) == _ID_BYTES)
        if raw_id in self._entries:
            return self._entries[raw_id]
        manifest, fields = self._take_manifest("sn1", raw_id, _SNAPSHOT)
        phase = Phase(fields["phase"])
        host, side = self._open_side(fields["side"], f"sb1/{phase.value}")
        facets = self._open_facets(fields["facets"], host)
        mark = Fingerprint.of_ids(phase, [(item.lineage, item.raw_id) for item in facets])
        _check_marks(fields, mark)
        _require(fields["kind"] == "snapshot" and type(fields["kind"]) is str)
        own = Item("sn1", raw_id, manifest, f"sn1/{phase.value}", host, is_hashed=True)
        items = (*facets, side, own)
        entry = Entry(
            "sn1", own.raw_id, manifest, mark, fields["time_ns"], None, phase.value, lambda: items, attachments or {}
        )
        self._entries[own.raw_id] = entry
        return entry

    def _open_facets(self, pairs: Any, host: bytes) -> list[Item]:
        _require(type(pairs) is list)
        names = [name for name, _ in pairs]
        _require(all(type(name) is str for name in names))
        _require(all(a < b for a, b in pairwise(names)))
        return [self._open_facet(name, raw_id, host) for name, raw_id in pairs]

    def _open_facet(self, name: str, raw_id: bytes, host: bytes) -> Item:
        data = self._take("fa1", raw_id)
        known = _known_facets.get(raw_id)
        if known is None:
            known = find_facet_name(data) if len(data) <= MAX_FACET_BYTES else None
            if known is not None:
                if len(_known_facets) >= _MOST_KNOWN:
                    _known_facets.clear()
                _known_facets[raw_id] = known
        _require(known == name)
        return Item("fa1", raw_id, data, name, host, is_hashed=True)

    def _open_side(self, raw_id: bytes, lineage: str) -> tuple[bytes, Item]:
        data = self._take_canonical("sb1", raw_id)
        match _unpack(data):
            case {
                "circumstances": dict(facts), "key": str(), "keyed": dict(keyed), "salt": bytes(), **rest
            } if not rest:  # fmt: skip
                name = facts.get("os.host_name")
                _require("$" not in facts and "$" not in keyed and not isinstance(name, (dict, list)))
                _require(all(type(value) is bytes for value in keyed.values()))
                host = hash_host(facts)
                return host, Item("sb1", raw_id, data, lineage, host, is_hashed=True)
        raise _Doubt

    def _open_run(self, raw_id: bytes) -> None:
        manifest, fields = self._take_manifest("rn1", raw_id, _RUN)
        host, side = self._open_side(fields["side"], "sb1/run")
        start = self._open_snapshot(fields["start"])
        listed = self._take_canonical("pl1", fields["processes"])
        found = _unpack(listed)
        _require(type(found) is list)
        processes = [self._open_process(item) for item in found]
        result = self._take_canonical("rs1", fields["result"])
        exit_code = Result.from_value(decode(result, is_checked=True)).exit_code
        _require(exit_code is None or (type(exit_code) is int and exit_code in _INT64))
        mark = ((processes[0][1] if processes else None) or start).fingerprint
        _check_marks(fields, mark)
        _require(fields["kind"] == "run" and type(fields["kind"]) is str)
        items = (
            Item("pl1", fields["processes"], listed, "pl1", host, is_hashed=True),
            Item("rs1", fields["result"], result, "rs1", host, is_hashed=True),
            side,
            Item("rn1", raw_id, manifest, "rn1/run", host, is_hashed=True),
        )
        self._entries[raw_id] = Entry(
            "rn1",
            raw_id,
            manifest,
            mark,
            fields["time_ns"],
            exit_code,
            processes[0][0] if processes else "",
            lambda: items,
            self._attachments,
        )

    def _open_process(self, item: Any) -> tuple[str, Entry | None]:
        _require(type(item) is dict and list(item) == ["exit_code", "role", "snapshot"])
        code, role, snapshot = item["exit_code"], item["role"], item["snapshot"]
        _require(type(role) is str and (code is None or type(code) is int))
        return role, None if snapshot is None else self._open_snapshot(snapshot)


def _check_marks(fields: Mapping[str, Any], mark: Fingerprint) -> None:
    found = fields["fingerprint"], fields["conditions"], fields["experiment"]
    _require(found == (mark.raw_id, mark.raw_conditions, mark.raw_experiment))


def _read_objects(pairs: Any) -> dict[bytes, tuple[str, bytes]]:
    """Return the objects by their raw ids, in whose order they must stand."""
    found: dict[bytes, tuple[str, bytes]] = {}
    last = b""
    for kind, data in pairs:
        _require(type(kind) is str and type(data) is bytes)
        raw_id = hash_bytes(kind, data)
        _require(raw_id > last)
        found[raw_id] = kind, data
        last = raw_id
    return found


def _read_attachments(pairs: Any) -> dict[str, bytes]:
    names = [name for name, _ in pairs]
    _require(all(type(name) is str and type(data) is bytes for name, data in pairs))
    _require(all(a < b for a, b in pairwise(names)))
    return dict(pairs)
