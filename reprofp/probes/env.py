"""The facet ``env``: environment variables that libraries read for results.

In: the environment of the described process, else that of the context. Out: for each *known* variable its
value, many-keyed ones key by key; for each *other* variable a keyed digest and nothing else; nothing
for *inert* ones (the lists are in ``env_classes.toml``) and for those of reprofp itself.

Absolute paths never become facts: a known value that holds some is a fact with their base names, and its keyed digest
(taken after the home and the working folder were replaced by ``~`` and ``.``) tells the rest. UUIDs of devices become
``GPU-*``: the facet ``gpu`` says what they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from reprofp.model.paths import format_path
from reprofp.probes.base import Context, Report
from reprofp.probes.env_classes import EnvClass, Keys, load_classes
from reprofp.probes.files import to_bytes, to_text, to_value
from reprofp.probes.raw_values import take_map
from reprofp.probes.redaction import redact_path, redact_value

__all__ = ["EnvProbe"]

_OWN_PREFIX = "REPROFP_"
_ABSOLUTE_PATH = re.compile(r"(?<![\w.~])(?:~|\.)?/[^\s:,;=\"']*")
_DEVICE_UUID = re.compile(r"\b(GPU|MIG)-[0-9a-fA-F][0-9a-fA-F/-]{7,}")


class EnvProbe:
    """Reports the environment in its three classes."""

    name = "env"
    version = 1

    def applies(self, context: Context) -> bool:  # noqa: ARG002  there is always an environment
        """Return True."""
        return True

    def observe(self, context: Context) -> Report:
        """Report every variable according to its class.

        Raises:
            OSError: the process could not read its environment.
            ValueError: the process could not read its environment.
        """
        report, classes = Report(), load_classes()
        home, cwd = context.environ.get("HOME", ""), str(context.cwd)
        for name, value in _read_environ(context).items():
            env_class = EnvClass.INERT if name.startswith(_OWN_PREFIX) else classes.classify(name)
            if env_class is EnvClass.OTHER:
                _keep_secret(report, (name,), value)
            elif env_class is EnvClass.KNOWN:
                place = _Place(home, cwd, name in classes.paths)
                _add_known(report, name, value, classes.many_keyed.get(name), place)
        return report


def _read_environ(context: Context) -> Mapping[str, str]:
    """Return the environment that libraries of the process see: the live one before that of its start."""
    if context.process is None:
        return context.environ
    live = "environ" in context.process
    return take_map(context.process, "environ" if live else "environ_start") or context.environ


def _is_file_of_flags(value: str, keys: Keys) -> bool:
    """Whether a variable of flags names a file that holds them, as XLA_FLAGS may."""
    return keys.separators == " " and not value.lstrip().startswith("-") and bool(value.strip())


def _split(value: str, separators: str) -> list[str]:
    """Split at ``separators`` outside of brackets; empty entries fall away."""
    outside = rf"[{re.escape(separators)}](?![^\[]*\])"
    return [entry for entry in re.split(outside, value) if entry.strip()]


class _Place(NamedTuple):
    """What is replaced in paths, and whether the variable holds nothing but paths."""

    home: str
    cwd: str
    only_paths: bool

    def normalise(self, value: str) -> str:
        """Write what lies in the working folder relative to it, and the home folder as ``~``."""
        if len(self.cwd) > 1:
            folder = rf"(?<![\w./-]){re.escape(self.cwd)}"
            value = re.sub(rf"{folder}(?=$|[:;,\s])", ".", re.sub(rf"{folder}/(?=[^:;,\s])", "", value))
        return redact_path(value, self.home)

    def shorten(self, value: str) -> list[str]:
        """Keep only the base names of paths; give one text where the value is no list of paths."""
        if self.only_paths:
            return [_base_name(entry) for entry in value.split(":") if entry]
        return [_ABSOLUTE_PATH.sub(lambda match: _base_name(match[0]), value)]


def _base_name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or path


def _add_known(report: Report, name: str, value: str, keys: Keys | None, place: _Place) -> None:
    if keys is None or _is_file_of_flags(value, keys):
        _add_value(report, (to_text(name),), value, place)
        return
    for entry in _split(value, keys.separators):
        key, assign, part = entry.partition(keys.assign) if keys.assign else (entry, "", "")
        path = (to_text(name), to_text(key.strip().lstrip("-")))
        if assign:
            _add_value(report, path, part.strip(), place)
        else:
            report.observe(*path, value=True)


def _add_value(report: Report, path: tuple[str, ...], value: str, place: _Place) -> None:
    normal = place.normalise(value)
    open_form = _DEVICE_UUID.sub(r"\1-*", normal)
    plain = str(redact_value(path[-1], open_form))
    short = place.shorten(plain)
    values = list(map(to_value, short))
    report.observe(*path, value=values if place.only_paths else values[0])
    if plain != open_form:
        _keep_secret(report, path, value)
    elif open_form != ":".join(short):
        _keep_secret(report, path, normal)


def _keep_secret(report: Report, path: tuple[str, ...], value: str) -> None:
    report.secrets[format_path(("env", *map(to_text, path)))] = to_bytes(value)
