"""The library: ``reprofp.snapshot()``, ``reprofp.compare()`` and ``reprofp.load()``.

``@now`` in a name stands for a snapshot that is taken and not recorded. Modules are imported where they
are used, so that the process is looked at before reprofp has brought anything into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

if TYPE_CHECKING:
    from reprofp._core.reading import ProgressCallback
    from reprofp.connecting import Session
    from reprofp.model.contents import Verification
    from reprofp.model.observations import Value
    from reprofp.model.paths import FactPath
    from reprofp.model.records import Record, Snapshot
    from reprofp.model.schema import Phase
    from reprofp.probes.base import Experiment
    from reprofp.verdict import Verdict

__all__ = ["NOW", "check_pairs", "compare", "connect", "declare", "load", "name_paths", "snapshot", "verify"]

NOW = "@now"
"""The name of a snapshot that is taken and not recorded."""

Pathish = Union[str, Path]
Paths = Union[Pathish, Iterable[Pathish], Mapping[str, Pathish]]


def snapshot(
    *,
    data: Paths | None = None,
    weights: Paths | None = None,
    config: Pathish | Iterable[Pathish] | Mapping[str, Value] | None = None,
    seeds: Mapping[str, Value] | None = None,
    argv: Sequence[str] | None = None,
    phase: str = "start",
    numerics: bool = False,
    record: bool = False,
    ledger: Pathish | None = None,
) -> Snapshot:
    """Describe this process: its conditions, and what is declared of its experiment.

    Args:
        data: Datasets, files or folders: one path, several, or a mapping from names to paths.
        weights: Weight files, in the same forms.
        config: Hyper-parameters as a mapping, or the file or files that hold them.
        seeds: Seeds by name.
        argv: The command line to describe; by default this process's own.
        phase: ``start`` before the work, ``end`` after it.
        numerics: Whether to measure what the frameworks that are loaded compute, once all else was looked at.
        record: Whether to append the snapshot to the ledger.
        ledger: The ledger to append to, if not the user's own.

    Raises:
        InputError: something that was declared is not there.
        LedgerError: the ledger cannot be written.
        UsageError: ``phase`` is neither of the two.
    """
    from reprofp.probes import raw

    with raw.observing():
        process = raw.collect()
        declared = declare(data=data, weights=weights, config=config, seeds=seeds, argv=argv or process["argv"])
        if numerics:
            from reprofp.numerics import measure_here

            process["numerics"] = measure_here()
        return _take(process, declared, phase, ledger, record=record)


def _take(
    process: Mapping[str, Any], declared: Experiment, phase: str, ledger: Pathish | None, *, record: bool
) -> Snapshot:
    """Describe the process that was looked at; what is imported for it is not the program's."""
    from reprofp.capture import describe_process

    taken = describe_process(process, declared, _phase(phase))
    if record:
        from reprofp.connecting import keep

        keep(taken, _as_path(ledger))
    return taken


def compare(
    a: Record | Pathish,
    b: Record | Pathish,
    *,
    vary: Iterable[str | FactPath] = (),
    ignore: Iterable[str | FactPath] = (),
    accept_measured: bool = False,
    ledger: Pathish | None = None,
) -> Verdict:
    """Say what may be expected of two records: records, or names as the command line takes them.

    Args:
        a: A record, an id or its prefix, a tag, a file, ``@-1`` or ``@now``.
        b: The other one.
        vary: Paths of facts of the experiment that differ on purpose; a prefix will do (``config.lr``).
        ignore: Paths of facts to leave out.
        accept_measured: Whether measured or repeated evidence may stand for a promise.
        ledger: The ledger to look names up in, if not the user's own.

    Raises:
        NameNotFoundError: a name matches no record.
        AmbiguousNameError: a name matches several.
        FormatError: a record is damaged or comes from a newer reprofp.
        LedgerError: the ledger cannot be read.
        UsageError: a path of ``vary`` or ``ignore`` is malformed.
    """
    from reprofp.probes.raw import observing

    first, second = (load(item, ledger=ledger) if isinstance(item, (str, Path)) else item for item in (a, b))
    with observing():
        from reprofp.verdict import compare as judge

        paths = {"vary": _read_paths(vary), "ignore": _read_paths(ignore)}
        return judge(first, second, **paths, accept_measured=accept_measured)


def connect(*, socket: Pathish | None = None, ledger: Pathish | None = None, deadline_s: float = 5.0) -> Session:
    """Open a session with the daemon, or with the ledger itself where there is no daemon.

    A daemon that is gone never stops a program: its questions are answered in this process, with one warning.

    Args:
        socket: The daemon's socket, if not the user's own.
        ledger: The ledger, if not the user's own.
        deadline_s: How many seconds a question may take the daemon before it is answered here.
    """
    from reprofp.probes.raw import observing

    with observing():
        from reprofp.connecting import Session

        return Session(socket=socket, ledger=_as_path(ledger), deadline_s=deadline_s)


