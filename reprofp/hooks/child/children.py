"""Leads the processes that a Python starts to the listener, and hears of those that cannot be led there.

Loaded by listener.py where a program starts its first process; standard library only, Python 3.8 and later,
never raises into the program. A Python that is executed finds the hook in its environment, as the first one
did; a fork carries the listener in it, and begins anew. Each start has a number, which the process that comes
of it tells, so that one that never tells anything is missed.

A process that is about to be ended by a signal from the program itself (a pool's workers are) is asked for its
report first, by a real-time signal that nothing else uses, and given a moment to answer.
"""

import os
import sys
import time
from _thread import get_ident

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType
    from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_ENVIRON = 5
"""Where _posixsubprocess.fork_exec takes the environment."""
_SIGNAL = 57
"""A real-time signal in the middle of their range: C libraries keep the first ones, and programs count from either end."""
_ENDING = {1, 2, 3, 9, 15}
"""The signals by which programs end others: HUP, INT, QUIT, KILL, TERM."""
_PATIENCE_S, _TURN_S = 0.25, 0.002
_TASKS = "/proc/self/task"
_WORKERS = {
    "multiprocessing.pool.worker": "pool",
    "concurrent.futures.process._process_worker": "executor",
    "joblib.externals.loky.process_executor._process_worker": "executor",
    "loky.process_executor._process_worker": "executor",
    "torch.utils.data._utils.worker._worker_loop": "loader",
}
"""What workers run whose results come back in the order in which they were asked for."""

own: "dict[str, Any]" = {}
"""The names of listener.py."""
names: "dict[str, Any]" = {}
"""The names of programs.py."""
heard: "dict[int, str]" = {}
"""By thread, the name of the program that subprocess is about to start."""
forking: "dict[int, str]" = {}
"""By thread, the token of the fork that is about to be."""
helpers: "set[int]" = set()
"""Processes of multiprocessing that compute nothing."""


def join(listener: "dict[str, Any]") -> None:
    """Take the names of the listener, and begin to follow forks."""
    own.update(listener, state=listener["state"])
    names.update(listener["_load"](os.path.join(_HERE, "programs.py")))
    os.register_at_fork(after_in_parent=_forget_fork, after_in_child=_begin_in_fork)


def _expect(name: str, *, led: bool, counted: bool = False) -> "str | None":
    """Count the start of a process; return the token that it is led by, if it is one that will tell of itself."""
    if not counted:
        own["_count"](own["subprocesses"], name)
    if not led or len(own["hooked"]) >= own["LIMIT"]:
        return None
    state = own["state"]
    with own["loading"]:
        state["number"] += 1
        number = state["number"]
    own["hooked"].append([number, name, _has_others()])
    return "%s_%d" % (state["name"], number)


def _has_others() -> bool:
    """Whether another child is there that was not waited for; where the kernel does not tell, there might be."""
    try:
        pids: set[int] = set()
        for task in os.listdir(_TASKS):
            pids.update(map(int, _read("%s/%s/children" % (_TASKS, task)).split()))
    except (OSError, ValueError):
        return True
    return bool(pids - helpers)


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 65536)
    finally:
        os.close(file)


# ---- Programs that are executed ----


def prepare(name: str, real: "Callable[..., Any]", args: "tuple[Any, ...]") -> "tuple[Any, ...]":
    """Return what to call with which arguments, and what to tell the outcome to (or None)."""
    found: tuple[Any, ...] = _PREPARE[name](real, args)
    return found


def _prepare_fork_exec(real: "Callable[..., Any]", args: "tuple[Any, ...]") -> "tuple[Any, ...]":
    words, paths, environ = list(map(os.fsencode, args[0])), list(args[1]), args[_ENVIRON]
    event = heard.pop(get_ident(), None)
    name = names["name_python"](words) if event is None else event
    if name is None:
        return real, args, helpers.add
    token = _expect_python(name, _find_path(paths), words, counted=event is not None)
    if token is not None:
        entries = _list_environ() if environ is None else list(environ)
        args = (*args[:_ENVIRON], _lead(entries, token), *args[_ENVIRON + 1 :])
    return real, args, helpers.add if name == "multiprocessing-forkserver" else None


def _expect_python(name: str, path: "Any", words: "list[Any]", *, counted: bool = False) -> "str | None":
    led = bool(names["is_python"](path, words))
    return _expect(name, led=led, counted=counted)


def _find_path(paths: "list[Any]") -> "Any":
    return next((path for path in paths if os.path.exists(path)), paths[0])


