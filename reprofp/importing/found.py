"""What was found in the sources, on its way to a record: facts in the form in which our own probes write them.

Guaranteed: nothing that a source does not tell becomes a fact. Where two sources tell different things, the fact is
Unknown, and a circumstance says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reprofp.errors import FormatError
from reprofp.model.canonical import encode
from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode, Value
from reprofp.model.paths import FactPath, format_path
from reprofp.probes.base import Context, Experiment, Report
from reprofp.probes.config import ConfigProbe
from reprofp.probes.distributions import normalise_name
from reprofp.probes.env import EnvProbe
from reprofp.probes.files import to_text
from reprofp.probes.redaction import redact_path, redact_text

__all__ = ["NOT_ASKED", "Found"]

NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)

_NOWHERE = Path("/nonexistent")
_VERSION = re.compile(r"[0-9][\w.!+]*")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
_OWN = "reprofp"
_OF_GPU = "nvidia-"
_NOT_OF_GPU = "nvidia-ml-py"
_MOST_STEPS = 1_000_000


@dataclass
class Found:
    """Facts by facet, what stands beside them, and results."""

    facts: dict[str, dict[FactPath, Observation]] = field(default_factory=dict)
    circumstances: dict[str, Value] = field(default_factory=dict)
    secrets: dict[str, bytes] = field(default_factory=dict)
    metrics: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What whoever imports should know."""
    is_run: bool = False
    time_ns: int | None = None
    duration_ns: int = 0
    _disagree: list[str] = field(default_factory=list)

    # --- facts -----------------------------------------------------------------------------------------

    def observe(self, facet: str, *path: str, value: Value) -> None:
        """Add an observed fact; empty text and None are nothing that was told, and no name has no facts."""
        if value is not None and value != "" and all(path):
            self.add(facet, *path, fact=Observed(value))

    def add(self, facet: str, *path: str, fact: Observation) -> None:
        """Add a fact; what contradicts an earlier source makes it Unknown."""
        try:
            encode(fact.value if isinstance(fact, Observed) else None)
        except FormatError:
            fact = Unknown(UnknownCode.FAILED)
        facts = self.facts.setdefault(facet, {})
        known = facts.get(path)
        if known is None or isinstance(known, Unknown):
            # A contradiction stays one, whatever a third source says.
            facts[path] = fact if known is None or known.code is not UnknownCode.FAILED else known
        elif not isinstance(fact, Unknown) and fact != known:
            facts[path] = Unknown(UnknownCode.FAILED)
            self._disagree.append(format_path((facet, *path)))
            self.circumstances["import.disagree"] = sorted(set(self._disagree))

    def add_package(self, name: str, version: str | None, *, sure: bool = True) -> str:
        """Add a package and return its normal name, or nothing where it is none; ``version`` may not be known.

        A version that is not ``sure`` is not known either.
        """
        name = normalise_name(name)
        if name == _OWN or not _NAME.fullmatch(name):
            return ""
        known = version is not None and sure and _VERSION.fullmatch(version) is not None
        fact: Observation = Observed(version) if known else NOT_ASKED
        self.add("packages", "installed", name, "version", fact=fact)
        if name.startswith(_OF_GPU) and name != _NOT_OF_GPU:
            self.add("cuda", "installed", name, fact=fact)
        return name

    def add_config(self, settings: Mapping[str, Any], argv: Sequence[str] = ()) -> None:
        """Add hyper-parameters and arguments, as the probe of the facet ``config`` reads and redacts them.

        Raises:
            FormatError: they nest too deeply, or are too many.
        """
        context = Context(environ={}, cwd=_NOWHERE, experiment=Experiment(argv=tuple(argv), settings=settings))
        try:
            self._take("config", ConfigProbe(reads_files=False).observe(context))
        except (ValueError, RecursionError) as error:
            raise FormatError(f"the hyper-parameters cannot be read: {error}") from error

    def add_environ(self, environ: Mapping[str, Any]) -> None:
        """Add environment variables, as the probe of the facet ``env`` classes and redacts them."""
        texts = {name: value for name, value in environ.items() if type(value) is str}
        self._take("env", EnvProbe().observe(Context(environ=texts, cwd=_NOWHERE)))

    def _take(self, facet: str, report: Report) -> None:
        for path, fact in report.facts.items():
            self.add(facet, *path, fact=fact)
        self.circumstances.update(report.circumstances)
        self.secrets.update(report.secrets)

    # --- what stands beside ----------------------------------------------------------------------------

    def note(self, text: str) -> None:
        """Say something to whoever imports, once."""
        if text not in self.notes:
            self.notes.append(text)

    def note_cut(self, path: Path, name: str) -> None:
        """Say that nothing ends the last line of a text, so that what it tells of ``name`` may be a part of it."""
        self.note(
            f"{path}: nothing ends its last line, about {to_text(name)}: it may be cut off, and so the version is unknown; "
            "if it is whole, end it with a newline"
        )

    def add_circumstance(self, name: str, value: object) -> None:
        """Keep a text beside the facts, without secrets and without the home folder."""
        if isinstance(value, str) and value:
            self.circumstances[name] = redact_path(redact_text(to_text(value)), "")[:500]

    def add_metric(self, name: str, points: Sequence[tuple[Any, Any]]) -> None:
        """Add the points (step, value) of a metric; what is no number is left out."""
        kept = [(step, float(value)) for step, value in points[:_MOST_STEPS] if _is_point(step, value)]
        if kept and name and to_text(name) not in self.metrics:
            self.metrics[to_text(name)] = kept


def _is_point(step: object, value: object) -> bool:
    if type(step) is not int or abs(step) >= 1 << 63:
        return False
    return type(value) is float or (type(value) is int and abs(value) < 1 << 1023)
