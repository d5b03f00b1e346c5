"""Finding the policy of a folder, and the branch that is checked out there; nothing is run for either.

A policy is looked for from the folder upwards until the repository's root: in each folder ``reprofp.toml`` comes before
``pyproject.toml``. Outside of a repository only the folder itself counts, so that nobody's policy lies in wait above it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from reprofp.probes.files import read_bounded

__all__ = ["OWN_FILE", "PYPROJECT", "find_branch", "find_policy_file"]

PYPROJECT = "pyproject.toml"
OWN_FILE = "reprofp.toml"
_MARK = b"tool.reprofp"
_LIMIT = 1 << 20
_HEAD_LIMIT = 4096


def find_policy_file(folder: Path) -> Path | None:
    """Return the file of the policy that holds in ``folder``, or None."""
    for place in _walk_up(folder):
        if (place / OWN_FILE).is_file():
            return place / OWN_FILE
        if _has_table(place / PYPROJECT):
            return place / PYPROJECT
    return None


def _walk_up(folder: Path) -> Iterator[Path]:
    folders = [folder, *folder.parents]
    root = next((number for number, place in enumerate(folders) if os.path.lexists(place / ".git")), 0)
    yield from folders[: root + 1]


def _has_table(path: Path) -> bool:
    """Whether the file names the table: most do not, and then nothing need be parsed."""
    try:
        return _MARK in read_bounded(path, _LIMIT)
    except (OSError, ValueError):
        return False


def find_branch(folder: Path) -> str:
    """Return the branch that is checked out in the repository around ``folder``; empty where there is none."""
    for place in _walk_up(folder):
        git = place / ".git"
        try:
            if git.is_file():  # a further worktree, or a submodule
                git = place / read_bounded(git, _HEAD_LIMIT).decode().removeprefix("gitdir:").strip()
            head = read_bounded(git / "HEAD", _HEAD_LIMIT).decode().strip()
        except (OSError, ValueError):
            continue
        return head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""
    return ""
