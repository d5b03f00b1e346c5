"""Hyper-parameters as programs hold them: mappings, dataclasses, argparse's namespaces, OmegaConf.

In: an object of the program. Out: nested mappings with the values as they are. Nothing is imported: what is no
mapping is recognised by what it is made of, and OmegaConf only where the program has loaded it.
"""

from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Mapping
from typing import Any

__all__ = ["holds_settings", "read_settings"]

_DEPTH = 32


def holds_settings(item: object) -> bool:
    """Whether an object holds hyper-parameters by their names."""
    return isinstance(item, Mapping) or _is_dataclass(item) or _is_namespace(item) or _is_omegaconf(item)


def read_settings(item: Any) -> dict[Any, Any]:
    """Return what an object holds, by name; interpolations of OmegaConf are resolved.

    Raises:
        ValueError: its values hold themselves, or nest too deeply, or one cannot be resolved, or it holds no names.
    """
    read = _read(item, 0)
    if not isinstance(read, dict):
        raise ValueError("it is a list, and holds no names")  # noqa: TRY004 - what a caller of the library did wrong
    return read


def _read(item: Any, depth: int) -> Any:
    if depth > _DEPTH:
        raise ValueError("the settings nest too deeply")
    if _is_omegaconf(item):
        item = _resolve(item)
    names = _list_names(item)
    if names is not None:
        return {name: _read(value, depth + 1) for name, value in names.items()}
    if isinstance(item, (list, tuple)):
        return [_read(value, depth + 1) for value in item]
    return item.name if isinstance(item, enum.Enum) else item


def _list_names(item: Any) -> Mapping[Any, Any] | None:
    if isinstance(item, Mapping):
        return item
    if _is_dataclass(item):
        return {
            field.name: getattr(item, field.name) for field in dataclasses.fields(item) if hasattr(item, field.name)
        }
    return vars(item) if _is_namespace(item) else None


def _is_dataclass(item: object) -> bool:
    return dataclasses.is_dataclass(item) and not isinstance(item, type)


def _is_namespace(item: object) -> bool:
    """Whether an object is argparse's namespace, or types.SimpleNamespace, or made from one of them."""
    return any((made.__module__, made.__name__) in _NAMESPACES for made in type(item).__mro__)


_NAMESPACES = frozenset({("argparse", "Namespace"), ("types", "SimpleNamespace")})


def _is_omegaconf(item: object) -> bool:
    omegaconf = getattr(sys.modules.get("omegaconf"), "OmegaConf", None)
    return omegaconf is not None and bool(omegaconf.is_config(item))


def _resolve(item: Any) -> Any:
    try:
        return sys.modules["omegaconf"].OmegaConf.to_container(item, resolve=True)
    except Exception as error:
        raise ValueError(f"OmegaConf cannot resolve a value: {error}") from error
