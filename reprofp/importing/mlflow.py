"""A run of MLflow in a file store: ``mlruns/EXPERIMENT/RUN``.

In: ``meta.yaml``, ``params/``, ``metrics/``, ``tags/``, and of the models that the run logged their ``MLmodel``, ``conda.yaml``,
``python_env.yaml`` and ``requirements.txt`` ("Tracking", "Models", mlflow.org). Out: facts, hyper-parameters and metrics.
MLflow keeps parameters as text: they are read as the same text would be on a command line, and one that it may have cut
off is Unknown. The folder of a model alone is read as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from reprofp.errors import FormatError
from reprofp.importing.commands import add_entry
from reprofp.importing.conda_environment import read_conda_environment
from reprofp.importing.found import NOT_ASKED, Found
from reprofp.importing.platforms import add_python_version
from reprofp.importing.requirements import read_requirement_lines
from reprofp.importing.sources import Source, as_list, as_table, as_text
from reprofp.probes.files import to_text
from reprofp.probes.yaml_values import read_argument

__all__ = ["read_mlflow", "recognise_mlflow"]

_CUT = {250, 500, 6000}
"""The lengths that releases cut parameters off at (mlflow.utils.validation, MAX_PARAM_VAL_LENGTH)."""
_MOST_FILES = 20_000
_DEEPEST = 6
_MOST_POINTS = 1_000_000
_LEAST_FIELDS = 2
_MS = 10**6


def recognise_mlflow(source: Source) -> bool:
    """Whether it is the folder of a run, or of a model."""
    if not source.is_folder:
        return False
    table = as_table(source.below("meta.yaml").try_read("yaml")) if source.has("meta.yaml") else {}
    return bool(table.keys() & {"run_id", "run_uuid"}) or source.has("MLmodel")


def read_mlflow(source: Source, found: Found) -> None:
    """Take what the run tells."""
    if source.has("MLmodel"):
        _add_model(found, source)
        return
    meta = as_table(source.below("meta.yaml").yaml)
    if not meta:
        raise FormatError(f"{source.path / 'meta.yaml'}: no run of MLflow: expected a map")
    found.is_run = True
    start, end = (meta.get(name) if type(meta.get(name)) is int else None for name in ("start_time", "end_time"))
    if start is not None and abs(start) < 1 << 43:
        found.time_ns = start * _MS
        found.duration_ns = max(0, end - start) * _MS if end is not None and abs(end) < 1 << 43 else 0
    _add_params(found, source.below("params"))
    for name, file in _walk(source.below("metrics")):
        found.add_metric(name, _read_points(file.text))
    _add_tags(found, {name: file.text.strip() for name, file in _walk(source.below("tags"))})
    for model in _find_models(source):
        _add_model(found, model)


def _walk(folder: Source, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Source]]:
    """Yield the files below a folder by their relative names: a name may hold slashes."""
    for item in folder.list()[:_MOST_FILES]:
        name = prefix + to_text(item.path.name)
        if item.path.is_symlink():
            continue
        if item.is_folder and depth < _DEEPEST:
            yield from _walk(item, name + "/", depth + 1)
        elif item.path.is_file():
            yield name, item


def _add_params(found: Found, folder: Source) -> None:
    settings = {}
    for name, file in _walk(folder):
        text = file.text
        if len(text) in _CUT:
            found.add("config", *name.split("."), fact=NOT_ASKED)
        else:
            settings[name] = read_argument(text)
    found.add_config(_nest(settings))


def _nest(settings: Mapping[str, object]) -> dict[str, object]:
    """Divide names at dots, as options are (``--model.lr``), where no name is in another's way."""
    nested: dict[str, object] = {}
    for name, value in settings.items():
        *heads, last = name.split(".") if all(name.split(".")) else [name]
        place = nested
        for head in heads:
            below = place.setdefault(head, {})
            if not isinstance(below, dict):
                return dict(settings)
            place = below
        if last in place:
            return dict(settings)
        place[last] = value
    return nested


def _read_points(text: str) -> list[tuple[int, float]]:
    """Read lines of time, value and step (a line may have more behind them), each once and in the steps' order."""
    points: set[tuple[int, int, float]] = set()
    for number, line in enumerate(text.splitlines()[:_MOST_POINTS]):
        fields = line.split()
        try:
            step = int(fields[2]) if len(fields) > _LEAST_FIELDS else number
            points.add((step, int(fields[0]), float(fields[1])))
        except (ValueError, IndexError):
            continue
    return [(step, value) for step, _time, value in sorted(points)]


def _add_tags(found: Found, tags: dict[str, str]) -> None:
    found.observe("code", "git", "commit", value=tags.get("mlflow.source.git.commit"))
    if tags.get("mlflow.source.type") in ("LOCAL", "PROJECT"):
        add_entry(found, tags.get("mlflow.source.name", ""))
    found.add_circumstance("import.run_name", tags.get("mlflow.runName"))


def _find_models(source: Source) -> Iterator[Source]:
    """Yield the folders of models: among the artifacts, and since MLflow 3 beside the runs."""
    for folder, names, files in os.walk(source.path / "artifacts"):
        names[:] = sorted(names) if len(Path(folder).relative_to(source.path).parts) < _DEEPEST else []
        if "MLmodel" in files:
            yield Source(Path(folder))
    for output in source.below("outputs").list():
        model = Source(source.path.parent / "models" / output.path.name / "artifacts")
        if model.has("MLmodel"):
            yield model


def _add_model(found: Found, folder: Source) -> None:
    """Take the environment that a model was logged in: the packages that MLflow saw it need."""
    if folder.has("python_env.yaml"):
        table = as_table(folder.below("python_env.yaml").yaml)
        add_python_version(found, as_text(table.get("python")))
        read_requirement_lines(as_list(table.get("build_dependencies")), found)
    if folder.has("conda.yaml"):
        read_conda_environment(folder.below("conda.yaml"), found)
    if folder.has("requirements.txt"):
        read_requirement_lines(folder.below("requirements.txt").text.splitlines(), found)
    flavors = as_table(as_table(folder.below("MLmodel").try_read("yaml")).get("flavors"))
    add_python_version(found, as_text(as_table(flavors.get("python_function")).get("python_version")))
