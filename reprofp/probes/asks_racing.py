"""Where threads and tasks of a source share what each of them changes, or ask which of them is ready.

A pool of threads gives its results in the order in which they were asked for, and still each task may take the next number of
a generator that they share, or add to a list. What tasks do is followed through the functions of the same source. A task that is
not found there, and that is not a function of a known package, may do anything.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator

if __package__:
    from reprofp.probes.asks_tasks import BUILT_IN, PERHAPS, Tasks, arguments_of
    from reprofp.probes.shapes import Shapes, last_name
else:
    from asks_tasks import BUILT_IN, PERHAPS, Tasks, arguments_of  # type: ignore[import-not-found, no-redef, unused-ignore]
    from shapes import Shapes, last_name  # type: ignore[import-not-found, no-redef, unused-ignore]

__all__ = ["find_racing", "is_quiet_thread"]

_POOLS = frozenset(
    {
        "ThreadPoolExecutor",
        "ThreadPool",
        "to_thread",
        "run_in_executor",
        "threading",
        "threads",
        "sharedmem",
        "thread_map",
    }
)
_GIVES_TASK = frozenset(
    "map submit imap starmap map_async starmap_async apply apply_async to_thread run_in_executor delayed thread_map "  # noqa: SIM905
    "start_soon spawn_later".split()
)
_POLLS = frozenset({"done", "ready", "running", "is_alive", "qsize", "empty", "full", "poll", "get_nowait"})
_CONCURRENT = frozenset({"concurrent", "threading", "multiprocessing", "asyncio", "queue", "joblib", "dask", "ray"})
_TASKS = frozenset({"create_task", "ensure_future", "TaskGroup", "gather", "run_coroutine_threadsafe"})
_THREADED = frozenset({"dask", "gevent", "eventlet", "trio", "anyio"})
"""Packages whose tasks share the memory of the program."""
_ALWAYS_TASK = _GIVES_TASK - {"map", "apply", "delayed"}
"""Names that nothing but pools have: a pool that was made in another source may be one of threads."""
_UNORDERED = frozenset({"map_unordered", "share_memory", "share_memory_", "call_later", "call_soon_threadsafe"})
_TIMED = frozenset({"asyncio.wait_for", "asyncio.timeout", "asyncio.timeout_at", "ray.wait", "dask.delayed"})
"""What gives up after a time, or gives what is ready first."""


def find_racing(shapes: Shapes) -> Iterator[str]:
    """Yield the names of what tasks change together, and of questions which of them is ready."""
    scan = _Racing(shapes)
    threaded = any(_named(node) in _POOLS for node in shapes.nodes) or _has_threads(shapes)
    concurrent = any(origin.partition(".")[0] in _CONCURRENT for origin in shapes.origins.values())
    for node in shapes.nodes:
        yield from _find_unordered(shapes, node)
    for call in shapes.calls:
        name, origin = last_name(call.func), shapes.origin(call.func)
        if concurrent and isinstance(call.func, ast.Attribute) and _polls(call) and not (name == "get" and origin):
            yield f"racing:{name}"
        if (name in _TASKS and origin.startswith("asyncio.")) or (name == "create_task" and concurrent):
            yield from scan.find_in_coroutines(call, name)
        elif origin.startswith("asyncio.") and origin.rpartition(".")[2] in _TASKS:
            yield from scan.find_in_coroutines(call, origin.rpartition(".")[2])
        if _gives_task(shapes, call, threaded=threaded):
            yield from scan.find_in_task(call, name)


def _has_threads(shapes: Shapes) -> bool:
    """Whether tasks share memory by a package that is imported, or by a choice that the source does not spell out."""
    origins = shapes.origins.values()
    if any(origin.startswith("multiprocessing.dummy") or origin.partition(".")[0] in _THREADED for origin in origins):
        return True
    words = (word for call in shapes.calls if last_name(call.func) == "Parallel" for word in call.keywords)
    return any(
        word.arg is None or (word.arg in {"prefer", "backend", "require"} and not isinstance(word.value, ast.Constant))
        for word in words
    )


def _has_processes(shapes: Shapes) -> bool:
    """Whether the source says that its pools are of processes."""
    origins = shapes.origins.values()
    return any("multiprocessing" in origin or origin.endswith("ProcessPoolExecutor") for origin in origins) or any(
        _named(node) == "ProcessPoolExecutor" for node in shapes.nodes
    )


def _gives_task(shapes: Shapes, call: ast.Call, *, threaded: bool) -> bool:
    """Whether a call may give a task to threads; a pool that comes from elsewhere is one of them."""
    name = last_name(call.func)
    if isinstance(call.func, ast.Name):
        made = [getattr(shapes.parents.get(store), "value", None) for store in shapes.stores.get(name, ())]
        bound = any(isinstance(value, ast.Attribute) and value.attr in _GIVES_TASK for value in made)
        return threaded and (bound or (name in _GIVES_TASK and name != "map"))
    if threaded:
        return name in _GIVES_TASK or (name == "spawn" and shapes.origin(call.func).startswith("gevent"))
    owner = last_name(call.func.value).lower() if isinstance(call.func, ast.Attribute) else ""
    known = name in _ALWAYS_TASK or (name in {"map", "apply"} and ("pool" in owner or "executor" in owner))
    return known and not _has_processes(shapes)


def _find_unordered(shapes: Shapes, node: ast.AST) -> Iterator[str]:
    """Yield names that by themselves say that an order, or a time, decides."""
    if isinstance(node, ast.Constant) and node.value == "generator_unordered":
        yield "racing:generator_unordered"
    if isinstance(node, ast.Attribute) and node.attr in _UNORDERED:
        yield f"racing:{node.attr}"
    if not isinstance(node, (ast.Name, ast.Attribute)) or not isinstance(node.ctx, ast.Load):
        return
    origin = shapes.origin(node)
    call = shapes.parents.get(node)
    called = isinstance(call, ast.Call) and call.func is node
    if origin in _TIMED and not (origin == "dask.delayed" and called):
        yield f"racing:{last_name(node)}"


def _polls(call: ast.Call) -> bool:
    """Whether a call asks what is ready, or gives up when nothing is."""
    name = last_name(call.func)
    if name in _POLLS:
        return not call.args
    if name not in {"get", "result", "acquire"}:
        return False
    given = [word for word in call.keywords if word.arg in {"timeout", "block", "blocking"}]
    first = call.args[0] if call.args else None
    return bool(given) or (isinstance(first, ast.Constant) and first.value is False)


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
    shared = {name for function in functions for name in arguments_of(function)} if given else {"self"}
    words = [word for function in functions for word in scan.find_in(function, frozenset(shared), writes=True)]
    return not words


def _named(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.alias):
        return node.name.rpartition(".")[2] if node.name != "threading" else ""
    return node.attr if isinstance(node, ast.Attribute) else ""


class _Racing(Tasks):
    """The tasks of one source, and what they share."""

    def find_in_task(self, call: ast.Call, name: str) -> Iterator[str]:
        """Yield what a task that is given to a pool changes together with others."""
        place = 1 if name in {"run_in_executor", "spawn_later"} else 0
        given = [*call.args, *(word.value for word in call.keywords if word.arg in {"fn", "func"})]
        if len(given) <= place:
            yield from (f"racing:{name}",) if call.keywords else ()
            return
        task, rest = given[place], call.args[place + 1 :]
        outer = self.shapes.parents.get(call)
        if name == "delayed" and isinstance(outer, ast.Call) and outer.func is call:
            rest = outer.args
            call = outer
        bound: list[ast.expr] = []
        if isinstance(task, ast.Call) and last_name(task.func) == "partial" and task.args:
            bound = [*task.args[1:], *(word.value for word in task.keywords)]
            task = task.args[0]
        functions = self.functions_of(task)
        if not functions:
            yield from () if self.is_of_package(task) else (f"racing:{last_name(task) or 'task'}",)
            return
        alone = name not in {"map", "imap", "starmap", "map_async", "starmap_async", "thread_map"}
        sure = [*bound, *((*rest, *(word.value for word in call.keywords)) if alone else ())]
        shares = any(map(self._is_shared, sure))
        perhaps = not shares and not alone and any(map(self._repeats, rest))
        for function in functions:
            arguments = arguments_of(function) if shares or perhaps else {"self", "cls"}
            yield from self.find_in(function, frozenset(arguments | ({PERHAPS} if perhaps else set())))

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
                given_it = [*made.args, *(word.value for word in made.keywords)] if isinstance(made, ast.Call) else []
                shares = any(map(self._is_shared, given_it))
                yield from self.find_in(function, frozenset(arguments_of(function) if shares else {"self", "cls"}))

    def _is_shared(self, given: ast.expr) -> bool:
        """Whether several tasks may be given one and the same object: a name that no loop around them binds."""
        for node in ast.walk(given):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not self._is_of_loop(node):
                return True
        return False

    def _is_of_loop(self, name: ast.Name) -> bool:
        if name.id in self.shapes.origins or name.id in self.shapes.functions or name.id in BUILT_IN:
            return True
        bound = self.shapes.stores.get(name.id, [])
        return bool(bound) and all(self._is_counter(store) for store in bound)

    def _is_counter(self, store: ast.AST) -> bool:
        node, parent = store, self.shapes.parents.get(store)
        while isinstance(parent, (ast.Tuple, ast.List)):
            node, parent = parent, self.shapes.parents.get(parent)
        return isinstance(parent, (ast.For, ast.comprehension)) and node is parent.target

    def _repeats(self, given: ast.expr) -> bool:
        """Whether one object may be given to several tasks by what is mapped over, as far as it is written here."""
        value: ast.expr | None = given
        if isinstance(given, ast.Name):
            bound = self.shapes.stores.get(given.id, [])
            value = getattr(self.shapes.parents.get(bound[0]), "value", None) if len(bound) == 1 else None
        if value is None:
            return True
        if isinstance(value, (ast.ListComp, ast.GeneratorExp)):
            return self._is_shared(value.elt)
        if isinstance(value, (ast.Name, ast.Attribute)):
            return True
        return any(
            (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult))
            or (isinstance(node, ast.Call) and last_name(node.func) in {"repeat", "cycle"})
            for node in ast.walk(value)
        )
