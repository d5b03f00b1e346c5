"""Facets: named, versioned groups of facts, with canonical bytes and an id (format ``facet/1``).

The bytes are the canonical form of ``{"facet": name, "version": n, "facts": [[path, state, ...], ...]}``
where path is a list of strings and the rest is ``"observed", value``, or ``"absent"``, or
``"unknown", code``; facts are sorted by the UTF-8 bytes of the parts of their paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from reprofp.errors import FormatError
from reprofp.model.canonical import MAX_FACET_BYTES, decode, encode
from reprofp.model.ids import hash_bytes
from reprofp.model.observations import ABSENT, Absent, Observation, Observed, Unknown, UnknownCode, Value
from reprofp.model.paths import FactPath
from reprofp.model.schema import find_spec

__all__ = ["Facet"]


@dataclass(frozen=True)
class Facet:
    """One facet: its name, the version of its schema, and its facts."""

    name: str
    version: int
    facts: Mapping[FactPath, Observation]

    def __post_init__(self) -> None:
        """Keep a private copy of the facts, in the order of the format."""
        ordered = dict(sorted(self.facts.items(), key=lambda item: _sort_key(item[0])))
        object.__setattr__(self, "facts", MappingProxyType(ordered))

    @property
    def label(self) -> str:
        """The facet's versioned name, as in ``gpu/1``."""
        return f"{self.name}/{self.version}"

    @cached_property
    def path(self) -> FactPath:
        """The path that the facet's own facts begin with: a name with dots splits like any path."""
        return tuple(self.name.split("."))

    @cached_property
    def canonical(self) -> bytes:
        """The facet's canonical bytes.

        Raises:
            FormatError: a value has no canonical form, or the facet is larger than MAX_FACET_BYTES.
        """
        facts: list[Value] = [[list(path), *_pack(fact)] for path, fact in self.facts.items()]
        data = encode({"facet": self.name, "version": self.version, "facts": facts})
        if len(data) > MAX_FACET_BYTES:
            raise FormatError(
                f"facet {self.label} takes {len(data)} bytes, more than the {MAX_FACET_BYTES} that a facet may take"
            )
        return data

    @cached_property
    def raw_id(self) -> bytes:
        """The 32 bytes of the facet's id (kind ``fa1``)."""
        return hash_bytes("fa1", self.canonical)

    def look_up(self, path: FactPath) -> Observation:
        """Return the fact at ``path`` (relative to the facet), or what its silence means.

        An Unknown ancestor answers for what lies below it; below an enumerated prefix silence is
        Absent; elsewhere it is Unknown(not asked).
        """
        spec = find_spec(self.name)
        if spec is None or self.version > spec.version:
            return Unknown(UnknownCode.NEWER_SCHEMA)
        for length in range(len(path), -1, -1):
            fact = self.facts.get(path[:length])
            if fact is not None and (length == len(path) or not isinstance(fact, Observed)):
                return fact
        if any(path[: len(prefix)] == prefix for prefix in spec.enumerated):
            return ABSENT
        return Unknown(UnknownCode.NOT_ASKED)

    def walk(self) -> Iterator[tuple[FactPath, Observation]]:
        """Yield every listed fact with its full path (the facet's name first)."""
        for path, fact in self.facts.items():
            yield self.path + path, fact

    @classmethod
    def from_canonical(cls, data: bytes, *, is_checked: bool = False) -> Facet:
        """Read a facet's canonical bytes; with ``is_checked`` they are known to be a facet's.

        Raises:
            FormatError: the bytes are not those of a facet.
        """
        if len(data) > MAX_FACET_BYTES:
            raise FormatError(
                f"a facet of {len(data)} bytes is larger than the {MAX_FACET_BYTES} that a facet may take"
            )
        # What is no canonical form does not come back as it was, below: one look is enough.
        facet = _read_facet(decode(data, is_checked=True))
        if is_checked:
            facet.__dict__["canonical"] = data
        elif facet.canonical != data:
            raise FormatError(f"facet {facet.label}: its facts are not in the order of the format, or repeat a path")
        return facet


def _sort_key(path: FactPath) -> list[bytes]:
    return [part.encode("utf-8", "surrogatepass") for part in path]


def _pack(fact: Observation) -> list[Value]:
    if isinstance(fact, Observed):
        return ["observed", fact.value]
    if isinstance(fact, Absent):
        return ["absent"]
    return ["unknown", fact.code.value]


def _read_facet(value: Value) -> Facet:
    if not isinstance(value, dict) or set(value) != {"facet", "version", "facts"}:
        raise FormatError("not a facet: expected a map of facet, version and facts")
    name, version, facts = value["facet"], value["version"], value["facts"]
    if not isinstance(name, str) or not name or type(version) is not int or version < 1 or not isinstance(facts, list):
        raise FormatError("not a facet: its name, version or list of facts is malformed")
    return Facet(name, version, dict(_read_fact(item, name) for item in facts))


def _read_fact(item: Value, facet: str) -> tuple[FactPath, Observation]:
    match item:
        case [[*path], "observed", value] if _is_path(path):
            return tuple(map(str, path)), Observed(value)
        case [[*path], "absent"] if _is_path(path):
            return tuple(map(str, path)), ABSENT
        case [[*path], "unknown", str(code)] if _is_path(path):
            return tuple(map(str, path)), Unknown(_read_code(code, facet))
    raise FormatError(f"facet {facet}: malformed fact {str(item)[:80]}")


def _is_path(parts: Sequence[Value]) -> bool:
    return all(isinstance(part, str) for part in parts)


def _read_code(code: str, facet: str) -> UnknownCode:
    try:
        return UnknownCode(code)
    except ValueError as error:
        raise FormatError(f"facet {facet}: unknown reason {code!r} for not knowing a fact") from error
