"""On which of the machine's and the environment's ways a source may depend at all.

In: a syntax tree. Out: words ``kind:what``. Each kind stands for a factor that reaches results only through calls and
operators that a program must write down: the order of sets (``hashing``), addresses as hashes (``addresses``), environment
variables by name (``environ``), local time (``local_time``), the locale (``locale``), the encoding of text that is opened without
one (``encoding``), assertions (``asserts``), transcendental functions (``functions``), matrix products (``products``), sorting by
other means than Python's own (``sorting``), products and sums by index in PyTorch (``scatter``). ``dynamic`` says that the source
looks names up while it runs, so that silence about the others means nothing. ``workers`` are pools that take their size from the machine, ``jobs`` numbers of jobs that scikit-learn is given.

Names are taken as they stand, whatever object they belong to: it is asked too often rather than too seldom. What installed
packages ask is not looked at; a verdict counts such silence only where it knows the packages.

This file is imported by ``calls.py`` where that runs as a program, so it needs nothing but the standard library.
"""

from __future__ import annotations

import ast
import re

if __package__:
    from reprofp.probes.asks_files import find_files
    from reprofp.probes.asks_indexes import find_indexes
    from reprofp.probes.asks_memory import find_unwritten
    from reprofp.probes.asks_racing import find_racing
else:
    from asks_files import find_files  # type: ignore[import-not-found, no-redef, unused-ignore]
    from asks_indexes import find_indexes  # type: ignore[import-not-found, no-redef, unused-ignore]
    from asks_memory import find_unwritten  # type: ignore[import-not-found, no-redef, unused-ignore]
    from asks_racing import find_racing  # type: ignore[import-not-found, no-redef, unused-ignore]

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from reprofp.probes.shapes import Shapes

__all__ = ["ASKED", "find_asks"]

ASKED = (
    *(
        "addresses",
        "asserts",
        "dynamic",
        "encoding",
        "environ",
        "files",
        "functions",
        "hashing",
        "jobs",
        "local_time",
        "locale",
    ),
    *("products", "racing", "scatter", "sorting", "states", "unwritten", "workers"),
)
"""The kinds."""

