"""What a function that runs as a task does to what other tasks see.

In: a function of a source. Out: words ``racing:what``. A task is trusted with what it makes itself, with what packages that are
known compute, and with methods that only look; what is not known of something that others see as well is yielded.
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

__all__ = ["BUILT_IN", "PERHAPS", "Tasks", "arguments_of"]

_DRAWS = frozenset(
    "random normal integers choice choices shuffle uniform randn rand randint standard_normal permutation permuted gauss sample "  # noqa: SIM905
    "randrange getrandbits normalvariate expovariate betavariate gammavariate triangular lognormvariate exponential poisson "
    "binomial beta gamma multinomial multivariate_normal random_sample bytes spawn seed manual_seed randperm bernoulli rvs "
    "fork_rng gumbel_softmax random_split alpha_dropout feature_dropout dropout1d dropout2d dropout3d kaiming_normal_ "
    "kaiming_uniform_ xavier_normal_ xavier_uniform_ trunc_normal_ random_raw standard_gamma rand_like randn_like randint_like dropout normal_ uniform_ bernoulli_".split()
)
_CHANGES = frozenset(
    "append extend add update put put_nowait write writelines writerow pop popleft popitem appendleft insert remove discard "  # noqa: SIM905
    "setdefault clear send step backward fit partial_fit execute executemany commit zero_grad sort reverse add_ mul_ copy_ "
    "write_text write_bytes notify send_bytes increment get get_nowait".split()
)
_WRITES = frozenset({"open", "write_text", "write_bytes", "save", "savetxt", "dump", "savez", "to_csv"})
_GIVEN_GENERATOR = frozenset({"random_state", "rng", "generator", "seed", "out", "file"})
_COMPUTES = frozenset(
    "math cmath numpy json os hashlib zlib time statistics operator PIL cv2 pandas torch scipy skimage re struct pathlib io "  # noqa: SIM905
    "gzip bz2 lzma pickle csv collections base64 string textwrap datetime decimal fractions glob random itertools functools "
    "copy sys logging traceback warnings pyarrow h5py yaml tomllib urllib requests soundfile imageio polars".split()
)
"""Packages whose functions change nothing but what they are given, except those that draw."""
_CHANGES_GIVEN = frozenset(
    "at heappush heappop heapify heapreplace heappushpop copyto put place putmask fill_diagonal put_along_axis setitem setattr "  # noqa: SIM905
    "delattr delitem insort iadd __next__ exec shuffle set_num_threads set_grad_enabled set_rng_state seed manual_seed set_state "
    "remove unlink rename replace rmtree chdir putenv unsetenv _exit kill set_printoptions seterr set_default_dtype".split()
)
_CHANGES_WORLD = frozenset("run Popen call check_call check_output system copy copyfile copytree move rmdir".split())  # noqa: SIM905
_READS_SHARED = frozenset(
    "is_set wait items keys values index count format join split strip lower upper startswith endswith replace encode decode "  # noqa: SIM905
    "info debug warning error exception critical log isEnabledFor shape size sum mean min max std astype tolist item numpy cpu "
    "copy get locked exists is_file is_dir read_text read_bytes joinpath resolve absolute with_suffix glob relative_to iterdir "
    "match search fullmatch sub findall finditer flush isatty dot reshape view transpose T any all acquire release "
    "memory_info cpu_percent memory_percent as_posix name parent stem iloc loc title group".split()
)
"""Methods that change nothing of an object that others see; a lock is there to be held."""
_ITERABLES = frozenset("list dict set tuple sorted range frozenset str int float len".split())  # noqa: SIM905
_GOES_THROUGH = frozenset(
    "list tuple set frozenset dict sum max min zip map filter sorted any all enumerate iter reversed".split()  # noqa: SIM905
)
_GIVES_BACK = frozenset(
    "asarray asanyarray ascontiguousarray as_tensor from_numpy numpy view reshape ravel flatten squeeze detach max min next iter get "  # noqa: SIM905
    "getattr copy pop dict list tuple zip map filter sorted enumerate reversed items values".split()
)
"""Functions whose result may be what they are given, or hold it."""
_MAKES_NEW = frozenset(
    [
        "len",
        "str",
        "int",
        "float",
        "bool",
        "sum",
        "repr",
        "abs",
        "round",
        "isinstance",
        "hash",
        "ord",
        "chr",
        "format",
        "is_set",
        "exists",
        "join",
    ]
)
PERHAPS = "?"
"""Stands among shared names where each task is given an object of its own, unless what they are taken from holds one twice."""
BUILT_IN = frozenset(vars(builtins))


class Tasks:
    """The functions of one source that run as tasks, and what they share."""

    def __init__(self, shapes: Shapes) -> None:
        """Take a source."""
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

    def is_of_package(self, task: ast.expr) -> bool:
        """Whether a task is a function of Python or of a package that computes, and draws nothing."""
        origin = self.shapes.origin(task)
        if isinstance(task, ast.Name) and not origin:
            return task.id in BUILT_IN and task.id not in self.shapes.stores
        known = origin.partition(".")[0] in _COMPUTES and not origin.startswith("random.")
        name = origin.rpartition(".")[2]
        return known and name not in (_DRAWS | _CHANGES_GIVEN) and ".random" not in origin

    # --- functions ----------------------------------------------------------------------------------------

    def find_in(self, function: Function, shared: frozenset[str], *, writes: bool = False) -> Iterator[str]:
        """Yield what a function changes of what it shares with others."""
        if (function, shared) in self.seen:
            return
        self.seen.add((function, shared))
        yield from self._find_decorators(function)
        own = self._own_names(function, shared)
        for node in ast.walk(function):
            if isinstance(node, (ast.Global, ast.Nonlocal)):
                yield f"racing:{node.names[0]}"
            elif isinstance(node, (ast.Subscript, ast.Attribute)):
                yield from self._find_in_part(node, own, shared)
            elif isinstance(node, (ast.Starred, ast.Assign)):
                yield from self._find_unpacked(node, own, shared)
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id not in own:
                yield f"racing:{node.target.id}"
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension, ast.YieldFrom)):
                items = node.value if isinstance(node, ast.YieldFrom) else node.iter
                yield from () if self._is_table(items, own) else (f"racing:{_root(items) or 'item'}",)
            elif isinstance(node, ast.Call):
                yield from self._find_in_call(node, own, shared, writes=writes)

    def _find_decorators(self, function: Function) -> Iterator[str]:
        """Yield what is put around a function and is not known to leave it as it is."""
        for decorator in [] if isinstance(function, ast.Lambda) else function.decorator_list:
            made = decorator.func if isinstance(decorator, ast.Call) else decorator
            for around in self.functions_of(made):
                yield from self.find_in(around, frozenset())
            if not self.functions_of(made) and not self.is_of_package(made):
                yield f"racing:{last_name(made)}"

    def _find_unpacked(self, node: ast.Starred | ast.Assign, own: set[str], shared: frozenset[str]) -> Iterator[str]:
        """Yield what is gone through to give several values at once."""
        if isinstance(node, ast.Assign):
            unpacks = isinstance(node.targets[0], (ast.Tuple, ast.List))
        else:
            unpacks = isinstance(node.ctx, ast.Load)
        if unpacks and _root(node.value) not in shared and not self._is_table(node.value, own):
            yield f"racing:{_root(node.value)}"

    def _find_in_part(
        self, node: ast.Subscript | ast.Attribute, own: set[str], shared: frozenset[str]
    ) -> Iterator[str]:
        """Yield what is written into a part of something, or read from what may compute it."""
        root = _root(node)
        if not isinstance(node.ctx, ast.Load):
            yield from () if root in own else (f"racing:{root or 'item'}",)
        elif isinstance(node, ast.Attribute) and root not in own:
            for function in self.shapes.functions.get(node.attr, ()):
                yield from self.find_in(function, frozenset({"self", "cls"}))
        elif isinstance(node, ast.Subscript) and root not in shared and not self._is_table(node.value, own):
            yield f"racing:{root}"

    def _is_table(self, node: ast.expr, own: set[str]) -> bool:
        """Whether what is read belongs to the task, or evidently is a table of Python's that is only looked at."""
        root = _root(node)
        if not isinstance(node, ast.Name):
            return True  # what is called is looked at by itself
        if root in own or root in self.shapes.origins or (root in BUILT_IN and root not in self.shapes.stores):
            return True
        bound = self.shapes.stores.get(root, [])
        values = [getattr(self.shapes.parents.get(store), "value", None) for store in bound]
        return bool(values) and all(map(self._makes_table, values))

    def _makes_table(self, value: ast.AST | None) -> bool:
        made = (ast.List, ast.Tuple, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp, ast.Constant)
        if not isinstance(value, ast.Call):
            return isinstance(value, made)
        computed = bool(self.shapes.origin(value.func)) and self.is_of_package(value.func)
        computed = computed and not self.shapes.origin(value.func).startswith(("itertools.", "os.", "io.", "csv."))
        return computed or (isinstance(value.func, ast.Name) and value.func.id in _ITERABLES)

    def _own_names(self, function: Function, shared: frozenset[str]) -> set[str]:
        """Return the names that stand for what the task alone has."""
        inner = [node for node in ast.walk(function) if isinstance(node, ast.arg)]
        own = {argument.arg for argument in inner} - shared - _with_default(function)
        stored: dict[str, list[ast.Name]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stored.setdefault(node.id, []).append(node)
        own |= stored.keys() - shared - _with_default(function)
        while aliases := {
            name for name in own & stored.keys() if any(self._is_alias(s, own, shared) for s in stored[name])
        }:
            own -= aliases
        return own

    def _is_alias(self, store: ast.Name, own: set[str], lent: frozenset[str]) -> bool:
        """Whether a name is given to what others see as well."""
        parent = self.shapes.parents.get(store)
        while isinstance(parent, (ast.Tuple, ast.List, ast.Starred)):
            parent = self.shapes.parents.get(parent)
        if isinstance(parent, (ast.For, ast.AsyncFor, ast.comprehension)):
            return any(self._is_foreign(node, own) for node in ast.walk(parent.iter))
        value = parent.context_expr if isinstance(parent, ast.withitem) else getattr(parent, "value", None)
        return isinstance(value, ast.expr) and self._holds_foreign(value, own, lent)

    def _is_foreign(self, node: ast.AST, own: set[str]) -> bool:
        return isinstance(node, ast.Name) and node.id not in own and not self.is_constant(node)

    def _holds_foreign(self, value: ast.AST, own: set[str], lent: frozenset[str] = frozenset()) -> bool:
        """Whether a value may be, or hold, what others see as well; what is computed of it by operators is new."""
        if isinstance(value, (ast.BinOp, ast.Compare, ast.UnaryOp, ast.JoinedStr, ast.Lambda)):
            return any(isinstance(node, ast.NamedExpr) for node in ast.walk(value))
        if isinstance(value, ast.Call) and last_name(value.func) in _MAKES_NEW:
            return False
        fetched = isinstance(value, ast.Call) and self.shapes.origin(value.func) == "requests.get"
        if fetched or (isinstance(value, ast.Call) and last_name(value.func) not in _GIVES_BACK):
            own = own | lent  # what is made of an argument is another object
        if isinstance(value, ast.Attribute) and "seed" in value.attr:
            return False
        if isinstance(value, ast.Name):
            made = value.id[:1].isupper() and isinstance(self.shapes.parents.get(value), ast.Call)
            return self._is_foreign(value, own) and not made and "seed" not in value.id.lower()
        return any(self._holds_foreign(each, own, lent) for each in ast.iter_child_nodes(value))

    def _find_in_call(self, call: ast.Call, own: set[str], shared: frozenset[str], *, writes: bool) -> Iterator[str]:
        name = last_name(call.func)
        if (writes and name in _WRITES) or (name == "open" and _appends(call)):
            yield f"racing:{name}"
        elif self._changes(call, own, shared, writes=writes):
            yield f"racing:{name or 'call'}"
        elif name == "next" and call.args and _root(call.args[0]) not in own:
            yield "racing:next"
        for word in call.keywords:
            root = _root(word.value)
            if word.arg in _GIVEN_GENERATOR and root and root not in own and root not in self.shapes.origins:
                yield f"racing:{root}"
        yield from self._follow(call, own, writes=writes)

    def _changes(self, call: ast.Call, own: set[str], shared: frozenset[str], *, writes: bool) -> bool:  # noqa: PLR0911 - one for each kind of function
        """Whether a call may change what others see, or take from it."""
        origin = self.shapes.origin(call.func)
        lent = own | shared if PERHAPS in shared else own
        if isinstance(call.func, ast.Call):
            return True  # what is called is not known
        if origin:
            return self._package_changes(call, origin, writes=writes) or self._takes(call, origin, lent)
        name = last_name(call.func)
        if isinstance(call.func, ast.Name):
            return self._unknown_changes(call, own, lent)
        root = _root(call.func)
        if not root:
            made = isinstance(_base(call.func), ast.Call)
            return not made and name in _DRAWS | _CHANGES and self._holds_foreign(_base(call.func), own)
        if root in own or name in self.shapes.functions:
            return False
        if (root in shared and root not in {"self", "cls"}) or root in self.shapes.origins:
            return name in _DRAWS or name in _CHANGES
        return name not in _READS_SHARED or (name in {"get", "copy"} and not self._is_table(call.func.value, own))  # type: ignore[attr-defined]

    def _unknown_changes(self, call: ast.Call, own: set[str], lent: set[str]) -> bool:
        """Whether a plain name is called that is no function of this source, and none of Python's that only looks."""
        name = last_name(call.func)
        if name in self.shapes.functions:
            return False
        if name in BUILT_IN and name not in self.shapes.stores:
            if name in {"setattr", "delattr", "exec", "eval"}:
                return any(_root(each) not in own for each in call.args[:1])
            return self._takes(call, f"builtins.{name}", lent)
        return not name[:1].isupper() or name in self.shapes.stores

    def _takes(self, call: ast.Call, origin: str, own: set[str]) -> bool:
        """Whether a function goes through, calls or writes to what it is given, and others see that as well."""
        package, _, name = origin.rpartition(".")
        if name in {"dump", "writer"}:
            return any(self._holds_foreign(each, own) for each in call.args)
        if package not in {"builtins", "itertools", "functools"} or (
            package == "builtins" and name not in _GOES_THROUGH
        ):
            return False
        given = [*call.args, *(word.value for word in call.keywords)]
        calls = name in {"map", "filter"} and any(isinstance(each, ast.Lambda) for each in given)
        if calls and any(self._holds_foreign(each, own) for each in given):
            return True  # what the lambda does to them is not followed
        return any(isinstance(each, ast.Name) and not self._is_known(each, own) for each in given)

    def _is_known(self, given: ast.Name, own: set[str]) -> bool:
        return given.id in self.shapes.functions or self._is_table(given, own)

    def _package_changes(self, call: ast.Call, origin: str, *, writes: bool) -> bool:
        """Whether a function that is imported draws, changes what it is given, or is not known at all."""
        name = origin.rpartition(".")[2]
        if name[:1].isupper() or name == "default_rng":
            return origin.partition(".")[0] not in _COMPUTES | {"threading"}
        if name.startswith("set_") or (
            origin.startswith(("sys.", "os.")) and (name in _CHANGES or name.startswith("set"))
        ):
            return True
        if origin.partition(".")[0] not in _COMPUTES:
            return not origin.startswith(("psutil.", "tqdm.", "asyncio.sleep"))
        if writes and name in _CHANGES_WORLD:
            return True
        draws = name in _DRAWS and not self._makes_generator(call)
        return draws or name in _CHANGES_GIVEN or origin.startswith(("os.environ", "numpy.random.", "random."))

    def _makes_generator(self, call: ast.Call) -> bool:
        """Whether what is called is a function that only has the name of a draw."""
        origin = self.shapes.origin(call.func)
        return bool(origin) and not origin.startswith(("random.", "numpy.random.", "torch.", "scipy.", "numpy.random"))

    def _follow(self, call: ast.Call, own: set[str], *, writes: bool) -> Iterator[str]:
        functions = self.functions_of(call.func)
        if isinstance(call.func, ast.Name) and call.func.id[:1].isupper() and call.func.id not in self.shapes.origins:
            functions += self.shapes.functions.get("__init__", [])
        named = [each for each in call.args if isinstance(each, ast.Name)]
        functions += [each for name in named for each in self.shapes.functions.get(name.id, [])]
        for function in functions:
            handed = [*call.args, *(word.value for word in call.keywords)]
            shares = any(self._holds_foreign(each, own) for each in handed)
            yield from self.find_in(
                function, frozenset(arguments_of(function) if shares else {"self", "cls"}), writes=writes
            )

    def is_constant(self, node: ast.expr) -> bool:
        """Whether a name is that of a module, of a function, of Python's own or of a number or text."""
        if not isinstance(node, ast.Name):
            return False
        if node.id in self.shapes.origins or node.id in self.shapes.functions:
            return True
        bound = self.shapes.stores.get(node.id, [])
        values = [getattr(self.shapes.parents.get(store), "value", None) for store in bound]
        return all(isinstance(value, ast.Constant) for value in values) if bound else node.id in BUILT_IN


def _base(node: ast.AST) -> ast.AST:
    """Return what an expression begins with."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node


def arguments_of(function: Function) -> set[str]:
    """Return the names of all arguments of a function."""
    arguments = function.args
    named = [*arguments.args, *arguments.posonlyargs, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {argument.arg for argument in named if argument is not None}


def _with_default(function: Function) -> set[str]:
    """Return the arguments that stand for one object in all calls that do not give another."""
    arguments = function.args
    placed = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(placed), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {argument.arg for argument, value in pairs if value is not None and not isinstance(value, ast.Constant)}


def _appends(call: ast.Call) -> bool:
    """Whether a file is opened into which several tasks may write: to append, or by one name."""
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    text = "".join(str(mode.value) if isinstance(mode, ast.Constant) else "a" for mode in modes)
    one = bool(call.args) and isinstance(call.args[0], ast.Constant)
    return "a" in text or (one and not set(text).isdisjoint("wx+"))


def _root(node: ast.AST) -> str:
    """Return the name that an expression begins with; what is made in it belongs to nobody else."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Call) and (last_name(node.func)[:1].isupper() or last_name(node.func) == "default_rng"):
            return ""
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
