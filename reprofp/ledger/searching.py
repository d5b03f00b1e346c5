"""Finding records: by what they hold, and by how near they are to another.

In: an open ledger. Out: short lines. What the index knows (kind, time, tag, fingerprints) is asked of the index;
facts and circumstances are looked up in the records that remain, each facet once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from reprofp.ledger.store import Ledger
from reprofp.ledger.summaries import Filter, Summary
from reprofp.model.canonical import decode
from reprofp.model.facets import Facet
from reprofp.model.observations import Absent, Observation, Observed, Value
from reprofp.model.paths import FactPath, format_path
from reprofp.model.records import Record

__all__ = ["Condition", "find_nearest", "search"]

HOST: FactPath = ("os", "host_name")
_KNOWN = 4096


@dataclass(frozen=True)
class Condition:
    """What a fact or a circumstance of a record must be: its text, as `show` prints it."""

    path: FactPath
    text: str

    def is_met_by(self, observation: Observation | Value) -> bool:
        """Whether an observation, or the value of a circumstance, is what is asked for."""
        if isinstance(observation, Observed):
            return _matches(observation.value, self.text)
        if isinstance(observation, Absent):
            return self.text == "absent"
        return isinstance(observation, (str, int, float)) and _matches(observation, self.text)


def _matches(value: Value, text: str) -> bool:
    if isinstance(value, bool) or value is None:
        return text.lower() in ({True: ("true",), False: ("false",), None: ("none", "null")}[value])
    if isinstance(value, (int, float)):
        try:
            return value == (int(text) if isinstance(value, int) else float(text))
        except ValueError:
            return False
    return str(value) == text


def search(
    ledger: Ledger,
    wanted: Filter,
    *,
    tag: str | None = None,
    conditions: tuple[Condition, ...] = (),
    owned: Callable[[str], bool] | None = None,
    limit: int | None = None,
) -> Iterator[Summary]:
    """Yield the records that meet all that is asked for, the last appended first.

    ``owned`` says of a record's id whether it is of the user who is asked for.

    Raises:
        LedgerError: the ledger cannot be read further.
    """
    if tag is not None:
        lines = _find_tagged(ledger, wanted, tag)
    else:
        lines = ledger.log(limit if not conditions and owned is None else None, wanted=wanted)
    if owned is not None:
        lines = (line for line in lines if owned(line.id))
    if conditions:
        reader = _Facts(ledger)
        lines = (line for line in lines if reader.meets(line, conditions))
    yield from islice(lines, limit)


def _find_tagged(ledger: Ledger, wanted: Filter, tag: str) -> Iterator[Summary]:
    target = ledger.tags().get(tag)
    if target is not None:
        leaf = ledger.summary(target).leaf
        below = leaf + 1 if wanted.below is None else min(leaf + 1, wanted.below)
        lines = ledger.log(1, wanted=replace(wanted, parts=True, below=below))
        yield from (line for line in lines if line.id == target)


class _Facts:
    """Looks facts up in records without building those: the facets of one name are few among many records."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._read_facet = lru_cache(_KNOWN)(self._parse_facet)

    def meets(self, line: Summary, conditions: tuple[Condition, ...]) -> bool:
        manifest = self._read_map(line.id)
        if line.kind == "run":
            manifest = self._find_snapshot(manifest)
        return all(self._meets_one(manifest, condition) for condition in conditions)

    def _read_map(self, record_id: str) -> Mapping[str, Value]:
        value = decode(self._ledger.manifest(record_id))
        return value if isinstance(value, dict) else {}

    def _find_snapshot(self, manifest: Mapping[str, Value]) -> Mapping[str, Value]:
        """Return the manifest of a run's end, or of its start where there is none."""
        processes = self._read_blob(manifest.get("processes"))
        first = processes[0] if isinstance(processes, list) and processes else None
        end = first.get("snapshot") if isinstance(first, dict) else None
        raw_id = end if isinstance(end, bytes) else manifest.get("start")
        return self._read_map(f"sn1:{raw_id.hex()}") if isinstance(raw_id, bytes) else {}

    def _read_blob(self, raw_id: Value) -> Value:
        data = self._ledger.read_object(raw_id) if isinstance(raw_id, bytes) else None
        return None if data is None else decode(data)

    def _meets_one(self, manifest: Mapping[str, Value], condition: Condition) -> bool:
        pairs = manifest.get("facets")
        facets = {str(item[0]): item[1] for item in pairs if isinstance(item, list)} if isinstance(pairs, list) else {}
        for length in (2, 1):
            raw_id = facets.get(".".join(condition.path[:length]))
            facet = self._read_facet(raw_id) if isinstance(raw_id, bytes) else None
            if facet is not None and condition.is_met_by(facet.look_up(condition.path[len(facet.path) :])):
                return True
        return self._meets_side(manifest, condition)

    def _meets_side(self, manifest: Mapping[str, Value], condition: Condition) -> bool:
        side = self._read_blob(manifest.get("side"))
        facts = side.get("circumstances") if isinstance(side, dict) else None
        name = format_path(condition.path)
        return isinstance(facts, dict) and name in facts and condition.is_met_by(facts[name])

    def _parse_facet(self, raw_id: bytes) -> Facet | None:
        data = self._ledger.read_object(raw_id)
        return None if data is None else Facet.from_canonical(data)


def find_nearest(ledger: Ledger, record: Record, limit: int = 100) -> list[Summary]:
    """Return the records that are likeliest to be comparable with ``record``, the nearest first.

    Those with the same fingerprint come first, then those with the same conditions, then the same experiment, then
    the newest; the record itself and its parts are left out.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    mark = record.fingerprint
    found: dict[str, Summary] = {}
    for part in (("fp1", mark.raw_id), ("fc1", mark.raw_conditions), ("fe1", mark.raw_experiment), None):
        if len(found) >= limit:
            break
        lines = ledger.log(limit + 1) if part is None else ledger.find_alike(*part, limit + 1)
        found |= {line.id: line for line in lines if line.id not in found}
    found.pop(record.id, None)
    return list(found.values())[:limit]
