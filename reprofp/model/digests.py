"""The digests of content that a record holds: of declared data, of weights, of a run's outputs.

In: records. Out: digests' texts by the fact that holds them, the facet's name first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reprofp.model.observations import Observed, Unknown, Value
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run, Snapshot

__all__ = ["find_attachment", "list_differing", "list_digests", "list_promised"]

_OF_LISTS = "blake3-"
"""How the names of algorithms begin whose digests stand for a list, of files or of tensors."""


def list_digests(record: Record) -> Iterator[tuple[FactPath, str]]:
    """Yield the digests of declared data, of weights and of outputs (``("outputs", name)``)."""
    for name in ("datasets", "weights"):
        facet = _last_snapshot(record).facets.get(name)
        for path, fact in facet.facts.items() if facet else ():
            if path[-1:] == ("digest",) and isinstance(fact, Observed) and isinstance(fact.value, str):
                yield (name, *path[:-1]), fact.value
    if isinstance(record, Run):
        for name, output in record.result.outputs.items():
            yield from _list_output(name, output, "digest")


def _last_snapshot(record: Record) -> Snapshot:
    return record if isinstance(record, Snapshot) else record.end or record.start


def _list_output(name: str, output: Mapping[str, Value], key: str) -> Iterator[tuple[FactPath, str]]:
    digest = output.get(key)
    if isinstance(digest, str):
        yield ("outputs", name), digest


def list_promised(record: Record) -> dict[FactPath, str | None]:
    """Return what was declared of data and weights, and the outputs, with their digests; None where one is not known."""
    promised: dict[FactPath, str | None] = dict(list_digests(record))
    for name, depth in (("datasets", 2), ("weights", 1)):
        facet = _last_snapshot(record).facets.get(name)
        for path, fact in facet.facts.items() if facet else ():
            if isinstance(fact, Unknown) and len(path) >= depth and (depth == 1 or path[0] == "declared"):
                promised.setdefault((name, *path[:depth]), None)
    if isinstance(record, Run):
        promised.update(
            {("outputs", name): None for name in record.result.outputs if ("outputs", name) not in promised}
        )
    return promised


def _list_tensors(record: Record) -> Iterator[tuple[FactPath, str]]:
    """Yield the digests of the tensors in outputs that are weights."""
    for name, output in record.result.outputs.items() if isinstance(record, Run) else ():
        yield from _list_output(name, output, "tensors")


def list_differing(a: Record, b: Record) -> dict[FactPath, tuple[str, str]]:
    """Return the digests that both records have, that differ, and that stand for a list."""
    first, second = ({**dict(list_digests(record)), **dict(_list_tensors(record))} for record in (a, b))
    return {
        path: (first[path], second[path])
        for path in sorted(first.keys() & second.keys())
        if first[path] != second[path] and (first[path].startswith(_OF_LISTS) or second[path].startswith(_OF_LISTS))
    }


def find_attachment(record: Record, digest: str) -> bytes | None:
    """Return what a digest stands for, as the record itself has it."""
    parts = [record.start, *(process.snapshot for process in record.processes)] if isinstance(record, Run) else []
    for part in (record, *parts):
        if part is not None and digest in part.attachments:
            return part.attachments[digest]
    return None
