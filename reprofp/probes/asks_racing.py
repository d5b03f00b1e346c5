"""Where threads and tasks of a source share what each of them changes, or ask which of them is ready.

A pool of threads gives its results in the order in which they were asked for, and still each task may take the next number of
a generator that they share, or add to a list. What tasks do is followed through the functions of the same source. A task that is
not found there, and that is not a function of a known package, may do anything.
"""

from __future__ import annotations

import ast
import builtins

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TypeAlias

    Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

if __package__:
    from reprofp.probes.shapes import Shapes, last_name
else:
    from shapes import Shapes, last_name  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["find_racing", "is_quiet_thread"]

_POOLS = frozenset({"ThreadPoolExecutor", "ThreadPool", "to_thread", "run_in_executor", "threading", "threads"})
_GIVES_TASK = frozenset(
    "map submit imap starmap map_async starmap_async apply apply_async to_thread run_in_executor delayed".split()  # noqa: SIM905
)
_POLLS = frozenset({"done", "ready", "running", "is_alive", "qsize", "empty", "full", "poll", "get_nowait"})
_CONCURRENT = frozenset({"concurrent", "threading", "multiprocessing", "asyncio", "queue", "joblib", "dask", "ray"})
_TASKS = frozenset({"create_task", "ensure_future", "TaskGroup", "gather"})
_DRAWS = frozenset(
    "random normal integers choice choices shuffle uniform randn rand randint standard_normal permutation permuted gauss sample "  # noqa: SIM905
    "randrange getrandbits normalvariate expovariate betavariate gammavariate triangular lognormvariate exponential poisson "
    "binomial beta gamma multinomial multivariate_normal random_sample bytes spawn seed manual_seed randperm bernoulli rvs "
    "random_raw standard_gamma rand_like randn_like randint_like dropout normal_ uniform_ bernoulli_".split()
)
_CHANGES = frozenset(
    "append extend add update put put_nowait write writelines writerow pop popleft popitem appendleft insert remove discard "  # noqa: SIM905
    "setdefault clear send step backward fit partial_fit execute executemany commit zero_grad sort reverse add_ mul_ copy_ "
    "write_text write_bytes notify send_bytes increment get get_nowait".split()
)
_WRITES = frozenset({"open", "write_text", "write_bytes", "save", "savetxt", "dump", "savez", "to_csv"})
_GIVEN_GENERATOR = frozenset({"random_state", "rng", "generator", "seed", "out"})
_BUILT_IN = frozenset(vars(builtins))


def find_racing(shapes: Shapes) -> Iterator[str]:
    """Yield the names of what tasks change together, and of questions which of them is ready."""
    scan = _Racing(shapes)
    threaded = any(_named(node) in _POOLS for node in shapes.nodes)
    concurrent = any(origin.partition(".")[0] in _CONCURRENT for origin in shapes.origins.values())
    for call in shapes.calls:
        name = last_name(call.func)
        if concurrent and name in _POLLS and isinstance(call.func, ast.Attribute) and not call.args:
            yield f"racing:{name}"
        if shapes.origin(call.func).startswith("asyncio.") and name in _TASKS:
            yield from scan.find_in_coroutines(call, name)
        if threaded and name in _GIVES_TASK and (isinstance(call.func, ast.Attribute) or name != "map"):
            yield from scan.find_in_task(call, name)


def is_quiet_thread(shapes: Shapes, call: ast.Call) -> bool:
    """Whether a thread changes nothing that others see, and writes no file: it can only show something."""
    targets = [word.value for word in call.keywords if word.arg == "target"]
    if len(targets) != 1 or any(word.arg is None for word in call.keywords):
        return False
    scan = _Racing(shapes)
    given = [word.value for word in call.keywords if word.arg in {"args", "kwargs"}]
    functions = scan.functions_of(targets[0])
    if not functions:
        return False
    shared = {argument.arg for function in functions for argument in function.args.args} if given else {"self"}
    words = [word for function in functions for word in scan.find_in(function, frozenset(shared), writes=True)]
    return not words