_WORDS: dict[str, str] = {
    "locale": "strxfrm strcoll setlocale nl_langinfo localeconv gettext LOCALE",
    "local_time": "fromtimestamp localtime mktime astimezone timestamp tzname timezone altzone daylight tzlocal ctime strftime "
    "get_localzone tzlocal gettz",
    "encoding": "read_text write_text loadtxt genfromtxt savetxt fromregex getpreferredencoding fdopen TextIOWrapper "
    "NamedTemporaryFile TemporaryFile SpooledTemporaryFile ConfigParser RawConfigParser FileHandler fileinput check_output "
    "getoutput getstatusoutput Popen run popen",
    "hashing": "available_timezones __hash__ as_completed WeakSet ENGLISH_STOP_WORDS __abstractmethods__ algorithms_available algorithms_guaranteed "
    "literal_eval read_pickle free_symbols atoms stdlib_module_names connected_components strongly_connected_components "
    "weakly_connected_components biconnected_components node_connected_component descendants ancestors "
    "greedy_modularity_communities louvain_communities label_propagation_communities asyn_lpa_communities",
    "addresses": "WeakSet __hash__",
    "products": "asmatrix bmat __matmul__ __rmatmul__ __imatmul__ dot matmul vdot vecdot matvec vecmat inner outer tensordot einsum kron linalg cov corrcoef polyfit convolve "
    "correlate matrix_power multivariate_normal roots fit lstsq solve svd eig eigh eigvals eigvalsh qr cholesky inv pinv det "
    "slogdet cond matrix_rank norm polynomial Polynomial Chebyshev corr corrwith bmm mm mv addmm multi_dot roots poly matrix legfit hermfit hermefit lagfit chebfit "
    "blas lapack",
    "functions": "__pow__ __rpow__ __ipow__ exp exp2 expm1 log log2 log10 log1p logaddexp logaddexp2 sin cos tan arcsin arccos arctan arctan2 asin acos atan "
    "atan2 sinh cosh tanh arcsinh arccosh arctanh asinh acosh atanh cbrt pow power float_power hypot dist sinc i0 erf erfc gamma "
    "lgamma degrees radians angle phase polar rect unwrap sigmoid softmax logsumexp logspace geomspace hanning hamming "
    "blackman kaiser fft linalg gauss normalvariate lognormvariate expovariate betavariate gammavariate paretovariate "
    "weibullvariate vonmisesvariate triangular binomialvariate geometric_mean NormalDist kde normal standard_normal randn "
    "lognormal exponential standard_exponential beta binomial negative_binomial chisquare noncentral_chisquare f "
    "noncentral_f standard_gamma geometric gumbel hypergeometric multivariate_hypergeometric laplace logistic logseries "
    "multinomial multivariate_normal dirichlet pareto poisson rayleigh standard_cauchy standard_t vonmises wald weibull zipf "
    "cov corrcoef polyfit lstsq solve svd eig eigh eigvals eigvalsh pinv det slogdet cholesky fmod remainder mod "
    "emath cmath hypot ewm interpolate complex complex64 complex128 cdouble csingle",
    "sorting": "sort argsort sort_values sort_index lexsort msort sort_complex partition argpartition unique median nanmedian percentile "
    "nanpercentile quantile nanquantile union1d intersect1d setdiff1d setxor1d in1d isin searchsorted nlargest nsmallest groupby "
    "value_counts rank merge join pivot pivot_table get_dummies factorize drop_duplicates topk sort_by",
    "scatter": "put_ put index_put index_put_ take take_along_dim take_along_axis scatter scatter_ scatter_add scatter_add_ "
    "scatter_reduce scatter_reduce_ index_add index_add_ index_copy index_copy_ index_reduce_ index_select gather "
    "EmbeddingBag embedding_bag grid_sample masked_scatter_ compile backward_hook Function bincount histc "
    "atomic_add atomic_cas atomic_xchg autotune",
    "workers": "to_thread run_in_executor",
    "dynamic": "eval exec compile __import__ import_module globals methodcaller attrgetter runpy run_path run_module locate resolve_name import_string",
}
_KINDS_OF: dict[str, list[str]] = {}
for _kind, _text in _WORDS.items():
    for _word in _text.split():
        _KINDS_OF.setdefault(_word, []).append(_kind)

_BUILT_IN = frozenset({"eval", "exec", "compile", "__import__", "globals", "complex"})
"""Names that need no import."""
_POOLS = frozenset({"Pool", "ThreadPool", "ThreadPoolExecutor", "ProcessPoolExecutor", "LocalCluster", "Client"})
_COUNTS = frozenset(
    {"n_jobs", "workers", "num_workers", "max_workers", "processes", "nthread", "num_threads", "thread_count"}
)
_FREE_OF_ORDER = frozenset({"sorted", "len", "min", "max", "any", "all", "bool", "isinstance", "frozenset", "set"})
"""Functions whose result does not tell in which order a set gave its members; not with a key."""
_SET_METHODS = frozenset(
    "add discard remove update clear issubset issuperset isdisjoint difference_update intersection_update".split()  # noqa: SIM905
)
"""Methods of a set that tell nothing of its order; those that give a new set are asked in its place."""
_MAKES_TEXT = frozenset("split splitlines rsplit lower upper strip casefold title readlines read range".split())  # noqa: SIM905
_FROM_LOCALE = frozenset({"open", "Popen", "run", "check_output", "NamedTemporaryFile", "TemporaryFile", "fdopen"})
_NUMBER_FORMAT = re.compile(r"(?:^|[:%])[^{}]*n\}?$|:[^{}]*n\}")
_UNSEEN = "*"
_MOST_NAMES = 40


def find_asks(shapes: Shapes) -> list[str]:
    """Return ``kind:what`` for all that a source may depend on."""
    found = set(_Asks(shapes).find())
    for find in (find_files, find_indexes, find_racing, find_unwritten):
        found.update(find(shapes))
    return sorted(found)


