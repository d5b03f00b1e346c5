"""Digests that other tools use: computed beside ours in one read, and verified without those tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprofp.late_names import find_late

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

__getattr__ = find_late(__name__, _HOMES)
