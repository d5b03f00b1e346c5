"""Listens inside the program that ``reprofp run`` started, and reports when it ends.

Loaded by sitecustomize.py into Python 3.8 and later, before anything else that the program imports.
Uses what every interpreter has loaded by then; the rest is imported at the end, after the memory map
and the modules were read. Guaranteed: never raises into the program, keeps a bounded amount, and
reports once, as a file that appears whole in the parent's private folder.
"""

import atexit
import os
import sys
import time
from _thread import allocate_lock

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LIMIT = 50_000
"""The most files, folders, names and so on that are kept of each kind."""

_HERE = os.path.dirname(__file__) + os.sep
_STDLIB = os.path.dirname(os.__file__) + os.sep
_CODE = (".py", ".pyc", ".so")
_SYSTEM = ("/proc/", "/sys/", "/dev/")
_STDIN_NAMES = {"/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"}
"""By these names, standard input is opened once more, with an offset of its own."""
_REGULAR, _KIND = 0o100000, 0o170000
_REMOVER = _STDLIB + "shutil.py"
_FINDERS = (_HERE, "<frozen importlib", _STDLIB + os.path.join("importlib", "metadata"), _STDLIB + "pkgutil.py")
"""What looks for modules and distributions by their names, in whatever order a folder gives them."""
_SETTLED_NS = 1_000_000_000
"""Stamps of files may be as coarse as a few milliseconds; a folder changed longer ago than this shows it."""
_MOST_MEASURED = 8
"""How many processes of one run are measured."""
_MASKS = 0x1F80
_LARGE = ("modules", "versions", "libraries", "environ", "environ_start", "path")

opens: "dict[str, list[Any]]" = {}
listings: "dict[str, list[Any]]" = {}
room: "list[int]" = [8 * 1024 * 1024]
"""How many more characters of names in folders may be kept."""
connects: "dict[str, int]" = {}
subprocesses: "dict[str, int]" = {}
dlopens: "dict[str, int]" = {}
handlers: "dict[str, Callable[..., None]]" = {}
draws: "dict[str, Any]" = {}
"""The names of draws.py."""
inputs: "list[int]" = [0]
"""How often the program asked by input()."""
stdin: "list[Any]" = []
"""Standard input as it was at the start."""
truncated: "list[str]" = []
began_in: "list[str]" = []
"""The folder in which the program began: what its relative arguments mean, wherever it goes."""
hooked: "list[list[Any]]" = []
"""The starts of processes that will tell of themselves: number, name, whether others were running."""
environ = os.environ
execve = os.execve
state: "dict[str, Any]" = {}
"""Of this process: folder, mark, pid, how it came to be."""
family: "dict[str, Any]" = {}
"""The names of children.py, where it was needed."""
loading = allocate_lock()


def start(reports: str, restore: "Callable[[dict[str, str]], object]") -> None:
    """Begin to listen; the report will go into the folder ``reports``.

    ``restore`` makes an environment what it would be without reprofp.
    """
    folder, _, token = reports.rpartition(":")
    state.update(folder=folder, restore=restore, number=0, kind="program", process=None, base=0)
    begin(token)
    atexit.register(_finish)  # the first registered is the last to run
    draws.update(_load(os.path.join(os.path.dirname(__file__), "draws.py")))
    draws["watch"]()
    _HANDLERS["exec"] = draws["hear_exec"]
    _watch_starts()
    handlers.update(_HANDLERS)
    if token:
        _meet("os.fork")
        family["answer_when_asked"]()
    sys.addaudithook(_hear)


