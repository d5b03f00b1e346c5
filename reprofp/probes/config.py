"""The facet ``config``: hyper-parameters, whether they came by arguments, by files or from the program.

In: the command, the declared files and settings. Out: one fact per key with its type kept; nested keys are parts of the
path. What was not taken apart is a fact as it is: ``$argv`` (the arguments that belong to no option) and
``$files.NAME`` (the digest of a file). A key of the user's that begins with ``$`` gets another.

- A file that an option such as ``--config`` names, or a small one among the positional arguments, is taken apart like a
  declared one.
- The same key twice: settings go before arguments, and arguments before files; a circumstance lists what was overruled.
- The interpreter, its options, launchers and the script are no hyper-parameters.
- Secrets are redacted by name and shape; their keyed digests stand beside. Absolute paths are
  shortened; the command as it was given, redacted, is a circumstance.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reprofp.errors import FormatError
from reprofp.model.canonical import encode
from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode, Value
from reprofp.model.paths import FactPath, format_path
from reprofp.probes.arguments import Arguments, Option, read_arguments
from reprofp.probes.base import Context, Report
from reprofp.probes.code import find_command
from reprofp.probes.command import EntryKind
from reprofp.probes.config_files import CONFIG_SUFFIXES, check_extent, flatten, read_config_file, to_fact_value
from reprofp.probes.files import hash_small_file, to_bytes, to_text, to_value
from reprofp.probes.places import Places
from reprofp.probes.redaction import redact_argv, redact_option, redact_path, redact_value
from reprofp.probes.yaml_values import read_argument, read_override

__all__ = ["ConfigProbe"]

_FILE_OPTIONS = frozenset(
    [
        "config",
        "cfg",
        "conf",
        "config_file",
        "config_path",
        "cfg_file",
        "hparams",
        "hparams_file",
        "params",
        "params_file",
        "settings_file",
        "c",
    ]
)
_GUESSED_SIZE, _GUESSED_VALUES = 1 << 16, 1000
_FILE_LIMIT = 1 << 30
_MOST_SETTINGS = 100_000
_KERNELS = frozenset({"ipykernel_launcher", "ipykernel", "colab_kernel_launcher"})
"""Notebooks: their arguments name a file of the connection."""


class ConfigProbe:
    """Reports hyper-parameters."""

    name = "config"
    version = 1

    def __init__(self, *, reads_files: bool = True) -> None:
        """Say whether files that arguments name are read: not of a command that ran long ago, or elsewhere."""
        self._reads_files = reads_files

    def applies(self, context: Context) -> bool:  # noqa: ARG002  no configuration is an observation too
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report the hyper-parameters.

        Raises:
            ValueError: the settings hold themselves, or more than a facet should.
        """
        return _Collector(context, reads_files=self._reads_files).collect()


@dataclass
class _Entry:
    """One value on its way to a fact."""

    value: Observation
    secret: bytes | None = None
    """What was redacted."""
    full: str = ""
    """The value before its paths were shortened, where that changed it."""


