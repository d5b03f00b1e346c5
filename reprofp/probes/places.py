"""Paths in values: what they point to may move, so facts hold base names, and names of what was declared.

In: text. Out: the text without absolute paths. A path that was declared as data, weights, configuration or output
becomes ``[data NAME]`` and so on: its content is recorded elsewhere, and where it lies is nothing that could reach a
result. Of any other absolute path only the base name stays. What is relative stays as it is: it tells nothing about
the machine, and ``org/model`` is no path at all.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reprofp.probes.base import Experiment

__all__ = ["Places"]

_OUTPUT_NAMES = re.compile(
    r"(?:.*_)?(?:out|output|save|log|logging|result|results|ckpt|checkpoint|run|tensorboard)_?(?:dir|path|folder|file|root)"
    r"|out|output|outdir|outfile|logdir|savedir"
)
_IN_TEXT = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"']*|(?<![\w.~)\]}*/-])~?/(?:[^\s/:;,\"'=()\[\]{}]+/)+[^\s/:;,\"'=()\[\]{}]*"
)


@dataclass(frozen=True)
class Places:
    """Shortens paths in the values of one experiment."""

    experiment: Experiment
    cwd: Path

    def shorten(self, name: str, text: str) -> str:
        """Return ``text``, the value of ``name``, without absolute paths."""
        declared = self._declared.get(self._normalise(text)) if text else None
        if declared is not None:
            return declared
        if _is_absolute(text) or ("/" in text and _OUTPUT_NAMES.fullmatch(name.lower())):
            return _base_name(text)
        return _IN_TEXT.sub(_shorten_match, text) if "/" in text else text

    def _normalise(self, text: str) -> str:
        return os.path.normpath(os.path.join(self.cwd, os.path.expanduser(text) if text.startswith("~") else text))

    @cached_property
    def _declared(self) -> dict[str, str]:
        return {self._normalise(str(path)): label for path, label in self._list_declared()}

    def _list_declared(self) -> Iterator[tuple[Path, str]]:
        for kind in ("outputs", "weights", "data"):
            for name, path in getattr(self.experiment, kind).items():
                yield path, f"[{_LABELS[kind]} {name}]" if name else f"[{_LABELS[kind]}]"


_LABELS = {"outputs": "output", "weights": "weights", "data": "data"}


def _is_absolute(text: str) -> bool:
    return text.startswith(("/", "~/", "file:/")) and "\n" not in text and not text.startswith("//")


def _base_name(text: str) -> str:
    return text.rstrip("/").rpartition("/")[2] or text


def _shorten_match(match: re.Match[str]) -> str:
    return match[0] if "://" in match[0] else _base_name(match[0])