def begin(token: str) -> None:
    """Leave the mark of a process that listens; ``token`` names the start that it comes from, if a process told of it."""
    began_in[:] = [os.getcwd()]
    mark = "%d.%d" % (time.time_ns(), os.getpid())
    path = os.path.join(state["folder"], mark + ("." + token if token else ""))
    os.close(os.open(path + ".started", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    state.update(mark=path, name=mark.replace(".", "_"), pid=os.getpid())
    stdin[:] = [_look_at_stdin()]


def _look_at_stdin() -> "list[int] | None":
    """Tell where standard input leads to and how far it was read, or None where there is none."""
    try:
        info = os.fstat(0)
    except OSError:
        return None
    regular = info.st_mode & _KIND == _REGULAR
    numbers = [info.st_dev, info.st_ino, info.st_mode, info.st_rdev, info.st_size, info.st_mtime_ns, info.st_ctime_ns]
    return [*numbers, os.lseek(0, 0, os.SEEK_CUR) if regular else 0, int(os.isatty(0)), time.time_ns()]


def _read_stdin_path() -> "str | None":
    try:
        return os.readlink("/proc/self/fd/0")
    except OSError:
        return None


def _hear(event: str, args: "tuple[Any, ...]") -> None:
    handler = handlers.get(event)
    if handler is not None:
        try:
            if handler is _meet:  # type: ignore[comparison-overlap]
                handler = _meet(event)
            handler(*args)
        except Exception:  # noqa: BLE001, S110 - an error here would be the program's
            pass


def _count(table: "dict[str, int]", name: str) -> None:
    if name in table or len(table) < LIMIT:
        table[name] = table.get(name, 0) + 1
    elif not truncated:
        truncated.append(name)


def _make_absolute(path: object) -> str:
    text = os.fsdecode(path)  # type: ignore[arg-type]  # a TypeError ends the handler
    return text if text[:1] == "/" else os.path.join(os.getcwd(), text)


def _hear_open(path: object, mode: object, flags: int, above: int = 2) -> None:
    """Keep what identified a regular file when it was first opened, and how it was used since.

    ``above`` is how many frames up the program is.
    """
    if isinstance(path, int):
        return
    name = _make_absolute(path)
    if name.endswith(_CODE) or "-packages/" in name or name.startswith(_STDLIB):
        return
    if name.startswith(_SYSTEM):
        if name in {"/dev/urandom", "/dev/random"}:
            draws["note"](sys._getframe(above))  # noqa: SLF001
        elif name in _STDIN_NAMES:
            inputs[0] += 1
        return
    writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC))
    reads = not flags & (os.O_WRONLY | os.O_TRUNC)
    entry = opens.get(name)
    if entry is not None:
        entry[0], entry[1], entry[2] = entry[0] or reads, entry[1] or writes, entry[2] + 1
    elif len(opens) >= LIMIT:
        truncated.append(name) if not truncated else None
    elif not flags & os.O_DIRECTORY and not sys._getframe(above).f_code.co_filename.startswith(_HERE):  # noqa: SLF001
        opens[name] = [reads, writes, 1, time.time_ns(), None if flags & os.O_TRUNC else _identify(name)]


def _identify(name: str) -> "list[int] | None":
    """Return what changes when a file is written, or None where there is no regular file (yet)."""
    try:
        info = os.stat(name)
    except OSError:
        return None
    if info.st_mode & _KIND != _REGULAR:
        return None
    return [info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]


def _hear_rename(source: object, target: object, *_: object) -> None:
    """What is moved to a name was made by the program, as if it had been written there."""
    name = _make_absolute(target)
    entry = opens.get(name)
    if entry is not None:
        entry[1] = True
    elif len(opens) < LIMIT:
        opens[name] = [False, True, 0, time.time_ns(), None]


def _hear_sqlite(database: object, *_: object) -> None:
    """SQLite reads its files itself."""
    name = os.fsdecode(database)  # type: ignore[arg-type]
    if name.startswith("file:"):
        name = name[len("file:") :].partition("?")[0]
    if name and name != ":memory:":
        _hear_open(name, None, os.O_RDONLY, 3)


def _hear_listing(path: object = None, *_: object) -> None:
    """Count a listing, and keep the order in which the file system gives the names."""
    frame = sys._getframe(2)  # noqa: SLF001
    file = frame.f_code.co_filename
    if file.startswith(_FINDERS):
        return
    if isinstance(path, int):
        if file == _REMOVER:
            return  # rmtree lists what it removes
        path = os.readlink("/proc/self/fd/%d" % path)
    name = _make_absolute("." if path is None else path)
    entry = listings.get(name)
    if entry is None:
        if len(listings) >= LIMIT:
            truncated.append(name) if not truncated else None
            return
        entry = listings[name] = [0, draws["find_caller"](frame)[0], [], None]
    entry[0] += 1
    _keep_order(name, entry)


def _keep_order(name: str, entry: "list[Any]") -> None:
    """Add the names of a folder, in its order, to what ``entry`` holds; None where that would be too much.

    A folder whose stamps are old and as they were is not read again: what changed it would show.
    """
    info = os.stat(name)
    stamps = [info.st_dev, info.st_ino, info.st_mtime_ns, info.st_ctime_ns]
    if entry[3] == stamps and time.time_ns() - max(info.st_mtime_ns, info.st_ctime_ns) > _SETTLED_NS:
        return
    with os.scandir(name) as entries:
        order = "\0".join(each.name + _mark(each) for each in entries)
    entry[3] = stamps
    if entry[2] and entry[2][-1] == order:
        return
    room[0] -= len(order) + 64
    entry[2].append(order if room[0] > 0 else None)


def _mark(entry: "os.DirEntry[str]") -> str:
    """Return what tells a folder, and what is neither folder nor file, from a file, which a program may ask for."""
    if entry.is_file():
        return ""
    return "/" if entry.is_dir() else "//"


