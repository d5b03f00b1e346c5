"""The facet ``datasets``: digests of the data that was declared, and of what a run was seen to read.

In: the declared paths, and the files that the audit of a run heard of (hashed by whoever ran it, as long as they were
unchanged). Out: ``declared.NAME.digest``, ``files`` and ``bytes``; ``read.PATH``, or ``read-aggregate`` for more
than a thousand; ``stdin.digest``, what a run was given by standard input. Where nothing was declared and nobody could
see all that was read, the facet as a whole is not known: a bare command says nothing about its data.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reprofp.errors import ReprofpError
from reprofp.model.observations import ABSENT, Absent, Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import format_path
from reprofp.model.schema import Phase
from reprofp.probes.base import Context, Report
from reprofp.probes.code import find_sources
from reprofp.probes.files import to_text
from reprofp.probes.machine import read_part
from reprofp.probes.native_readers import find_native_readers, may_read_unheard
from reprofp.probes.raw_values import take_map
from reprofp.probes.redaction import redact_path, redact_text, redact_tokens

__all__ = ["DatasetsProbe", "add_unreadable"]

_MOST_LISTED = 1000
_TELL_OF_THE_MACHINE = frozenset(
    "arch file gcc c++ git getconf hostname ldconfig ld locale lsb_release lscpu lspci nproc nvidia-smi objdump ps rocm-smi "  # noqa: SIM905
    "stty sysctl tput uname which whoami".split()
)
"""Programs that libraries start to learn of the machine, and that read none of the user's data."""


class DatasetsProbe:
    """Reports digests of data."""

    name = "datasets"
    version = 1
    unbounded = True
    """Hashing takes as long as the declared data is large."""

    def applies(self, context: Context) -> bool:  # noqa: ARG002  no data is an observation too
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report declared data, and data that was read."""
        report = Report()
        for name, path in context.experiment.data.items():
            _add_declared(report, name, context.cwd / path, context)
        read = _take_read(context)
        _add_read(report, read)
        if context.stdin is not None or context.phase is Phase.END:
            report.add("stdin", "digest", fact=context.stdin or Unknown(UnknownCode.NOT_ASKED))
        if not context.experiment.data and not _sees_everything(context):
            report.add(fact=Unknown(UnknownCode.NOT_ASKED))
        elif all(isinstance(fact, Absent) for fact in report.facts.values()):
            report.add(fact=ABSENT)
        return report


def _add_declared(report: Report, name: str, path: Path, context: Context) -> None:
    from reprofp.datasets import TreeDigest, hash_path  # noqa: PLC0415  loads the native core, and few snapshots declare data

    place = ("declared", to_text(name))
    try:
        digest = hash_path(path)
    except (OSError, ReprofpError) as error:
        add_unreadable(report, ("datasets", *place), error, context)
        return
    report.observe(*place, "digest", value=str(digest.digest))
    if isinstance(digest, TreeDigest):
        report.attach(digest.digest, digest.attachment())
    report.observe(*place, "files", value=getattr(digest, "files", 1))
    report.observe(*place, "bytes", value=digest.bytes)
    report.circumstances[format_path(("datasets", *place, "path"))] = _open(str(path), context)
    for problem in getattr(digest, "problems", ())[:_MOST_LISTED]:
        text = problem.path.decode("utf-8", "backslashreplace")
        report.circumstances[format_path(("datasets", *place, "uncovered", text))] = problem.what


def add_unreadable(report: Report, path: tuple[str, ...], error: Exception, context: Context) -> None:
    """Say that what was declared at the full path ``path`` could not be digested, and why."""
    denied = isinstance(error, PermissionError) or isinstance(error.__cause__, PermissionError)
    report.add(*path[1:], fact=Unknown(UnknownCode.DENIED if denied else UnknownCode.FAILED))
    report.circumstances[format_path((*path, "problem"))] = _open(redact_text(str(error)), context)


def _open(text: str, context: Context) -> str:
    return redact_path(redact_tokens(to_text(text)), context.environ.get("HOME", ""))


def _take_read(context: Context) -> Mapping[str, Any]:
    try:
        return take_map(context.process, "data_files")
    except (OSError, ValueError):
        return {}


def _add_read(report: Report, read: Mapping[str, Any]) -> None:
    facts = {to_text(name): _read_entry(entry) for name, entry in read.items()}
    if len(facts) <= _MOST_LISTED:
        for name, fact in facts.items():
            report.add("read", name, fact=fact)
        return
    report.add("read", fact=Unknown(UnknownCode.NOT_ASKED))
    report.observe("read-aggregate", "files", value=len(facts))
    report.add("read-aggregate", "digest", fact=_aggregate(facts))


def _read_entry(entry: object) -> Observation:
    if isinstance(entry, Mapping) and isinstance(entry.get("digest"), str):
        return Observed(entry["digest"])
    code = entry.get("error") if isinstance(entry, Mapping) else None
    known = {code.value: code for code in UnknownCode}
    return Unknown(known.get(str(code), UnknownCode.FAILED))


def _aggregate(facts: Mapping[str, Observation]) -> Observation:
    """Return the digest over names and digests; what is not known of one file is not known of all."""
    digest = hashlib.sha256()
    for name, fact in sorted(facts.items()):
        if not isinstance(fact, Observed):
            return fact
        digest.update(f"{name}\0{fact.value!s}\n".encode())
    return Observed(f"sha256:{digest.hexdigest()}")


def _sees_everything(context: Context) -> bool:
    """Whether an audit heard of every file that was read: it ran, lost nothing, and nothing reads unheard."""
    try:
        audit, modules = take_map(context.process, "audit"), take_map(context.process, "modules")
    except (OSError, ValueError):
        return False
    if not audit or audit.get("truncated") or not modules or _reads_unheard(modules, context):
        return False
    return not _may_read_elsewhere(context, audit.get("subprocesses") or {})


def _reads_unheard(modules: Mapping[str, Any], context: Context) -> bool:
    """Whether something reads in native code; the program's own file is found as the facet ``code`` finds it."""
    process = context.process or {}
    files = {str(name): file for name, file in modules.items() if isinstance(file, str)}
    if find_native_readers(files) == []:
        return False
    try:
        files.update(find_sources(context))
    except (OSError, ValueError):
        return True
    arguments, cwd = process.get("orig_argv"), str(process.get("cwd") or context.cwd)
    words = [str(word) for word in arguments] if isinstance(arguments, list) else []
    return may_read_unheard(
        {name: os.path.join(cwd, file) for name, file in files.items()}, words, str(process.get("base_prefix", ""))
    )


def _may_read_elsewhere(context: Context, started: Mapping[str, Any]) -> bool:
    """Whether other processes took part, which read unheard; those that only tell of the machine do not count."""
    children = read_part(context, "children", dict)
    traces = {} if isinstance(children, Unknown) else children
    unheard = bool(traces.get("multiprocessing")) or (bool(traces.get("waited")) and not started)
    return unheard or not _TELL_OF_THE_MACHINE.issuperset(started)