def _list_environ() -> "list[bytes]":
    return [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in own["environ"].items()]


def _lead(entries: "Iterable[bytes]", token: str) -> "list[bytes]":
    """Add to an environment what leads Python to the listener; the listener takes it out again."""
    folder, before, led = os.fsencode(_HERE), None, []
    for entry in entries:
        if entry.startswith(b"PYTHONPATH="):
            before = entry.partition(b"=")[2]
            entry = b"PYTHONPATH=" + folder + (b":" + before if before else b"")  # noqa: PLW2901
        led.append(entry)
    if before is None:
        led.append(b"PYTHONPATH=" + folder)
    else:
        led.append(b"REPROFP_HOOK_PYTHONPATH=" + before)
    return [*led, b"REPROFP_HOOK=" + os.fsencode(own["state"]["folder"] + ":" + token)]


def _lead_mapping(environ: "Any", token: str) -> "dict[bytes, bytes]":
    entries = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in environ.items()]
    pairs = (entry.partition(b"=") for entry in _lead(entries, token))
    return {name: value for name, _, value in pairs}


def _prepare_spawn(real: "Callable[..., Any]", args: "tuple[Any, ...]") -> "tuple[Any, ...]":
    path, words, environ = args
    words = list(words)
    name = heard.pop(get_ident(), None)
    counted = name is not None
    if name is None:
        name = names["name_program"]([path, *words[1:]])
    token = _expect_python(name, path, words, counted=counted)
    return real, args if token is None else (path, words, _lead_mapping(environ, token)), None


def _prepare_exec(real: "Callable[..., Any]", args: "tuple[Any, ...]") -> "tuple[Any, ...]":
    """Report what this process was before it becomes another program."""
    path, words = args[0], list(args[1])
    if os.getpid() != own["state"]["pid"] or not os.access(path, os.X_OK):
        return real, args, None
    name = names["name_program"]([path, *words[1:]])
    token = _expect_python(name, path, words)
    own["report"]("exec")
    if token is not None:
        environ = args[2] if len(args) > 2 else own["environ"]  # noqa: PLR2004 - execve's
        real, args = own["execve"], (path, words, _lead_mapping(environ, token))
    return real, args, lambda _: _stay(name, token)


def _stay(name: str, token: "str | None") -> None:
    """Take back what was told of a program that could not be executed."""
    own["subprocesses"][name] -= 1
    if token is not None:
        own["hooked"].pop()
    os.unlink(own["state"]["mark"] + ".report")


def _prepare_exit(real: "Callable[..., Any]", args: "tuple[Any, ...]") -> "tuple[Any, ...]":
    if os.getpid() == own["state"]["pid"]:
        own["report"]("left")
    return real, args, None


_PREPARE = {
    "fork_exec": _prepare_fork_exec,
    "posix_spawn": _prepare_spawn,
    "posix_spawnp": _prepare_spawn,
    "execv": _prepare_exec,
    "execve": _prepare_exec,
    "_exit": _prepare_exit,
}


# ---- Events ----


def _hear_popen(executable: "Any", args: "Any", *_: object) -> None:
    name = names["name_popen"](executable, args, sys._getframe(2))  # noqa: SLF001
    heard[get_ident()] = name
    own["_count"](own["subprocesses"], name)


def _is_ours(frame: "FrameType") -> bool:
    """Whether a function was called by what stands for it, and has been counted."""
    return bool(frame.f_code.co_filename == own["__file__"])


def _hear_spawn(path: "Any", args: "Any" = (), *_: object) -> None:
    if not _is_ours(sys._getframe(2)):  # noqa: SLF001
        own["_count"](own["subprocesses"], names["name_program"]([path, *list(args)[1:]]))


def _hear_exec(path: object, *_: object) -> None:
    if not _is_ours(sys._getframe(2)):  # noqa: SLF001
        own["_count"](own["subprocesses"], os.path.basename(os.fsdecode(path)))  # type: ignore[arg-type]


def _hear_system(command: "Any", *_: object) -> None:
    own["_count"](own["subprocesses"], names["name_program"](["sh", "-c", command]))


# ---- Forks ----


def _hear_fork(*_: object) -> None:
    token = _expect("fork", led=True)
    if token is not None:
        forking[get_ident()] = token


def _forget_fork() -> None:
    forking.pop(get_ident(), None)


def _begin_in_fork() -> None:
    """Listen anew in a process that was forked; what is about to be executed comes here without a token."""
    try:
        token = forking.pop(get_ident(), None)
        if token is None or os.getpid() == own["state"]["pid"]:
            return
        forking.clear()
        heard.clear()
        helpers.clear()
        _forget_parent()
        own["begin"](token)
        answer_when_asked()
    except Exception:  # noqa: BLE001 - the program comes first; its parent finds no report
        own["handlers"].clear()


