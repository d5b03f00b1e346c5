"""The kinds of sources, in the order in which they are recognised: what is told by more marks comes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from reprofp.errors import InputError, UsageError
from reprofp.importing.collect_env import read_collect_env, recognise_collect_env
from reprofp.importing.conda_environment import read_conda_environment, recognise_conda_environment
from reprofp.importing.conda_list import read_conda_list, recognise_conda_list
from reprofp.importing.found import Found
from reprofp.importing.mlenv import read_mlenv, recognise_mlenv
from reprofp.importing.mlflow import read_mlflow, recognise_mlflow
from reprofp.importing.pipfile_lock import read_pipfile_lock, recognise_pipfile_lock
from reprofp.importing.poetry_lock import read_poetry_lock, recognise_poetry_lock
from reprofp.importing.requirements import read_freeze, recognise_freeze
from reprofp.importing.sacred import read_sacred, recognise_sacred
from reprofp.importing.sources import Source
from reprofp.importing.uv_lock import read_uv_lock, recognise_uv_lock
from reprofp.importing.wandb import read_wandb, recognise_wandb

__all__ = ["KINDS", "Kind", "find_kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source."""

    name: str
    tells: str
    recognise: Callable[[Source], bool]
    read: Callable[[Source, Found], None]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("wandb", "a run of Weights & Biases", recognise_wandb, read_wandb),
        Kind("mlflow", "a run of MLflow", recognise_mlflow, read_mlflow),
        Kind("sacred", "a run of Sacred", recognise_sacred, read_sacred),
        Kind("collect-env", "torch.utils.collect_env", recognise_collect_env, read_collect_env),
        Kind("conda-list", "conda list", recognise_conda_list, read_conda_list),
        Kind("uv", "uv.lock", recognise_uv_lock, read_uv_lock),
        Kind("poetry", "poetry.lock", recognise_poetry_lock, read_poetry_lock),
        Kind("pipenv", "Pipfile.lock", recognise_pipfile_lock, read_pipfile_lock),
        Kind("mlenv", "a snapshot of mlenv-cli", recognise_mlenv, read_mlenv),
        Kind("conda-env", "an environment.yml of conda", recognise_conda_environment, read_conda_environment),
        Kind("pip-freeze", "pip freeze", recognise_freeze, read_freeze),
    )
}
"""Every kind by the name that ``--from`` takes."""


def find_kind(source: Source, named: str | None = None) -> Kind:
    """Return the kind that was named, or that the content shows.

    Raises:
        InputError: there is nothing at the path, or nothing that is recognised.
        UsageError: there is no kind of that name.
    """
    if not Path(source.path).exists():
        raise InputError(f"there is no file or folder {source.path}: check the path")
    if named is not None:
        if named not in KINDS:
            raise UsageError(f"there is no kind {named!r} to import from: expected one of {', '.join(KINDS)}")
        return KINDS[named]
    if not source.is_folder and not recognise_wandb(source):
        _ = source.text  # what cannot be read at all is told as such
    for kind in KINDS.values():
        if kind.recognise(source):
            return kind
    raise InputError(
        f"{source.path}: not recognised as any of {', '.join(kind.tells for kind in KINDS.values())};"
        " name what it is with --from KIND"
    )
