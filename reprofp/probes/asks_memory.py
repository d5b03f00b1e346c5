"""Where a source takes memory as it comes, and may use what lies in it before writing there.

``numpy.empty`` and its like give what was left by others. Where an array is evidently filled before it is used, nothing is
yielded: all of it at once, row by row in a loop over its whole length, as the target of a function, or as weights that are
initialised where they are made.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator

if __package__:
    from reprofp.probes.asks_weights import ABOUT, FILLS, Weights, is_at_once, is_name
    from reprofp.probes.shapes import Shapes, last_name, leaves
else:
    from asks_weights import (  # type: ignore[import-not-found, no-redef, unused-ignore]
        ABOUT,
        FILLS,
        Weights,
        is_at_once,
        is_name,
    )
    from shapes import Shapes, last_name, leaves  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["find_unwritten"]

_EMPTY = frozenset(
    "empty empty_like new_empty new_empty_strided empty_strided empty_permuted empty_quantized ndarray resize_ resize_as_ "  # noqa: SIM905
    "recarray chararray empty_aligned to_empty skip_init device_array device_array_like pinned_array mapped_array "
    "UntypedStorage TypedStorage FloatStorage LongStorage ByteStorage".split()
)
_TENSORS = frozenset("Tensor FloatTensor DoubleTensor HalfTensor LongTensor IntTensor ByteTensor BoolTensor".split())  # noqa: SIM905
_ARRAYS = ("numpy", "torch", "cupy")
_REDUCTIONS = frozenset("sum mean min max amin amax any all prod std var nansum nanmean average".split())  # noqa: SIM905
_LISTED = frozenset(
    {"array", "asarray", "list", "tolist", "stack", "concatenate", "arange", "zeros", "ones", "sorted", "tuple"}
)
"""Calls that evidently give values, and not a size."""


def find_unwritten(shapes: Shapes) -> Iterator[str]:
    """Yield the names of functions that give memory which may be used before it is written."""
    scan = _Memory(shapes)
    for node in shapes.nodes:
        name = scan.takes(node)
        if name and not scan.is_filled(node):
            yield f"unwritten:{name}"


class _Memory:
    """The arrays of one source that are made without contents."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.weights = Weights(shapes)

    def takes(self, node: ast.AST) -> str:
        """Return the name of what gives memory as it comes, or nothing."""
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name)):
            return self._takes_call(node)
        if not isinstance(node, (ast.Attribute, ast.Name)) or not isinstance(node.ctx, ast.Load):
            return ""
        parent = self.shapes.parents.get(node)
        if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
            return ""
        origin = self.shapes.origin(node)  # handed on, to be called elsewhere
        name = origin.rpartition(".")[2]
        return name if origin.startswith(_ARRAYS) and name in _EMPTY - {"ndarray", "recarray", "chararray"} else ""

    def _takes_call(self, call: ast.Call) -> str:
        origin = self.shapes.origin(call.func)
        name = (origin or last_name(call.func)).rpartition(".")[2]
        if isinstance(call.func, ast.Name) and not origin and not self._is_of_star(name):
            return ""
        if name in _TENSORS:
            sizes = len(call.args) > 1 or (call.args and self._may_be_size(call.args[0]))
            return name if sizes and origin.startswith("torch") else ""
        if name == "new" and self._is_tensor_like(call):
            return name
        if name in _EMPTY and (call.args or call.keywords):
            return "" if origin.startswith("jax") or _has_nothing(call) or _holds_objects(call) else name
        words = {word.arg for word in call.keywords}
        if "where" in words and not _has_out(call) and origin.startswith(("numpy", "cupy")) and name not in _REDUCTIONS:
            return "where"
        return ""

    def _is_of_star(self, name: str) -> bool:
        """Whether a name that nothing binds may come from a package that is imported as a whole."""
        return "*" in self.shapes.origins and name not in self.shapes.functions and name not in self.shapes.stores

    def _is_tensor_like(self, call: ast.Call) -> bool:
        """Whether a method ``new`` may be that of a tensor, which takes sizes."""
        known = any(origin.partition(".")[0] == "torch" for origin in self.shapes.origins.values())
        text = call.args and isinstance(call.args[0], ast.Constant) and not _is_number(call.args[0])
        return known and bool(call.args) and not text and not self.shapes.origin(call.func)

    def _may_be_size(self, given: ast.expr) -> bool:
        """Whether the only argument of a tensor's class may be its size, and not its values."""
        if isinstance(given, (ast.List, ast.Tuple, ast.ListComp)):
            return False
        if isinstance(given, ast.Call):
            return last_name(given.func) not in _LISTED
        if isinstance(given, ast.Attribute):
            return given.attr != "values"  # of a table
        if isinstance(given, ast.Name):
            bound = [self.shapes.parents.get(store) for store in self.shapes.stores.get(given.id, [])]
            values = [each.value for each in bound if isinstance(each, ast.Assign)]
            alone = given.id not in self.shapes.arguments and bool(values) and len(values) == len(bound)
            nested = any(isinstance(value, ast.Name) for value in values)
            return not alone or nested or any(map(self._may_be_size, values))
        return True

    # --- what fills them ------------------------------------------------------------------------------------

    def is_filled(self, node: ast.AST) -> bool:  # noqa: PLR0911 - one for each way to fill
        """Whether all of an array is evidently written before any of it is used."""
        if not isinstance(node, ast.Call):
            return False
        place = self._climb(node)
        parent = self.shapes.parents.get(place)
        if isinstance(parent, ast.Attribute) and parent.attr in FILLS and place is node:
            return is_at_once(self.shapes.parents.get(parent))
        if isinstance(parent, ast.keyword):
            return parent.arg == "out" and self._fills_out(self.shapes.parents.get(parent))
        if isinstance(parent, ast.Call) and parent.args[:1] == [place] and self.weights.initialises(parent):
            return True
        target = _target_of(parent)
        if target is None or parent is None or last_name(node.func).startswith("resize_") or self._is_guarded(parent):
            return False
        if isinstance(target, ast.Attribute):
            return self.weights.are_initialised(parent, target, is_weight=place is not node)
        return isinstance(target, ast.Name) and self._is_written_next(parent, target, node)

    def _climb(self, node: ast.AST) -> ast.AST:
        """Return the parameter that is made of an empty tensor, or the tensor itself."""
        parent = self.shapes.parents.get(node)
        made = isinstance(parent, ast.Call) and last_name(parent.func) in {"Parameter", "Buffer", "Variable"}
        return self._climb(parent) if made and parent is not None else node

    def _fills_out(self, call: ast.AST | None) -> bool:
        """Whether a call is one of a package that writes all of its target."""
        if not isinstance(call, ast.Call) or any(word.arg in {"where", None} for word in call.keywords):
            return False
        return self.shapes.origin(call.func).startswith(_ARRAYS)

    def _is_guarded(self, statement: ast.AST) -> bool:
        """Whether the program may go on where filling was broken off by an exception."""
        node = statement
        while node in self.shapes.parents and node is not self.shapes.scope(statement):
            child, node = node, self.shapes.parents[node]
            if isinstance(node, ast.Try) and node.handlers and child in node.body:
                return True
            if isinstance(node, ast.With) and any(_calls(item.context_expr, "suppress") for item in node.items):
                return True
        return False

    def _is_written_next(self, statement: ast.AST, target: ast.Name, made: ast.Call) -> bool:
        """Whether the first thing that is done with a name is to write all that it stands for."""
        block = self.shapes.block(statement)
        following = block[block.index(statement) + 1 :] if block else []  # type: ignore[arg-type]
        for each in following:
            if any(isinstance(node, ast.Name) and node.id == target.id for node in ast.walk(each)):
                return self._writes_all(each, target.id) or self._writes_rows(each, target.id, made)
        return False

    def _writes_all(self, statement: ast.stmt, name: str) -> bool:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            written = statement.targets[0]
            whole = isinstance(written, ast.Subscript) and is_name(written.value, name) and _is_whole(written.slice)
            return whole and not _mentions(statement.value, name)
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call):
            return False
        if isinstance(call.func, ast.Attribute) and call.func.attr in FILLS and is_name(call.func.value, name):
            return is_at_once(call) and not any(_mentions(each, name) for each in [*call.args, *call.keywords])
        if any(word.arg == "out" and is_name(word.value, name) for word in call.keywords):
            return self._fills_out(call) and not any(_mentions(argument, name) for argument in call.args)
        return bool(call.args) and is_name(call.args[0], name) and self.weights.initialises(call)

    def _writes_rows(self, loop: ast.stmt, name: str, made: ast.Call) -> bool:
        """Whether a loop over all rows writes each of them, and looks at none before."""
        if not isinstance(loop, ast.For) or loop.orelse or not isinstance(loop.iter, ast.Call):
            return False
        counter = self._counter_of(loop, name, made)
        first = next((node for node in loop.body if _mentions(node, name)), None)
        if not counter or not isinstance(first, ast.Assign) or len(first.targets) != 1 or _mentions(first.value, name):
            return False
        if leaves([loop]):
            return False
        if not self._looks_at_rows_only(loop, name, counter):
            return False
        written = first.targets[0]
        return isinstance(written, ast.Subscript) and is_name(written.value, name) and _is_row(written.slice, counter)

    def _looks_at_rows_only(self, loop: ast.For, name: str, counter: str) -> bool:
        """Whether a loop uses no other row of an array than the one it is at, and counts by itself."""
        nodes = [node for statement in loop.body for node in ast.walk(statement) if isinstance(node, ast.Name)]
        if any(node.id == counter and isinstance(node.ctx, ast.Store) for node in nodes):
            return False
        return all(self._is_at_row(node, counter) for node in nodes if node.id == name)

    def _is_at_row(self, node: ast.Name, counter: str) -> bool:
        parent = self.shapes.parents.get(node)
        if isinstance(parent, ast.Attribute):
            return parent.attr in ABOUT
        if isinstance(parent, ast.Call):
            return is_name(parent.func, "len")
        if not isinstance(parent, ast.Subscript) or parent.value is not node:
            return False
        return _is_row(parent.slice, counter) or _is_up_to(parent.slice, counter)

    def _counter_of(self, loop: ast.For, name: str, made: ast.Call) -> str:
        """Return the name that counts all the rows of an array, or nothing."""
        call = loop.iter
        if isinstance(call, ast.Call) and call.args and self.shapes.origin(call.func).endswith(".tqdm"):
            call = call.args[0]  # which shows how far it is
        length = _length_of(made)
        if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
            return ""
        if is_name(call.func, "range") and isinstance(loop.target, ast.Name):
            whole = length is not None and self.shapes.same(call.args[0], length) and self.shapes.is_steady(length)
            return loop.target.id if whole or _is_length_of(call.args[0], name) else ""
        if is_name(call.func, "enumerate") and isinstance(loop.target, ast.Tuple):
            first, items = loop.target.elts[0], call.args[0]
            counts = length is not None and isinstance(items, ast.Name) and _is_length_of(length, items.id)
            return first.id if counts and isinstance(first, ast.Name) and self.shapes.is_steady(items) else ""
        return ""


