"""What the program's own sources ask of the world that no two runs need give alike.

In: Python sources. Out: the names of calls by kind: ``clock`` (the time of day, or a timer read for more than a
duration), ``identity`` (process, thread, host, address of an object), ``completion`` (results taken in the order
in which workers finish), ``exchange`` (what processes share: queues, managers, memory), ``stamps`` (times and numbers of files), ``machine`` (how many processors there are), ``stdin`` (standard input), ``native`` (a library of the program's own choice, called
without Python). Names are followed through imports; a value that only ever stands in a subtraction is a
duration, and does not count. A lower bound: what installed packages call is not looked at. Further words ``kind:what``
tell on what else the source can depend at all (``asks.py``).

This file also runs as a program, as ``syntax.py`` does and for the same reasons: it reads each source as a line with its
length and the bytes, and writes a line with the names, or ``-`` where the source does not parse.
"""

from __future__ import annotations

import ast
import gc
import os
import sys

if __name__ == "__main__":  # a program that was started with -I finds nothing beside itself
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from asks import find_asks  # type: ignore[import-not-found, unused-ignore]
    from asks_racing import is_quiet_thread  # type: ignore[import-not-found, unused-ignore]
    from durations import Durations  # type: ignore[import-not-found, unused-ignore]
    from shapes import Shapes  # type: ignore[import-not-found, unused-ignore]
else:
    from reprofp.probes.asks import find_asks
    from reprofp.probes.asks_racing import is_quiet_thread
    from reprofp.probes.durations import Durations
    from reprofp.probes.shapes import Shapes

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KINDS", "find_calls"]

_TIMERS = ("time", "perf_counter", "monotonic", "process_time", "thread_time")
_CONTEXTS_MAKE = ("Queue", "JoinableQueue", "SimpleQueue", "Manager")
"""What is shared among processes even where it is made by an object that is not known, such as a context."""
_SHARED = (*_CONTEXTS_MAKE, "Value", "Array", "RawValue", "RawArray")
KINDS: dict[str, frozenset[str]] = {
    "clock": frozenset(
        [f"time.{name}{unit}" for name in _TIMERS for unit in ("", "_ns")]
        + [
            "time.ctime",
            "time.asctime",
            "time.localtime",
            "time.gmtime",
            "time.strftime",
            "timeit.default_timer",
            "timeit.timeit",
            "timeit.repeat",
            "time.clock_gettime",
            "time.clock_gettime_ns",
            "os.times",
            "resource.getrusage",
            "gzip.compress",
        ]
        + "datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today".split()  # noqa: SIM905
        + "numpy.savez numpy.savez_compressed zipfile.ZipFile tarfile.open shutil.make_archive gzip.GzipFile".split()  # noqa: SIM905
        + "pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow".split()  # noqa: SIM905
    ),
    "identity": frozenset(
        "os.getpid os.getppid os.uname os.getlogin threading.get_ident threading.get_native_id uuid.uuid1 uuid.getnode "  # noqa: SIM905
        "socket.gethostname socket.getfqdn platform.node platform.uname getpass.getuser id os.getloadavg shutil.disk_usage "
        "os.statvfs *.seed() threading.current_thread multiprocessing.current_process *._identity "
        "*.native_id".split()
    ),
    "completion": frozenset(
        "concurrent.futures.as_completed asyncio.as_completed concurrent.futures.FIRST_COMPLETED asyncio.FIRST_COMPLETED "  # noqa: SIM905
        "dask.distributed.as_completed distributed.as_completed *.imap_unordered *.add_done_callback *.apply_async "
        "concurrent.futures.wait asyncio.wait threading.Thread threading.Timer _thread.start_new_thread".split()
    ),
    "exchange": frozenset(
        [f"{package}.{name}" for package in ("multiprocessing", "torch.multiprocessing") for name in _SHARED]
        + "multiprocessing.managers.BaseManager multiprocessing.managers.SyncManager "  # noqa: SIM905
        "multiprocessing.shared_memory.SharedMemory multiprocessing.shared_memory.ShareableList "
        "multiprocessing.connection.wait multiprocessing.connection.Listener".split()
    ),
    "stamps": frozenset(
        "os.path.getmtime os.path.getctime os.path.getatime *.st_mtime *.st_mtime_ns *.st_ctime *.st_ctime_ns *.st_ino".split()  # noqa: SIM905
    ),
    "machine": frozenset(
        "os.cpu_count os.process_cpu_count os.sched_getaffinity multiprocessing.cpu_count joblib.cpu_count psutil.cpu_count".split()  # noqa: SIM905
    ),
    "stdin": frozenset("input sys.stdin fileinput.input fileinput.FileInput".split()),  # noqa: SIM905
    "native": frozenset(
        "ctypes.CDLL ctypes.PyDLL ctypes.cdll.LoadLibrary ctypes.pydll.LoadLibrary".split()  # noqa: SIM905
    ),
}
"""By kind the qualified names; ``*.`` stands for any object."""

_KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
_NAMES_IN: dict[str, dict[str, str]] = {}
"""By module the names that ``from module import *`` brings."""
for _full in _KIND_OF:
    _NAMES_IN.setdefault(_full.rpartition(".")[0], {})[_full.rpartition(".")[2]] = _full
_TAKES_TIME = {"time.ctime": 0, "time.asctime": 0, "time.localtime": 0, "time.gmtime": 0, "time.strftime": 1}
"""Functions of the clock that only format a time if they are given more than this many arguments."""
_ARCHIVES = frozenset({"zipfile.ZipFile", "tarfile.open"})
"""What keeps times where it writes, and reads where the source does not say otherwise."""
_BEFORE_CALLBACK = 3
"""The arguments of ``apply_async`` before the function that is called as each result comes."""
_ASKS_ONLY = frozenset({"isatty", "fileno", "encoding", "reconfigure"})
"""What may be asked of standard input without reading it."""
_REFERENCES = frozenset({"sys.stdin", "concurrent.futures.FIRST_COMPLETED", "asyncio.FIRST_COMPLETED"})
"""Names that count wherever they stand; the others count where they are called or handed on."""


def find_calls(source: bytes) -> list[str] | None:
    """Return the qualified names that ``source`` calls and what it asks, or None where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    scan = _Scan(tree)
    return sorted({*scan.find(), *find_asks(scan.shapes)})


def _writes(call: ast.Call) -> bool:
    """Whether an archive may be opened for writing."""
    modes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "mode")]
    unknown = any(word.arg is None for word in call.keywords)
    return unknown or any(not (isinstance(mode, ast.Constant) and str(mode.value).startswith("r")) for mode in modes)


class _Scan:
    """One source: its nodes with their parents, and what its names stand for."""

    def __init__(self, tree: ast.AST) -> None:
        self.parents: dict[ast.AST, ast.AST] = {}
        self.names: dict[str, str] = {}
        self.bound: set[str] = set()
        nodes = list(ast.walk(tree))
        for node in nodes:
            self.parents.update(dict.fromkeys(ast.iter_child_nodes(node), node))
            self._learn(node)
        self.nodes = nodes
        self.shapes = Shapes(nodes, self.parents)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            if node.names[0].name == "*":
                self.names.update(_NAMES_IN.get(node.module, {}))
            self.names.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.bound.add(node.name)
        elif isinstance(node, ast.arg):
            self.bound.add(node.arg)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)

    def find(self) -> Iterator[str]:
        """Yield the names that count."""
        for node in self.nodes:
            if isinstance(node, ast.Constant) and self._says_now(node):
                yield "pandas.Timestamp.now"
            if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
                name = "*.seed()" if self._seeds_by_chance(node) else self._name(node)
                if name in _KIND_OF and self._counts(node, name):
                    yield name

    def _says_now(self, node: ast.Constant) -> bool:
        """Whether a text asks pandas or numpy for the time, as ``Timestamp("now")`` does."""
        parent = self.parents.get(node)
        name = parent.func.attr if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) else ""
        return node.value in {"now", "today"} and name in {"Timestamp", "to_datetime", "datetime64", "DatetimeIndex"}

    def _seeds_by_chance(self, node: ast.AST) -> bool:
        """Whether a generator is seeded with nothing, which PyTorch's draw from the system without being heard."""
        parent = self.parents.get(node)
        called = isinstance(parent, ast.Call) and parent.func is node and not (parent.args or parent.keywords)
        return called and isinstance(node, ast.Attribute) and node.attr == "seed"

    def _name(self, node: ast.AST) -> str:
        """Return the qualified name that an expression stands for, or nothing."""
        if isinstance(node, ast.Name):
            imported = self.names.get(node.id)
            return imported or ("" if node.id in self.bound else node.id)
        if not isinstance(node, ast.Attribute):
            return ""
        if f"*.{node.attr}" in _KIND_OF:
            return f"*.{node.attr}"
        owner = self._name(node.value)
        if not owner and (node.attr in _CONTEXTS_MAKE or (node.attr in _SHARED and self._knows_contexts())):
            owner = "multiprocessing"
        return f"{owner}.{node.attr}" if owner else ""

    def _knows_contexts(self) -> bool:
        return any("multiprocessing" in name for name in self.names.values())

    def _counts(self, node: ast.AST, name: str) -> bool:  # noqa: PLR0911 - one for each kind of name
        parent = self.parents.get(node)
        if name == "sys.stdin":
            return not (isinstance(parent, ast.Attribute) and parent.attr in _ASKS_ONLY)
        if name == "*.apply_async" and isinstance(parent, ast.Call) and parent.func is node:
            return len(parent.args) > _BEFORE_CALLBACK or any(
                word.arg in {None, "callback"} for word in parent.keywords
            )
        if name in _REFERENCES or name.startswith("*."):
            return True
        if not (isinstance(parent, ast.Call) and parent.func is node):
            handed = isinstance(parent, (ast.keyword, ast.Call))
            return not isinstance(parent, ast.Attribute) and (name not in {"id", "input"} or (name == "id" and handed))
        if name in _TAKES_TIME:
            return len(parent.args) <= _TAKES_TIME[name]
        if name in _ARCHIVES and not _writes(parent):
            return False
        if name == "threading.Thread":
            return not bool(is_quiet_thread(self.shapes, parent))
        return not (_KIND_OF[name] == "clock" and self._is_duration(parent))

    def _is_duration(self, value: ast.AST) -> bool:
        """Whether a reading of the clock is subtracted, at once or wherever the name that it is given stands, and then shown."""
        parent = self.parents.get(value)
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub):
            return bool(Durations(self.shapes).is_shown(parent))
        if isinstance(parent, ast.AnnAssign):
            targets: list[ast.expr] = [parent.target]
        elif isinstance(parent, ast.Assign):
            targets = parent.targets
        else:
            return False
        return all(self._is_subtracted(target) for target in targets)

    def _is_subtracted(self, target: ast.expr) -> bool:
        shown = Durations(self.shapes)
        loads = shown.loads_of(target)
        parents = [self.parents.get(node) for node in loads or ()]
        return loads is not None and all(
            isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Sub) and shown.is_shown(parent)
            for parent in parents
        )


def _main() -> None:
    """Answer for every source on standard input."""
    gc.disable()  # this process lives for a moment only
    data = sys.stdin.buffer.read()
    position = 0
    while position < len(data):
        end = data.index(b"\n", position)
        start, position = end + 1, end + 1 + int(data[position:end])
        found = find_calls(data[start:position])
        print("-" if found is None else " ".join([".", *found]), flush=True)  # noqa: T201  the answer


if __name__ == "__main__":
    _main()
