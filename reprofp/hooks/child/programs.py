"""Names the programs that a process starts: by base name, never with arguments, but for which question git is asked.

Loaded by children.py, and like it: standard library only, Python 3.8 and later, never raises into the program.
"""

import os

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_STDLIB = os.path.dirname(os.__file__) + os.sep
_SHELLS = {"sh", "bash", "dash"}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./=,:@%+")
"""The letters of a shell's line that runs one program."""
_GIT_QUESTIONS = {
    *("--version", "branch", "config", "describe", "diff", "diff-index", "log", "ls-files", "name-rev", "remote"),
    *("rev-list", "rev-parse", "show-ref", "status", "symbolic-ref", "tag", "version"),
}
"""What libraries ask git at their import; other commands of git bring files."""
_ASKING = {
    _STDLIB + os.path.join("ctypes", "util.py"): "ctypes-util",
    _STDLIB + "platform.py": "platform",
    _STDLIB + "uuid.py": "uuid",
}

_RESOURCES, _SERVER = b"resource_tracker import main", b"multiprocessing.forkserver"
"""What multiprocessing and loky start to clean up after them, and what forks for multiprocessing."""
_PYTHONS = ("python", "pypy")
_LAUNCHERS = {"env", "ionice", "nice", "nohup", "setsid", "stdbuf", "taskset", "time", "timeout"}
_HEAD_BYTES = 256


def name_popen(executable: "Any", args: "Any", frame: "FrameType | None") -> str:
    """Name what subprocess starts, or the module of the standard library that asks something by it."""
    words = [args] if isinstance(args, (str, bytes)) else list(args)
    return _find_asking_module(frame) or name_program([executable or words[0], *words[1:]])


def name_python(words: "list[bytes]") -> "str | None":
    """Name a Python that multiprocessing starts without an event; None for the one that only cleans up."""
    if any(_RESOURCES in word for word in words):
        return None
    if any(_SERVER in word for word in words):
        return "multiprocessing-forkserver"
    return "multiprocessing" if b"--multiprocessing-fork" in words else name_program(list(words))


def is_python(path: "Any", words: "list[Any]") -> bool:
    """Whether nothing but one Python runs: by its name, its first line, or as the only program of a shell's line."""
    name = os.path.basename(os.fsdecode(path))
    if _is_python_name(name):
        return True
    if name in _SHELLS:
        inner = _split_plain(words)
        return bool(inner) and is_python(inner[0], inner)
    if name in _LAUNCHERS:
        launched = [word for word in map(os.fsdecode, words[1:]) if word[:1].isalpha() or word[:1] in {"/", "."}]
        launched = [word for word in launched if "=" not in word]
        return bool(launched) and _is_python_name(os.path.basename(launched[0]))
    return _starts_python(path)


def _is_python_name(name: str) -> bool:
    return any(name.startswith(python) and not name[len(python) :].strip("0123456789.tdw") for python in _PYTHONS)


def _starts_python(path: "Any") -> bool:
    """Whether the first line of a script names Python."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        line = os.read(file, _HEAD_BYTES).partition(b"\n")[0]
    finally:
        os.close(file)
    words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
    return any(_is_python_name(os.path.basename(word)) for word in words[:2])


def _find_asking_module(frame: "FrameType | None") -> "str | None":
    """Name the module of the standard library that starts a program to ask it something, such as a compiler for a path."""
    while frame is not None and frame.f_code.co_filename == _STDLIB + "subprocess.py":
        frame = frame.f_back
    return None if frame is None else _ASKING.get(frame.f_code.co_filename)


def name_program(words: "list[Any]") -> str:
    """Name what runs, and of its arguments only what makes git a question; the one program of a shell's line is it."""
    name = os.path.basename(os.fsdecode(words[0]))
    inner = _split_plain(words) if name in _SHELLS else None
    if inner:
        return name_program(inner)
    return _name_git(words) if name == "git" else name


def _split_plain(words: "list[Any]") -> "list[str]":
    """Return the words of a shell's line that runs one program and does nothing else."""
    if len(words) != 3 or words[1] not in {"-c", b"-c"}:  # noqa: PLR2004 - sh -c LINE
        return []
    line = os.fsdecode(words[2])
    inner = line.split()
    return inner if inner and "=" not in inner[0] and _PLAIN.issuperset(line) else []


def _name_git(words: "list[Any]") -> str:
    arguments = iter(words[1:])
    for argument in map(os.fsdecode, arguments):
        if argument in _GIT_QUESTIONS:
            return "git-" + argument.lstrip("-")
        if argument in {"-C", "-c"}:
            next(arguments, None)
        elif not argument.startswith("-"):
            break
    return "git"
