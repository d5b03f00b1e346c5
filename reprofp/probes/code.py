"""The facet ``code``: which program ran.

In: the working folder, the command, and the modules of the process. Out: ``git.*`` (the commit and digests of what
differs from it), ``entry`` (the script's base name, and its digest), ``sources.*`` (digests of the user's own modules
that the process really loaded, and of their syntax trees). No source and no diff is kept, only digests and sizes.

Of untracked files only those count that hold code: what a run itself writes into its folder (results, logs,
checkpoints) must not make the next run another experiment.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context, Report
from reprofp.probes.command import Command, EntryKind, split_command
from reprofp.probes.files import hash_small_file, to_bytes, to_text, to_value
from reprofp.probes.git import GitState, NoRepositoryError, read_git
from reprofp.probes.raw_values import take_list, take_map
from reprofp.probes.redaction import redact_path, redact_text
from reprofp.probes.sources import list_sources, read_sources

__all__ = ["CodeProbe", "find_command", "find_sources"]

_ENTRY_LIMIT = 256 << 20


class CodeProbe:
    """Reports commit, entry point and loaded sources."""

    name = "code"
    version = 1
    waits = True

    def applies(self, context: Context) -> bool:  # noqa: ARG002  there is always a working folder
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report the code."""
        report = Report()
        command = find_command(context)
        entry = _find_entry(command, context)
        folder = entry.parent if entry is not None and command.kind is EntryKind.SCRIPT else context.cwd
        _add_git(report, folder, context)
        _add_entry(report, command, entry)
        _add_sources(report, context)
        return report


def find_command(context: Context) -> Command:
    """Return the command that is described: the declared one, else that of the process."""
    argv = list(context.experiment.argv)
    if not argv and context.process is not None:
        try:
            argv = [str(item) for item in take_list(context.process, "orig_argv") or take_list(context.process, "argv")]
        except (OSError, ValueError):
            argv = []
    return split_command(argv)


def _find_entry(command: Command, context: Context) -> Path | None:
    """Return the file that the command starts, where it can be found."""
    found: Path | None = None
    if command.kind is EntryKind.SCRIPT:
        found = context.cwd / command.entry
    elif command.kind is EntryKind.MODULE:
        found = _find_module(command.entry, context.cwd)
    elif command.kind is EntryKind.PROGRAM:
        found = context.cwd / command.entry if "/" in command.entry else _find_program(command.entry, context)
    if found is None or not os.path.exists(found):
        return None
    return Path(os.path.normpath(found)) / "__main__.py" if os.path.isdir(found) else Path(os.path.normpath(found))


def _find_module(name: str, cwd: Path) -> Path | None:
    below = cwd.joinpath(*name.split("."))
    candidates = (below.with_name(below.name + ".py"), below / "__main__.py")
    return next((path for path in candidates if path.is_file()), None)


def _find_program(name: str, context: Context) -> Path | None:
    folders = context.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = [context.cwd / folder / name for folder in folders if folder]
    return next((path for path in candidates if path.is_file() and os.access(path, os.X_OK)), None)


def _add_entry(report: Report, command: Command, entry: Path | None) -> None:
    if command.kind in (EntryKind.NONE, EntryKind.CHILD):
        return
    if command.kind is EntryKind.CODE:
        report.observe("entry", value="-c")
        report.observe("entry", "digest", value=f"sha256:{hashlib.sha256(to_bytes(command.entry)).hexdigest()}")
        return
    name = command.entry if command.kind is EntryKind.MODULE else os.path.basename(command.entry.rstrip("/"))
    report.observe("entry", value=to_value(name))
    if entry is not None:
        report.add("entry", "digest", fact=_hash(entry))


def _hash(path: Path) -> Observation:
    try:
        return Observed(hash_small_file(path, _ENTRY_LIMIT))
    except PermissionError:
        return Unknown(UnknownCode.DENIED)
    except (OSError, ValueError):
        return Unknown(UnknownCode.FAILED)


def _add_git(report: Report, folder: Path, context: Context) -> None:
    try:
        state = read_git(str(folder), context.environ)
    except NoRepositoryError:
        report.add("git", fact=ABSENT)
    except (OSError, ValueError) as error:
        report.add("git", fact=Unknown(_code_of(error)))
        report.circumstances["code.git.problem"] = _explain(error, context.environ)
    else:
        _add_state(report, state)


def _code_of(error: Exception) -> UnknownCode:
    if isinstance(error, PermissionError):
        return UnknownCode.DENIED
    return UnknownCode.TIMED_OUT if isinstance(error, TimeoutError) else UnknownCode.FAILED


def _explain(error: Exception, environ: Mapping[str, str]) -> str:
    return redact_path(redact_text(to_text(str(error))), environ.get("HOME", ""))


def _add_state(report: Report, state: GitState) -> None:
    for name, value in (("commit", state.commit), ("dirty", state.dirty), ("untracked", state.untracked)):
        report.add("git", name, fact=ABSENT if value is None else Observed(value))
    for path, commit in state.submodules.items():
        report.add("git", "submodules", to_text(path), fact=ABSENT if commit is None else Observed(commit))
    report.circumstances["code.git.branch"] = redact_text(to_text(state.branch))
    for name, count in state.counts.items():
        report.circumstances[f"code.git.{name}"] = count


def _find_main(context: Context) -> dict[str, str]:
    """Return the file of ``__main__``, which the interpreter forgets when the script has ended.

    Raises:
        OSError: a script or module ran, and its file cannot be found any more.
    """
    process = context.process or {}
    if take_map(process, "modules").get("__main__", "not loaded") is not None:
        return {}
    command = split_command([str(item) for item in take_list(process, "orig_argv")])
    if command.kind not in (EntryKind.SCRIPT, EntryKind.MODULE):
        return {}
    # For a module, Python puts the path of its file into sys.argv.
    given = command.entry if command.kind is EntryKind.SCRIPT else str(take_list(process, "argv")[0])
    folders = (context.cwd, Path(str(take_map(process, "environ_start").get("PWD", "/"))))
    for path in (folder / given for folder in folders):
        if path.exists():
            return {"__main__": os.path.normpath(path / "__main__.py" if path.is_dir() else path)}
    raise FileNotFoundError(f"the script {given} is not there any more")


def find_sources(context: Context) -> dict[str, str]:
    """Return the files of the modules of the process that are the user's own, by the modules' names.

    Raises:
        OSError: the script is not there any more.
        ValueError: the process did not say what it loaded.
    """
    for known, folder, found in context.sources:
        if known is context.process and folder == context.cwd:
            return dict(found)
    process = context.process or {}
    modules = {**take_map(process, "modules"), **_find_main(context)}
    prefix, cwd = (str(process.get(key) or "") for key in ("base_prefix", "cwd"))
    found = list_sources(modules, prefix, cwd or str(context.cwd))
    context.sources.append((context.process, context.cwd, found))
    return dict(found)


def _add_sources(report: Report, context: Context) -> None:
    if context.process is None:
        report.add("sources", fact=Unknown(UnknownCode.NOT_LOADED))
        return
    try:
        state = read_sources(find_sources(context), context.environ, context.warm)
    except (OSError, ValueError) as error:
        report.add("sources", fact=Unknown(_code_of(error)))
        report.circumstances["code.sources.problem"] = _explain(error, context.environ)
        return
    report.add("sources", "digest", fact=state.digest)
    report.add("sources", "syntax", fact=state.syntax)
    report.observe("sources", "files", value=state.files)
