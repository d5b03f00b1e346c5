"""Takes a command apart: what starts the program, the program, and the arguments that are its own.

In: an argument list. Out: a Command. Interpreters, their options, and launchers (torchrun, mpirun, env, uv run,
...) are looked through, since none of their arguments is a hyper-parameter of the program.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

__all__ = ["Command", "EntryKind", "split_command"]

_PYTHON = re.compile(r"(?:python|pypy)(?:\d+(?:\.\d+)*)?[td]?w?(?:\.exe)?")
_PYTHON_OPTIONS_WITH_VALUE = {"-W", "-X", "--check-hash-based-pycs"}
_SCRIPT_SUFFIXES = (".py", ".pyw", ".pyz")
_LAUNCHERS = frozenset(
    [
        "torchrun",
        "accelerate",
        "deepspeed",
        "horovodrun",
        "mpirun",
        "mpiexec",
        "mpiexec.hydra",
        "orterun",
        "srun",
        "jsrun",
        "aprun",
        "ibrun",
        "composer",
        "colossalai",
        "uv",
        "poetry",
        "pdm",
        "pipenv",
        "pixi",
        "hatch",
        "rye",
        "conda",
        "mamba",
        "micromamba",
        "nix-shell",
        "env",
        "nohup",
        "nice",
        "ionice",
        "chrt",
        "time",
        "timeout",
        "stdbuf",
        "setsid",
        "setarch",
        "numactl",
        "taskset",
        "xvfb-run",
        "unbuffer",
        "catchsegv",
        "gdb",
        "nsys",
        "ncu",
        "perf",
        "strace",
        "ltrace",
        "valgrind",
        "sudo",
        "coverage",
        "py-spy",
        "memray",
        "viztracer",
        "scalene",
        "kernprof",
        "reprofp",
        "singularity",
        "apptainer",
    ]
)
_LAUNCHER_MODULES = frozenset(
    [
        "torch.distributed.run",
        "torch.distributed.launch",
        "accelerate.commands.launch",
        "deepspeed.launcher.runner",
        "coverage",
        "cProfile",
        "profile",
        "pdb",
        "trace",
        "runpy",
        "debugpy",
        "scalene",
        "kernprof",
        "memray",
        "viztracer",
    ]
)
_WRAPPERS: dict[str, tuple[str, int]] = {
    "catchsegv": ("", 0),
    "chrt": ("-T -P -D --sched-runtime --sched-period --sched-deadline", 1),
    "env": ("-u --unset -C --chdir", 0),
    "ionice": ("-c --class -n --classdata", 0),
    "nice": ("-n --adjustment", 0),
    "nohup": ("", 0),
    "setsid": ("", 0),
    "stdbuf": ("-i --input -o --output -e --error", 0),
    "sudo": ("-C -D -R -T -U -g -h -p -r -t -u", 0),
    "taskset": ("", 1),
    "time": ("-f --format -o --output", 0),
    "timeout": ("-k --kill-after -s --signal", 1),
    "unbuffer": ("", 0),
    "xvfb-run": ("-e -f -n -p -s -w", 0),
}
"""Programs that run another one: their options that take the next word, and the words before that program."""
_TAKE_ASSIGNMENTS = frozenset({"env", "sudo"})
_SHELLS = frozenset({"sh", "bash", "dash", "ksh", "zsh"})
_SHELL_OPTIONS_WITH_VALUE = {"-o", "+o", "-O", "+O", "--rcfile", "--init-file"}
_CHILD_OPTION = "--multiprocessing-fork"


class EntryKind(Enum):
    """What kind of thing the program is."""

    NONE = "none"
    SCRIPT = "script"
    MODULE = "module"
    CODE = "code"
    CHILD = "child"
    """A child that multiprocessing started: its arguments are numbers of pipes."""
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class Command:
    """A command, taken apart."""

    kind: EntryKind
    entry: str = ""
    """The path of the script or program, the name of the module, or the code."""
    arguments: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ()
    """What stands before the program."""


def split_command(argv: Sequence[str]) -> Command:
    """Take ``argv`` apart."""
    argv = list(argv)
    if not argv:
        return Command(EntryKind.NONE)
    name = os.path.basename(argv[0])
    if _PYTHON.fullmatch(name):
        return _split_python(argv)
    if name in _SHELLS:
        return _split_shell(argv)
    if name in _WRAPPERS and (found := _split_wrapped(argv, *_WRAPPERS[name])):
        return found
    if name in _LAUNCHERS:
        return _split_launched(argv, 1) or Command(EntryKind.PROGRAM, argv[0], tuple(argv[1:]))
    kind = EntryKind.SCRIPT if name.endswith(_SCRIPT_SUFFIXES) else EntryKind.PROGRAM
    return Command(kind, argv[0], tuple(argv[1:]))


def _split_python(argv: list[str]) -> Command:
    """Look through the interpreter's own options."""
    if _CHILD_OPTION in argv:
        return Command(EntryKind.CHILD, launcher=(argv[0],))
    position = 1
    while position < len(argv) and argv[position].startswith("-") and argv[position] != "-":
        option = argv[position]
        if final := re.fullmatch(r"(?s)-[A-Za-z]*?([cm])(.*)", option):
            return _split_final(argv, position, final[1], final[2])
        position += 2 if option in _PYTHON_OPTIONS_WITH_VALUE else 1
        if option == "--":
            break
    if position >= len(argv):
        return Command(EntryKind.NONE, launcher=tuple(argv))
    return Command(EntryKind.SCRIPT, argv[position], tuple(argv[position + 1 :]), tuple(argv[:position]))


