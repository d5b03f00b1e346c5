"""A run of Weights & Biases: the folder ``files`` of a run on disk (``wandb/run-*/files``, ``wandb/offline-run-*/files``).

In: ``wandb-metadata.json``, ``config.yaml``, ``requirements.txt``, ``conda-environment.yaml``, ``wandb-summary.json``, whichever
are there, and the run's log ``run-ID.wandb`` for what is not: the releases of wandb differ in what they write for a run that
is offline. Out: facts, hyper-parameters and the
last values of metrics. The patch of uncommitted changes that it may keep is no digest of ours: whether the tree was
dirty is Unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from reprofp.errors import FormatError
from reprofp.importing.commands import add_entry
from reprofp.importing.conda_environment import read_conda_environment
from reprofp.importing.found import Found
from reprofp.importing.platforms import add_platform, add_python_version
from reprofp.importing.requirements import read_requirement_lines
from reprofp.importing.sources import Source, as_list, as_table, as_text
from reprofp.importing.wandb_log import read_run_log

__all__ = ["read_time_ns", "read_wandb", "recognise_wandb"]

_METADATA, _CONFIG, _SUMMARY = "wandb-metadata.json", "config.yaml", "wandb-summary.json"
_LOG = ".wandb"
_MOST_LOG_BYTES = 1 << 28
_GIB = 1 << 30
_MOST_MEMORY_GIB = 1 << 20
_MOST_DEVICES = 1024


def recognise_wandb(source: Source) -> bool:
    """Whether it is such a folder, the run's folder around it, or its file of metadata."""
    if not source.is_folder:
        return source.path.name == _METADATA or source.path.suffix == _LOG
    folder = _find_files(source)
    if folder.has(_METADATA) or folder.has(_SUMMARY) or (folder.has(_CONFIG) and _has_wandb(folder)):
        return True
    return _find_log(folder) is not None


def _has_wandb(folder: Source) -> bool:
    table = as_table(folder.below(_CONFIG).try_read("yaml"))
    return "_wandb" in table or "wandb_version" in table


def _find_files(source: Source) -> Source:
    return source.below("files") if source.below("files").is_folder else source


def read_wandb(source: Source, found: Found) -> None:
    """Take what the files of the run tell."""
    found.is_run = True
    if not source.is_folder:
        folder = Source(source.path.absolute().parent)
        if source.path.suffix == _LOG:
            _add_log(found, source, folder)
        else:
            _add_metadata(found, _read_metadata(source), folder)
        return
    folder = _find_files(source)
    log = _find_log(folder)
    if log is not None:
        _add_log(found, log, folder)
    if folder.has(_METADATA):
        _add_metadata(found, _read_metadata(folder.below(_METADATA)), folder)
    if folder.has(_CONFIG):
        _add_config(found, as_table(folder.below(_CONFIG).yaml))
    if folder.has("requirements.txt"):
        read_requirement_lines(folder.below("requirements.txt").text.splitlines(), found)
    if folder.has("conda-environment.yaml"):
        read_conda_environment(folder.below("conda-environment.yaml"), found)
    if folder.has(_SUMMARY):
        _add_summary(found, as_table(folder.below(_SUMMARY).json))


def _find_log(folder: Source) -> Source | None:
    """Return the log that lies beside the folder ``files``, or None."""
    beside = Source(folder.path.absolute().parent).list()
    return next((item for item in beside if item.path.suffix == _LOG and item.path.is_file()), None)


def _add_log(found: Found, source: Source, folder: Source) -> None:
    """Take what the log tells that no file does: each file is the later word."""
    log = read_run_log(source.read_bytes(_MOST_LOG_BYTES), str(source.path))
    if not folder.has(_METADATA):
        _add_metadata(found, log.metadata, folder)
    if not folder.has(_CONFIG):
        found.add_config(log.config)
    for name, points in log.history.items():
        found.add_metric(name, points)
    found.time_ns = log.time_ns or found.time_ns


def _read_metadata(source: Source) -> Mapping[str, Any]:
    data = as_table(source.json)
    if not data:
        raise FormatError(f"{source.path}: no metadata of wandb: expected a JSON object")
    return data


def _add_metadata(found: Found, data: Mapping[str, Any], folder: Source) -> None:
    add_platform(found, as_text(data.get("os")))
    add_python_version(found, as_text(data.get("python")))
    _add_machine(found, data)
    _add_gpus(found, data)
    program = as_text(data.get("codePath")) or as_text(data.get("program"))
    add_entry(found, program, folder.path / "code" / program if program and folder.below("code").is_folder else None)
    argv = [item for item in as_list(data.get("args")) if isinstance(item, str)]
    if argv:
        found.add_config({}, ["python", as_text(data.get("program")) or "program.py", *argv])
    found.observe("code", "git", "commit", value=as_text(as_table(data.get("git")).get("commit")))
    found.time_ns = read_time_ns(data.get("startedAt")) or found.time_ns
    found.add_circumstance("os.host_name", data.get("host"))


def _add_machine(found: Found, data: Mapping[str, Any]) -> None:
    for name, path in (("cpu_count", "physical"), ("cpu_count_logical", "logical")):
        if type(data.get(name)) is int and data[name] > 0:
            found.observe("cpu", "cores", path, value=data[name])
    memory = as_table(data.get("memory")).get("total")
    if type(memory) is float and 0 < memory < _MOST_MEMORY_GIB and (memory * _GIB).is_integer():
        found.observe("memory", "total_bytes", value=int(memory * _GIB))
    elif isinstance(memory, str) and memory.isdecimal() and len(memory) <= len(str(_MOST_MEMORY_GIB * _GIB)):
        found.observe("memory", "total_bytes", value=int(memory))


def _add_gpus(found: Found, data: Mapping[str, Any]) -> None:
    devices = [as_table(item) for item in as_list(data.get("gpu_nvidia") or data.get("gpu_devices"))]
    for index, device in enumerate(devices[:_MOST_DEVICES]):
        found.observe("gpu", "device", str(index), "name", value=as_text(device.get("name")))
        memory = device.get("memoryTotal") or device.get("memory_total")
        if isinstance(memory, (int, str)) and str(memory).isdecimal() and len(str(memory)) <= len(str(_GIB)) * 2:
            found.observe("gpu", "device", str(index), "memory_bytes", value=int(memory))
    count = data.get("gpu_count")
    if type(count) is int and 0 < count <= _MOST_DEVICES:
        found.observe("gpu", "count", value=count)
    found.observe("cuda", "driver_cuda_version", value=as_text(data.get("cudaVersion")))


def _add_config(found: Found, table: Mapping[str, Any]) -> None:
    """Take the parameters: each is a map with ``value``; what wandb keeps for itself is left out."""
    settings = {
        name: entry["value"]
        for name, entry in table.items()
        if isinstance(entry, Mapping) and "value" in entry and name not in ("_wandb", "wandb_version")
    }
    found.add_config(settings)
    own = as_table(as_table(table.get("_wandb")).get("value"))
    add_python_version(found, as_text(own.get("python_version")))


def _add_summary(found: Found, table: Mapping[str, Any]) -> None:
    step = table.get("_step")
    for name, value in table.items():
        if not name.startswith("_"):
            found.add_metric(name, [(step if type(step) is int else 0, value)])


def read_time_ns(text: object) -> int | None:
    """Return a moment in ISO 8601, in UTC where it names no zone, as nanoseconds since 1970."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000
