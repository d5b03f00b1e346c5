"""Where a source takes memory as it comes, and may use what lies in it before writing there.

``numpy.empty`` and its like give what was left by others. Where an array is evidently filled before it is used, nothing is
yielded: all of it at once, row by row in a loop over its whole length, as the target of a function, or as weights that are
initialised where they are made.
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

__all__ = ["find_unwritten"]

_EMPTY = frozenset(
    "empty empty_like new_empty new_empty_strided empty_strided empty_permuted empty_quantized ndarray resize_ resize_as_ "  # noqa: SIM905
    "recarray chararray empty_aligned".split()
)
_TENSORS = frozenset("Tensor FloatTensor DoubleTensor HalfTensor LongTensor IntTensor ByteTensor BoolTensor".split())  # noqa: SIM905
_ARRAYS = ("numpy", "torch", "cupy")
_FILLS = frozenset(
    "fill fill_ zero_ copy_ normal_ uniform_ random_ bernoulli_ exponential_ geometric_ cauchy_ log_normal_ trunc_normal_ eye_".split()  # noqa: SIM905
)
_REDUCTIONS = frozenset("sum mean min max amin amax any all prod std var nansum nanmean average".split())  # noqa: SIM905
_INITIALISES = "init"


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
        if isinstance(call.func, ast.Name) and not origin:
            return ""
        if name in _TENSORS:
            sizes = len(call.args) > 1 or (call.args and _is_number(call.args[0]))
            return name if sizes and origin.startswith("torch") else ""
        if name in _EMPTY and (call.args or call.keywords):
            return "" if origin.startswith("jax") or _has_nothing(call) or _holds_objects(call) else name
        words = {word.arg for word in call.keywords}
        if "where" in words and "out" not in words and origin.startswith("numpy") and name not in _REDUCTIONS:
            return "where"
        return ""

    # --- what fills them ------------------------------------------------------------------------------------

    def is_filled(self, node: ast.AST) -> bool:  # noqa: PLR0911 - one for each way to fill
        """Whether all of an array is evidently written before any of it is used."""
        if not isinstance(node, ast.Call):
            return False
        place = self._climb(node)
        parent = self.shapes.parents.get(place)
        if isinstance(parent, ast.Attribute) and parent.attr in _FILLS and place is node:
            return True
        if isinstance(parent, ast.keyword):
            return parent.arg == "out"
        if isinstance(parent, ast.Call) and place is parent.args[0] and self._initialises(parent):
            return True
        target = _target_of(parent)
        if target is None or parent is None:
            return False
        if isinstance(target, ast.Attribute) and self._is_initialised(parent, target):
            return True
        return isinstance(target, ast.Name) and self._is_written_next(parent, target, node)

    def _climb(self, node: ast.AST) -> ast.AST:
        """Return the parameter that is made of an empty tensor, or the tensor itself."""
        parent = self.shapes.parents.get(node)
        made = isinstance(parent, ast.Call) and last_name(parent.func) in {"Parameter", "Buffer", "Variable"}
        return self._climb(parent) if made and parent is not None else node

    def _initialises(self, call: ast.Call) -> bool:
        """Whether a call is one of ``torch.nn.init``."""
        origin = self.shapes.origin(call.func) or _dotted(call.func)
        return f".{_INITIALISES}." in f".{origin}" and origin.endswith("_")

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
            whole = isinstance(written, ast.Subscript) and _is_name(written.value, name) and _is_whole(written.slice)
            return whole and not _mentions(statement.value, name)
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call):
            return False
        if isinstance(call.func, ast.Attribute) and call.func.attr in _FILLS and _is_name(call.func.value, name):
            return not any(_mentions(argument, name) for argument in call.args)
        if any(word.arg == "out" and _is_name(word.value, name) for word in call.keywords):
            return not any(_mentions(argument, name) for argument in call.args)
        return bool(call.args) and _is_name(call.args[0], name) and self._initialises(call)

    def _writes_rows(self, loop: ast.stmt, name: str, made: ast.Call) -> bool:
        """Whether a loop over all rows writes each of them, and looks at none before."""
        if not isinstance(loop, ast.For) or loop.orelse or not isinstance(loop.iter, ast.Call):
            return False
        counter = self._counter_of(loop, name, made)
        first = next((node for node in loop.body if _mentions(node, name)), None)
        if not counter or not isinstance(first, ast.Assign) or len(first.targets) != 1 or _mentions(first.value, name):
            return False
        if any(isinstance(node, (ast.Break, ast.Continue, ast.Return)) for node in ast.walk(loop)):
            return False
        written = first.targets[0]
        return isinstance(written, ast.Subscript) and _is_name(written.value, name) and _is_row(written.slice, counter)

    def _counter_of(self, loop: ast.For, name: str, made: ast.Call) -> str:
        """Return the name that counts all the rows of an array, or nothing."""
        call = loop.iter
        length = _length_of(made)
        if not isinstance(call, ast.Call) or len(call.args) != 1 or call.keywords:
            return ""
        if last_name(call.func) == "range" and isinstance(loop.target, ast.Name):
            whole = length is not None and self.shapes.same(call.args[0], length) and self.shapes.is_steady(length)
            return loop.target.id if whole or _is_length_of(call.args[0], name) else ""
        if last_name(call.func) == "enumerate" and isinstance(loop.target, ast.Tuple):
            first, items = loop.target.elts[0], call.args[0]
            counts = length is not None and isinstance(items, ast.Name) and _is_length_of(length, items.id)
            return first.id if counts and isinstance(first, ast.Name) and self.shapes.is_steady(items) else ""
        return ""

    def _is_initialised(self, statement: ast.AST, target: ast.Attribute) -> bool:
        """Whether weights are initialised after they are made, here or in a method that is called here."""
        following = [each for block, place in self.shapes.blocks_around(statement) for each in block[place + 1 :]]
        return any(self._initialises_in(each, target) for each in [*following, *self._methods_in(following)])

    def _methods_in(self, statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
        """Yield the statements of the methods of this class that are called by these statements."""
        for statement in statements:
            call = statement.value if isinstance(statement, ast.Expr) else None
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and _is_name(call.func.value, "self")
            ):
                found = self.shapes.functions.get(call.func.attr, [])
                scope = self.shapes.scope(self.shapes.scope(statement))
                for method in found:
                    if self.shapes.scope(method) is scope:
                        yield from method.body

    def _initialises_in(self, statement: ast.stmt, target: ast.Attribute | ast.Name) -> bool:
        if isinstance(statement, (ast.With, ast.AsyncWith)):
            return any(self._initialises_in(each, target) for each in statement.body)
        if (
            isinstance(statement, ast.For)
            and isinstance(statement.target, ast.Name)
            and _is_all_weights(statement.iter)
        ):
            mine = isinstance(target, ast.Attribute) and _is_name(target.value, "self")
            return mine and any(self._initialises_in(each, statement.target) for each in statement.body)
        if isinstance(statement, ast.If) and any(self.shapes.same(each, target) for each in ast.walk(statement.test)):
            return any(self._initialises_in(each, target) for each in statement.body)  # if it was made at all
        call = statement.value if isinstance(statement, ast.Expr) else None
        if not isinstance(call, ast.Call):
            return False
        if self._initialises(call) and call.args:
            return self.shapes.same(_of_data(call.args[0]), target)
        filled = isinstance(call.func, ast.Attribute) and call.func.attr in _FILLS
        return filled and self.shapes.same(_of_data(call.func.value), target)  # type: ignore[attr-defined]


def _of_data(node: ast.expr) -> ast.expr:
    return node.value if isinstance(node, ast.Attribute) and node.attr == "data" else node


def _is_all_weights(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and not node.args and _dotted(node.func) == "self.parameters"


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


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
    kinds = [word.value for word in call.keywords if word.arg == "dtype"]
    return any(
        _is_name(kind, "object") or (isinstance(kind, ast.Constant) and kind.value in {"O", "object"}) for kind in kinds
    )


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _mentions(node: ast.AST, name: str) -> bool:
    return any(_is_name(each, name) for each in ast.walk(node))


def _is_length_of(node: ast.AST, name: str) -> bool:
    return (
        isinstance(node, ast.Call) and _is_name(node.func, "len") and bool(node.args) and _is_name(node.args[0], name)
    )


def _is_whole(index: ast.AST) -> bool:
    if isinstance(index, ast.Tuple):
        return all(map(_is_whole, index.elts))
    if isinstance(index, ast.Slice):
        return index.lower is index.upper is index.step is None
    return isinstance(index, ast.Constant) and index.value is Ellipsis


def _is_row(index: ast.AST, counter: str) -> bool:
    if isinstance(index, ast.Tuple):
        return _is_name(index.elts[0], counter) and all(map(_is_whole, index.elts[1:]))
    return _is_name(index, counter)
