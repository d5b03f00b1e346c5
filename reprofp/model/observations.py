"""Three-valued observations: what a probe saw, or why it saw nothing.

``Observed(value)`` holds a value, ``Absent()`` says that the probe ran and there is none, and
``Unknown(code)`` says that it could not tell. Two Unknowns are never equal *as facts*, whatever their
codes; the dataclasses' own equality only compares records of what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum
from typing import TypeAlias, Union

__all__ = ["ABSENT", "Absent", "Observation", "Observed", "Unknown", "UnknownCode", "Value"]

Value: TypeAlias = Union[
    None,
    bool,
    int,
    float,
    str,
    bytes,
    datetime,
    date,
    time,
    Sequence["Value"],
    Mapping[str, "Value"],
]


class UnknownCode(str, Enum):
    """Why a fact is not known: a closed list, because it is part of facet ids."""

    DENIED = "denied"
    TIMED_OUT = "timed out"
    FAILED = "failed"
    NOT_LOADED = "not loaded yet"
    NOT_ASKED = "not asked"
    NEWER_SCHEMA = "newer schema"


@dataclass(frozen=True, slots=True)
class Observed:
    """The probe ran and saw ``value`` (``None`` is a value too)."""

    value: Value


@dataclass(frozen=True, slots=True)
class Absent:
    """The probe ran and there is none."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The probe could not tell, for the reason named by ``code``."""

    code: UnknownCode


Observation: TypeAlias = Union[Observed, Absent, Unknown]

ABSENT = Absent()
