"""Whether weights that are made without contents are initialised before anything looks at them.

In: where an attribute of an object gets a tensor. Out: whether what follows there, or in a method that is called there, writes
all of it by ``torch.nn.init`` or by a method that fills.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

if __package__:
    from reprofp.probes.shapes import Shapes, last_name, leaves
else:
    from shapes import Shapes, last_name, leaves  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["ABOUT", "FILLS", "Weights", "is_at_once", "is_name"]

FILLS = frozenset(
    "fill fill_ zero_ copy_ normal_ uniform_ random_ bernoulli_ exponential_ geometric_ cauchy_ log_normal_ trunc_normal_ eye_".split()  # noqa: SIM905
)
_INITIALISERS = frozenset(
    "uniform_ normal_ trunc_normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_ kaiming_uniform_ "  # noqa: SIM905
    "kaiming_normal_ orthogonal_ sparse_".split()
)
"""Functions of ``torch.nn.init``, which write all of a tensor."""
ABOUT = frozenset("size shape ndim dim dtype device numel requires_grad".split())  # noqa: SIM905
"""What can be asked of an array without looking at what lies in it."""


class Weights:
    """The initialisations of one source."""

    def __init__(self, shapes: Shapes) -> None:
        """Take the source."""
        self.shapes = shapes

    def initialises(self, call: ast.Call) -> bool:
        """Whether a call is one of ``torch.nn.init``."""
        origin = self.shapes.origin(call.func)
        owner, _, name = (origin or _dotted(call.func)).rpartition(".")
        known = owner == "torch.nn.init" or (not origin and owner in {"nn.init", "init"})
        return known and name in _INITIALISERS and not any(self._holds(each, call.args[0]) for each in call.args[1:])

    def are_initialised(self, statement: ast.AST, target: ast.Attribute, *, is_weight: bool) -> bool:
        """Whether weights are initialised after they are made and before they are used, here or in a method called here."""
        following = [each for block, place in self.shapes.blocks_around(statement) for each in block[place + 1 :]]
        for each in following:
            for step in [each, *self._methods_in([each])]:
                if self._initialises_in(step, target, is_weight=is_weight):
                    return True
                if leaves([step]) or self._uses(step, target):
                    return False
        return False

    def _holds(self, outer: ast.AST, inner: ast.AST) -> bool:
        """Whether an expression is written as part of another."""
        return any(self.shapes.same(node, inner) for node in ast.walk(outer) if isinstance(node, ast.expr))

    def _uses(self, statement: ast.AST, target: ast.Attribute) -> bool:
        """Whether a statement may look at what lies in an array."""
        return any(
            isinstance(node, ast.Attribute) and self.shapes.same(node, target) and not self._is_about(node)
            for node in ast.walk(statement)
        )

    def _is_about(self, node: ast.Attribute) -> bool:
        """Whether only the size of an array or its being there is asked for, or it is set anew."""
        parent = self.shapes.parents.get(node)
        if isinstance(parent, ast.Attribute):
            return parent.attr in ABOUT
        if isinstance(parent, ast.Compare):
            return isinstance(parent.ops[0], (ast.Is, ast.IsNot))
        if isinstance(parent, ast.Call):
            return last_name(parent.func).startswith("_calculate_")
        return isinstance(node.ctx, ast.Store) or (isinstance(parent, ast.If) and parent.test is node)

    def _methods_in(self, statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
        """Yield the statements of the methods of this class that are called by these statements."""
        for statement in statements:
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and is_name(call.func.value, "self"):
                found = self.shapes.functions.get(call.func.attr, [])
                scope = self.shapes.scope(self.shapes.scope(statement))
                for method in found:
                    if self.shapes.scope(method) is scope:
                        yield from method.body

    def _initialises_in(self, statement: ast.stmt, target: ast.Attribute | ast.Name, *, is_weight: bool) -> bool:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            return self._initialises_first(statement.body, target, is_weight=is_weight)
        if isinstance(statement, ast.For):
            mine = is_weight and isinstance(target, ast.Attribute) and is_name(target.value, "self")
            weight = statement.target
            if not (mine and isinstance(weight, ast.Name) and _is_all_weights(statement.iter)):
                return False
            return self._initialises_first(statement.body, weight, is_weight=False)
        if isinstance(statement, ast.If) and self._asks_whether_made(statement.test, target):
            return self._initialises_first(statement.body, target, is_weight=is_weight)
        call = statement.value if isinstance(statement, ast.Expr) else None
        return isinstance(call, ast.Call) and self._writes(call, target)

    def _writes(self, call: ast.Call, target: ast.AST) -> bool:
        if self.initialises(call) and call.args:
            return self.shapes.same(_of_data(call.args[0]), target)
        filled = isinstance(call.func, ast.Attribute) and call.func.attr in FILLS and is_at_once(call)
        itself = any(self._holds(each, target) for each in [*call.args, *call.keywords])
        return filled and not itself and self.shapes.same(_of_data(call.func.value), target)  # type: ignore[attr-defined]

    def _initialises_first(
        self, statements: Sequence[ast.stmt], target: ast.Attribute | ast.Name, *, is_weight: bool
    ) -> bool:
        """Whether a block initialises weights before it may be left, and before it uses them."""
        for statement in statements:
            if self._initialises_in(statement, target, is_weight=is_weight):
                return True
            if leaves([statement]) or (isinstance(target, ast.Attribute) and self._uses(statement, target)):
                return False
        return False

    def _asks_whether_made(self, test: ast.expr, target: ast.AST) -> bool:
        """Whether a test holds wherever there is a tensor; as a parameter of a loop it is always there."""
        if isinstance(target, ast.Name) or not isinstance(test, ast.Compare):
            return False
        return self.shapes.same(test.left, target) and isinstance(test.ops[0], ast.IsNot) and len(test.ops) == 1


def is_at_once(call: ast.AST | None) -> bool:
    """Whether a method that fills has done so where it returns."""
    return isinstance(call, ast.Call) and all(
        word.arg is not None and (word.arg != "non_blocking" or getattr(word.value, "value", True) is False)
        for word in call.keywords
    )


def _of_data(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) and node.attr == "data" else node


def _is_all_weights(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and not node.args and _dotted(node.func) == "self.parameters"


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def is_name(node: ast.AST, name: str) -> bool:
    """Whether an expression is a name alone."""
    return isinstance(node, ast.Name) and node.id == name
