"""The sources that a process really loaded: digests of their content, and of their syntax trees.

In: the modules of a process by name, each with its file. Out: a SourceState over those that are neither of the
standard library nor installed in site-packages: the user's own code, wherever it lies. The digests are over the names
of the modules, so that moving the project changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode
from reprofp.probes.asks import ASKED
from reprofp.probes.calls import KINDS
from reprofp.probes.files import read_bounded, to_bytes
from reprofp.probes.subprocesses import Answer, ask_program
from reprofp.probes.warm import Warm, make_key

__all__ = ["SourceState", "list_calls", "list_sources", "read_sources"]

_FILE_LIMIT = 64 << 20
_TOTAL_LIMIT = 256 << 20
_SYNTAX_LIMIT = 2 << 20
_SYNTAX_SECONDS = 0.8
_CALLS_SECONDS = 3.0
"""No more than a hint: on a machine with ten times as much work as processors, starting Python takes a second."""
_CALLS_BYTES = 8000
_MOST_WORDS = 20
_PROGRAMS = ("asks.py", "calls.py", "syntax.py")
_INSTALLED = re.compile(r"/(?:site|dist)-packages/")
_LIBRARY = re.compile(r"/lib(?:64)?/(?:python|pypy)\d[^/]*/|\.zip/")
_OWN = "reprofp"


@dataclass(frozen=True)
class SourceState:
    """Digests over all sources, and how many there are."""

    digest: Observation
    syntax: Observation
    files: int


def list_sources(modules: Mapping[str, str | None], base_prefix: str, cwd: str) -> dict[str, str]:
    """Return the files of the user's own modules by the modules' names; of two names of one file the first by order."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for name in sorted(modules, key=lambda name: (name == "__mp_main__", name)):
        file = modules[name]
        if file and not file.startswith("<") and name.partition(".")[0] != _OWN:
            path = os.path.normpath(os.path.join(cwd, file))
            if path not in seen and not _is_foreign(path, base_prefix):
                seen.add(path)
                found[name] = path
    return found


def _is_foreign(path: str, base_prefix: str) -> bool:
    """Whether a file was installed, or belongs to the interpreter."""
    if _INSTALLED.search(path):
        return True
    return path.startswith(base_prefix.rstrip("/") + "/") and bool(
        _LIBRARY.search(path[len(base_prefix.rstrip("/")) :])
    )


def read_sources(files: Mapping[str, str], environ: Mapping[str, str], warm: Warm | None = None) -> SourceState:
    """Read and digest the sources ``files``.

    Raises:
        OSError: a source cannot be read (any more).
        ValueError: they are unreasonably large.
    """
    lines: list[bytes] = []
    sources: dict[str, bytes] = {}
    left = _TOTAL_LIMIT
    for name, path in files.items():
        content = read_bounded(path, min(_FILE_LIMIT, left))
        left -= len(content)
        digest = hashlib.sha256(content).hexdigest()
        lines.append(b"%s\0%s\n" % (to_bytes(name), digest.encode()))
        if path.endswith((".py", ".pyw")):
            sources[name] = content
        else:
            sources[name] = b""
    return SourceState(_digest("sha256", lines), _digest_syntax(sources, lines, environ, warm), len(lines))


def list_calls(
    files: Mapping[str, str], environ: Mapping[str, str], texts: Sequence[bytes] = (), *, warm: Warm | None = None
) -> dict[str, list[str]]:
    """Return by kind which of the calls that ``calls.py`` looks for the sources ``files`` make, and ``texts``.

    Raises:
        OSError: a source cannot be read, or no process could look at it in time.
        ValueError: they are unreasonably large, or one does not parse.
    """
    contents = [text for text in texts if text.strip()]
    left = _SYNTAX_LIMIT
    for path in files.values():
        content = read_bounded(path, left) if path.endswith((".py", ".pyw")) else b""
        left -= len(content)
        contents += [content] if content.strip() else []
    if not contents:
        return {}
    answer = _ask("calls.py", contents, environ, _CALLS_BYTES, _CALLS_SECONDS, warm)
    lines = answer.out.decode().splitlines()
    if answer.code or len(lines) != len(contents) or "-" in lines:
        raise ValueError("a source was not understood")
    words = {word for line in lines for word in line.split()}
    if not all(path.endswith((".py", ".pyw")) for path in files.values()):
        words.add("dynamic:native")  # a module of the user's own that is no source may do anything
    return _sort_words(words)


