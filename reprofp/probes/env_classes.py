"""The classes of environment variables, written in ``env_classes.toml``.

What is read is ``env_classes.json``, the same table: reading TOML takes longer than all that a probe does with it.
``python tools/make_env_classes.py`` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["EnvClass", "EnvClasses", "Keys", "load_classes"]


class EnvClass(Enum):
    """What is recorded of a variable."""

    KNOWN = "known"
    """The value is a fact."""
    INERT = "inert"
    """Nothing."""
    OTHER = "other"
    """The name, and the keyed digest of the value."""


class Keys(NamedTuple):
    """How the value of a many-keyed variable is taken apart; without ``assign`` it is a set of names."""

    separators: str
    assign: str


class EnvClasses(NamedTuple):
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
    table = json.loads(Path(__file__).with_name("env_classes.json").read_text(encoding="utf-8"))
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
