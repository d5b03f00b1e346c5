"""What other tools recorded of old runs, as records in which all else is Unknown."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprofp.importing.making import import_sources
    from reprofp.importing.registry import KINDS

__all__ = ["KINDS", "import_sources"]

_HOMES = {"KINDS": "registry", "import_sources": "making"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
