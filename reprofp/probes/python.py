"""The facet ``python``: the interpreter, its build, flags, hash seed, encodings and locale.

Of a process, everything is as the process itself told it. Without one, the build is described: of the
interpreter that the context names, which is asked in isolation and within a time limit, else of the one
that runs reprofp. Before a run by a command line that begins with Python, its hash seed is known as well.
What else decides how a program starts is told in startup.py.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from reprofp.model.observations import ABSENT, Observation, Observed
from reprofp.model.schema import Phase
from reprofp.probes import raw
from reprofp.probes.base import Context, Report
from reprofp.probes.files import to_value
from reprofp.probes.machine import FAILED
from reprofp.probes.parts import read_unknown
from reprofp.probes.startup import add_startup

__all__ = ["PythonProbe"]

_BUILD = ("version", "implementation", "build", "compiler", "gil")
_NESTED = {"flags": "flags", "encodings": "encoding", "locale": "locale"}
_ASK = (
    "import sys; v, _, r = sys.version.partition('('); b, _, c = r.partition(') '); "
    "print('\\n'.join([v.split()[0], sys.implementation.name, b, c.strip().strip('[]'), "
    "str(getattr(sys, '_is_gil_enabled', lambda: True)())]))"
)
_ASK_SECONDS = 1.5
_PYTHON = re.compile(r"(python|pypy)[0-9.]*t?")


class PythonProbe:
    """Describes an interpreter."""

    name = "python"
    version = 1

    def applies(self, _: Context) -> bool:
        """There is always an interpreter to describe."""
        return True

    def observe(self, context: Context) -> Report:
        """Report the interpreter.

        Raises:
            OSError: a named interpreter cannot be run.
            ValueError: it does not answer as Python does.
            TimeoutError: it does not answer in time.
        """
        report = Report()
        if context.process is not None:
            _add_process(report, context.process.get("python"))
            add_startup(report, context)
            return report
        described = raw.describe_python() if context.python is None else _ask_interpreter(context)
        for name in _BUILD:
            report.add(name, fact=_observe(described.get(name)))
        add_startup(report, context)
        if context.phase is not Phase.END:
            _add_coming_seed(report, context.experiment.argv, context.environ)
        return report


def _add_process(report: Report, described: Any) -> None:
    unknown = read_unknown(described)
    if unknown is not None or not isinstance(described, dict):
        report.add(fact=unknown or FAILED)
        return
    for name in (*_BUILD, "hash_seed"):
        report.add(name, fact=_observe(described.get(name)))
    for name, place in _NESTED.items():
        _add_nested(report, place, described.get(name))
    custom = described.get("sitecustomize")
    digest = custom.get("digest") if isinstance(custom, dict) else None
    report.add("sitecustomize", fact=ABSENT if custom is None else read_unknown(custom) or _observe(digest))


def _add_nested(report: Report, place: str, values: Any) -> None:
    if read_unknown(values) or not isinstance(values, dict):
        report.add(place, fact=read_unknown(values) or FAILED)
        return
    for name, value in values.items():
        report.add(place, name, fact=_observe(value))


def _observe(value: Any) -> Observation:
    """A flag is a number or a truth value; None stands for what could not be told, as a stream without encoding."""
    if isinstance(value, str):
        return Observed(to_value(value))
    return Observed(value) if isinstance(value, (bool, int)) else read_unknown(value) or FAILED


def _ask_interpreter(context: Context) -> dict[str, Any]:
    try:
        answer = subprocess.run(
            [os.fspath(context.python or ""), "-I", "-S", "-c", _ASK],
            capture_output=True,
            check=True,
            timeout=_ASK_SECONDS,
            env=dict(context.environ),
            stdin=subprocess.DEVNULL,
        ).stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{context.python} did not tell its version within {_ASK_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise ValueError(f"{context.python} could not tell its version (exit code {error.returncode})") from error
    lines = answer.splitlines()
    if len(lines) != len(_BUILD):
        raise ValueError(f"{context.python} does not answer as Python does: {json.dumps(answer[:80])}")
    *texts, gil = lines
    return {**dict(zip(_BUILD, texts, strict=False)), "gil": gil == "True"}


def _add_coming_seed(report: Report, argv: Sequence[str], environ: Mapping[str, str]) -> None:
    if argv and _PYTHON.fullmatch(os.path.basename(argv[0])):
        report.observe("hash_seed", value=raw.predict_hash_seed(argv, environ))
