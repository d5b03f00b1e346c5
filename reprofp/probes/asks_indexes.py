"""Where a source writes rows of tensors by their numbers, or reads such rows and asks for a gradient.

With several threads PyTorch writes what has one number twice in any order, and adds up the gradient of rows in the order in
which threads come. Reading rows of data that has no gradient is exact.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator

if __package__:
    from reprofp.probes.shapes import Shapes
else:
    from shapes import Shapes  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["find_indexes"]

_MAKES_DATA = frozenset(
    "randn rand randint randperm tensor as_tensor from_numpy arange linspace zeros ones full eye normal empty array asarray "  # noqa: SIM905
    "load loadtxt genfromtxt default_rng standard_normal integers random permutation uniform choice manual_seed Generator".split()
)
_OF_DATA = frozenset(
    "float double half long int bool to cpu cuda contiguous reshape view flatten squeeze unsqueeze t transpose permute clone "  # noqa: SIM905
    "detach sum mean sin cos exp log sqrt abs pow clamp argmax argmin max min round floor sigmoid relu tanh astype numpy "
    "type repeat expand item shape dtype T device size dim std var norm sign".split()
)


def find_indexes(shapes: Shapes) -> Iterator[str]:
    """Yield a word where indexes may be added up, or written, in any order."""
    if not _knows_gradients(shapes):
        return
    scan = _Indexes(shapes)
    for node in shapes.nodes:
        if not isinstance(node, ast.Subscript) or scan.is_simple(node.slice):
            continue
        if isinstance(node.ctx, ast.Load) and not scan.is_data(node.value, frozenset()):
            yield "scatter:index"
        elif isinstance(node.ctx, ast.Store) and not scan.is_dictionary(node.value):
            yield "scatter:write"


def _knows_gradients(shapes: Shapes) -> bool:
    attributes = {node.attr for node in shapes.nodes if isinstance(node, ast.Attribute)}
    torch = any(origin.partition(".")[0] == "torch" for origin in shapes.origins.values())
    return torch or not attributes.isdisjoint({"backward", "grad", "value_and_grad"})


class _Indexes:
    """The subscripts of one source."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.arguments = {node.arg for node in shapes.nodes if isinstance(node, ast.arg)}
        words = {node.attr for node in shapes.nodes if isinstance(node, ast.Attribute)}
        words |= {node.arg for node in shapes.nodes if isinstance(node, ast.keyword) and node.arg}
        self.asks_gradients = not words.isdisjoint({"requires_grad", "requires_grad_", "Parameter"})

    def is_simple(self, index: ast.AST) -> bool:
        """Whether an index is a number, a text, a name or a range of numbers, and no tensor of them."""
        if isinstance(index, ast.Tuple):
            return all(map(self.is_simple, index.elts))
        if isinstance(index, ast.UnaryOp):
            return self.is_simple(index.operand)
        if isinstance(index, ast.BinOp):
            return self.is_simple(index.left) and self.is_simple(index.right)
        if isinstance(index, ast.Name):
            return index.id not in self.arguments and self._is_counter(index.id)
        return isinstance(index, (ast.Constant, ast.Slice, ast.JoinedStr))

    def _is_counter(self, name: str) -> bool:
        """Whether a name only ever counts: in a loop over a range, or as a number that is added to."""
        bound = self.shapes.stores.get(name, [])
        return bool(bound) and all(map(self._counts, bound))

    def _counts(self, store: ast.AST) -> bool:
        parent = self.shapes.parents.get(store)
        if isinstance(parent, ast.Tuple) and parent.elts[0] is store:
            parent = self.shapes.parents.get(parent)
            return isinstance(parent, (ast.For, ast.comprehension)) and _called(parent.iter) == "enumerate"
        if isinstance(parent, (ast.For, ast.comprehension)):
            return _called(parent.iter) == "range"
        value = parent.value if isinstance(parent, (ast.Assign, ast.AugAssign)) else None
        return isinstance(value, ast.Constant)

    def is_dictionary(self, node: ast.expr) -> bool:
        """Whether a name is given dictionaries or lists only."""
        bound = self.shapes.stores.get(node.id, []) if isinstance(node, ast.Name) else []
        values = [getattr(self.shapes.parents.get(store), "value", None) for store in bound]
        made = (ast.Dict, ast.List, ast.DictComp, ast.ListComp)
        return bool(values) and all(
            isinstance(value, made) or _called(value) in {"dict", "list", "defaultdict", "Counter"} for value in values
        )

    def is_data(self, node: ast.AST | None, seen: frozenset[str]) -> bool:  # noqa: PLR0911 - one for each kind of node
        """Whether an expression evidently has no gradient: made of numbers, and of nothing that learns."""
        if self.asks_gradients:
            return False
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return self._is_data_name(node.id, seen)
        if isinstance(node, ast.Attribute):
            return node.attr in _OF_DATA and self.is_data(node.value, seen)
        if isinstance(node, ast.Subscript):
            return self.is_data(node.value, seen)
        if isinstance(node, ast.Call):
            return self._is_data_call(node, seen)
        if isinstance(node, (ast.List, ast.Tuple, ast.Dict)):
            return all(self.is_data(each, seen) for each in (node.values if isinstance(node, ast.Dict) else node.elts))
        if isinstance(node, (ast.ListComp, ast.DictComp)):
            return self.is_data(node.value if isinstance(node, ast.DictComp) else node.elt, seen)
        parts = list(ast.iter_child_nodes(node)) if isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare)) else []
        return bool(parts) and all(self.is_data(part, seen) for part in parts if isinstance(part, ast.expr))

    def _is_data_name(self, name: str, seen: frozenset[str]) -> bool:
        if name in seen:
            return True
        bound = self.shapes.stores.get(name, [])
        if not bound or name in self.arguments:
            return False
        return all(self._is_data_target(store, seen | {name}) for store in bound)

    def _is_data_target(self, store: ast.AST, seen: frozenset[str]) -> bool:
        target, parent = store, self.shapes.parents.get(store)
        place = None
        if isinstance(parent, ast.Tuple):
            place, target, parent = parent.elts.index(store), parent, self.shapes.parents.get(parent)  # type: ignore[arg-type]
        if isinstance(parent, (ast.For, ast.comprehension)) and target is parent.target:
            return _called(parent.iter) == "range" or self.is_data(parent.iter, seen)
        value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign, ast.AugAssign)) else None
        if place is not None and isinstance(value, ast.Tuple) and len(value.elts) > place:
            value = value.elts[place]
        return self.is_data(value, seen)

    def _is_data_call(self, call: ast.Call, seen: frozenset[str]) -> bool:
        origin = self.shapes.origin(call.func)
        name = call.func.attr if isinstance(call.func, ast.Attribute) else origin.rpartition(".")[2]
        if origin:
            fresh = origin.startswith(("torch.", "numpy.")) and name in _MAKES_DATA
            inner = origin.startswith(("torch.", "numpy.")) and name in _OF_DATA
            return fresh or (inner and all(self.is_data(each, seen) for each in call.args))
        if isinstance(call.func, ast.Name):
            return call.func.id in {
                "range",
                "len",
                "list",
                "int",
                "float",
                "sum",
                "min",
                "max",
                "round",
                "sorted",
                "zip",
            }
        method = isinstance(call.func, ast.Attribute) and (name in _OF_DATA or name in _MAKES_DATA)
        return method and self.is_data(call.func.value, seen)  # type: ignore[attr-defined]


def _called(node: ast.AST | None) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