class _Asks:
    """One source, whose nodes are looked at one after the other."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.parents = shapes.parents
        self.nodes: Sequence[ast.AST] = shapes.nodes
        self.loads = shapes.loads
        self.imported: dict[str, str] = {name: name for name in _BUILT_IN}
        self.of_pickle: set[str] = set()
        self.has_star = False
        for node in self.nodes:
            self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.alias):
            last = node.name.rpartition(".")[2]
            self.imported[
                node.asname or (last if isinstance(self.parents.get(node), ast.ImportFrom) else node.name)
            ] = last
            self.has_star = self.has_star or node.name == "*"
            if getattr(self.parents.get(node), "module", None) in _PICKLES:
                self.of_pickle.add(node.asname or node.name)

    def find(self) -> Iterator[str]:
        """Yield what is asked, node by node."""
        for node in self.nodes:
            name = self._word_of(node)
            if name:
                yield from self._find_word(node, name)
            looker = _LOOKERS.get(type(node))
            if looker is not None:
                yield from looker(self, node)

    def _word_of(self, node: ast.AST) -> str:
        """Return the last part of the name that a node stands for, where it is another object's or was imported."""
        if isinstance(node, ast.Attribute):
            return node.attr
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            return self.imported.get(node.id, node.id if self.has_star else "")
        return ""

    # --- names ----------------------------------------------------------------------------------------

    def _find_word(self, node: ast.AST, name: str) -> Iterator[str]:
        for kind in _KINDS_OF.get(name, ()):
            if kind == "encoding" and self._has_encoding(node, name):
                continue
            if kind == "local_time" and self._has_zone(node, name):
                continue
            if name == "join" and self.shapes.origin(node).startswith("os."):
                continue  # of paths
            if not _is_namesake(node, name, kind):
                yield f"{kind}:{name}"
        if name in _VARIABLES:
            yield from self._find_variable(node)
        call = self.parents.get(node)
        if name == "eval" and isinstance(node, ast.Attribute) and isinstance(call, ast.Call) and call.args:
            yield "dynamic:eval"  # of a table: an expression; a model is put into its mode without arguments
        yield from self._find_hidden(node, name)
        yield from self._find_of_others(node, name)
        if isinstance(node, ast.Name) and name == "locale":
            yield "locale:locale"

    def _find_hidden(self, node: ast.AST, name: str) -> Iterator[str]:
        """Look at names behind which there are variables, sets and documentation that the source does not spell out."""
        if name in _READ_ANY_VARIABLE:
            yield f"environ:{_UNSEEN}"
        if name in _LOADS and self._is_of_pickle(node):
            yield f"hashing:{name}"
        yield from (f"environ:{variable}" for variable in _VARIABLES_OF.get(name, ()))
        if name == "parse" and any(origin.startswith("dateutil") for origin in self.shapes.origins.values()):
            yield "local_time:parse"
        if name in _SETS_OF and (name.startswith("__") or self.shapes.origin(node).startswith("operator.")):
            yield from (f"hashing:{name}", f"addresses:{name}")
        if self.shapes.origin(node).startswith("psutil.") and name not in {"cpu_count", "psutil"}:
            yield f"states:{name}"
        if name in {"__doc__", "getdoc"}:
            yield f"asserts:{name}"

    def _find_of_others(self, node: ast.AST, name: str) -> Iterator[str]:
        """Look at what other sources give: the types of Python by their module, constants that may be sets."""
        origin = self.shapes.origin(node)
        if origin in {"builtins.set", "builtins.frozenset", "builtins.hash"}:
            yield from (f"hashing:{name}", f"addresses:{name}")
        if origin and name.isupper() and self._is_gone_through(node):
            yield from (f"hashing:{name}", f"addresses:{name}")

    def _is_gone_through(self, node: ast.AST) -> bool:
        """Whether a source asks something for all that it holds, one after the other."""
        parent = self.parents.get(node)
        if isinstance(parent, (ast.For, ast.comprehension)):
            return parent.iter is node
        return isinstance(parent, ast.Starred) or _name_of_parent(parent) in {
            "list",
            "tuple",
            "enumerate",
            "zip",
            "iter",
        }

    def _is_of_pickle(self, node: ast.AST) -> bool:
        """Whether what is named reads pickles, which may hold sets."""
        if isinstance(node, ast.Attribute):
            return isinstance(node.value, ast.Name) and self.imported.get(node.value.id) in _PICKLES
        return isinstance(node, ast.Name) and node.id in self.of_pickle

    def _is_called_or_named(self, node: ast.AST) -> bool:
        """Whether a class is called where it stands, or only named in an annotation or a question about types."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Call):
            return parent.func is node or _name_of(parent) in {"isinstance", "issubclass"}
        if isinstance(parent, ast.Tuple):
            return self._is_called_or_named(parent)
        return isinstance(parent, _ANNOTATING)

    def _has_encoding(self, node: ast.AST, name: str) -> bool:
        """Whether a call says which encoding it wants, or takes no text."""
        call = self.parents.get(node)
        if not isinstance(call, ast.Call) or call.func is not node:
            return name in {"run", "fileinput"}  # a name that is only imported, or another object's
        words = {keyword.arg for keyword in call.keywords}
        if "encoding" in words or None in words:
            return "encoding" in words
        if name in {"run", "Popen", "check_output"}:
            return not words & {"text", "universal_newlines"}
        modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
        modes += call.args[1:2] if name == "fdopen" else call.args[:1] if name.endswith("TemporaryFile") else []
        if name.endswith("TemporaryFile") and not modes:
            return True
        return any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)

    def _has_zone(self, node: ast.AST, name: str) -> bool:
        call = self.parents.get(node)
        if not isinstance(call, ast.Call) or call.func is not node:
            return False
        if name == "fromtimestamp":
            return len(call.args) > 1 or any(keyword.arg in {"tz", "tzinfo"} for keyword in call.keywords)
        return name == "astimezone" and bool(call.args or call.keywords)

    def _find_variable(self, node: ast.AST) -> Iterator[str]:
        """Yield the name of the variable that is read, or a star where the source does not say which."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Call) and parent.func is node:
            yield f"environ:{_constant(parent.args[:1])}"
        elif isinstance(parent, ast.Subscript) and parent.value is node:
            yield from () if isinstance(parent.ctx, ast.Del) else (f"environ:{_constant([parent.slice])}",)
        elif isinstance(parent, ast.Attribute) and parent.attr in {"get", "pop", "setdefault", "__getitem__"}:
            call = self.parents.get(parent)
            yield f"environ:{_constant(call.args[:1] if isinstance(call, ast.Call) else [])}"
        elif isinstance(parent, ast.Compare) and isinstance(parent.ops[0], (ast.In, ast.NotIn)):
            yield f"environ:{_constant([parent.left])}"
        elif not (isinstance(parent, ast.Attribute) and parent.attr in _NO_READS):
            yield f"environ:{_UNSEEN}"

    # --- expressions ------------------------------------------------------------------------------------

    def look_at_call(self, node: ast.Call) -> Iterator[str]:
        """Look at calls of built-in functions, which other objects' methods are not."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "open" or (isinstance(node.func, ast.Attribute) and node.func.attr == "open"):
            yield from self._look_at_open(node)
        elif _last_name(node.func) in _POOLS and not (node.args or node.keywords):
            yield f"workers:{_last_name(node.func)}"
        elif name in {"set", "frozenset"}:
            yield from self._look_at_set(node, plain=bool(node.args) and _is_plain_items(node.args[0]))
        elif name == "hash":
            yield "hashing:hash"
            if not (node.args and _is_plain(node.args[0])):
                yield "addresses:hash"
        elif name == "getattr":
            yield from self._look_at_getattr(node)
        elif name == "vars" and node.args and _last_name(node.args[0]) in self.imported:
            yield "dynamic:vars"
        elif name in {"format", "pow"}:
            yield "locale:format" if name == "format" else "functions:pow"

    def _look_at_getattr(self, node: ast.Call) -> Iterator[str]:
        """Look at a name that is written as text, as if it were written out."""
        word = node.args[1].value if len(node.args) > 1 and isinstance(node.args[1], ast.Constant) else None
        if not isinstance(word, str):
            yield "dynamic:getattr"
            return
        yield from (f"{kind}:{word}" for kind in _KINDS_OF.get(word, ()))
        if word in _VARIABLES:
            yield f"environ:{_UNSEEN}"

    def _look_at_open(self, node: ast.Call) -> Iterator[str]:
        words = {keyword.arg for keyword in node.keywords}
        modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
        modes += node.args[1:2] if isinstance(node.func, ast.Name) else node.args[:2]
        binary = any(isinstance(mode, ast.Constant) and "b" in str(mode.value) for mode in modes)
        if "encoding" not in words and not binary:
            yield "encoding:open"

    def look_at_set(self, node: ast.AST) -> Iterator[str]:
        """Look at a set that is written out, or made by a comprehension."""
        if isinstance(node, ast.Set):
            yield from self._look_at_set(node, plain=all(map(_is_plain, node.elts)))
        elif isinstance(node, ast.SetComp):
            yield from self._look_at_set(node, plain=_is_plain(node.elt))

    def _look_at_set(self, node: ast.AST, *, plain: bool) -> Iterator[str]:
        if not self._is_free_of_order(node):
            yield "hashing:set"
            if not plain:
                yield "addresses:set"

    def _is_free_of_order(self, node: ast.AST) -> bool:
        """Whether nothing that is done with a set tells its order, as far as its name is followed."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Call) and node in parent.args:
            name = _name_of(parent)
            renamed = name in self.shapes.origins or name in self.shapes.functions or name in self.shapes.stores
            return name in _FREE_OF_ORDER - {"set", "frozenset"} and not parent.keywords and not renamed
        if isinstance(parent, ast.Compare):
            return True
        if isinstance(parent, ast.Attribute):
            return parent.attr in _SET_METHODS
        if isinstance(parent, (ast.If, ast.While, ast.UnaryOp, ast.Assert, ast.Expr)):
            return True
        targets = parent.targets if isinstance(parent, ast.Assign) else []
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            loads = self.loads.get(targets[0].id, ())
            public = not loads and isinstance(self.shapes.scope(targets[0]), (ast.Module, ast.ClassDef))
            return not public and all(map(self._is_free_of_order, loads))
        return False

    def look_at_operator(self, node: ast.BinOp | ast.AugAssign) -> Iterator[str]:
        """Look at products, powers, and the sets that views of dictionaries make."""
        if isinstance(node.op, ast.MatMult):
            yield "products:@"
        elif isinstance(node.op, ast.Pow):
            constants = isinstance(node, ast.BinOp) and _is_whole(node.left) and _is_whole(node.right)
            yield from () if constants else ("functions:**",)
        elif self._joins_views(node) and not (isinstance(node, ast.BinOp) and self._is_free_of_order(node)):
            yield "hashing:keys"
            yield "addresses:keys"

    def _joins_views(self, node: ast.BinOp | ast.AugAssign) -> bool:
        """Whether two views become a set."""
        joins = isinstance(node.op, (ast.BitAnd, ast.BitOr, ast.BitXor, ast.Sub))
        sides = (node.left, node.right) if isinstance(node, ast.BinOp) else (node.target, node.value)
        return joins and any(map(self._is_view, sides))

    def _is_view(self, side: ast.expr) -> bool:
        """Whether a value is what ``keys`` or ``items`` gives, or a name that is given it."""
        if isinstance(side, ast.Call):
            return _last_name(side.func) in {"keys", "items"}
        bound = self.shapes.stores.get(side.id, []) if isinstance(side, ast.Name) else []
        values = [getattr(self.parents.get(store), "value", None) for store in bound]
        return any(isinstance(value, ast.Call) and self._is_view(value) for value in values)

    def look_at_keyword(self, node: ast.keyword) -> Iterator[str]:
        """Look at numbers of workers that leave the number to the machine."""
        value = node.value
        negative = isinstance(value, ast.UnaryOp) or (isinstance(value, ast.Constant) and value.value in {None, 0})
        if node.arg == "weights_only" and isinstance(value, ast.Constant) and value.value is False:
            yield "hashing:load"  # of PyTorch: any pickle
        if node.arg == "envvar":
            yield from self._look_at_variables(value)
        elif node.arg == "allow_pickle":
            yield "hashing:allow_pickle"
        if node.arg in _COUNTS and negative and not (node.arg == "num_workers" and not isinstance(value, ast.UnaryOp)):
            yield f"workers:{node.arg}"
        if node.arg is None:
            yield from self._look_at_jobs_unpacked(node)
        if (node.arg or "").endswith("n_jobs") and not (isinstance(value, ast.Constant) and value.value in {None, 1}):
            yield "jobs:n_jobs"

    def _look_at_jobs_unpacked(self, node: ast.keyword) -> Iterator[str]:
        """Look at arguments of models that the source does not name: a number of jobs may be among them."""
        if not any(origin.startswith("sklearn") for origin in self.shapes.origins.values()):
            return
        call, value = self.parents.get(node), node.value
        name = _last_name(call.func) if isinstance(call, ast.Call) else ""
        model = name == "set_params" or (name[:1].isupper() and self.shapes.origin(call.func).startswith("sklearn"))  # type: ignore[union-attr]
        unknown = isinstance(call, ast.Call) and not self.shapes.origin(call.func) and name not in self.shapes.functions
        if (model or (unknown and name not in _HARMLESS_STARS)) and not self._is_written_out(value):
            yield "jobs:**"

    def _is_written_out(self, value: ast.expr) -> bool:
        """Whether all keys of a dictionary are in the source, where ``n_jobs`` would be seen."""
        if isinstance(value, ast.Name):
            bound = self.shapes.stores.get(value.id, [])
            parent = self.parents.get(bound[0]) if len(bound) == 1 else None
            return isinstance(parent, ast.Assign) and self._is_written_out(parent.value)
        if isinstance(value, ast.Dict):
            return all(isinstance(key, ast.Constant) for key in value.keys)
        return isinstance(value, ast.Call) and _name_of(value) == "dict" and not value.args

    @staticmethod
    def _look_at_variables(value: ast.expr) -> Iterator[str]:
        """Yield the variables that an option of click or typer may be given by."""
        for each in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
            yield f"environ:{_constant([each])}"

    def look_at_assert(self, _node: ast.AST) -> Iterator[str]:
        """Assertions are gone under -O."""
        yield "asserts:assert"

    def look_at_constant(self, node: ast.Constant) -> Iterator[str]:
        """Look at formats of numbers by locale, and at complex numbers, whose absolute value is a function."""
        if isinstance(node.value, complex):
            yield "functions:complex"
        if isinstance(node.value, str) and (node.value.endswith("/environ") or node.value == "auto_envvar_prefix"):
            yield f"environ:{_UNSEEN}"  # proc(5); click
        if (
            isinstance(node.value, str)
            and ("n}" in node.value or node.value == "n")
            and _NUMBER_FORMAT.search(node.value)
        ):
            yield "locale:n"
        if isinstance(node.value, str):
            yield from self._look_at_text(node, node.value)

    def _look_at_text(self, node: ast.Constant, text: str) -> Iterator[str]:
        """Look at what a text names: files of the kernel, a number of jobs, a method."""
        if text.startswith(("/proc/", "/sys/")) and not text.endswith("/environ"):
            yield f"states:{text.split('/')[1]}"
        elif text.endswith("n_jobs") and text.isidentifier() and not self._is_given_one(node):
            yield "jobs:n_jobs"
        elif text in {"__lt__", "__gt__"}:
            yield from (f"hashing:{text}", f"addresses:{text}")

    def _is_given_one(self, node: ast.Constant) -> bool:
        """Whether a text is a key with the value 1 beside it, or only declares an option of the command line."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Dict) and node in parent.keys:
            value = parent.values[parent.keys.index(node)]
            return isinstance(value, ast.Constant) and value.value in {None, 1}
        assign = (
            self.parents.get(parent)
            if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store)
            else None
        )
        value = assign.value if isinstance(assign, ast.Assign) else node
        return isinstance(value, ast.Constant) and value.value in {None, 1}

    def look_at_order(self, node: ast.FunctionDef) -> Iterator[str]:
        """Look at orders of a class's own, by which the least of a set is one of several."""
        if node.name in {"__lt__", "__gt__"}:
            yield from (f"hashing:{node.name}", f"addresses:{node.name}")

    def look_at_name(self, node: ast.Name) -> Iterator[str]:
        """Look at the names that say whether assertions are on, and the documentation that -OO drops."""
        if node.id in {"__lt__", "__gt__"}:
            yield from (f"hashing:{node.id}", f"addresses:{node.id}")
        if node.id in {"__debug__", "__doc__"}:
            yield f"asserts:{node.id}"
        if node.id == "hash" and not self._is_called_or_named(node):
            yield from ("hashing:hash", "addresses:hash")
        if node.id in {"set", "frozenset"} and not self._is_called_or_named(node):
            yield from ("hashing:set", "addresses:set")


