"""Where a source learns whether a file is there without asking: by a pattern that names it, or by an attempt that fails.

A pattern without a wildcard in its last part lists nothing there: whether the file exists is asked and not heard. Making or
removing what is there, or is not, fails; a program that then does something else has learned of it. Folders that are made
where there are none change nothing else.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

if __package__:
    from reprofp.probes.shapes import Shapes, last_name
else:
    from shapes import Shapes, last_name  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["EXISTENCE", "draws_behind", "find_attempts", "is_plumbing"]

EXISTENCE = frozenset(
    "exists lexists isfile isdir islink ismount is_file is_dir is_symlink is_mount access samefile "  # noqa: SIM905
    "Exists IsDirectory readlink isjunction is_junction".split()
)
_PLUMBING = frozenset({"makedirs", "mkdir", "rmtree", "remove", "unlink", "rmdir"})
_HARMLESS = EXISTENCE | frozenset(
    "join Path dirname basename abspath realpath expanduser str format len fspath resolve get with_suffix joinpath".split()  # noqa: SIM905
)
"""Calls that leave nothing behind."""
_PATTERNS = frozenset({"glob", "iglob", "rglob"})
_ATTEMPTS = frozenset("makedirs mkdir remove unlink rmdir rmtree rename link symlink symlink_to touch".split())  # noqa: SIM905


def find_attempts(shapes: Shapes) -> Iterator[str]:
    """Yield the names of what tells whether a file is there, though nothing was asked."""
    for call in shapes.calls:
        name = last_name(call.func)
        if name in _PATTERNS and _names_a_file(call):
            yield f"files:{name}"
    for node in shapes.nodes:
        if isinstance(node, ast.Try) and _attempts(node.body) and not all(map(_goes_on_alike, node.handlers)):
            yield "files:try"
        if isinstance(node, ast.withitem) and _adds(node.context_expr) and isinstance(node.optional_vars, ast.Name):
            loads = shapes.loads.get(node.optional_vars.id, ())
            yield from ("files:tell" for each in loads if getattr(shapes.parents.get(each), "attr", "") == "tell")


def _adds(node: ast.expr) -> bool:
    """Whether a file is opened to be added to, so that where it ends tells what was there."""
    return isinstance(node, ast.Call) and last_name(node.func) == "open" and _opens(node, "a")


def _opens(node: ast.Call, kind: str) -> bool:
    given = [*node.args[:2], *(word.value for word in node.keywords if word.arg == "mode")]
    texts = [str(each.value) for each in given if isinstance(each, ast.Constant)]
    return any(kind in text and set(text) <= {kind, *"bt+"} for text in texts)


def _names_a_file(call: ast.Call) -> bool:
    """Whether the last part of a pattern is written out and has no wildcard."""
    pattern = _last_part(call.args[0]) if call.args else None
    text = getattr(pattern, "value", None)
    return isinstance(text, str) and bool(text) and not set(text.rpartition("/")[2]) & set("*?[")


def _last_part(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call) and last_name(node.func) in {"join", "Path", "str"} and node.args:
        return _last_part(node.args[-1])
    if isinstance(node, ast.BinOp):
        return _last_part(node.right)
    return _last_part(node.values[-1]) if isinstance(node, ast.JoinedStr) and node.values else node


def _attempts(body: Sequence[ast.stmt]) -> bool:
    """Whether statements make or remove something on the disk, and not in a list."""
    return any(isinstance(node, ast.Call) and _may_fail(node) for statement in body for node in ast.walk(statement))


def _may_fail(call: ast.Call) -> bool:
    """Whether a call fails by what is there; names that tables and lists have too are those of ``os`` only."""
    name = last_name(call.func)
    if name == "open":
        return _opens(call, "x")
    agrees = any(
        word.arg in {"exist_ok", "missing_ok", "ignore_errors"} and getattr(word.value, "value", False) is True
        for word in call.keywords
    )
    return name in _ATTEMPTS and not agrees and (name not in {"remove", "rename", "link"} or _is_of_os(call.func))


def _is_of_os(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and last_name(function.value) == "os"


def _goes_on_alike(handler: ast.ExceptHandler) -> bool:
    """Whether a handler does nothing, shows something or fails."""
    return all(map(_is_mute, handler.body))


def _is_mute(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.If):
        return all(map(_is_mute, [*statement.body, *statement.orelse]))
    if isinstance(statement, ast.Expr):
        call = statement.value
        shows = {"print", "debug", "info", "warning", "warn", "error", "exception", "critical", "exit"}
        return isinstance(call, ast.Constant) or (isinstance(call, ast.Call) and last_name(call.func) in shows)
    return isinstance(statement, (ast.Pass, ast.Raise))


def draws_behind(test: ast.expr, asked: ast.AST) -> bool:
    """Whether an answer decides if something else is called."""
    nodes = list(ast.walk(test))
    before = {id(each) for each in nodes if getattr(each, "lineno", 0) and _place(each) < _place(asked)}
    others = [each for each in nodes if id(each) not in before and isinstance(each, (ast.Call, ast.NamedExpr))]
    return any(isinstance(each, ast.NamedExpr) or last_name(each.func) not in _HARMLESS for each in others)


def is_plumbing(shapes: Shapes, body: Sequence[ast.stmt]) -> bool:
    """Whether statements only make or remove folders and files."""
    return all(
        isinstance(statement, ast.Pass)
        or (
            isinstance(statement, ast.Expr)
            and isinstance(statement.value, ast.Call)
            and _is_plumbing_call(shapes, statement.value)
        )
        for statement in body
    )


def _is_plumbing_call(shapes: Shapes, call: ast.Call) -> bool:
    name, origin = last_name(call.func), shapes.origin(call.func)
    own = isinstance(call.func, ast.Name) and not origin  # a function of this source does what it likes
    of_list = name == "remove" and not origin.startswith("os.")
    given = (each for part in [*call.args, *call.keywords] for each in ast.walk(part) if isinstance(each, ast.Call))
    return name in _PLUMBING and not own and not of_list and all(last_name(each.func) in _HARMLESS for each in given)


def _place(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