def _digest_orders(orders: "list[str | None]", digest: "Callable[..., str]") -> "str | None":
    """Return a digest of the orders in which a folder was seen, or None where one of them was not kept."""
    if not orders or None in orders:
        return None
    names = [os.fsencode(order) for order in orders if order is not None]
    return digest(*(b"%d\0" % len(data) + data for data in names))


def _sort(orders: "list[str | None]") -> "list[str | None]":
    """Return what names there were, whatever their order."""
    return [order and "\0".join(sorted(order.split("\0"))) for order in orders]


def _hear_connect(_: object, address: object) -> None:
    host = address[0] if isinstance(address, tuple) and address else None
    if not isinstance(host, str):
        _count(connects, "unix")
    else:
        _count(connects, "loopback" if _is_loopback(host) else "inet")


def _hear_lookup(host: object, *_: object) -> None:
    text = host.decode("latin-1") if isinstance(host, bytes) else host
    if isinstance(text, str) and text and not _is_loopback(text):
        _count(connects, "lookup")


def _is_loopback(host: str) -> bool:
    return host in {"", "localhost", "::1"} or host.startswith("127.")


def _hear_input(*_: object) -> None:
    inputs[0] += 1


def _hear_dlopen(name: object, *_: object) -> None:
    if name is not None:
        _count(dlopens, os.path.basename(os.fsdecode(name)))  # type: ignore[arg-type]


# ---- Other processes: children.py, which is loaded where the program starts one ----


def _meet(event: str) -> "Callable[..., None]":
    """Load what hears of other processes, and return what hears this event."""
    if not family:
        with loading:
            _load_family()
    handler: "Callable[..., None]" = family["HANDLERS"][event]
    return handler


def _load_family() -> None:
    if not family:
        names = _load(os.path.join(_HERE, "children.py"))
        names["join"](globals())
        handlers.update(names["HANDLERS"])
        family.update(names)


class _Stand:
    """Stands for a function that starts a program or leaves, and never becomes a method."""

    def __init__(self, real: "Callable[..., Any]") -> None:
        self._real, self.__name__, self.__doc__ = real, real.__name__, real.__doc__

    def __call__(self, *args: "Any", **options: "Any") -> "Any":
        call, after = self._real, None
        try:
            if handlers:
                _meet("os.fork")
                call, args, after = family["prepare"](self.__name__, self._real, args)
        except Exception:  # noqa: BLE001, S110 - the program's call is made as it is
            pass
        if after is None:
            return call(*args, **options)
        result = None
        try:
            result = call(*args, **options)
        finally:
            after(result)
        return result


def _watch_starts() -> None:
    for name in ("execv", "execve", "posix_spawn", "posix_spawnp", "_exit"):
        if hasattr(os, name):
            setattr(os, name, _Stand(getattr(os, name)))
    if "_posixsubprocess" in sys.modules:
        _hear_import("_posixsubprocess")


def _hear_import(name: str, *_: object) -> None:
    """Stand in for what starts the programs of subprocess and multiprocessing before they take it by its name."""
    if name == "_posixsubprocess":
        handlers.pop("import", None)
        _HANDLERS.pop("import", None)
        import _posixsubprocess

        stand = _Stand(_posixsubprocess.fork_exec)
        _posixsubprocess.fork_exec = stand
        if "subprocess" in sys.modules and hasattr(sys.modules["subprocess"], "_fork_exec"):
            sys.modules["subprocess"].__dict__["_fork_exec"] = stand


_HANDLERS: "dict[str, Callable[..., Any]]" = {
    "builtins.input": _hear_input,
    "open": _hear_open,
    "os.rename": _hear_rename,
    "sqlite3.connect": _hear_sqlite,
    "os.listdir": _hear_listing,
    "os.scandir": _hear_listing,
    "socket.connect": _hear_connect,
    "socket.sendto": _hear_connect,
    "socket.getaddrinfo": _hear_lookup,
    "socket.gethostbyname": _hear_lookup,
    "ctypes.dlopen": _hear_dlopen,
    "import": _hear_import,
    "subprocess.Popen": _meet,
    "os.posix_spawn": _meet,
    "os.system": _meet,
    "os.fork": _meet,
    "os.forkpty": _meet,
    "os.exec": _meet,
    "os.kill": _meet,
}


def _finish() -> None:
    """Report, in a process that listens; a copy of it of which nobody told is another process."""
    if os.getpid() != state["pid"] or not report("normal"):
        return
    try:
        if state["kind"] == "program" and not family.get("is_worker", bool)():
            _measure(state["raw"], state["mark"])
    except BaseException:  # noqa: BLE001, S110 - the program has ended well
        pass


def report(how: str) -> bool:
    """Write what was observed; ``how`` the process ends, or "idle" where it may go on."""
    if how in {"normal", "left"}:
        handlers.clear()
    try:
        draws["settle"]()
        raw = state["raw"] = _collect()
        raw["exit"] = how
        state["restore"](raw["environ_start"])
        _send(_share(raw), state["mark"], ".report")
    except BaseException:  # noqa: BLE001 - the program has ended well; the parent finds no report
        return False
    return True