def load(name: Pathish, *, ledger: Pathish | None = None) -> Record:
    """Return the record that ``name`` stands for; ``@now`` describes this process.

    Raises:
        NameNotFoundError: the name matches no record.
        AmbiguousNameError: the name matches several.
        FormatError: the record is damaged or comes from a newer reprofp.
        LedgerError: the ledger cannot be read.
    """
    if name == NOW:
        return snapshot()
    from reprofp.probes.raw import observing

    with observing():
        from reprofp.ledger import load as look_up

        found, _note = look_up(str(name), _as_path(ledger))
        return found


def verify(
    record: Record | Pathish,
    *,
    data: Mapping[str, Pathish] | None = None,
    weights: Mapping[str, Pathish] | None = None,
    outputs: Mapping[str, Pathish] | None = None,
    progress: ProgressCallback | None = None,
    ledger: Pathish | None = None,
) -> Verification:
    """Hash the data, weights and outputs of a record again; the answer is true where all are as the record says.

    Every byte is read again, whatever is remembered of it. ``places`` of the answer tell what differs.

    Args:
        record: A record, or its name as the command line takes it.
        data: Where data lies now, by name, where that is not the place that the record knows.
        weights: The same for weights.
        outputs: The same for the outputs of a run.
        progress: Called about ten times a second while something is hashed.
        ledger: The ledger to look names up in, if not the user's own.

    Raises:
        NameNotFoundError: the name matches no record.
        AmbiguousNameError: the name matches several.
        FormatError: the record is damaged or comes from a newer reprofp.
        LedgerError: the ledger cannot be read.
    """
    from functools import partial

    from reprofp.probes.raw import observing

    found = load(record, ledger=ledger) if isinstance(record, (str, Path)) else record
    with observing():
        from reprofp.datasets.verifying import verify_record
        from reprofp.ledger import find_content

        given = {("datasets", "declared"): data, ("weights",): weights, ("outputs",): outputs}
        places = {(*head, name): Path(path) for head, paths in given.items() for name, path in (paths or {}).items()}
        find = partial(find_content, found, _as_path(ledger))
        return verify_record(found, find, places=places, progress=progress)


def declare(
    *,
    data: Paths | None = None,
    weights: Paths | None = None,
    config: Pathish | Iterable[Pathish] | Mapping[str, Value] | None = None,
    seeds: Mapping[str, Value] | None = None,
    argv: Sequence[str] = (),
) -> Experiment:
    """Build the declaration of an experiment from what the library's functions take.

    Raises:
        InputError: a path is not there, or two have the same name.
    """
    from reprofp.probes.base import Experiment

    settings = config if isinstance(config, Mapping) else {}
    files = () if isinstance(config, Mapping) else tuple(_check_path(Path(path)) for path in _listed(config))
    return Experiment(tuple(argv), name_paths(data), name_paths(weights), files, settings, dict(seeds or {}))


def name_paths(paths: Paths | None) -> dict[str, Path]:
    """Name paths: a mapping's own names, else the base names.

    Raises:
        InputError: a path is not there, or two have the same name.
    """
    if paths is None:
        return {}
    if isinstance(paths, Mapping):
        pairs = [(name, Path(path)) for name, path in paths.items()]
    else:
        pairs = [(Path(path).absolute().name, Path(path)) for path in _listed(paths)]
    return check_pairs(pairs)


def _listed(paths: Pathish | Iterable[Pathish] | None) -> Iterable[Pathish]:
    if paths is None:
        return ()
    return [paths] if isinstance(paths, (str, Path)) else paths


def check_pairs(pairs: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Collect named paths that are there.

    Raises:
        InputError: a path is not there, or two have the same name.
    """
    from reprofp.errors import InputError

    named: dict[str, Path] = {}
    for name, path in pairs:
        if name in named:
            raise InputError(f"{named[name]} and {path} are both named {name!r}: name one of them, as in NAME={path}")
        named[name] = _check_path(path)
    return named


def _check_path(path: Path) -> Path:
    from reprofp.errors import InputError

    if not path.exists():
        raise InputError(f"there is no file or folder {path}: check the path")
    return path


def _phase(name: str) -> Phase:
    from reprofp.errors import UsageError
    from reprofp.model.schema import Phase

    if name not in {"start", "end"}:
        raise UsageError(f"a process is described in phase 'start' or 'end', not {name!r}")
    return Phase(name)


def _read_paths(paths: Iterable[str | FactPath]) -> list[FactPath]:
    from reprofp.model.paths import parse_path

    return [parse_path(path) if isinstance(path, str) else tuple(path) for path in paths]


def _as_path(path: Pathish | None) -> Path | None:
    return None if path is None else Path(path)
