"""From sources to a record: a run where one of them tells of a run, else a snapshot.

In: paths. Out: a record whose facets hold what was found, and in which everything else is Unknown: below a prefix that
a facet enumerates, silence would mean Absent, and so each such prefix is Unknown itself. What a source calls a run has
its start alone: no process reported its end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from reprofp.capture import TOOL
from reprofp.errors import FormatError, InputError
from reprofp.importing.found import NOT_ASKED, Found
from reprofp.importing.registry import Kind, find_kind
from reprofp.importing.sources import Source
from reprofp.model.facets import Facet
from reprofp.model.records import Record, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase, find_spec
from reprofp.probes.files import to_text
from reprofp.probes.keys import load_key

__all__ = ["import_sources"]


def import_sources(paths: Iterable[Path], kind: str | None = None) -> tuple[Record, list[str]]:
    """Make one record of what the files and folders tell, and say what whoever imports should know.

    Args:
        paths: What other tools wrote of one and the same run or environment.
        kind: The kind of all of them, by its name in ``KINDS``; by default each is recognised by its content.

    Raises:
        InputError: a path is not there, cannot be read, is not recognised, or tells nothing.
        FormatError: something is not what its kind demands.
        UsageError: there is no such kind.
    """
    found, told, times = Found(), [], []
    for path in paths:
        source = Source(path)
        chosen = find_kind(source, kind)
        _read(chosen, source, found)
        told.append(chosen.tells)
        times.append(source.time_ns)
    if not any(found.facts.values()):
        raise InputError(f"nothing of a run or an environment is told by {', '.join(map(str, paths))}")
    found.circumstances["import.from"] = list(dict.fromkeys(told))
    found.circumstances["import.files"] = [to_text(path.absolute().name) for path in paths]
    found.circumstances["import.time_ns"] = time.time_ns()
    if (disagree := found.circumstances.get("import.disagree")) and isinstance(disagree, list):
        found.note(f"the sources disagree on {', '.join(map(str, disagree[:5]))}: unknown")
    moment = found.time_ns if found.time_ns is not None else max(times, default=0)
    return _make_record(found, moment), found.notes


def _read(kind: Kind, source: Source, found: Found) -> None:
    """Let the kind's reader read; what it did not expect of a damaged file is that file's fault."""
    try:
        kind.read(source, found)
    except (InputError, OSError):
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        raise FormatError(f"{source.path}: not what {kind.tells} is ({type(error).__name__}: {error})") from error


def _make_record(found: Found, time_ns: int) -> Record:
    facets = {name: _make_facet(name, found) for name in sorted(found.facts)}
    side = _make_side(found)
    if not found.is_run:
        return Snapshot(time_ns, Phase.STATIC, facets, side, TOOL)
    start = Snapshot(time_ns, Phase.STATIC, facets, side, TOOL)
    result = Result(None, found.duration_ns, {}, found.metrics)
    return Run(time_ns, start, (), result, SideBlob(found.circumstances), TOOL)


def _make_facet(name: str, found: Found) -> Facet:
    """Make a facet in which silence means Unknown."""
    spec = find_spec(name)
    facts = dict(found.facts[name])
    for prefix in spec.enumerated if spec is not None else ():
        facts.setdefault(prefix, NOT_ASKED)
    return Facet(name, 1 if spec is None else spec.version, facts)


def _make_side(found: Found) -> SideBlob:
    if not found.secrets:
        return SideBlob(found.circumstances)
    key = load_key(os.environ)
    keyed = {to_text(path): key.digest(path, value) for path, value in sorted(found.secrets.items())}
    return SideBlob(found.circumstances, keyed, key.id)
