"""Digests of syntax trees: equal for sources that differ only in comments, docstrings and layout.

In: Python sources. Out: per source the SHA-256 of its tree (form ``ast1``) or None where it is no Python of this
interpreter's version. The tree is written down as names of nodes, names of fields and values, without positions,
docstrings, fields that hold nothing, and what only tells how a text was written.

This file also runs as a program (``python -I -S -W ignore syntax.py``) and then uses the standard library only:
parsing in a process of its own keeps warnings about the program's sources, the collector's pauses and a tree that is
too deep for the stack away from the process that is observed. It reads each source as a line with its length and the
bytes, and writes a line with the digest or ``-``.
"""

from __future__ import annotations

import _ast
import gc
import hashlib
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["digest_syntax"]

_HAVE_DOCSTRINGS = (_ast.Module, _ast.ClassDef, _ast.FunctionDef, _ast.AsyncFunctionDef)
_ONLY_AST = 0x400  # PyCF_ONLY_AST
_LEFT_OUT = {"kind", "type_comment", "type_ignores"}


def digest_syntax(source: bytes) -> str | None:
    """Return the digest of the tree of ``source``, as hex."""
    try:
        tree = compile(source, "<source>", "exec", _ONLY_AST, True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return hashlib.sha256("\0".join(_write(tree)).encode("utf-8", "surrogatepass")).hexdigest()


def _write(tree: object) -> Iterable[str]:
    """Yield the tree's parts in an order from which it could be built again."""
    stack: list[object] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, _ast.AST):
            yield type(item).__name__
            names = [name for name in item._fields if name not in _LEFT_OUT and _holds(getattr(item, name, None))]
            yield " ".join(names)
            values = [getattr(item, name) for name in names]
            stack += _drop_empty_text(item, _drop_docstring(item, values, names))
        elif isinstance(item, list):
            yield f"[{len(item)}"
            stack += item
        else:
            # hex, because Python refuses to write long integers in decimal
            yield f"{type(item).__name__} {item:x}" if isinstance(item, int) else f"{type(item).__name__} {item!r}"


def _holds(value: object) -> bool:
    return value is not None and value != []


def _drop_docstring(node: _ast.AST, values: list[object], names: list[str]) -> list[object]:
    if not isinstance(node, _HAVE_DOCSTRINGS) or "body" not in names:
        return values
    place = names.index("body")
    body = values[place]
    if isinstance(body, list) and isinstance(body[0], _ast.Expr) and isinstance(body[0].value, _ast.Constant):
        text = body[0].value.value
        values[place] = body[1:] if isinstance(text, str) else body
    return values


def _drop_empty_text(node: _ast.AST, values: list[object]) -> list[object]:
    """Leave out the empty texts that Python 3.12 puts into formatted ones."""
    if not isinstance(node, _ast.JoinedStr):
        return values
    return [[part for part in node.values if not (isinstance(part, _ast.Constant) and part.value == "")]]


def _main() -> None:
    """Answer for every source on standard input."""
    gc.disable()  # this process lives for a moment only
    data = sys.stdin.buffer.read()
    position = 0
    while position < len(data):
        end = data.index(b"\n", position)
        start, position = end + 1, end + 1 + int(data[position:end])
        print(digest_syntax(data[start:position]) or "-", flush=True)  # noqa: T201  the answer


if __name__ == "__main__":
    _main()