def _has_out(call: ast.Call) -> bool:
    given = [word.value for word in call.keywords if word.arg == "out"]
    return any(not (isinstance(each, ast.Constant) and each.value is None) for each in given)


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and last_name(node.func) == name


def _is_up_to(index: ast.AST, counter: str) -> bool:
    """Whether an index takes the rows that are written: up to the one that a loop is at."""
    upper = index.upper if isinstance(index, ast.Slice) and index.lower is index.step is None else None
    if isinstance(upper, ast.BinOp) and isinstance(upper.op, ast.Add):
        one = isinstance(upper.right, ast.Constant) and upper.right.value == 1
        return one and is_name(upper.left, counter)
    return upper is not None and is_name(upper, counter)


def _target_of(parent: ast.AST | None) -> ast.expr | None:
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        return parent.targets[0]
    return parent.target if isinstance(parent, ast.AnnAssign) else None


def _shape_of(call: ast.Call) -> list[ast.expr]:
    """Return the sizes that an array is made with, as far as they are written out."""
    given = [*call.args, *(word.value for word in call.keywords if word.arg in {"shape", "size"})]
    if last_name(call.func).endswith("like") or not given:
        return []
    return list(given[0].elts) if isinstance(given[0], (ast.Tuple, ast.List)) else given


def _length_of(call: ast.Call) -> ast.expr | None:
    sizes = _shape_of(call)
    return sizes[0] if sizes else None


