"""A run of Sacred, as its FileStorageObserver keeps it: ``run.json``, ``config.json``, ``metrics.json``.

In: the run's folder, or its run.json. Out: facts, hyper-parameters and metrics (sacred.readthedocs.io, "Collected
information"). Values that jsonpickle encoded as Python objects are not decoded: they are Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reprofp.errors import FormatError
from reprofp.importing.commands import add_entry
from reprofp.importing.found import NOT_ASKED, Found
from reprofp.importing.platforms import add_platform, add_python_version
from reprofp.importing.requirements import read_requirement_lines
from reprofp.importing.sources import Source, as_list, as_table, as_text
from reprofp.importing.wandb import read_time_ns
from reprofp.model.observations import ABSENT

__all__ = ["read_sacred", "recognise_sacred"]

_PICKLED = "py/"
_TUPLE = "py/tuple"
_PLATFORM = 2


def recognise_sacred(source: Source) -> bool:
    """Whether there is a run.json with experiment and host."""
    file = source.below("run.json") if source.is_folder else source
    if not file.path.is_file() or '"experiment"' not in (file.try_read("text") or ""):
        return False
    return as_table(file.try_read("json")).keys() >= {"experiment", "host", "meta"}


def read_sacred(source: Source, found: Found) -> None:
    """Take what the run tells."""
    folder = source if source.is_folder else Source(source.path.parent)
    file = source.below("run.json") if source.is_folder else source
    data = as_table(file.json)
    if not data:
        raise FormatError(f"{file.path}: no run of Sacred: expected a JSON object")
    found.is_run = True
    _add_experiment(found, as_table(data.get("experiment")), folder)
    _add_host(found, as_table(data.get("host")))
    _add_times(found, data)
    if folder.has("config.json"):
        _add_config(found, as_table(folder.below("config.json").json))
    if folder.has("metrics.json"):
        for name, series in as_table(folder.below("metrics.json").json).items():
            table = as_table(series)
            found.add_metric(name, list(zip(as_list(table.get("steps")), as_list(table.get("values")), strict=False)))
    found.add_metric("result", [(0, data.get("result"))])


def _add_experiment(found: Found, experiment: Mapping[str, Any], folder: Source) -> None:
    read_requirement_lines(as_list(experiment.get("dependencies")), found)
    main = as_text(experiment.get("mainfile"))
    kept = {
        as_text(pair[0]): as_text(pair[1])
        for pair in as_list(experiment.get("sources"))
        if isinstance(pair, list) and len(pair) > 1
    }.get(main)
    inside = kept is not None and kept.startswith("_sources/") and ".." not in kept.split("/")
    add_entry(found, main, folder.path.parent / kept if kept and inside else None)
    repositories = [as_table(item) for item in as_list(experiment.get("repositories"))]
    if len(repositories) == 1:
        found.observe("code", "git", "commit", value=as_text(repositories[0].get("commit")))
        if repositories[0].get("dirty") is False:
            found.add("code", "git", "dirty", fact=ABSENT)


def _add_host(found: Found, host: Mapping[str, Any]) -> None:
    system = as_list(host.get("os"))
    if len(system) == _PLATFORM:
        add_platform(found, as_text(system[1]))
    add_python_version(found, as_text(host.get("python_version")))
    found.observe("cpu", "brand", value=as_text(host.get("cpu")))
    found.add_environ(as_table(host.get("ENV")))
    gpus = as_table(host.get("gpus"))
    for index, device in enumerate(map(as_table, as_list(gpus.get("gpus")))):
        found.observe("gpu", "device", str(index), "name", value=as_text(device.get("model")))
    found.observe("cuda", "driver_version", value=as_text(gpus.get("driver_version")))
    found.add_circumstance("os.host_name", host.get("hostname"))


def _add_times(found: Found, data: Mapping[str, Any]) -> None:
    start, stop = read_time_ns(data.get("start_time")), read_time_ns(data.get("stop_time"))
    found.time_ns = start or found.time_ns
    if start is not None and stop is not None:
        found.duration_ns = max(0, stop - start)


def _add_config(found: Found, table: Mapping[str, Any]) -> None:
    plain: dict[str, Any] = {}
    for name, value in table.items():
        opened = _open_tuples(value)
        if _is_pickled(opened):
            found.add("config", name, fact=NOT_ASKED)
        else:
            plain[name] = opened
    found.add_config(plain)


def _open_tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {_TUPLE}:
            return [_open_tuples(item) for item in as_list(value[_TUPLE])]
        return {key: _open_tuples(item) for key, item in value.items()}
    return [_open_tuples(item) for item in value] if isinstance(value, list) else value


def _is_pickled(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(key.startswith(_PICKLED) or _is_pickled(item) for key, item in value.items())
    return isinstance(value, list) and any(_is_pickled(item) for item in value)
