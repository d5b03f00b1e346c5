"""What can be told of a source from its shape: what its names stand for, and what is sure to be done beside what.

In: a syntax tree's nodes with their parents. Out: answers to questions such as whether a file is read wherever the program
goes on after asking for it. This file is imported where ``calls.py`` runs as a program: it needs the standard library only.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Shapes", "last_name"]

_STATEMENTS = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.With, ast.AsyncWith, ast.Try)
"""Statements whose parts are evaluated wherever they are reached."""
_LEAVES = (ast.Return, ast.Break, ast.Continue)
_EXITS = frozenset({"exit", "_exit", "quit", "error", "abort"})
_SHOWS = frozenset({"print", "debug", "info", "warning", "warn", "join", "Path", "str", "len", "format"})
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
_PURE = frozenset({"join", "Path", "str", "abspath", "realpath", "format", "len", "PosixPath", "fspath"})
"""Calls that give the same for the same."""


class Shapes:
    """One source: where each statement stands, and what is bound to its names."""

    def __init__(self, nodes: Sequence[ast.AST], parents: Mapping[ast.AST, ast.AST]) -> None:
        """Take the nodes in the order of ``ast.walk``, and each with its parent."""
        self.nodes = nodes
        self.parents = parents
        self.origins: dict[str, str] = {}
        self.loads: dict[str, list[ast.Name]] = {}
        self.stores: dict[str, list[ast.Name]] = {}
        self.arguments: dict[str, list[ast.arg]] = {}
        self.places: list[ast.Attribute | ast.Subscript] = []  # that are set
        self.functions: dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]] = {}
        self.calls: list[ast.Call] = []
        self._dumps: dict[ast.AST, str] = {}
        for node in nodes:
            self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                full = alias.name if alias.asname else alias.name.partition(".")[0]
                self.origins[alias.asname or full] = full
        elif isinstance(node, ast.ImportFrom):
            self.origins.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, ast.Name):
            table = self.loads if isinstance(node.ctx, ast.Load) else self.stores
            table.setdefault(node.id, []).append(node)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.Call):
            self.calls.append(node)
        elif isinstance(node, ast.arg):
            self.arguments.setdefault(node.arg, []).append(node)
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            self.places.append(node)

    def origin(self, node: ast.AST) -> str:
        """Return the qualified name that an expression stands for by the imports, or nothing."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id, "")
        owner = self.origin(node.value) if isinstance(node, ast.Attribute) else ""
        return f"{owner}.{node.attr}" if owner and isinstance(node, ast.Attribute) else ""

    def same(self, a: ast.AST, b: ast.AST) -> bool:
        """Whether two expressions are written alike; ``Path(x)`` is as good as ``x``."""
        return self._dump(a) == self._dump(b)

    def _dump(self, node: ast.AST) -> str:
        while isinstance(node, ast.Call) and last_name(node.func) in {"Path", "str", "fspath"} and len(node.args) == 1:
            node = node.args[0]
        if node not in self._dumps:
            self._dumps[node] = ast.dump(node).replace("ctx=Store()", "ctx=Load()")
        return self._dumps[node]

    # --- places -----------------------------------------------------------------------------------------

    def scope(self, node: ast.AST) -> ast.AST:
        """Return the function, class or module in which a node stands."""
        node = self.parents.get(node, node)
        while not isinstance(node, _SCOPES) and node in self.parents:
            node = self.parents[node]
        return node

    def statement(self, node: ast.AST) -> ast.AST:
        """Return the statement of which a node is part."""
        while not isinstance(node, (ast.stmt, ast.Module)):
            node = self.parents[node]
        return node

    def block(self, statement: ast.AST) -> list[ast.stmt]:
        """Return the list of statements in which one stands."""
        parent = self.parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and statement in block:
                return block
        return []

    def blocks_around(self, node: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
        """Yield each list of statements around a node in its function, and where in it the node is."""
        statement = self.statement(node)
        while not isinstance(statement, _SCOPES):
            block = self.block(statement)
            if block:
                yield block, block.index(statement)  # type: ignore[arg-type]
            statement = self.parents[statement]

    def surely_in(self, node: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
        """Yield the lists of statements that do not come to their ends without evaluating an expression, innermost first."""
        child, parent = node, self.parents.get(node)
        while parent is not None and not isinstance(child, ast.stmt):
            if not _evaluates(parent, child):
                return
            child, parent = parent, self.parents.get(parent)
        while isinstance(child, _STATEMENTS) or (isinstance(child, ast.For) and node is not child):
            block = self.block(child)
            if block:
                yield block, block.index(child)
            around = self.parents.get(child)
            if not isinstance(around, (ast.With, ast.AsyncWith, ast.Try)) or block is not around.body:
                return
            if isinstance(around, ast.Try) and around.handlers and _may_fail(block[: block.index(child)]):
                return
            child = around

    def is_steady(self, expression: ast.AST, *, inside: ast.AST | None = None) -> bool:
        """Whether an expression has one value in its function, or ``inside`` a statement of it."""
        scope = inside or self.scope(expression)
        for node in ast.walk(expression):
            if isinstance(node, ast.Call) and last_name(node.func) not in _PURE:
                return False
            if isinstance(node, ast.Name) and self._count_stores(node.id, scope) > (0 if inside else 1):
                return False
            if isinstance(node, (ast.Attribute, ast.Subscript)) and self._is_set(node, scope, first=inside is None):
                return False
        return True

    def _is_set(self, node: ast.AST, scope: ast.AST, *, first: bool) -> bool:
        """Whether a part of an object is set beside its use; the ``first`` time a new object gets it is none."""
        count = sum(self.same(place, node) and self.is_within(place, scope) for place in self.places)
        return count > int(first and getattr(scope, "name", "") == "__init__")

    def _count_stores(self, name: str, scope: ast.AST) -> int:
        given = [each for each in self.arguments.get(name, ()) if self.scope(each) is scope]
        return len(given) + sum(self.is_within(store, scope) for store in self.stores.get(name, ()))

    def is_within(self, node: ast.AST, outer: ast.AST) -> bool:
        """Whether a node is part of another."""
        while node is not outer:
            if node not in self.parents:
                return False
            node = self.parents[node]
        return True


def _evaluates(parent: ast.AST, child: ast.AST) -> bool:
    """Whether ``parent`` evaluates ``child`` whenever it is reached itself."""
    if isinstance(parent, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.comprehension)):
        return False
    if isinstance(parent, ast.IfExp):
        return child is parent.test
    if isinstance(parent, ast.BoolOp):
        return child is parent.values[0]
    if isinstance(parent, ast.For):
        return child is parent.iter
    return isinstance(parent, (ast.expr, ast.keyword, ast.withitem, *_STATEMENTS))


def _may_fail(statements: Sequence[ast.stmt]) -> bool:
    """Whether some statement may raise what is caught, so that those behind it are passed over."""
    return any(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and last_name(node.func) not in _SHOWS)
        for statement in statements
        for node in ast.walk(statement)
    )


def leaves(statements: Sequence[ast.AST]) -> bool:
    """Whether some statement may leave the block before its end, other than by an exception."""
    away = (*_LEAVES, ast.Yield, ast.YieldFrom)  # who asked for the next value may not come back
    return any(isinstance(node, away) for statement in statements for node in ast.walk(statement))


def ends(body: Sequence[ast.stmt]) -> bool:
    """Whether what follows is not reached after these statements."""
    last = body[-1]
    if isinstance(last, (*_LEAVES, ast.Raise)):
        return True
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call):
        return False
    function = last.value.func
    shows = isinstance(function, ast.Attribute) and "log" in last_name(function.value).lower()  # a message, not an end
    return last_name(function) in _EXITS and not shows


def last_name(node: ast.AST) -> str:
    """Return the last part of a name."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""
