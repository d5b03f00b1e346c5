"""What git knows of the code: the commit, what differs from it, and the submodules.

In: a folder. Out: a GitState; or an exception that says why there is none. Guaranteed: git reads the repository
without running anything that its configuration names (hooks, monitors, pagers, external diffs), without taking locks
and without writing; it is asked at most once, and once more per submodule that differs; time and bytes are bounded. No
content is kept, only digests.

The digest of what differs is over the content of the files, not over the text of a diff, which depends on
git's version and configuration: per changed path its mode and the SHA-256 of what lies there now.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reprofp.probes.subprocesses import ask_program

__all__ = ["GitState", "NoRepositoryError", "read_git"]

_COMMAND = (
    "git",
    "--no-optional-locks",
    "--no-pager",
    *("-c", "core.fsmonitor=", "-c", "core.hooksPath=/dev/null", "-c", "core.untrackedCache=false"),
    *(
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=none",
    ),
)
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
_SECONDS = 1.0
_OUTPUT_LIMIT = 16 << 20
_CONTENT_LIMIT = 256 << 20
_CHUNK = 1 << 20
_CODE_SUFFIXES = frozenset(
    [
        ".py",
        ".pyi",
        ".pyx",
        ".pxd",
        ".pxi",
        ".ipynb",
        ".c",
        ".cc",
        ".cpp",
        ".cxx",
        ".h",
        ".hh",
        ".hpp",
        ".cu",
        ".cuh",
        ".cl",
        ".metal",
        ".f",
        ".f90",
        ".rs",
        ".go",
        ".java",
        ".kt",
        ".scala",
        ".jl",
        ".r",
        ".lua",
        ".m",
        ".sh",
        ".bash",
        ".zsh",
        ".pl",
        ".rb",
        ".js",
        ".ts",
        ".sql",
        ".cmake",
        ".mk",
        ".proto",
        ".stan",
    ]
)
_CODE_NAMES = frozenset({"Makefile", "CMakeLists.txt", "Dockerfile", "setup.cfg", "pyproject.toml"})


class NoRepositoryError(Exception):
    """The folder is in no repository."""


@dataclass(frozen=True)
class GitState:
    """The state of a working tree."""

    commit: str | None
    """None before the first commit."""
    branch: str
    dirty: str | None
    """The digest of what differs from the commit; None where nothing does."""
    untracked: str | None
    """The same for files of code that git neither tracks nor ignores."""
    submodules: Mapping[str, str | None] = field(default_factory=dict)
    """By path: the commit that is checked out, ``+`` and a digest where it is dirty; None where it is not there."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many files were changed and untracked, and how many bytes they hold now."""


def read_git(folder: str, environ: Mapping[str, str], *, seconds: float = _SECONDS) -> GitState:
    """Ask git about the working tree around ``folder``.

    Raises:
        NoRepositoryError: there is no repository.
        PermissionError: the repository belongs to someone else, or may not be read.
        TimeoutError: git, or reading what has changed, took too long.
        OSError: there is no git, or it failed.
        ValueError: it answered something else than expected, or too much.
    """
    root = _find_root(folder)
    return _Reader(environ, time.monotonic() + seconds).read(root)


def _find_root(folder: str) -> str:
    """Find the nearest folder upwards that holds ``.git``: where there is none, git need not be asked."""
    folder = os.path.abspath(folder)
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            raise NoRepositoryError(folder)
        folder = parent
    return folder


def _clean(environ: Mapping[str, str], root: str) -> dict[str, str]:
    """Leave out GIT_*, which could name another repository or program; search no further up than ``root``."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    ceiling = os.path.dirname(root)
    return {**kept, "LC_ALL": "C", "LANGUAGE": "C", "GIT_CEILING_DIRECTORIES": ceiling, **_QUIET}


_There = tuple[str, str]
"""What lies at a path: its kind (empty for nothing) and git's object id of its content."""
_NOTHING: _There = ("", "")
_KINDS = {"100644": "file", "100755": "program", "120000": "link"}


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    committed: _There | None = None
    """What the commit has; None where that does not matter: the file counts as changed."""
    submodule: str = "N..."
    """git's four letters about a submodule; ``N...`` for a file."""


