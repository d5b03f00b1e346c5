"""Digests that other tools use: computed beside ours in one read, and verified without those tools."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reprofp.datasets.interop.checks import Check, Verification
    from reprofp.datasets.interop.digests import OTHER_ALGORITHMS
    from reprofp.datasets.interop.dvc import verify_dvc
    from reprofp.datasets.interop.hub import verify_hub
    from reprofp.datasets.interop.lists import verify_list
    from reprofp.datasets.interop.pointers import Pointer, parse_pointer

__all__ = [
    "OTHER_ALGORITHMS",
    "Check",
    "Pointer",
    "Verification",
    "parse_pointer",
    "verify_dvc",
    "verify_hub",
    "verify_list",
]

_HOMES = {
    "OTHER_ALGORITHMS": "digests",
    "Check": "checks",
    "Verification": "checks",
    "Pointer": "pointers",
    "parse_pointer": "pointers",
    "verify_dvc": "dvc",
    "verify_hub": "hub",
    "verify_list": "lists",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