def _named(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.alias):
        return node.name.rpartition(".")[2] if node.name != "threading" else ""
    return node.attr if isinstance(node, ast.Attribute) else ""


class _Racing:
    """The tasks of one source, and what they share."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.seen: set[tuple[ast.AST, frozenset[str]]] = set()

    def functions_of(self, task: ast.expr) -> list[Function]:
        """Return the functions of this source that an expression may stand for."""
        if isinstance(task, ast.Lambda):
            return [task]
        owner = task.value if isinstance(task, ast.Attribute) else None
        if owner is not None and self.shapes.origin(owner):
            return []
        return list(self.shapes.functions.get(last_name(task), ()))

    def find_in_task(self, call: ast.Call, name: str) -> Iterator[str]:
        """Yield what a task that is given to a pool changes together with others."""
        place = 1 if name == "run_in_executor" else 0
        if len(call.args) <= place:
            return
        task, rest = call.args[place], call.args[place + 1 :]
        bound: list[ast.expr] = []
        if isinstance(task, ast.Call) and last_name(task.func) == "partial" and task.args:
            bound = [*task.args[1:], *(word.value for word in task.keywords)]
            task = task.args[0]
        functions = self.functions_of(task)
        if not functions:
            yield from () if self._is_of_package(task) else (f"racing:{last_name(task) or 'task'}",)
            return
        alone = name in {"submit", "to_thread", "run_in_executor", "apply", "apply_async"}
        shares = any(self._is_shared(each) for each in bound)
        shares = shares or any(self._is_shared(each) if alone else _repeats(each) for each in rest)
        shares = shares or (alone and any(self._is_shared(word.value) for word in call.keywords))
        for function in functions:
            arguments = {argument.arg for argument in [*function.args.args, *function.args.kwonlyargs]}
            yield from self.find_in(function, frozenset(arguments if shares else {"self"} & arguments))

    def find_in_coroutines(self, call: ast.Call, name: str) -> Iterator[str]:
        """Yield what coroutines change together; one that is not found here may do so."""
        if name == "TaskGroup":
            yield "racing:TaskGroup"
        for given in call.args:
            made = given.value if isinstance(given, ast.Starred) else given
            made = made.elt if isinstance(made, (ast.ListComp, ast.GeneratorExp)) else made
            functions = self.functions_of(made.func) if isinstance(made, ast.Call) else []
            if not functions:
                yield f"racing:{name}"
            for function in functions:
                shares = isinstance(made, ast.Call) and any(self._is_shared(each) for each in made.args)
                arguments = {argument.arg for argument in function.args.args} if shares else {"self"}
                yield from self.find_in(function, frozenset(arguments))

    def _is_shared(self, given: ast.expr) -> bool:
        """Whether several tasks may be given one and the same object: a name that no loop around them binds."""
        for node in ast.walk(given):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not self._is_of_loop(node):
                return True
        return False

    def _is_of_loop(self, name: ast.Name) -> bool:
        if name.id in self.shapes.origins or name.id in self.shapes.functions or name.id in _BUILT_IN:
            return True
        bound = self.shapes.stores.get(name.id, [])
        return bool(bound) and all(self._is_counter(store) for store in bound)

    def _is_counter(self, store: ast.AST) -> bool:
        node, parent = store, self.shapes.parents.get(store)
        while isinstance(parent, (ast.Tuple, ast.List)):
            node, parent = parent, self.shapes.parents.get(parent)
        return isinstance(parent, (ast.For, ast.comprehension)) and node is parent.target

    def _is_of_package(self, task: ast.expr) -> bool:
        """Whether a task is a function of Python or of a package that computes, and draws nothing."""
        origin = self.shapes.origin(task)
        if isinstance(task, ast.Name) and not origin:
            return task.id in _BUILT_IN and task.id not in self.shapes.stores
        known = origin.partition(".")[0] in {
            "math",
            "numpy",
            "json",
            "os",
            "hashlib",
            "zlib",
            "time",
            "statistics",
            "operator",
        }
        return known and last_name(task) not in _DRAWS and ".random" not in origin

    # --- functions ----------------------------------------------------------------------------------------

    def find_in(self, function: Function, shared: frozenset[str], *, writes: bool = False) -> Iterator[str]:
        """Yield what a function changes of what it shares with others."""
        if (function, shared) in self.seen:
            return
        self.seen.add((function, shared))
        own = self._own_names(function) - shared
        for node in ast.walk(function):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                yield f"racing:{node.names[0]}"
            elif isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
                root = _root(node)
                yield from () if root in own else (f"racing:{root or 'item'}",)
            elif isinstance(node, ast.Call):
                yield from self._find_in_call(node, own, writes=writes)

    def _own_names(self, function: Function) -> set[str]:
        arguments = function.args
        named = [*arguments.args, *arguments.posonlyargs, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        own = {argument.arg for argument in named if argument is not None}
        stored = (node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
        return own | {node.id for node in stored if not self._is_alias(node, own)}

    def _is_alias(self, store: ast.Name, own: set[str]) -> bool:
        """Whether a name is given to what others see as well."""
        parent = self.shapes.parents.get(store)
        value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None
        if not isinstance(value, (ast.Name, ast.Attribute, ast.Subscript)):
            return False
        return _root(value) not in own

    def _find_in_call(self, call: ast.Call, own: set[str], *, writes: bool) -> Iterator[str]:
        name = last_name(call.func)
        root = _root(call.func) if isinstance(call.func, ast.Attribute) else ""
        if writes and name in _WRITES:
            yield f"racing:{name}"
        if root and root not in own:
            draws = name in _DRAWS and not self._makes_generator(call)
            module = bool(self.shapes.origin(call.func))
            yield from (f"racing:{name}",) if draws or (name in _CHANGES and not module) else ()
        elif not root and name in _DRAWS and self.shapes.origin(call.func).startswith(("random.", "numpy.", "torch.")):
            yield f"racing:{name}"
        elif name == "next" and call.args and _root(call.args[0]) not in own:
            yield "racing:next"
        for word in call.keywords:
            if word.arg in _GIVEN_GENERATOR and isinstance(word.value, ast.Name) and word.value.id not in own:
                yield f"racing:{word.value.id}"
        yield from self._follow(call, own, writes=writes)

    def _makes_generator(self, call: ast.Call) -> bool:
        """Whether what is called is a function that only has the name of a draw."""
        origin = self.shapes.origin(call.func)
        return bool(origin) and not origin.startswith(("random.", "numpy.random.", "torch.", "scipy.", "numpy.random"))

    def _follow(self, call: ast.Call, own: set[str], *, writes: bool) -> Iterator[str]:
        if isinstance(call.func, ast.Attribute) and _root(call.func) != "self":
            return
        for function in self.functions_of(call.func):
            handed = [argument for argument in call.args if isinstance(argument, (ast.Name, ast.Attribute))]
            handed += [word.value for word in call.keywords if isinstance(word.value, (ast.Name, ast.Attribute))]
            shares = any(_root(each) not in own and not self._is_constant(each) for each in handed)
            arguments = {argument.arg for argument in function.args.args} if shares else {"self"}
            yield from self.find_in(function, frozenset(arguments), writes=writes)

    def _is_constant(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and (
            node.id in self.shapes.origins or node.id in self.shapes.functions or node.id in _BUILT_IN
        )


def _repeats(given: ast.expr) -> bool:
    """Whether one object may be given to several tasks by what is mapped over."""
    return any(
        (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult))
        or (isinstance(node, ast.Call) and last_name(node.func) in {"repeat", "cycle"})
        for node in ast.walk(given)
    )


def _root(node: ast.AST) -> str:
    """Return the name that an expression begins with; what is made in it belongs to nobody else."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call) and (last_name(node.func)[:1].isupper() or last_name(node.func) == "default_rng"):
            return ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