def _split_final(argv: list[str], position: int, letter: str, attached: str) -> Command:
    """Read ``-c code`` or ``-m module``, after which everything is the program's."""
    entry = attached or (argv[position + 1] if position + 1 < len(argv) else "")
    start = position + (1 if attached else 2)
    if letter == "m" and entry in _LAUNCHER_MODULES and (found := _split_launched(argv, start)):
        return found
    kind = EntryKind.CODE if letter == "c" else EntryKind.MODULE
    return Command(kind, entry, tuple(argv[start:]), tuple(argv[:position]))


def _split_shell(argv: list[str]) -> Command:
    """Read the options of a shell: what it runs is a line that is given, or a script."""
    position, takes_line = 1, False
    while position < len(argv) and argv[position][:1] in ("-", "+") and len(argv[position]) > 1:
        option = argv[position]
        takes_value = option in _SHELL_OPTIONS_WITH_VALUE or re.fullmatch(r"[-+][A-Za-z]*o", option)
        position += 2 if takes_value else 1
        if option == "--":
            break
        takes_line = takes_line or re.fullmatch(r"-[A-Za-z]*c[A-Za-z]*", option) is not None
    if position >= len(argv):
        return Command(EntryKind.PROGRAM, argv[0], tuple(argv[1:]))
    kind = EntryKind.CODE if takes_line else EntryKind.SCRIPT
    return Command(kind, argv[position], tuple(argv[position + 1 :]), tuple(argv[:position]))


def _split_wrapped(argv: list[str], with_value: str, operands: int) -> Command | None:
    """Skip a wrapper's own options and operands; None where no program follows, or not as words of its own."""
    position = 1
    while position < len(argv) and argv[position].startswith("-"):
        option = argv[position]
        if option.startswith(("-S", "--split-string")):
            return None  # env's: one word holds the whole command
        position += 2 if option in with_value.split() else 1
        if option == "--":
            break
    if os.path.basename(argv[0]) in _TAKE_ASSIGNMENTS:
        while position < len(argv) and re.match(r"[A-Za-z_]\w*=", argv[position]):
            position += 1
    position += operands
    if position >= len(argv):
        return None
    found = split_command(argv[position:])
    return Command(found.kind, found.entry, found.arguments, (*argv[:position], *found.launcher))


def _split_launched(argv: list[str], start: int) -> Command | None:
    """Find the program that a launcher starts: the first interpreter, launcher or script among its arguments."""
    for position in range(start, len(argv)):
        name = os.path.basename(argv[position])
        if _PYTHON.fullmatch(name) or name in _LAUNCHERS or name.endswith(_SCRIPT_SUFFIXES):
            found = split_command(argv[position:])
            return Command(found.kind, found.entry, found.arguments, (*argv[:position], *found.launcher))
        if argv[position] in ("-m", "--module") and position + 1 < len(argv):
            return Command(EntryKind.MODULE, argv[position + 1], tuple(argv[position + 2 :]), tuple(argv[:position]))
    return None
