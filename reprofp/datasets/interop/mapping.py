"""A map read from a YAML file with distrust.

In: a path. Out: maps, lists and texts (nothing is read as a number: a digest of digits stays what it is). Guaranteed:
aliases, which let a small file grow without bound, are refused; nothing in the file is executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import yaml

from reprofp.errors import FormatError, InputError

__all__ = ["read_mapping"]

_MOST_DEPTH = 64


def read_mapping(path: bytes, most_bytes: int) -> Mapping[str, object]:
    """Return the map that a file holds.

    Raises:
        InputError: it is not there or cannot be read.
        FormatError: it is too large, not YAML, nests too deep, uses aliases, or is no map.
    """
    where = os.fsdecode(path)
    try:
        with open(path, "rb") as file:
            content = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {where!r}: {getattr(error, 'strerror', error)}; check the path") from error
    if len(content) > most_bytes:
        raise FormatError(f"{where}: more than {most_bytes} bytes are not plausible")
    try:
        _check_events(content)
        document = yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506  makes nothing but texts, lists and maps
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FormatError(f"{where}: not valid YAML: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise FormatError(f"{where}: the document is no map")
    return document


def _check_events(content: bytes) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=yaml.BaseLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not part of the format")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise yaml.YAMLError(f"it nests deeper than {_MOST_DEPTH} levels")
