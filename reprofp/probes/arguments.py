"""Reads the arguments of a program, without knowing the program.

In: the arguments behind the script's name. Out: options by key, each with its values as text, and what remained.

- ``--key value``, ``--key=value``, ``-k value`` and ``-key value`` give a key; dashes within it become
  underscores, as argparse does it; dots divide it (``--model.lr 0.1``);
- an option with nothing behind it is a flag; one with several values, or given several times, has them all;
- ``key=value``, ``+key=value`` and ``++key=value`` are overrides, as Hydra and OmegaConf have them;
- everything else remains in its order: positional arguments, ``~key``, and what follows ``--``.

A flag before a positional argument looks like an option with a value. Both runs are read alike, so that
this never hides a difference; it only names it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Arguments", "Option", "read_arguments"]

_OPTION = re.compile(r"(?s)(--?)([A-Za-z_][\w.-]*)(?:=(.*))?")
_OVERRIDE = re.compile(r"(?s)\+{0,2}([A-Za-z_][\w.@/-]*)=(.*)")
_NUMBER = re.compile(r"-(?:\d[\d_]*)?\.?\d+(?:[eE][-+]?\d+)?")

_BEFORE_OVERRIDES = frozenset({"-m", "--multirun", "-r", "--run", "--resolve", "--set", "--override", "--overrides"})
"""Options of Hydra and its like behind which overrides stand, not values."""


@dataclass(frozen=True)
class Option:
    """One option or override, as often as it was given."""

    spelled: str
    """As it was written, for redaction: ``--api-key``."""
    override: bool
    times: list[list[str]] = field(default_factory=list)
    """Its values, each time that it was given; empty for a flag."""


@dataclass(frozen=True)
class Arguments:
    """What was read: options by key, and what remained."""

    options: dict[tuple[str, ...], Option]
    rest: list[str]


def read_arguments(arguments: Sequence[str]) -> Arguments:
    """Read ``arguments``."""
    reader = _Reader()
    for position, argument in enumerate(arguments):
        if argument == "--":
            reader.rest += arguments[position:]
            break
        reader.take(argument)
    return Arguments(reader.options, reader.rest)


class _Reader:
    def __init__(self) -> None:
        self.options: dict[tuple[str, ...], Option] = {}
        self.rest: list[str] = []
        self._open: Option | None = None
        """The option that takes the values that come."""

    def take(self, argument: str) -> None:
        """Take one more argument."""
        if option := _OPTION.fullmatch(argument):
            self._start(option[1] + option[2], _to_key(option[2].replace("-", "_")), option[3])
        elif not self._wants_value() and (override := _OVERRIDE.fullmatch(argument)):
            self._start(override[1], _to_key(override[1]), override[2], override=True)
        elif self._open is not None and (not argument.startswith("-") or _NUMBER.fullmatch(argument)):
            self._open.times[-1].append(argument)
        else:
            self._open = None
            self.rest.append(argument)

    def _wants_value(self) -> bool:
        """Whether what comes next is the value of the option before it, though it looks like an override."""
        return self._open is not None and not self._open.times[-1] and self._open.spelled not in _BEFORE_OVERRIDES

    def _start(self, spelled: str, key: tuple[str, ...], value: str | None, *, override: bool = False) -> None:
        option = self.options.setdefault(key, Option(spelled, override))
        option.times.append([] if value is None else [value])
        self._open = option if value is None else None


def _to_key(text: str) -> tuple[str, ...]:
    parts = tuple(text.split("."))
    return parts if all(parts) else (text,)
