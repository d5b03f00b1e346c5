"""Whether a duration is only shown: printed, logged or put beside a progress bar, and nowhere kept with the results.

A value is followed through arithmetic, formatting, names, lists that it is appended to, and functions of the same source. Where it
is written, returned to nobody known, compared or stored in anything else, it may have reached results; so it may where all names
or all attributes of an object are taken at once (``locals()``, ``__dict__``, a pickle), and where printing goes elsewhere.
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
    "set_description_str".split()
)
_PRINTERS = frozenset({"rich.print", "builtins.print", "click.echo", "click.secho", "typer.echo", "typer.secho"})
_STREAMS = frozenset({"sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__"})
_FORMATS = frozenset(
    "len format round str int float repr max min abs sum mean median std fmean stdev timedelta total_seconds divmod sorted array "  # noqa: SIM905
    "percentile quantile item tolist gmtime strftime join var nanmean".split()
)
_TAKES_NAMES = frozenset({"locals", "globals", "vars", "eval", "exec"})
_FRESH = frozenset({"list", "deque"})
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
        if name in _SHOWS:
            return self._prints(call, name)
        if name in _FORMATS and self._is_known_format(call.func, name):
            return self.is_shown(call)
        if name == "append" and isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name):
            return self._is_fresh_list(call.func.value) and self._are_loads_shown(call.func.value)
        functions = self.shapes.functions.get(name, []) if isinstance(call.func, ast.Name) else []
        if len(functions) != 1 or node not in call.args:
            return False
        return self._is_shown_in(functions[0], call.args.index(node)) and self.is_shown(call)

    def _prints(self, call: ast.Call, name: str) -> bool:
        """Whether a call that is named like one that prints or logs does so, before someone's eyes."""
        if name in self.shapes.functions or name in self.shapes.stores or self._is_redirected():
            return False
        origin = self.shapes.origin(call.func)
        if isinstance(call.func, ast.Name) and not (
            origin in _PRINTERS or origin.startswith("logging.") or (name == "print" and not origin)
        ):
            return False
        if name in {"echo", "secho"} and len(call.args) > 1:
            return False
        return all(
            word.arg is not None and (word.arg != "file" or self.shapes.origin(word.value) in _STREAMS)
            for word in call.keywords
        )

    def _is_redirected(self) -> bool:
        return any(
            isinstance(node, (ast.Name, ast.Attribute))
            and (
                last_name(node) in {"redirect_stdout", "redirect_stderr", "dup2"}
                or (last_name(node) in {"stdout", "stderr"} and isinstance(node.ctx, ast.Store))
            )
            for node in self.shapes.nodes
        )

    def _is_known_format(self, function: ast.expr, name: str) -> bool:
        """Whether a function gives something of what it is given, and keeps nothing of it."""
        if name in self.shapes.functions:
            return False
        if isinstance(function, ast.Name):
            return True
        owner = function.value if isinstance(function, ast.Attribute) else None
        return isinstance(owner, (ast.Constant, ast.JoinedStr)) or bool(owner and self.shapes.origin(owner))

    def _is_fresh_list(self, name: ast.Name) -> bool:
        """Whether a name only ever stands for a list that was made for it."""
        stores = self.shapes.stores.get(name.id, [])
        return bool(stores) and all(map(self._is_made_here, stores))

    def _is_made_here(self, store: ast.Name) -> bool:
        value = getattr(self.shapes.parents.get(store), "value", None)
        if isinstance(value, ast.Call):
            return isinstance(value.func, ast.Name) and value.func.id in _FRESH
        return isinstance(value, (ast.List, ast.ListComp))

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
            return self._loads_of_name(target)
        if not isinstance(target, ast.Attribute) or self._is_taken_whole(target):
            return None
        loads: list[ast.AST] = [
            node
            for node in self.shapes.nodes
            if isinstance(node, ast.Attribute) and node.attr == target.attr and isinstance(node.ctx, ast.Load)
        ]
        return loads or None

    def _loads_of_name(self, target: ast.Name) -> list[ast.AST] | None:
        scope = self.shapes.scope(target)
        loads: list[ast.AST] = list(self.shapes.loads.get(target.id, ()))
        is_elsewhere = isinstance(scope, ast.ClassDef) or (isinstance(scope, ast.Module) and not loads)
        return None if is_elsewhere or any(self._sees(call, target) for call in self.shapes.calls) else loads

    def _sees(self, call: ast.Call, target: ast.Name) -> bool:
        """Whether a call takes all names there are, and may do so after a value has one."""
        if not isinstance(call.func, ast.Name) or call.func.id not in _TAKES_NAMES:
            return False
        if call.func.id == "vars" and call.args:
            return False
        around: ast.AST | None = call
        while around is not None and not isinstance(
            around, (ast.For, ast.While, ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            around = self.shapes.parents.get(around)
        first = min(store.lineno for store in [target, *self.shapes.stores.get(target.id, ())])
        return around is not None or call.lineno >= first

    def _is_taken_whole(self, target: ast.Attribute) -> bool:
        """Whether an object may be read without naming its attributes: handed on, returned, or asked for all of them."""
        if not isinstance(target.value, ast.Name):
            return True
        owner = target.value.id
        if self._is_handed_on(owner):
            return True
        scope: ast.AST | None = target
        while scope is not None and not isinstance(scope, ast.ClassDef):
            scope = self.shapes.parents.get(scope)
        names = [scope.name] if isinstance(scope, ast.ClassDef) and owner == "self" else self._classes_of(owner)
        return not names or any(map(self._makes_what_is_handed_on, names))

    def _classes_of(self, name: str) -> list[str]:
        """Return the names that are called for what a name stands for; none where that is something else."""
        values = [getattr(self.shapes.parents.get(store), "value", None) for store in self.shapes.stores.get(name, ())]
        calls = [value.func.id for value in values if isinstance(value, ast.Call) and isinstance(value.func, ast.Name)]
        return calls if len(calls) == len(values) else []

    def _is_handed_on(self, name: str) -> bool:
        return any(map(self._is_whole_load, self.shapes.loads.get(name, ())))

    def _is_whole_load(self, load: ast.Name) -> bool:
        parent = self.shapes.parents.get(load)
        if isinstance(parent, ast.Return):
            return getattr(self.shapes.scope(parent), "name", "") != "__enter__"
        return not (isinstance(parent, ast.Attribute) and parent.attr != "__dict__")

    def _makes_what_is_handed_on(self, name: str) -> bool:
        """Whether objects of a class are anything but names whose attributes are read."""
        loads = self.shapes.loads.get(name, [])
        is_own = any(isinstance(node, ast.ClassDef) and node.name == name for node in self.shapes.nodes)
        return not is_own or not loads or any(map(self._is_made_for_others, loads))

    def _is_made_for_others(self, load: ast.Name) -> bool:
        call = self.shapes.parents.get(load)
        if not (isinstance(call, ast.Call) and call.func is load):
            return True
        parent = self.shapes.parents.get(call)
        if isinstance(parent, ast.Attribute):
            return parent.attr == "__dict__"
        if isinstance(parent, ast.withitem):
            holder: ast.AST | None = parent.optional_vars
        elif isinstance(parent, ast.Assign) and len(parent.targets) == 1:
            holder = parent.targets[0]
        else:
            return not isinstance(parent, ast.Expr)
        return holder is not None and not (isinstance(holder, ast.Name) and not self._is_handed_on(holder.id))
