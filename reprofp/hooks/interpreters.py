"""Which Python a command will run in, as far as that shows before it runs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from reprofp.hooks.foreground import NotStartedError, find_program
from reprofp.probes.command import EntryKind, split_command

__all__ = ["find_described_interpreter", "find_interpreter", "name_script"]

_PYTHON = re.compile(r"(python|pypy)[0-9.]*t?")
_HEAD_BYTES = 1024


def find_interpreter(program: str, environ: Mapping[str, str]) -> Path | None:
    """Return the interpreter behind the program's path: itself, or that of a script's first line; None if it has none."""
    if _PYTHON.fullmatch(os.path.basename(program)):
        return Path(program)
    named = _read_interpreter_line(program)
    if named and os.path.basename(named[0]) == "env":
        named = [word for word in named[1:] if not word.startswith("-") and "=" not in word]
    if not named or not _PYTHON.fullmatch(os.path.basename(named[0])):
        return None
    try:
        return Path(find_program(named[0], environ))
    except NotStartedError:
        return None


def _read_interpreter_line(program: str) -> list[str]:
    """Return the words after ``#!``, also where pip wrapped a path that is too long for that line."""
    try:
        with open(program, "rb") as stream:
            lines = stream.read(_HEAD_BYTES).splitlines()
    except OSError:
        return []
    if not lines or not lines[0].startswith(b"#!"):
        return []
    wrapped = re.match(rb"'''exec' \"?([^\"]+?)\"? \"\$0\"", lines[1]) if len(lines) > 1 else None
    return [os.fsdecode(wrapped[1])] if wrapped else os.fsdecode(lines[0][2:]).split()


def find_described_interpreter(argv: Sequence[str], environ: Mapping[str, str]) -> Path | None:
    """Return the interpreter that a command line will run, looking through ``env``, ``nice`` and their like."""
    command = split_command(argv)
    named = [word for word in command.launcher if _PYTHON.fullmatch(os.path.basename(word))][-1:]
    unwrapped = [command.entry] if command.kind is EntryKind.PROGRAM else []
    try:
        return find_interpreter(find_program((named or unwrapped or [argv[0]])[0], environ), environ)
    except NotStartedError:
        return None


def name_script(argv: Sequence[str]) -> str:
    """Name what a command line runs: the script, module or program, without what starts it."""
    command = split_command(argv)
    if command.kind is EntryKind.CODE:
        starters = [os.path.basename(word) for word in command.launcher if not word.startswith("-")]
        return "-c" if any(map(_PYTHON.fullmatch, starters)) else starters[-1]
    name = command.entry if command.kind is EntryKind.MODULE else os.path.basename(command.entry)
    return name or os.path.basename(argv[0])