class _Reader:
    def __init__(self, environ: Mapping[str, str], deadline: float) -> None:
        self._environ, self._deadline = environ, deadline
        self._left = _CONTENT_LIMIT

    def read(self, root: str) -> GitState:
        headers, changes, untracked = _parse(self._ask(root))
        code = sorted(path for path in untracked if _is_code(path))
        files = [change for change in changes if change.submodule.startswith("N")]
        before = self._left
        dirty = self._hash([line for change in files for line in self._describe(root, change)])
        middle = self._left
        extra = self._hash([line for path in code for line in self._describe(root, _Change(path))])
        commit = headers.get("branch.oid", "")
        return GitState(
            commit=None if commit == "(initial)" else commit,
            branch=headers.get("branch.head", ""),
            dirty=dirty,
            untracked=extra,
            submodules=dict(self._read_submodules(root, changes)),
            counts={
                "changed_files": len(files),
                "changed_bytes": before - middle,
                "untracked_files": len(code),
                "untracked_bytes": middle - self._left,
            },
        )

    def _ask(self, root: str) -> bytes:
        answer = ask_program(
            _COMMAND,
            cwd=root,
            environ=_clean(self._environ, root),
            seconds=max(self._deadline - time.monotonic(), 0.001),
            limit=_OUTPUT_LIMIT,
        )
        if answer.code == 0:
            return answer.out
        text = answer.err.decode("utf-8", "replace").strip()
        if "dubious ownership" in text or "Permission denied" in text or "unsafe repository" in text:
            raise PermissionError(text)
        if "not a git repository" in text:
            raise NoRepositoryError(root)
        raise OSError(f"git ended with code {answer.code}: {text}")

    @staticmethod
    def _hash(lines: list[bytes]) -> str | None:
        return f"sha256:{hashlib.sha256(b''.join(lines)).hexdigest()}" if lines else None

    def _describe(self, root: str, change: _Change) -> Iterator[bytes]:
        """Yield one line about what lies at a path now; none where that is what the commit has."""
        kind, content, blob = self._read_file(os.path.join(root, change.path))
        if (kind, blob) != change.committed:
            yield b"\0".join([os.fsencode(change.path), kind.encode(), content.encode()]) + b"\n"

    def _read_file(self, path: str) -> tuple[str, str, str]:
        """Return kind, SHA-256 and git's object id of what lies at ``path``; empty texts where there is nothing."""
        try:
            state = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return "", "", ""
        if stat.S_ISLNK(state.st_mode):
            target = os.fsencode(os.readlink(path))
            return "link", hashlib.sha256(target).hexdigest(), _hash_blob(target)
        if not stat.S_ISREG(state.st_mode):
            return "other", "", ""
        kind = "program" if state.st_mode & stat.S_IXUSR else "file"
        return kind, *self._hash_content(path, state.st_size)

    def _hash_content(self, path: str, size: int) -> tuple[str, str]:
        digest, blob = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                blob.update(chunk)
                self._spend(len(chunk))
        return digest.hexdigest(), blob.hexdigest()

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0 or time.monotonic() > self._deadline:
            raise TimeoutError("what differs from the commit is too much to be read in time")

    def _read_submodules(self, root: str, changes: list[_Change]) -> Iterator[tuple[str, str | None]]:
        """Yield the submodules that differ from what the commit says; the others are what it says."""
        for change in changes:
            if not change.submodule.startswith("N"):
                there = self._describe_submodule(os.path.join(root, change.path))
                if there is None or "+" in there or change.submodule[1] != ".":
                    yield change.path, there

    def _describe_submodule(self, path: str) -> str | None:
        if not os.path.lexists(os.path.join(path, ".git")):
            return None
        state = self.read(path)
        below = [text or "" for _, text in sorted(state.submodules.items())]
        return "+".join([state.commit or "", *filter(None, [state.dirty, state.untracked, *below])])


def _hash_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _is_code(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name in _CODE_NAMES or os.path.splitext(name)[1].lower() in _CODE_SUFFIXES


def _parse(output: bytes) -> tuple[dict[str, str], list[_Change], list[str]]:
    """Take apart what ``git status --porcelain=v2 -z`` writes.

    Raises:
        ValueError: it is something else.
    """
    headers: dict[str, str] = {}
    changes: list[_Change] = []
    untracked: list[str] = []
    for entry in map(os.fsdecode, output.split(b"\0")):
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            headers[name] = value
        elif kind in _ENTRY_FIELDS:
            changes.append(_parse_change(rest, _ENTRY_FIELDS[kind]))
        elif kind == "?":
            untracked.append(rest)
        elif entry:
            raise ValueError(f"git wrote an entry of unknown kind {kind[:20]!r}")
    return headers, sorted(changes, key=lambda change: change.path), untracked


def _parse_change(rest: str, count: int) -> _Change:
    fields = rest.split(" ", count - 1)
    if len(fields) != count:
        raise ValueError("git wrote an entry with too few fields")
    path, submodule, mode, blob = fields[-1], fields[1], fields[2], fields[5]
    if count != _ENTRY_FIELDS["1"]:
        return _Change(path, None, submodule)
    there = (_KINDS.get(mode, mode), blob)
    return _Change(path, _NOTHING if mode == "000000" else there, submodule)


_ENTRY_FIELDS = {"1": 8, "u": 10}
"""How many fields follow: XY sub mH mI mW hH hI path, or for a conflict XY sub m1 m2 m3 mW h1 h2 h3 path."""
