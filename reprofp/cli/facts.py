"""Facts that are named on the command line: whether any record has them, and which ones have a name like it.

A name that no record can have changes nothing, and whoever wrote it would believe that it did: it is told, with the
names that are near. A record of a newer reprofp may have facets that are not known here, so records are asked first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from reprofp.errors import UsageError
from reprofp.model.paths import format_path, parse_path, starts_with
from reprofp.model.schema import FACETS, Side

if TYPE_CHECKING:
    from reprofp.model.paths import FactPath
    from reprofp.model.records import Record, Snapshot
    from reprofp.probes.base import Experiment

__all__ = [
    "check_facets",
    "check_named",
    "hint_facts",
    "list_paths",
    "remark_unknown",
    "remark_unparsed",
    "suggest_facts",
]

_MOST_NEAR = 3
_ALIKE = 0.75
"""How alike paths must be: all of one facet begin alike."""
_WHOLE = "$files"
"""Where the facet ``config`` has the digests of files that were not parsed."""
_DERIVED = ("effective", "outputs", "result")
"""The beginnings of paths in verdicts that are no facet's."""


def check_named(vary: Sequence[FactPath], ignore: Sequence[FactPath], records: Sequence[Record]) -> None:
    """Hold the facts that --vary and --ignore name against those that the records have; tell which none of them has.

    Raises:
        UsageError: one is of no facet, or --vary names a condition.
    """
    check_facets(vary, ignore, records)
    remark_unknown(vary, ignore, records)


def check_facets(vary: Sequence[FactPath], ignore: Sequence[FactPath], records: Sequence[Record]) -> None:
    """Refuse facts that no record can have.

    Raises:
        UsageError: one is of no facet, or --vary names a condition.
    """
    paths = list_paths(records) if vary or ignore else []
    for path in vary:
        _refuse_condition(path)
    for option, path in _pair(vary, ignore):
        if path[0] not in FACETS and path[0] not in _DERIVED and not _is_there(path, paths):
            close = difflib.get_close_matches(path[0], list(FACETS), n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"facts begin with one of {', '.join(FACETS)}"
            raise UsageError(f"{option} {format_path(path)}: there are no such facts: {hint}")


def _pair(vary: Sequence[FactPath], ignore: Sequence[FactPath]) -> Iterator[tuple[str, FactPath]]:
    yield from (("--vary", path) for path in vary)
    yield from (("--ignore", path) for path in ignore)


def _is_there(path: FactPath, paths: Iterable[FactPath]) -> bool:
    return any(starts_with(known, path) for known in paths)


def _refuse_condition(path: FactPath) -> None:
    spec = FACETS.get(path[0])
    if spec is not None and spec.side is not Side.EXPERIMENT:
        raise UsageError(
            f"--vary {format_path(path)} is no fact of the experiment: conditions are left out by --ignore"
        )


def remark_unknown(vary: Sequence[FactPath], ignore: Sequence[FactPath], records: Sequence[Record]) -> None:
    """Tell of facts that none of the records has, with those that have a name like it."""
    from reprofp.cli.output import remark

    paths = list_paths(records) if vary or ignore else []
    for option, path in _pair(vary, ignore):
        if path[0] not in _DERIVED and not _is_there(path, paths):
            said = f"{option} {format_path(path)} changes nothing: no record here has such a fact"
            remark(f"{said}{hint_facts(path, paths)}")


def remark_unparsed(experiment: Experiment, snapshot: Snapshot) -> None:
    """Tell of declared files of hyper-parameters that could not be read as such: only their digest is a fact."""
    from reprofp.cli.output import remark
    from reprofp.render.values import clean

    facet = snapshot.facets.get("config")
    whole = {path[1] for path in (() if facet is None else facet.facts) if path[0] == _WHOLE and len(path) > 1}
    for path in experiment.config:
        if path.name in whole:
            remark(
                f"--config {clean(str(path))}: no hyper-parameters can be read from it; its digest alone is recorded"
            )


def hint_facts(path: FactPath, paths: Iterable[FactPath]) -> str:
    """Return the end of a sentence that asks whether another fact was meant; empty where none is near."""
    near = suggest_facts(path, paths)
    return f"; did you mean {', '.join(near)}?" if near else ""


def list_paths(records: Iterable[Record]) -> list[FactPath]:
    """Return the paths of all facts that records have, those of which only a keyed digest was kept included."""
    parts = [part for record in records for part in _list_snapshots(record)]
    facts = [facet.path + path for part in parts for facet in part.facets.values() for path in facet.facts]
    keyed = [parse_path(name) for part in parts for name in part.side.keyed if name.split(".", 1)[0] in FACETS]
    return list(dict.fromkeys([*facts, *keyed]))


def _list_snapshots(record: Record) -> list[Snapshot]:
    from reprofp.model.records import Run

    if not isinstance(record, Run):
        return [record]
    return [record.start, *(process.snapshot for process in record.processes if process.snapshot)]


def suggest_facts(wanted: FactPath, paths: Iterable[FactPath]) -> list[str]:
    """Return the few facts, or beginnings of them, that are most like ``wanted``: by a part, or by spelling."""
    text = format_path(wanted)
    names = {format_path(path[:length]) for path in paths for length in range(1, len(path) + 1)}
    holding = sorted((name for name in names if text in name.split(".")), key=lambda name: (name.count("."), name))
    near = holding or difflib.get_close_matches(text, sorted(names), n=_MOST_NEAR, cutoff=_ALIKE)
    return (near or _find_by_last(wanted, names))[:_MOST_NEAR]


def _find_by_last(wanted: FactPath, names: Iterable[str]) -> list[str]:
    """Find facts of the same facet whose last part is spelled alike."""
    lasts = {name.rpartition(".")[2]: name for name in sorted(names) if name.startswith(f"{wanted[0]}.")}
    return [lasts[last] for last in difflib.get_close_matches(wanted[-1], list(lasts), n=_MOST_NEAR)]