class _Collector:
    def __init__(self, context: Context, *, reads_files: bool) -> None:
        self._context = context
        self._reads_files = reads_files
        self._places = Places(context.experiment, context.cwd)
        self._entries: dict[FactPath, _Entry] = {}
        self._overruled: list[str] = []
        self._report = Report()

    def collect(self) -> Report:
        """Gather from the weakest source to the strongest."""
        arguments = self._read_arguments()
        declared = [self._context.cwd / path for path in self._context.experiment.config]
        for path in declared:
            self._add_file(path)
        for path, guessed in self._find_files(arguments, declared) if self._reads_files else ():
            self._add_file(path, guessed=guessed)
        for key, option in arguments.options.items():
            self._put(key, self._read_option(key, option))
        check_extent(self._context.experiment.settings, _MOST_SETTINGS)
        for key, value in flatten(self._context.experiment.settings):
            self._put(key, self._describe(key, value))
        self._add_rest(arguments.rest)
        tasks = (self._context.process or {}).get("tasks")
        if tasks is not None:
            self._put(("$tasks",), _Entry(Observed(tasks)))
        return self._finish()

    def _read_arguments(self) -> Arguments:
        command = find_command(self._context)
        argv = redact_argv([*command.launcher, command.entry, *command.arguments])
        if command.kind is not EntryKind.NONE:
            self._report.circumstances["config.command"] = [self._open(to_text(item)) for item in argv]
        return read_arguments([] if command.entry in _KERNELS else command.arguments)

    def _open(self, text: str) -> str:
        return redact_path(text, self._context.environ.get("HOME", ""))

    def _put(self, key: FactPath, entry: _Entry) -> None:
        if key in self._entries and self._entries[key].value != entry.value:
            self._overruled.append(format_path(key))
        self._entries[key] = entry

    def _describe(self, key: FactPath, item: object) -> _Entry:
        """Describe a value of a file or of the program."""
        try:
            value = to_fact_value(item)
            hidden = redact_value(".".join(key), value)
            secret = None if _is_same(hidden, value) else encode(value)
        except (ValueError, FormatError) as error:
            self._report.circumstances[format_path(("config", *key))] = self._open(to_text(str(error)))
            return _Entry(Unknown(UnknownCode.FAILED))
        return self._shorten(key, hidden, secret)

    def _shorten(self, key: FactPath, value: Value, secret: bytes | None) -> _Entry:
        short = self._shorten_value(key[-1], value)
        full = self._open(to_text(str(value))) if not _is_same(short, value) else ""
        return _Entry(Observed(short), secret, full)

    def _shorten_value(self, name: str, value: Value) -> Value:
        if isinstance(value, str):
            return to_value(self._places.shorten(name, value))
        if isinstance(value, Mapping):
            return {key: self._shorten_value(key, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._shorten_value(name, item) for item in value]
        return value

    def _read_option(self, key: FactPath, option: Option) -> _Entry:
        raw = [text for texts in option.times for text in texts]
        secret = b"\0".join(map(to_bytes, raw))
        hides = any(redact_option(option.spelled, text) != text for text in raw)
        times: list[Value] = [[_read_text(option, text) for text in texts] for texts in option.times]
        value = _simplify(times)
        return self._shorten(key, value, secret if hides else None)

    def _find_files(self, arguments: Arguments, known: list[Path]) -> Iterator[tuple[Path, bool]]:
        """Yield the files among the arguments that look like configuration, and whether that is a guess."""
        named = [
            (text, False)
            for key, option in arguments.options.items()
            if key[-1] in _FILE_OPTIONS
            for texts in option.times
            for text in texts
        ]
        seen = {os.path.normpath(path) for path in known}
        for text, guessed in [*named, *((text, True) for text in arguments.rest)]:
            path = self._context.cwd / text
            if path.suffix.lower() in CONFIG_SUFFIXES and os.path.normpath(path) not in seen and _is_file(path):
                seen.add(os.path.normpath(path))
                yield path, guessed

    def _add_file(self, path: Path, *, guessed: bool = False) -> None:
        limits = {"size": _GUESSED_SIZE, "values": _GUESSED_VALUES} if guessed else {}
        try:
            values = read_config_file(path, **limits)
        except (OSError, ValueError):
            self._entries[self._name_file(path)] = _Entry(_hash(path))
            return
        for key, value in values.items():
            self._put(key, self._describe(key, value))

    def _name_file(self, path: Path) -> FactPath:
        """Name a file by its base name; further ones of that name by a number."""
        base, count = to_text(path.name), 2
        name = base
        while ("$files", name) in self._entries:
            name, count = f"{base}#{count}", count + 1
        return ("$files", name)

    def _add_rest(self, rest: list[str]) -> None:
        if not rest:
            return
        hidden = redact_argv(rest)
        secret = None if hidden == rest else b"\0".join(map(to_bytes, rest))
        self._entries[("$argv",)] = self._shorten(("$argv",), hidden, secret)

    def _finish(self) -> Report:
        for key, entry in self._entries.items():
            path = tuple(map(to_text, key))
            dotted = format_path(("config", *path))
            self._report.add(*path, fact=entry.value)
            if entry.secret is not None:
                self._report.secrets[dotted] = entry.secret
            if entry.full:
                self._report.circumstances[dotted] = entry.full
        if self._overruled:
            self._report.circumstances["config.overruled"] = sorted(set(self._overruled))
        return self._report


def _is_same(a: Value, b: Value) -> bool:
    """Whether nothing was replaced; NaN is the same as itself here."""
    return a is b or a == b


def _read_text(option: Option, text: str) -> Value:
    hidden = redact_option(option.spelled, text)
    if hidden != text:
        return hidden
    return read_override(text) if option.override else read_argument(text)


def _simplify(times: list[Value]) -> Value:
    """Give a flag as True, one value as itself, several as a list; an option given several times as a list of lists."""
    if len(times) > 1:
        return times
    values = times[0]
    if not isinstance(values, list) or len(values) > 1:
        return values
    return values[0] if values else True


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _hash(path: Path) -> Observation:
    try:
        return Observed(hash_small_file(path, _FILE_LIMIT))
    except PermissionError:
        return Unknown(UnknownCode.DENIED)
    except (OSError, ValueError):
        return Unknown(UnknownCode.FAILED)
