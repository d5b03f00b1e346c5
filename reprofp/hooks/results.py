"""What came out of a run: digests of its outputs, and its metrics.

Only what the run itself produced is evidence: an output that is as it was before the run, and lines of
a metrics file that were there before, do not count.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from reprofp.errors import InputError, ReprofpError
from reprofp.hooks.identities import State, identify_all
from reprofp.model.observations import Value
from reprofp.model.paths import format_path
from reprofp.model.records import MAX_ATTACHMENT_BYTES
from reprofp.probes.files import to_text

if TYPE_CHECKING:
    from reprofp.datasets import TreeDigest, WeightsDigest

__all__ = ["Metrics", "Outputs", "Points", "add_metrics", "split_metrics"]

_WEIGHTS = frozenset({".safetensors", ".gguf", ".pt", ".pth", ".bin", ".ckpt", ".npz", ".npy"})
"""Suffixes of files that are asked whether they hold tensors; others are hashed as they are."""

Points: TypeAlias = dict[str, list[tuple[int, float]]]


@dataclass
class Outputs:
    """The files and folders that a run is said to make, and how they were before it."""

    paths: Mapping[str, Path]
    attachments: dict[str, bytes] = field(default_factory=dict)
    """What the digests of folders and weights stand for; see ``Snapshot.attachments``."""
    _before: dict[str, State] = field(default_factory=dict)

    def remember(self) -> None:
        """Look at what is there before the run."""
        self._before = {name: identify_all(path) for name, path in self.paths.items()}

    def hash(self) -> dict[str, dict[str, Value]]:
        """Hash what is there after the run; what is missing or was not written gives its error's text."""
        return {name: self._hash(name, path) for name, path in self.paths.items()}

    def _hash(self, name: str, path: Path) -> dict[str, Value]:
        now = identify_all(path)
        if not now:
            return {"error": "the run did not make it"}
        if now == self._before.get(name):
            return {"error": "the run did not write it: it is as it was before"}
        try:
            return _digest_output(path, self.attachments)
        except (OSError, ReprofpError) as error:
            return {"error": f"it cannot be hashed: {_describe(error)}"}

    def find_missing(self, results: Mapping[str, Mapping[str, Value]]) -> list[str]:
        """Return the names of outputs that are no evidence, each with why."""
        return [
            f"{name} ({self.paths[name]}): {item['error']!s}"
            for name, item in results.items()
            if "error" in item and name in self.paths
        ]

    def describe_paths(self, home: str) -> dict[str, Value]:
        """Return where the outputs lie, as circumstances by dotted path."""
        from reprofp.probes.redaction import redact_path  # noqa: PLC0415 - reads tables

        return {
            format_path(("outputs", to_text(name), "path")): redact_path(to_text(str(path.absolute())), home)
            for name, path in self.paths.items()
        }


def _digest_output(path: Path, attachments: dict[str, bytes]) -> dict[str, Value]:
    """Hash one output; what its digests stand for is added to ``attachments``."""
    from reprofp.datasets import TreeDigest, hash_path  # noqa: PLC0415 - loads the native core

    weights = _read_weights(path)
    if weights is not None:
        _attach(weights, attachments)
        tensors: dict[str, Value] = {} if weights.format == "opaque" else {"tensors": str(weights.digest)}
        return {"digest": str(weights.file_digest), "files": 1, "bytes": weights.bytes, **tensors}
    found = hash_path(path)
    if isinstance(found, TreeDigest):
        _attach(found, attachments)
    return {"digest": str(found.digest), "files": getattr(found, "files", 1), "bytes": found.bytes}


def _attach(found: TreeDigest | WeightsDigest, attachments: dict[str, bytes]) -> None:
    content = found.attachment()
    if content is not None and len(content) <= MAX_ATTACHMENT_BYTES:
        attachments[str(found.digest)] = content


def _read_weights(path: Path) -> WeightsDigest | None:
    """Return the digests of a file of weights; None of anything else, and of one that cannot be read as such."""
    from reprofp.datasets import hash_weights  # noqa: PLC0415 - loads the native core

    if path.suffix not in _WEIGHTS or not path.is_file():
        return None
    try:
        return hash_weights(path)
    except (OSError, ReprofpError):
        return None


def _describe(error: Exception) -> str:
    """Say what went wrong without saying where: a record holds no full paths."""
    return (error.strerror or "failed") if isinstance(error, OSError) else type(error).__name__


@dataclass
class Metrics:
    """A file of JSON lines that a run writes, such as ``{"step": 1, "loss": 0.5}``."""

    path: Path
    _size: int = 0
    _digest: bytes = b""
    _before: State = frozenset()

    def remember(self) -> None:
        """Look at what is there before the run.

        Raises:
            InputError: what is there cannot be read.
        """
        self._before = identify_all(self.path)
        head = self._read() if self.path.exists() else b""
        self._size, self._digest = len(head), _digest(head)

    def collect(self) -> Points:
        """Read what the run wrote: new lines of a file that was there, all lines of a new one.

        Raises:
            InputError: there is nothing new, or a line is not as it must be.
        """
        data = self._read()
        appended = self._size > 0 and _digest(data[: self._size]) == self._digest
        if appended and len(data) == self._size and identify_all(self.path) != self._before:
            appended = False  # the run wrote the same lines again
        if appended and len(data) == self._size:
            raise InputError(f"no metrics: {self.path} is as it was before the run; does the run write to it?")
        start = self._size if appended else 0
        points: Points = {}
        line = data[:start].count(b"\n")
        for text in data[start:].splitlines():
            line += 1
            if text.strip():
                add_metrics(points, *_read_line(text, f"{self.path}, line {line}", points))
        return points

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError as error:
            raise InputError(f"no metrics: there is no file {self.path}; does the run write to it?") from error
        except OSError as error:
            raise InputError(f"no metrics: {self.path} cannot be read: {error.strerror}") from error


def add_metrics(points: Points, step: int, numbers: Mapping[str, float]) -> None:
    """Add one report of metrics to those that were reported before."""
    for name, number in numbers.items():
        points.setdefault(name, []).append((step, number))


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _read_line(text: bytes, where: str, points: Points) -> tuple[int, dict[str, float]]:
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}); expected a line such as {_EXAMPLE}") from error
    if not isinstance(entry, dict):
        raise InputError(f"{where}: not an object; expected a line such as {_EXAMPLE}")
    default = max((len(series) for series in points.values()), default=0)
    return split_metrics(entry, default, lambda problem: InputError(f"{where}: {problem}"))


_EXAMPLE = '{"step": 1, "loss": 0.5}'


def split_metrics(
    entry: Mapping[str, Any], default_step: int, fail: Callable[[str], Exception]
) -> tuple[int, dict[str, float]]:
    """Divide a report into its step and its numbers; ``fail`` makes the error that is raised for a bad one."""
    given = entry.get("step", default_step)
    try:
        step = -(2**64) if isinstance(given, bool) else operator.index(given)  # numpy's integers count too
    except TypeError:
        step = -(2**64)
    if not -(2**63) <= step < 2**63:
        raise fail(f"step is {given!r}; expected a whole number")
    return step, dict(_check_numbers(entry, fail))


def _check_numbers(entry: Mapping[str, Any], fail: Callable[[str], Exception]) -> Iterator[tuple[str, float]]:
    for name, value in entry.items():
        if name == "step":
            continue
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            raise fail(f"{name} is {value!r}; expected a number")
        try:
            yield name, float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise fail(f"{name} is {value!r}; expected a number") from error
