"""What was declared as data, weights and configuration has to be there before anything runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from reprofp.errors import InputError
from reprofp.probes.base import Experiment

__all__ = ["validate_experiment"]


def validate_experiment(experiment: Experiment, cwd: Path | None = None) -> None:
    """Check that what is declared is there and may be read.

    Args:
        experiment: the declaration.
        cwd: what its relative paths are relative to; the working folder where it is not given.

    Raises:
        InputError: a path is missing, may not be read, or is no file where one is needed.
    """
    folder = Path.cwd() if cwd is None else cwd
    for what, path in _list_paths(experiment):
        problem = _find_problem(folder / path, folder_allowed=what != "--config")
        if problem:
            raise InputError(f"{what}: cannot use {str(path)!r}: {problem}")


def _list_paths(experiment: Experiment) -> Iterator[tuple[str, Path]]:
    for option, paths in (("--data", experiment.data), ("--weights", experiment.weights)):
        yield from ((f"{option} {name}".rstrip(), path) for name, path in paths.items())
    yield from (("--config", path) for path in experiment.config)


def _find_problem(path: Path, *, folder_allowed: bool) -> str:
    try:
        is_folder = path.is_dir()
        if not is_folder and not path.exists():
            return "there is nothing at this path; check its spelling, and the folder from which it is relative"
    except (OSError, ValueError) as error:
        return f"{getattr(error, 'strerror', None) or error}; check its spelling"
    if is_folder and not folder_allowed:
        return "it is a folder; name the file in it"
    if not os.access(path, os.R_OK | (os.X_OK if is_folder else 0), effective_ids=True):  # as opening it will ask
        return "it may not be read by this user; change its permissions, or run as a user who may"
    return "" if is_folder or path.is_file() else "it is neither a file nor a folder; name what it is made from"
