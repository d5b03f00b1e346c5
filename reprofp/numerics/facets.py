"""The facet ``numerics``: by backend and family, the class of what a process computes.

In: what ``kernels/measuring.py`` found, in this process or another. Out: a facet in which each class is a
fact, ``k1:`` and the digest of output bits, or ``k1:unstable`` where equal input gave different bits; what was
not measured is Unknown, with its code. Anything that is not of that form is Unknown too, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reprofp.model.facets import Facet
from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import FactPath

__all__ = ["describe", "describe_durations", "make_facet"]

NAME, VERSION = "numerics", 1
_CLASS = re.compile(r"k\d+:(?:unstable|[0-9a-f]{64})")
_CODES = {"timed out": UnknownCode.TIMED_OUT, "not asked": UnknownCode.NOT_ASKED, "denied": UnknownCode.DENIED}
_SCHEMA = 1


def make_facet(raw: object) -> Facet:
    """Return the facet of what was measured."""
    backends = raw.get("backends") if isinstance(raw, Mapping) and raw.get("schema") == _SCHEMA else None
    if not isinstance(backends, Mapping):
        return Facet(NAME, VERSION, {(): Unknown(UnknownCode.FAILED)})
    facts: dict[FactPath, Observation] = {}
    for backend, families in backends.items():
        facts.update(_read_backend(str(backend), families))
    return Facet(NAME, VERSION, facts or {(): Unknown(UnknownCode.FAILED)})


def _read_backend(backend: str, families: Any) -> dict[FactPath, Observation]:
    if not isinstance(families, Mapping) or not families:
        return {(backend,): Unknown(UnknownCode.FAILED)}
    return {(backend, str(family)) if family else (backend,): _read_class(found) for family, found in families.items()}


def _read_class(found: Any) -> Observation:
    if not isinstance(found, Mapping):
        return Unknown(UnknownCode.FAILED)
    text = found.get("class")
    if isinstance(text, str) and _CLASS.fullmatch(text):
        return Observed(text)
    return Unknown(_CODES.get(str(found.get("error")), UnknownCode.FAILED))


def describe(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the circumstances of a measurement: each kernel's digest, and how long a backend took."""
    told: dict[str, Any] = {f"numerics.{name}": str(text) for name, text in _read_table(raw, "kernels").items()}
    durations = _read_table(raw, "duration_ns")
    told.update({f"numerics.{name}.duration_ns": taken for name, taken in durations.items() if type(taken) is int})
    return told


def describe_durations(raw: object) -> list[int]:
    """Return how long the backends took, in nanoseconds; nothing where nothing was measured."""
    return [taken for taken in _read_table(raw, "duration_ns").values() if type(taken) is int and taken > 0]


def _read_table(raw: object, name: str) -> Mapping[str, Any]:
    table = raw.get(name) if isinstance(raw, Mapping) else None
    return table if isinstance(table, Mapping) else {}
