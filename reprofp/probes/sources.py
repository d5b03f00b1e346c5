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

__all__ = ["SourceState", "list_calls", "list_sources", "read_sources"]

_FILE_LIMIT = 64 << 20
_TOTAL_LIMIT = 256 << 20
_SYNTAX_LIMIT = 2 << 20
_SYNTAX_SECONDS = 0.8
_CALLS_SECONDS = 3.0
"""No more than a hint: on a machine with ten times as much work as processors, starting Python takes a second."""
_CALLS_BYTES = 8000
_MOST_WORDS = 20
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


def read_sources(files: Mapping[str, str], environ: Mapping[str, str]) -> SourceState:
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
    return SourceState(_digest("sha256", lines), _digest_syntax(sources, lines, environ), len(lines))


def list_calls(
    files: Mapping[str, str], environ: Mapping[str, str], texts: Sequence[bytes] = ()
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
    answer = _ask("calls.py", contents, environ, _CALLS_BYTES, _CALLS_SECONDS)
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
    script: str, sources: Sequence[bytes], environ: Mapping[str, str], limit: int, seconds: float = _SYNTAX_SECONDS
) -> Answer:
    """Have a program beside this file look at sources, in a process of its own."""
    program = [sys.executable, "-I", "-S", "-W", "ignore", os.path.join(os.path.dirname(__file__), script)]
    data = b"".join(b"%d\n%s" % (len(source), source) for source in sources)
    return ask_program(program, cwd="/", environ=environ, data=data, seconds=seconds, limit=limit * len(sources))


def _digest(algorithm: str, lines: list[bytes]) -> Observed:
    return Observed(f"{algorithm}:{hashlib.sha256(b''.join(lines)).hexdigest()}")


def _digest_syntax(sources: Mapping[str, bytes], lines: list[bytes], environ: Mapping[str, str]) -> Observation:
    """Ask a process of its own for the trees' digests; what is no Python source counts with its content."""
    if sum(map(len, sources.values())) > _SYNTAX_LIMIT or not sys.executable:
        return Unknown(UnknownCode.TIMED_OUT)
    try:
        answer = _ask("syntax.py", list(sources.values()), environ, 100)
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