_LOADS = frozenset({"load", "loads", "Unpickler", "open"})
_PICKLES = frozenset({"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"})
_VARIABLES = frozenset({"environ", "environb", "getenv", "getenvb", "expandvars"})
_READ_ANY_VARIABLE = frozenset({"OmegaConf", "getuser"})
"""Names that read variables which the source does not name: ``${oc.env:NAME}`` in a configuration, the user's name."""
_VARIABLES_OF = {
    "get_terminal_size": ("COLUMNS", "LINES"),
    "expanduser": ("HOME",),
    "home": ("HOME",),
    "gettempdir": ("TMPDIR", "TEMP", "TMP"),
    "gettempdirb": ("TMPDIR", "TEMP", "TMP"),
}
"""Names behind which there are variables."""
_SETS_OF = frozenset(
    {"and_", "or_", "xor", "sub", "iand", "ior", "ixor", "isub", "__and__", "__or__", "__xor__", "__sub__"}
)
_HARMLESS_STARS = frozenset({"format", "dict", "update", "print", "Namespace", "SimpleNamespace", "save", "savez"})
_ANNOTATING = (ast.arg, ast.AnnAssign, ast.Subscript, ast.BinOp, ast.FunctionDef, ast.AsyncFunctionDef)
_NO_READS = frozenset({"update", "clear"})


