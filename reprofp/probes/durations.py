"""Whether a duration is only shown: printed, logged or put beside a progress bar, and nowhere kept with the results.

A value is followed through arithmetic, formatting, names, lists that it is appended to, and functions of the same source. Where it
is written, returned to nobody known, compared or stored in anything else, it may have reached results.
"""

from __future__ import annotations

import ast

if __package__:
    from reprofp.probes.shapes import Shapes, last_name
else:
    from shapes import Shapes, last_name  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["Durations"]

_SHOWS = frozenset(
    "print info debug warning warn error critical exception set_postfix set_postfix_str set_description echo secho "  # noqa: SIM905
    "set_description_str len".split()
)
_FORMATS = frozenset(
    "format round str int float repr max min abs sum mean median std fmean stdev timedelta total_seconds divmod sorted array "  # noqa: SIM905
    "percentile quantile item tolist gmtime strftime join var nanmean".split()
)
_PASSES = (ast.BinOp, ast.UnaryOp, ast.JoinedStr, ast.FormattedValue, ast.Subscript, ast.Tuple, ast.Starred)


class Durations:
    """The durations of one source."""

    def __init__(self, shapes: Shapes) -> None:
        """Take a source."""
        self.shapes = shapes
        self.seen: set[ast.AST] = set()

    def is_shown(self, node: ast.AST) -> bool:  # noqa: PLR0911 - one for each way on
        """Whether a value goes nowhere but before someone's eyes."""
        if node in self.seen:
            return True
        self.seen.add(node)
        parent = self.shapes.parents.get(node)
        if isinstance(parent, ast.keyword):
            node, parent = parent, self.shapes.parents.get(parent)
        if isinstance(parent, ast.Expr):
            return True
        if isinstance(parent, ast.IfExp):
            return node is not parent.test and self.is_shown(parent)
        if isinstance(parent, _PASSES):
            return self.is_shown(parent)
        if isinstance(parent, ast.Call):
            return node is not parent.func and self._is_shown_by(parent, node)
        if isinstance(parent, ast.Attribute):
            return self._is_shown_by_method(parent)
        if isinstance(parent, ast.Return):
            return self._is_shown_by_callers(parent)
        return self._is_shown_by_name(parent)

    def _is_shown_by(self, call: ast.Call, node: ast.AST) -> bool:
        name = last_name(call.func)
        if name in _SHOWS and isinstance(call.func, (ast.Name, ast.Attribute)):
            files = [word.value for word in call.keywords if word.arg == "file"]
            return all(last_name(file) in {"stderr", "stdout"} for file in files)
        if name in _FORMATS:
            return self.is_shown(call)
        if name == "append" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            return self._are_loads_shown(call.func.value)
        functions = self.shapes.functions.get(name, []) if isinstance(call.func, ast.Name) else []
        if len(functions) != 1 or node not in call.args:
            return False
        return self._is_shown_in(functions[0], call.args.index(node)) and self.is_shown(call)

    def _is_shown_in(self, function: ast.FunctionDef | ast.AsyncFunctionDef, place: int) -> bool:
        arguments = [*function.args.posonlyargs, *function.args.args]
        if place >= len(arguments):
            return False
        name = arguments[place].arg
        loads = [node for node in self.shapes.loads.get(name, ()) if self.shapes.is_within(node, function)]
        return all(map(self.is_shown, loads))

    def _is_shown_by_method(self, attribute: ast.Attribute) -> bool:
        """Whether a method of what holds durations shows or formats, or adds to it."""
        call = self.shapes.parents.get(attribute)
        if attribute.attr in {"append", "clear"}:
            return True
        if attribute.attr == "seconds":
            return self.is_shown(attribute)
        return attribute.attr in _FORMATS and isinstance(call, ast.Call) and self.is_shown(call)

    def _is_shown_by_callers(self, node: ast.Return) -> bool:
        function = self.shapes.scope(node)
        if not isinstance(function, ast.FunctionDef) or function.decorator_list or function.name.startswith("__"):
            return False
        uses = [
            each
            for each in self.shapes.nodes
            if isinstance(each, (ast.Name, ast.Attribute))
            and last_name(each) == function.name
            and isinstance(each.ctx, ast.Load)
        ]
        calls = [self.shapes.parents.get(each) for each in uses]
        called = [
            call for each, call in zip(uses, calls, strict=True) if isinstance(call, ast.Call) and call.func is each
        ]
        return len(called) == len(uses) > 0 and all(map(self.is_shown, called))

    def _is_shown_by_name(self, parent: ast.AST | None) -> bool:
        if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            return self._are_loads_shown(parent.targets[0])
        if isinstance(parent, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            return self._are_loads_shown(parent.target)
        return False

    def _are_loads_shown(self, target: ast.expr) -> bool:
        loads = self.loads_of(target)
        return loads is not None and all(map(self.is_shown, loads))

    def loads_of(self, target: ast.expr) -> list[ast.AST] | None:
        """Return where a name or an attribute is read; None where that is not known, as of what others may read."""
        if isinstance(target, ast.Name):
            return list(self.shapes.loads.get(target.id, ()))
        if not isinstance(target, ast.Attribute):
            return None
        loads: list[ast.AST] = [
            node
            for node in self.shapes.nodes
            if isinstance(node, ast.Attribute) and node.attr == target.attr and isinstance(node.ctx, ast.Load)
        ]
        return loads or None
