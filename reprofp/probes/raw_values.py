"""Takes parts of a process' raw observations, in which a part that could not be read is ``{"error": code}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["take_list", "take_map"]


def take_map(process: Mapping[str, Any] | None, key: str) -> Mapping[str, Any]:
    """Return the mapping ``key``; empty where it is missing.

    Raises:
        PermissionError: it was denied.
        ValueError: it could not be read, or is none.
    """
    value = _take(process, key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{key}, as the process reported it, is no mapping")  # noqa: TRY004  foreign data
    return value


def take_list(process: Mapping[str, Any] | None, key: str) -> list[Any]:
    """Return the list ``key``; empty where it is missing.

    Raises:
        PermissionError: it was denied.
        ValueError: it could not be read, or is none.
    """
    value = _take(process, key)
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{key}, as the process reported it, is no list")  # noqa: TRY004  foreign data
    return list(value)


def _take(process: Mapping[str, Any] | None, key: str) -> Any:
    value = (process or {}).get(key)
    if isinstance(value, Mapping) and value.keys() == {"error"} and value["error"] in ("denied", "failed"):
        text = f"the process could not read {key}"
        raise PermissionError(text) if value["error"] == "denied" else ValueError(text)
    return value
