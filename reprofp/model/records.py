"""Records: snapshots (``sn1``) and runs (``rn1``), named by the ids of their manifests.

A manifest holds ids only: of facets, of a salted side blob with circumstances and keyed values, and
for a run of its list of processes and of its result. So a manifest can be a leaf of a Merkle tree, and
what it points to can be purged without touching the leaf. The formats are in docs/formats/records.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, Union, cast

from reprofp.errors import FormatError
from reprofp.model.canonical import encode
from reprofp.model.facets import Facet
from reprofp.model.fingerprints import Fingerprint
from reprofp.model.ids import format_id, hash_bytes
from reprofp.model.observations import Observation, Unknown, UnknownCode, Value
from reprofp.model.paths import FactPath
from reprofp.model.schema import Phase

__all__ = [
    "MAX_ATTACHMENT_BYTES",
    "SCHEMA",
    "Blob",
    "Process",
    "Record",
    "Repeats",
    "Result",
    "Run",
    "SideBlob",
    "Snapshot",
]

SCHEMA = 1
"""The version of the manifests' format."""

MAX_MANIFEST_BYTES = 65_535
"""The largest manifest: what an entry of a C2SP transparency log may take (https://c2sp.org/tlog-tiles)."""

MAX_ATTACHMENT_BYTES = 8 * 1024 * 1024
"""The largest attachment that is kept; what is larger is left out, and its digest stays."""

_SALT_BYTES = 16
_SHOWN_ID = 16


def _encode_manifest(fields: Mapping[str, Value]) -> bytes:
    data = encode(fields)
    if len(data) > MAX_MANIFEST_BYTES:
        raise FormatError(f"a manifest of {len(data)} bytes is larger than the {MAX_MANIFEST_BYTES} that it may take")
    return data


@dataclass(frozen=True)
class Blob:
    """A canonical value that a manifest points to by its id."""

    kind: str
    value: Value

    @cached_property
    def canonical(self) -> bytes:
        """The blob's canonical bytes."""
        return encode(self.value)

    @cached_property
    def raw_id(self) -> bytes:
        """The 32 bytes of the blob's id."""
        return hash_bytes(self.kind, self.canonical)


@dataclass(frozen=True)
class SideBlob:
    """What stands beside the facets: circumstances and keyed values, under a random salt.

    ``keyed`` maps the dotted path of a value that must not be stored to its HMAC-SHA-256 under the key
    whose id is ``key_id``. The salt keeps the blob's id from confirming a guess of its content.
    """

    circumstances: Mapping[str, Value] = field(default_factory=dict)
    keyed: Mapping[str, bytes] = field(default_factory=dict)
    key_id: str = ""
    salt: bytes = field(default_factory=lambda: os.urandom(_SALT_BYTES))

    @cached_property
    def blob(self) -> Blob:
        """The side blob as a canonical value (kind ``sb1``)."""
        return Blob(
            "sb1",
            {
                "salt": self.salt,
                "key": self.key_id,
                "keyed": dict(self.keyed),
                "circumstances": dict(self.circumstances),
            },
        )

    @classmethod
    def from_value(cls, value: Value) -> SideBlob:
        """Read the value of a side blob.

        Raises:
            FormatError: the value is not that of a side blob.
        """
        match value:
            case {"salt": bytes(salt), "key": str(key), "keyed": dict(keyed), "circumstances": dict(facts), **rest} if (
                not rest
            ):
                if all(isinstance(item, bytes) for item in keyed.values()):
                    return cls(facts, cast("dict[str, bytes]", keyed), key, salt)
        raise FormatError("not a side blob: expected salt, key, keyed and circumstances")


