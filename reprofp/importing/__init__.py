"""What other tools recorded of old runs, as records in which all else is Unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprofp.late_names import find_late

if TYPE_CHECKING:
    from reprofp.importing.making import import_sources
    from reprofp.importing.registry import KINDS

__all__ = ["KINDS", "import_sources"]

_HOMES = {"KINDS": "registry", "import_sources": "making"}

__getattr__ = find_late(__name__, _HOMES)
