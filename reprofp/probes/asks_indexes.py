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
    from reprofp.probes.shapes import Shapes, last_name
else:
    from shapes import Shapes, last_name  # type: ignore[import-not-found, no-redef, unused-ignore]

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

_OF_TORCH = frozenset(
    "torch torchvision torchaudio torch_geometric torch_scatter torch_sparse functorch fastai accelerate transformers lightning "  # noqa: SIM905
    "pytorch_lightning timm diffusers dgl ignite peft einops kornia".split()
)
"""Packages that bring tensors of PyTorch."""
_WRITES_ITEMS = frozenset(
    {"setitem", "__setitem__", "_index_put_impl_", "max_unpool1d", "max_unpool2d", "max_unpool3d"}
)


def find_indexes(shapes: Shapes) -> Iterator[str]:
    """Yield a word where indexes may be added up, or written, in any order."""
    if not _knows_gradients(shapes):
        return
    scan = _Indexes(shapes)
    for node in shapes.nodes:
        if isinstance(node, (ast.Attribute, ast.Name)) and _is_word(shapes, node):
            yield f"scatter:{last_name(node)}"
        if not isinstance(node, ast.Subscript) or scan.is_simple(node.slice) or scan.is_dictionary(node.value):
            continue
        if (
            isinstance(node.ctx, ast.Load)
            and not scan.is_of_dataset(node)
            and not scan.is_data(node.value, frozenset())
        ):
            yield "scatter:index"
        elif isinstance(node.ctx, ast.Store):
            yield "scatter:write"


def _knows_gradients(shapes: Shapes) -> bool:
    attributes = {node.attr for node in shapes.nodes if isinstance(node, ast.Attribute)}
    torch = any(origin.partition(".")[0] in _OF_TORCH for origin in shapes.origins.values())
    return torch or not attributes.isdisjoint({"backward", "grad", "value_and_grad"})


def _is_word(shapes: Shapes, node: ast.AST) -> bool:
    """Whether a name writes by index, or is one of a package that does nothing else."""
    full = shapes.origin(node)
    if full.startswith("torch_scatter.") or full == "torch_geometric.utils.degree":
        return True
    return (full.rpartition(".")[2] or last_name(node)) in _WRITES_ITEMS and (
        bool(full) or isinstance(node, ast.Attribute)
    )


class _Indexes:
    """The subscripts of one source."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.arguments = {node.arg for node in shapes.nodes if isinstance(node, ast.arg)}
        words = {node.attr for node in shapes.nodes if isinstance(node, ast.Attribute)}
        words |= {node.arg for node in shapes.nodes if isinstance(node, ast.keyword) and node.arg}
        self._texts = {
            node.value for node in shapes.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        words |= self._texts
        self._attributes = [
            node for node in shapes.nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        ]
        self.asks_gradients = not words.isdisjoint({"requires_grad", "requires_grad_", "Parameter"})

    def is_simple(self, index: ast.AST) -> bool:  # noqa: PLR0911 - one for each kind of node
        """Whether an index is a number, a text, a name or a range of numbers, and no tensor of them."""
        if isinstance(index, ast.Tuple):
            return all(map(self.is_simple, index.elts))
        if isinstance(index, ast.UnaryOp):
            return self.is_simple(index.operand)
        if isinstance(index, ast.BinOp):
            return self.is_simple(index.left) and self.is_simple(index.right)
        if isinstance(index, ast.Name):
            return index.id not in self.arguments and self._is_counter(index.id)
        if isinstance(index, ast.Subscript):  # a part of a text
            return isinstance(index.slice, ast.Slice) and self.is_simple(index.value)
        if isinstance(index, ast.List):
            return len(index.elts) == 1 and _is_number(index.elts[0])
        if isinstance(index, ast.Compare):
            return True  # a mask names nothing twice
        return isinstance(index, (ast.Constant, ast.Slice, ast.JoinedStr))

    def _is_counter(self, name: str) -> bool:
        """Whether a name only ever counts: in a loop over a range, or as a number that is added to."""
        bound = self.shapes.stores.get(name, [])
        return bool(bound) and all(map(self._counts, bound))

    def _counts(self, store: ast.AST) -> bool:
        parent = self.shapes.parents.get(store)
        first = isinstance(parent, ast.Tuple) and parent.elts[0] is store
        parent = self.shapes.parents.get(parent) if first and parent is not None else parent
        if isinstance(parent, (ast.For, ast.comprehension)):
            return _gives_keys(parent.iter, first=first)
        value = parent.value if isinstance(parent, (ast.Assign, ast.AugAssign)) else None
        return isinstance(value, (ast.Constant, ast.Compare))

    def is_of_dataset(self, node: ast.AST) -> bool:
        """Whether rows are read where a data set gives one of them."""
        scope = self.shapes.scope(node)
        owner = self.shapes.parents.get(scope)
        learns = isinstance(owner, ast.ClassDef) and any(last_name(base).endswith("Module") for base in owner.bases)
        return isinstance(scope, ast.FunctionDef) and scope.name == "__getitem__" and not learns

    def is_dictionary(self, node: ast.expr) -> bool:
        """Whether something evidently is a dictionary or a list, or a type that is written with its parts."""
        if isinstance(node, ast.Attribute) and node.attr in {"__dict__", "environ", "modules"}:
            return True
        if self.shapes.origin(node).startswith(("typing.", "collections.", "os.environ")) or _makes_table(node):
            return True
        if isinstance(node, ast.Name) and node.id in _TYPES and node.id not in self.shapes.stores:
            return True
        if isinstance(node, ast.Name):
            bound: list[ast.AST] = [] if node.id in self.arguments else list(self.shapes.stores.get(node.id, []))
        else:
            named = node.attr if isinstance(node, ast.Attribute) else ""
            bound = [] if named in self._texts else [each for each in self._attributes if each.attr == named]
        values = [getattr(self.shapes.parents.get(store), "value", None) for store in bound]
        return bool(values) and all(map(_makes_table, values))

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
            fresh = origin.startswith(("torch.", "numpy.")) and name in _MAKES_DATA and origin != "torch.load"
            fresh = fresh and all(word.arg is not None for word in call.keywords)
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


_TYPES = frozenset({"dict", "list", "tuple", "set", "frozenset", "type"})


def _makes_table(node: ast.AST | None) -> bool:
    made = (ast.Dict, ast.List, ast.DictComp, ast.ListComp)
    return isinstance(node, made) or _called(node) in {
        "dict",
        "list",
        "defaultdict",
        "Counter",
        "globals",
        "locals",
        "vars",
    }


def _gives_keys(items: ast.expr, *, first: bool) -> bool:
    """Whether a loop goes through numbers, or the keys of a dictionary; ``first`` takes the first of pairs."""
    if isinstance(items, ast.Call) and _called(items) in {"list", "sorted", "tqdm"} and items.args:
        return _gives_keys(items.args[0], first=first)
    if _called(items) in {"enumerate", "range"}:
        return first == (_called(items) == "enumerate")
    if isinstance(items, (ast.List, ast.Tuple)):
        return all(isinstance(each, ast.Constant) for each in items.elts)
    method = items.func.attr if isinstance(items, ast.Call) and isinstance(items.func, ast.Attribute) else ""
    return method in ({"items", "named_parameters", "named_modules", "named_buffers"} if first else {"keys"})


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant))


def _called(node: ast.AST | None) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