@dataclass(frozen=True, repr=False)
class Snapshot:
    """What was observed at one moment: facets, and what stands beside them."""

    time_ns: int
    phase: Phase
    facets: Mapping[str, Facet]
    side: SideBlob
    tool: str
    attachments: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    """What digests in the facets stand for (lists of files, lists of tensors), by the digest's text.

    No id covers them: each is checked against the digest that it belongs to, and may be missing.
    """

    def __repr__(self) -> str:
        """Say which snapshot it is; the facts are in ``facets``."""
        return f"<Snapshot {self.id[:_SHOWN_ID]} phase={self.phase.value} facets={len(self.facets)}>"

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint over the phase and the facets."""
        return Fingerprint.of(self.phase, self.facets.values())

    @cached_property
    def manifest(self) -> bytes:
        """The canonical bytes of the snapshot's manifest."""
        names = sorted(self.facets, key=str.encode)
        return _encode_manifest(
            {
                "kind": "snapshot",
                "schema": SCHEMA,
                "tool": self.tool,
                "time_ns": self.time_ns,
                "phase": self.phase.value,
                "fingerprint": self.fingerprint.raw_id,
                "conditions": self.fingerprint.raw_conditions,
                "experiment": self.fingerprint.raw_experiment,
                "facets": [[name, self.facets[name].raw_id] for name in names],
                "side": self.side.blob.raw_id,
            }
        )

    @cached_property
    def raw_id(self) -> bytes:
        """The 32 bytes of the snapshot's id."""
        return hash_bytes("sn1", self.manifest)

    @property
    def id(self) -> str:
        """The snapshot's id, ``sn1:hex``."""
        return format_id("sn1", self.raw_id)

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact at a full path (the facet's name first); a facet that is not there was not asked."""
        for length in (2, 1):
            facet = self.facets.get(".".join(path[:length]))
            if facet is not None and len(facet.path) == length:
                return facet.look_up(path[length:])
        return Unknown(UnknownCode.NOT_ASKED)


@dataclass(frozen=True)
class Process:
    """One process of a run: what matches it with its partner in another run, and its end snapshot."""

    role: str
    """Script, rank and order of birth, as in ``train.py/0/0``; the first process of a run comes first."""
    exit_code: int | None
    """The exit code, minus the signal's number if one ended it, None where it is not known."""
    snapshot: Snapshot | None


@dataclass(frozen=True)
class Repeats:
    """What came of running one command several times, the run that holds this being the last one."""

    of: int
    """How often it ran."""
    equal: tuple[str, ...] = ()
    """The outputs (``outputs.NAME``, ``metrics.NAME``, ``exit_code``) that were the same bits each time."""
    differing: tuple[str, ...] = ()
    """Those that were not."""
    missing: tuple[str, ...] = ()
    """Those that were not made each time, so that nothing is known of them."""
    records: tuple[bytes, ...] = ()
    """The 32 bytes of the ids of the earlier runs."""

    @property
    def agree(self) -> bool:
        """Whether everything was made each time, and always the same."""
        return any(name != "exit_code" for name in self.equal) and not self.differing and not self.missing

    def to_value(self) -> dict[str, Value]:
        """Return the canonical form."""
        names = {"equal": self.equal, "differing": self.differing, "missing": self.missing}
        lists: dict[str, Value] = {name: list(found) for name, found in names.items()}
        return {"of": self.of, **lists, "records": list(self.records)}

    @classmethod
    def from_value(cls, value: Value) -> Repeats:
        """Read the canonical form.

        Raises:
            FormatError: it is none.
        """
        match value:
            case {
                "of": int(of),
                "equal": list(a),
                "differing": list(b),
                "missing": list(c),
                "records": list(ids),
                **rest,
            } if not rest:
                texts = all(isinstance(item, str) for item in (*a, *b, *c))
                if texts and all(isinstance(item, bytes) for item in ids):
                    names = [tuple(map(str, names)) for names in (a, b, c)]
                    return cls(of, names[0], names[1], names[2], cast("tuple[bytes, ...]", tuple(ids)))
        raise FormatError("not a run's repeats: expected of, equal, differing, missing and records")


@dataclass(frozen=True)
class Result:
    """What came out of a run: outputs' digests, metrics, exit code, duration."""

    exit_code: int | None = None
    """The exit code, or minus the signal's number; None where the run was not a process of its own."""
    duration_ns: int = 0
    outputs: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    """By name: ``digest`` (text), ``files`` and ``bytes`` (numbers), or ``error`` (text)."""
    metrics: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)
    """By name: (step, value) pairs in the order in which they were reported."""
    repeats: Repeats | None = None
    """What repeating the command showed, in the last run of those."""

    @cached_property
    def blob(self) -> Blob:
        """The result as a canonical value (kind ``rs1``); ``repeats`` is left out where there are none."""
        repeats: dict[str, Value] = {} if self.repeats is None else {"repeats": self.repeats.to_value()}
        return Blob(
            "rs1",
            {
                **repeats,
                "exit_code": self.exit_code,
                "duration_ns": self.duration_ns,
                "outputs": {name: dict(output) for name, output in self.outputs.items()},
                "metrics": {
                    name: [[step, float(number)] for step, number in points] for name, points in self.metrics.items()
                },
            },
        )

    @classmethod
    def from_value(cls, value: Value) -> Result:
        """Read the value of a result.

        Raises:
            FormatError: the value is not that of a result.
        """
        match value:
            case {
                "exit_code": None | int() as code,
                "duration_ns": int(duration),
                "outputs": dict(outputs),
                "metrics": dict(metrics),
                **rest,
            } if rest.keys() <= {"repeats"} and all(isinstance(output, dict) for output in outputs.values()):
                repeats = Repeats.from_value(cast("Value", rest["repeats"])) if rest else None
                return cls(
                    code,
                    duration,
                    cast("dict[str, dict[str, Value]]", outputs),
                    {name: _read_points(item) for name, item in metrics.items()},
                    repeats,
                )
        raise FormatError("not a run's result: expected exit_code, duration_ns, outputs and metrics")


