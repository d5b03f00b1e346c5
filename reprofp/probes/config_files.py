"""Configuration files: JSON, YAML (as OmegaConf reads it) and TOML, taken apart into facts.

In: a path. Out: values by key path, nested maps taken apart and lists kept. A file that cannot be taken apart (another
format, damaged, too large, no map at its top, too many values) is a ValueError: its caller records a digest instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path, PurePath
from typing import Any

from reprofp.model.observations import Value
from reprofp.model.paths import FactPath
from reprofp.probes.files import read_bounded, to_text
from reprofp.probes.toml import read_toml
from reprofp.probes.yaml_values import read_document

__all__ = ["CONFIG_SUFFIXES", "check_extent", "flatten", "read_config_file", "to_fact_value"]

_READERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": read_toml,
    ".yaml": read_document,
    ".yml": read_document,
}
CONFIG_SUFFIXES = frozenset(_READERS)
"""The endings of the names of files that can be taken apart."""

_DEPTH = 24
_SCALARS = (bool, int, float, str, bytes, datetime, date, time)


def read_config_file(path: Path, *, size: int = 1 << 20, values: int = 20_000) -> dict[FactPath, Value]:
    """Return the values in the file by their key paths.

    Args:
        path: the file.
        size: how many bytes it may hold.
        values: how many values it may hold.

    Raises:
        OSError: it cannot be read.
        ValueError: it cannot be taken apart.
    """
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path.name} is of no format that is read")
    try:
        table = read(read_bounded(path, size).decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError(f"{path.name} nests too deeply") from error
    if not isinstance(table, Mapping):
        raise ValueError(f"{path.name} holds no map")  # noqa: TRY004  foreign data
    check_extent(table, values)
    return {key: to_fact_value(item) for key, item in flatten(table)}


def check_extent(table: object, limit: int) -> None:
    """Refuse what holds more than ``limit`` values in all, each alias counted where it stands.

    Raises:
        ValueError: it holds more.
    """
    waiting, count = [table], 0
    while waiting:
        item = waiting.pop()
        count += 1
        if count > limit:
            raise ValueError(f"it holds more than {limit} values")
        if isinstance(item, Mapping):
            waiting += item.values()
        elif isinstance(item, Sequence) and not isinstance(item, (str, bytes)):
            waiting += item


def flatten(table: Mapping[Any, Any], prefix: FactPath = ()) -> Iterator[tuple[FactPath, Any]]:
    """Yield the values in nested maps by their key paths; an empty map is a value.

    Raises:
        ValueError: the maps nest too deeply.
    """
    if len(prefix) > _DEPTH:
        raise ValueError("the values nest too deeply")
    for key, item in table.items():
        path = (*prefix, _to_part(key))
        if isinstance(item, Mapping) and item:
            yield from flatten(item, path)
        else:
            yield path, item


def _to_part(key: object) -> str:
    """Return a key as a part of a path; one that begins with ``$`` gets another, since such parts are ours."""
    text = to_text(str(key))
    return f"${text}" if text.startswith("$") else text


def to_fact_value(item: Any, depth: int = 0) -> Value:
    """Return a value that a fact can hold: lists, maps, scalars; of numpy's and torch's scalars Python's own.

    Raises:
        ValueError: it is of another type, or nests too deeply.
    """
    if depth > _DEPTH:
        raise ValueError("the values nest too deeply")
    if isinstance(item, Mapping):
        return {to_text(str(key)): to_fact_value(value, depth + 1) for key, value in item.items()}
    if isinstance(item, (set, frozenset)):
        return sorted((to_fact_value(value, depth + 1) for value in item), key=repr)
    if isinstance(item, Sequence) and not isinstance(item, (str, bytes)):
        return [to_fact_value(value, depth + 1) for value in item]
    return str(item) if isinstance(item, PurePath) else _to_scalar(item)


def _to_scalar(item: Any) -> Value:
    if item is None or isinstance(item, _SCALARS):
        return item
    unpack = getattr(item, "item", None)
    value = unpack() if callable(unpack) else item
    if value is None or isinstance(value, _SCALARS):
        return value
    raise ValueError(f"a value of type {type(item).__name__} cannot be recorded")
