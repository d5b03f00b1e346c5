"""The classes of environment variables, read from ``env_classes.toml``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from reprofp.probes.toml import read_toml

__all__ = ["EnvClass", "EnvClasses", "Keys", "load_classes"]


class EnvClass(Enum):
    """What is recorded of a variable."""

    KNOWN = "known"
    """The value is a fact."""
    INERT = "inert"
    """Nothing."""
    OTHER = "other"
    """The name, and the keyed digest of the value."""


@dataclass(frozen=True, slots=True)
class Keys:
    """How the value of a many-keyed variable is taken apart; without ``assign`` it is a set of names."""

    separators: str
    assign: str


@dataclass(frozen=True, slots=True)
class EnvClasses:
    """The lists: exact names, prefixes and suffixes with their classes, and the variables of special form."""

    names: Mapping[str, EnvClass]
    prefixes: Mapping[str, EnvClass]
    suffixes: Mapping[str, EnvClass]
    paths: frozenset[str]
    many_keyed: Mapping[str, Keys]

    def classify(self, name: str) -> EnvClass:
        """Return the class of the variable ``name``: an exact entry, else the longest prefix, else a suffix."""
        if exact := self.names.get(name):
            return exact
        for length in range(len(name), 0, -1):
            if found := self.prefixes.get(name[:length]):
                return found
        ends = (name[start:] for start in range(len(name)) if name[start] == "_")
        return next((self.suffixes[end] for end in ends if end in self.suffixes), EnvClass.OTHER)


@lru_cache(maxsize=1)
def load_classes() -> EnvClasses:
    """Read the shipped lists."""
    table = read_toml(Path(__file__).with_name("env_classes.toml").read_text(encoding="utf-8"))
    return EnvClasses(
        names=dict(_entries(table, "names")),
        prefixes=dict(_entries(table, "prefixes")),
        suffixes=dict(_entries(table, "suffixes")),
        paths=frozenset(table["paths"]["names"]),
        many_keyed={name: Keys(**form) for name, form in table["many_keyed"].items()},
    )


def _entries(table: Mapping[str, Any], kind: str) -> Iterable[tuple[str, EnvClass]]:
    for env_class in (EnvClass.KNOWN, EnvClass.INERT):
        for entry in table[env_class.value]:
            for name in entry.get(kind, ()):
                yield name, env_class