def _is_namesake(node: ast.AST, name: str, kind: str) -> bool:
    """Whether a word is that of something else: text that is joined, a pattern that is compiled, a model in eval mode."""
    if name == "compile" and kind == "scatter":
        return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _last_name(node.value) == "re")
    if not isinstance(node, ast.Attribute):
        return False
    if name == "join":
        return isinstance(node.value, (ast.Constant, ast.JoinedStr))
    return kind == "dynamic" and name in {"compile", "eval"}


def _last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.name.rpartition(".")[2] if isinstance(node, ast.alias) else ""


def _name_of(node: ast.AST) -> str:
    """Return the plain name of the function that is called."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _name_of_parent(parent: ast.AST | None) -> str:
    return "" if parent is None else _name_of(parent)


def _constant(nodes: list[ast.expr]) -> str:
    value = nodes[0].value if nodes and isinstance(nodes[0], ast.Constant) else None
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text if isinstance(text, str) and re.fullmatch(r"[A-Za-z_]\w{0,80}", text) else _UNSEEN


def _is_whole(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int


def _is_plain(node: ast.AST) -> bool:
    """Whether a value evidently is a number or text, or a tuple of such, and hashes by its value."""
    if isinstance(node, ast.Constant):
        return node.value is not None and node.value is not Ellipsis
    if isinstance(node, ast.Tuple):
        return all(map(_is_plain, node.elts))
    if isinstance(node, (ast.JoinedStr, ast.Compare)):
        return True
    if isinstance(node, ast.Call):
        return _last_name(node.func) in {
            *_MAKES_TEXT,
            "str",
            "int",
            "float",
            "len",
            "bytes",
            "abs",
            "ord",
            "chr",
            "hex",
        }
    return False


def _is_plain_items(node: ast.AST) -> bool:
    """Whether what is iterated over evidently holds plain values."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(map(_is_plain, node.elts))
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
        return _is_plain(node.elt)
    return _is_plain(node)


_LOOKERS: Mapping[type[ast.AST], Callable[[_Asks, Any], Iterator[str]]] = {
    ast.Call: _Asks.look_at_call,
    ast.Set: _Asks.look_at_set,
    ast.SetComp: _Asks.look_at_set,
    ast.BinOp: _Asks.look_at_operator,
    ast.AugAssign: _Asks.look_at_operator,
    ast.keyword: _Asks.look_at_keyword,
    ast.Assert: _Asks.look_at_assert,
    ast.Constant: _Asks.look_at_constant,
    ast.Name: _Asks.look_at_name,
    ast.FunctionDef: _Asks.look_at_order,
}