def _sort_words(words: set[str]) -> dict[str, list[str]]:
    """Return by kind the calls, and what is asked; a long list is cut, and says so with a star."""
    found = {kind: sorted(words & known) for kind, known in KINDS.items()}
    for kind in ASKED:
        asked = sorted(word.partition(":")[2] for word in words if word.startswith(f"{kind}:"))
        found[kind] = asked if len(asked) <= _MOST_WORDS else ["*", *asked[:_MOST_WORDS]]
    return {kind: names for kind, names in found.items() if names}


def _ask(
    script: str,
    sources: Sequence[bytes],
    environ: Mapping[str, str],
    limit: int,
    seconds: float = _SYNTAX_SECONDS,
    warm: Warm | None = None,
) -> Answer:
    """Have a program beside this file look at sources, in a process of its own, if it did not look at them before."""
    data = b"".join(b"%d\n%s" % (len(source), source) for source in sources)
    key = None if warm is None else _make_key(script, data)
    if warm is not None and key is not None:
        (known,) = warm.find([key])
        if known is not None and _is_whole(known, len(sources)):
            return Answer(0, known, b"")
    program = [sys.executable, "-I", "-S", "-W", "ignore", os.path.join(os.path.dirname(__file__), script)]
    answer = ask_program(program, cwd="/", environ=environ, data=data, seconds=seconds, limit=limit * len(sources))
    if warm is not None and key is not None and answer.code == 0 and _is_whole(answer.out, len(sources)):
        warm.add({key: answer.out})
    return answer


def _is_whole(out: bytes, count: int) -> bool:
    """Whether there is a line for every source, and every source was understood."""
    return out.count(b"\n") == count and out.endswith(b"\n") and b"-" not in out.split()


def _make_key(script: str, data: bytes) -> bytes | None:
    """Return the key of an answer: it depends on the sources, the programs that look at them, and the interpreter."""
    try:
        programs = [read_bounded(os.path.join(os.path.dirname(__file__), name), _SYNTAX_LIMIT) for name in _PROGRAMS]
        state = os.stat(sys.executable)
    except (OSError, ValueError):
        return None
    python = f"{sys.executable}\0{sys.version}\0{state.st_dev} {state.st_ino} {state.st_size} {state.st_mtime_ns}"
    return make_key(f"{script}/1", to_bytes(python), *programs, data)


def _digest(algorithm: str, lines: list[bytes]) -> Observed:
    return Observed(f"{algorithm}:{hashlib.sha256(b''.join(lines)).hexdigest()}")


def _digest_syntax(
    sources: Mapping[str, bytes], lines: list[bytes], environ: Mapping[str, str], warm: Warm | None
) -> Observation:
    """Ask a process of its own for the trees' digests; what is no Python source counts with its content."""
    if sum(map(len, sources.values())) > _SYNTAX_LIMIT or not sys.executable:
        return Unknown(UnknownCode.TIMED_OUT)
    try:
        answer = _ask("syntax.py", list(sources.values()), environ, 100, warm=warm)
    except TimeoutError:
        return Unknown(UnknownCode.TIMED_OUT)
    except (OSError, ValueError):
        return Unknown(UnknownCode.FAILED)
    trees = answer.out.split()
    if answer.code or len(trees) != len(sources) or b"-" in trees:
        return Unknown(UnknownCode.FAILED)
    pairs = zip(sources, lines, trees, strict=True)
    return _digest(
        "sha256-ast1", [b"%s\0%s\n" % (to_bytes(name), tree) if sources[name] else line for name, line, tree in pairs]
    )