def _forget_parent() -> None:
    """Empty what was heard before the fork."""
    draws = own["draws"]
    for table in ("opens", "listings", "connects", "subprocesses", "dlopens", "truncated", "hooked"):
        own[table].clear()
    for table in ("entropy", "entropy_at_import", "moved_at_import", "legacy"):
        draws[table].clear()
    own["inputs"][0] = 0
    state = own["state"]
    state.update(pid=-1, number=0, kind="fork", process=_find_process(), base=_count_processes())


def _find_process() -> "Any":
    return getattr(sys.modules.get("multiprocessing.process"), "_current_process", None)


def _count_processes() -> int:
    counter = getattr(sys.modules.get("multiprocessing.process"), "_process_counter", None)
    digits = "".join(letter for letter in repr(counter) if letter.isdigit())
    return int(digits) - 1 if digits else 0


def name_role() -> str:
    """Tell what this process is: a program, a fork, a process of multiprocessing, or one of its known workers."""
    process, state = _find_process(), own["state"]
    if process is None or process is state["process"] or type(process).__name__ == "_MainProcess":
        return str(state["kind"])
    target = getattr(process, "_target", None)
    return _WORKERS.get("%s.%s" % (getattr(target, "__module__", ""), getattr(target, "__qualname__", "")), "process")


def is_worker() -> bool:
    """Whether this is a process of multiprocessing."""
    return name_role() not in {"program", "fork"}


# ---- Being asked ----


def answer_when_asked() -> None:
    """Have this process report when the program is about to end it by a signal."""
    import _signal  # type: ignore[import-not-found]  # built in; the other half takes longer

    state = own["state"]
    asked = os.path.join(state["folder"], "%d.hears" % state["pid"])
    known = _signal.getsignal(_SIGNAL)
    if known is not _answer and known != _signal.SIG_DFL:
        return  # the program's own
    try:
        _signal.signal(_SIGNAL, _answer)
    except ValueError:
        return  # not the main thread
    os.close(os.open(asked, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _answer(_number: int, frame: "FrameType | None") -> None:
    """Report if this process waits for its next task; one that is busy to the end is ended in the middle of something."""
    try:
        state = own["state"]
        if os.getpid() != state["pid"]:
            return
        if own["handlers"] and _is_idle(frame):
            own["report"]("idle")
            os.unlink(os.path.join(state["folder"], "%d.hears" % state["pid"]))
    except Exception:  # noqa: BLE001, S110 - whoever asked waits for a moment only
        pass


def _is_idle(frame: "FrameType | None") -> bool:
    """Whether a worker stands in the call by which it gets its next task."""
    innermost = None
    while frame is not None:
        code, module = frame.f_code, frame.f_globals.get("__name__")
        if "%s.%s" % (module, code.co_name) in _WORKERS:
            return bool(innermost in {"get", "recv"})
        if not _waits(code.co_filename):
            return False
        innermost, frame = code.co_name, frame.f_back
    return False


def _waits(file: str) -> bool:
    parts = file.split(os.sep)
    return "multiprocessing" in parts[-2:-1] or parts[-1] == "selectors.py" or "loky" in parts


def _hear_kill(pid: int, number: int) -> None:
    """Ask a process that the program is about to end for its report, and give it a moment."""
    asked = os.path.join(own["state"]["folder"], "%d.hears" % pid)
    if number not in _ENDING or pid == os.getpid() or not os.path.exists(asked):
        return
    end = time.monotonic() + _PATIENCE_S
    while os.path.exists(asked) and time.monotonic() < end and _catches(pid):
        os.kill(pid, _SIGNAL)  # again: a worker hands its last result over before it asks for the next task
        time.sleep(_TURN_S)


def _catches(pid: int) -> bool:
    """Whether a process has a handler for the signal, and not merely the number of one that had."""
    for line in _read("/proc/%d/status" % pid).splitlines():
        if line.startswith(b"SigCgt:"):
            return bool(int(line.split()[1], 16) >> (_SIGNAL - 1) & 1)
    return False


HANDLERS = {
    "subprocess.Popen": _hear_popen,
    "os.posix_spawn": _hear_spawn,
    "os.system": _hear_system,
    "os.fork": _hear_fork,
    "os.forkpty": _hear_fork,
    "os.exec": _hear_exec,
    "os.kill": _hear_kill,
}
