"""The facet ``locks``: digests of the lock files of the project around the working folder.

A lock says what was meant to be installed; the facet ``packages`` says what is. The project's folder is the nearest
one from the working folder upwards with ``.git`` or ``pyproject.toml``, else the working folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context, Report
from reprofp.probes.files import find_project_root, hash_small_file, to_text

__all__ = ["LocksProbe"]

_LOCK = re.compile(
    r"(?:uv|poetry|pdm|pixi|flake)\.lock|Pipfile\.lock|pylock(?:\.[^.]+)?\.toml|conda-lock\.ya?ml"
    r"|environment\.ya?ml|requirements[^/]*\.txt"
)
_LIMIT = 64 << 20


class LocksProbe:
    """Reports the digest of each lock file by its name."""

    name = "locks"
    version = 1

    def applies(self, context: Context) -> bool:  # noqa: ARG002  there is always a working folder
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report the lock files of the project.

        Raises:
            OSError: the project's folder cannot be listed.
        """
        report = Report()
        root = find_project_root(context.cwd)
        for name in sorted(filter(_LOCK.fullmatch, os.listdir(root))):
            report.add(to_text(name), fact=_hash(root / name))
        return report


def _hash(path: Path) -> Observation:
    try:
        return Observed(hash_small_file(path, _LIMIT))
    except PermissionError:
        return Unknown(UnknownCode.DENIED)
    except (OSError, ValueError):
        return Unknown(UnknownCode.FAILED)
