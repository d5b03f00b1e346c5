"""Of records that were made from what other tools kept: where they came from, and what was never recorded."""

from __future__ import annotations

from reprofp.model.observations import Absent, Observed
from reprofp.model.records import Record, Run
from reprofp.model.schema import FACETS
from reprofp.render.values import clean

__all__ = ["find_origin", "list_unrecorded", "say_unrecorded"]


def find_origin(record: Record) -> str:
    """Return what an imported record was made from, or nothing where reprofp itself observed it."""
    told = record.side.circumstances.get("import.from")
    return ", ".join(clean(str(item)) for item in told) if isinstance(told, (list, tuple)) else ""


def list_unrecorded(record: Record) -> list[str]:
    """Return the facets of which nothing was recorded, in the order of the reference."""
    snapshot = record.start if isinstance(record, Run) else record
    told = {
        name.partition(".")[0]
        for name, facet in snapshot.facets.items()
        if any(isinstance(fact, (Observed, Absent)) for fact in facet.facts.values())
    }
    return [name for name in FACETS if name not in told]


def say_unrecorded(a: Record, b: Record) -> list[str]:
    """Say of each imported side what it came from, and what was never recorded of it."""
    return [
        f"{side} was imported from {find_origin(record)}; never recorded: {', '.join(list_unrecorded(record))}"
        for side, record in (("a", a), ("b", b))
        if find_origin(record)
    ]