def _read_points(points: Value) -> list[tuple[int, float]]:
    if not isinstance(points, list):
        raise FormatError("not a run's result: a metric is a list of [step, number]")
    return [_read_point(point) for point in points]


def _read_point(point: Value) -> tuple[int, float]:
    match point:
        case [int(step), float(number)]:
            return step, number
    raise FormatError("not a run's result: a metric is a list of [step, number]")


@dataclass(frozen=True, repr=False)
class Run:
    """A run: the snapshot before it, its processes, and its result."""

    time_ns: int
    start: Snapshot
    processes: tuple[Process, ...]
    result: Result
    side: SideBlob
    tool: str
    attachments: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    """Those of its snapshots, and of its outputs; see ``Snapshot.attachments``."""

    def __repr__(self) -> str:
        """Say which run it is; what came out is in ``result``, the facts in ``start`` and ``end``."""
        code, outputs = self.result.exit_code, len(self.result.outputs)
        return f"<Run {self.id[:_SHOWN_ID]} exit_code={code} processes={len(self.processes)} outputs={outputs}>"

    @property
    def end(self) -> Snapshot | None:
        """The end snapshot of the run's first process, where it could report."""
        return self.processes[0].snapshot if self.processes else None

    @property
    def fingerprint(self) -> Fingerprint:
        """The fingerprint of the end snapshot, or of the start where there is none."""
        return (self.end or self.start).fingerprint

    @cached_property
    def process_list(self) -> Blob:
        """The list of processes as a canonical value (kind ``pl1``)."""
        return Blob(
            "pl1",
            [
                {
                    "role": process.role,
                    "exit_code": process.exit_code,
                    "snapshot": process.snapshot.raw_id if process.snapshot else None,
                }
                for process in self.processes
            ],
        )

    @cached_property
    def manifest(self) -> bytes:
        """The canonical bytes of the run's manifest."""
        return _encode_manifest(
            {
                "kind": "run",
                "schema": SCHEMA,
                "tool": self.tool,
                "time_ns": self.time_ns,
                "fingerprint": self.fingerprint.raw_id,
                "conditions": self.fingerprint.raw_conditions,
                "experiment": self.fingerprint.raw_experiment,
                "start": self.start.raw_id,
                "processes": self.process_list.raw_id,
                "result": self.result.blob.raw_id,
                "side": self.side.blob.raw_id,
            }
        )

    @cached_property
    def raw_id(self) -> bytes:
        """The 32 bytes of the run's id."""
        return hash_bytes("rn1", self.manifest)

    @property
    def id(self) -> str:
        """The run's id, ``rn1:hex``."""
        return format_id("rn1", self.raw_id)

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact at a full path as the run's end has it (its start, where no end was seen)."""
        return (self.end or self.start).look_up(path)


Record: TypeAlias = Union[Snapshot, Run]