def _share(raw: "dict[str, Any]") -> "dict[str, Any]":
    """Put what is large, and alike in many processes, into a file named by its digest; return the rest."""
    large = {name: raw[name] for name in _LARGE}
    for item in large["libraries"] if isinstance(large["libraries"], list) else ():
        item.pop("begin", None)
        item.pop("end", None)
    digest = state["hash"](_encode(large).encode("ascii"))
    if not os.path.exists(os.path.join(state["folder"], digest + ".large")):
        try:
            _send(large, os.path.join(state["folder"], digest), ".large")
        except FileExistsError:
            return raw  # another process is writing it
    return {**{name: part for name, part in raw.items() if name not in large}, "large": digest}


def _measure(raw: "dict[str, Any]", mark: str) -> None:
    """Measure what the process computes, where the parent asked for it, after everything else was reported."""
    with open(os.path.join(os.path.dirname(mark), "numerics")) as stream:
        limit, library = stream.read().split("\n")
    if _traps(raw["floating_point"]) or not _claim(os.path.dirname(mark)):
        return
    path = os.path.join(_find_package(), "numerics", "kernels", "measuring.py")
    _send(_load(path)["measure"]({"limit_s": limit, "library": library}), mark, ".numerics")


def _traps(state: "Any") -> bool:
    """Whether an exception of floating-point arithmetic would end the process: bits 7 to 12 of MXCSR mask them."""
    mxcsr = state.get("mxcsr") if isinstance(state, dict) else None
    return isinstance(mxcsr, int) and mxcsr & _MASKS != _MASKS


def _claim(folder: str) -> bool:
    """Take one of the run's places for a process that is measured; thousands of short ones would add up."""
    for place in range(_MOST_MEASURED):
        try:
            os.close(os.open(os.path.join(folder, "measured.%d" % place), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            continue
        return True
    return False


def _collect() -> "dict[str, Any]":
    """Collect by the file that reprofp itself collects with, found beside this one."""
    modules = set(sys.modules)
    moved_at_import, numpy_unused = draws["moved_only_at_import"](), draws["numpy_is_unused"]()
    names = _load(os.path.join(_find_package(), "probes", "raw.py"))
    for name in set(sys.modules) - modules:
        del sys.modules[name]  # what that file imports is not the program's
    raw: "dict[str, Any]" = names["collect"]()
    raw["cwd"] = began_in[0]
    raw["audit"] = {
        "opens": [[name, *entry] for name, entry in opens.items()],
        "listings": [
            [name, entry[0], entry[1], *(_digest_orders(each, names["_hash"]) for each in (entry[2], _sort(entry[2])))]
            for name, entry in listings.items()
        ],
        "connects": connects,
        "subprocesses": subprocesses,
        "dlopens": dlopens,
        "inputs": inputs[0],
        "truncated": bool(truncated),
    }
    for kind in ("entropy", "entropy_at_import", "moved_at_import"):
        raw[kind] = [{"module": module, "count": count} for module, count in draws[kind].items()]
    if moved_at_import:
        raw["rng"]["python"]["touched"] = False  # by the program
    if numpy_unused:
        raw["rng"]["numpy"]["legacy"]["touched"] = False
    raw["stdin"] = [*stdin, _look_at_stdin(), _read_stdin_path()]
    raw["hooked"], raw["role"] = hooked, family["name_role"]() if family else "program"
    if isinstance(raw["children"].get("multiprocessing"), int):
        raw["children"]["multiprocessing"] = max(0, raw["children"]["multiprocessing"] - state["base"])
    state["hash"] = names["_hash"]
    return raw


def _find_package() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _load(path: str) -> "dict[str, Any]":
    """Return the names of a file of Python, which is neither on sys.path nor in sys.modules."""
    from _frozen_importlib_external import SourceFileLoader

    name = os.path.basename(path)[:-3]
    names: "dict[str, Any]" = {"__name__": "reprofp_" + name, "__file__": path}
    exec(SourceFileLoader(name, path).get_code(name), names)  # type: ignore[arg-type]
    return names


def _send(raw: "dict[str, Any]", mark: str, kind: str) -> None:
    """Write the report under another name and move it to its place, so that it is whole or not there."""
    data = _encode(raw).encode("ascii")
    file = os.open(mark + ".partial", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
    os.rename(mark + ".partial", mark + kind)


def _encode(value: "Any") -> str:
    """Write JSON; the json module would first import the regular expressions."""
    import _json

    encode = _json.make_encoder(None, str, _json.encode_basestring_ascii, None, ":", ",", False, False, True)
    return "".join(encode(value, 0))