def _has_nothing(call: ast.Call) -> bool:
    """Whether an array has no elements; numpy takes a type behind its shape."""
    return any(
        isinstance(size, ast.Constant) and size.value == 0 and type(size.value) is int for size in _shape_of(call)
    )


def _holds_objects(call: ast.Call) -> bool:
    kinds = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "dtype")]
    return any(
        is_name(kind, "object")
        or last_name(kind) == "object_"
        or (isinstance(kind, ast.Constant) and kind.value in {"O", "object"})
        for kind in kinds
    )


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _mentions(node: ast.AST, name: str) -> bool:
    return any(is_name(each, name) for each in ast.walk(node))


def _is_length_of(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and is_name(node.func, "len") and bool(node.args) and is_name(node.args[0], name)


def _is_whole(index: ast.AST) -> bool:
    if isinstance(index, ast.Tuple):
        return all(map(_is_whole, index.elts))
    if isinstance(index, ast.Slice):
        return index.lower is index.upper is index.step is None
    return isinstance(index, ast.Constant) and index.value is Ellipsis


def _is_row(index: ast.AST, counter: str) -> bool:
    if isinstance(index, ast.Tuple):
        return is_name(index.elts[0], counter) and all(map(_is_whole, index.elts[1:]))
    return is_name(index, counter)
