"""Notices who draws entropy, and who moves Python's global generator while packages are imported.

Loaded by listener.py, and like it: standard library only, Python 3.8 and later, never raises into the program.

A draw while an installed package is being imported is kept apart from the program's own: it gives a name, an
example in a text, or a generator that the package keeps; whether that can reach results is known package by
package. The end of a module's body is heard without a trace in the program: the frame of the import system
that runs the body holds a dictionary, the one for keyword arguments that it was not given, and what is put
there dies when that frame ends.
"""

import os
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType
    from typing import Any

STDLIB = os.path.dirname(os.__file__) + os.sep
_PACKAGES = "-packages" + os.sep
_IMPORTER = "<frozen importlib._bootstrap"
_GENERATORS = {"random", "secrets", "os", "reprofp_draws", "reprofp_listener"}
"""Modules that only hand entropy on: whoever called them drew it."""
_NAMED = {"asyncio", "email", "http", "multiprocessing", "ssl", "tempfile", "urllib", "uuid"}
"""Modules of the standard library that draw for themselves (names of files, keys of connections)."""
_MOST = 50_000
_MOST_LEGACY = 1000
_FRESH_KEY, _FRESH_POSITION = 0x80000000, 624
"""How a Mersenne Twister stands after seeding and before its first draw."""

_MOVERS = (os.path.join("jax", "_src", "clusters", "k8s_cluster.py"),)
"""Modules whose bodies move numpy's global generator, for what reaches no result: times to wait between attempts."""

entropy: "dict[str, int]" = {}
"""Draws by module, at any time but the imports of installed packages."""
entropy_at_import: "dict[str, int]" = {}
moved_at_import: "dict[str, int]" = {}
"""The modules of installed packages whose bodies moved the global generator of ``random``."""
last_drawer: "list[str | None]" = [None]
legacy: "list[tuple[Any, str]]" = []
"""Generators made for numpy's RandomState, with the module for which they drew."""
known_state: "list[Any]" = [None]
"""The state of the global generator when the body of an installed module began or ended last."""
moved_by_program: "list[bool]" = [False]
numpy_left: "list[Any]" = [None]
"""How such a module left numpy's global generator, where nobody had used it before."""


def watch() -> None:
    """Begin to notice."""
    _watch_functions()
    _watch_for_random()
    _watch_legacy()


class _Drawing:
    """Stands for a function that draws entropy; like it, and unlike a Python function, never becomes a method."""

    def __init__(self, real: "Callable[..., bytes]") -> None:
        self._real, self.__name__, self.__doc__ = real, real.__name__, real.__doc__

    def __call__(self, *args: "Any", **options: "Any") -> bytes:
        note(sys._getframe(1))  # noqa: SLF001
        return self._real(*args, **options)


def _watch_functions() -> None:
    """Replace the functions that draw entropy, also where a .pth file had modules import them before."""
    for name in ("urandom", "getrandom"):
        real = getattr(os, name, None)
        watched = _Drawing(real) if real is not None else None
        for module in list(sys.modules.values()) if watched else ():
            names = getattr(module, "__dict__", {})
            for alias in (name, "_" + name):
                if names.get(alias) is real and getattr(module, "__name__", "") != "posix":
                    names[alias] = watched


def note(frame: "FrameType | None") -> None:
    """Count a draw.

    numpy seeds its legacy generator while it is imported: whether that one is used shows in its state. One
    that is unpickled or copied is made from entropy first, and then takes the state that it had.
    """
    module, function = find_caller(frame)
    if module == "numpy.random._pickle" and function != "<module>":
        return
    if function == "<module>" and module.startswith("numpy.random"):
        _watch_legacy()
        return
    if find_importing(frame) is not None:
        _count(entropy_at_import, module)
    else:
        _count(entropy, module)
        last_drawer[0] = module


def _count(table: "dict[str, int]", name: str) -> None:
    if name in table or len(table) < _MOST:
        table[name] = table.get(name, 0) + 1


def find_caller(frame: "FrameType | None") -> "tuple[str, str]":
    """Name the module and function that asked, looking through the standard library and compiled code."""
    while frame is not None:
        file, name = frame.f_code.co_filename, str(frame.f_globals.get("__name__"))
        top = name.partition(".")[0]
        if top not in _GENERATORS and (top in _NAMED or not _is_stdlib(file)):
            if top == "uuid" and _is_stdlib(file):
                return _name_uuid(frame), frame.f_code.co_name
            return (top if top in _NAMED and _is_stdlib(file) else name), frame.f_code.co_name
        frame = frame.f_back
    return "?", ""


def _name_uuid(frame: "FrameType | None") -> str:
    """Tell a name that an installed package makes for itself from one that the program asked for."""
    while frame is not None and _is_stdlib(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None or _PACKAGES in frame.f_code.co_filename:
        return "uuid"
    return "uuid.%s" % frame.f_globals.get("__name__")


def _is_stdlib(file: str) -> bool:
    return file.startswith("<frozen ") or (file.startswith(STDLIB) and _PACKAGES not in file)


# ---- Imports of installed packages ----


def find_importing(frame: "FrameType | None") -> "str | None":
    """Name the installed module whose body runs just now because it is imported, unless the program's own code does."""
    while frame is not None:
        file = frame.f_code.co_filename
        if _PACKAGES in file:
            if frame.f_code.co_name == "<module>" and _is_importing(frame.f_back):
                return str(frame.f_globals.get("__name__"))
        elif not _is_stdlib(file):
            return None
        frame = frame.f_back
    return None


def _is_importing(frame: "FrameType | None") -> bool:
    """Whether a frame is the one in which the import system runs a module's body."""
    if frame is None or frame.f_code.co_name != "_call_with_frames_removed":
        return False
    return frame.f_code.co_filename.startswith(_IMPORTER)


class _Body:
    """Lives as long as the body of an installed module runs."""

    __slots__ = ("module", "unused")

    def __init__(self, module: str, *, unused: bool) -> None:
        self.module, self.unused = module, unused

    def __del__(self) -> None:
        try:
            frame = sys._getframe(1)  # noqa: SLF001
            ended = frame.f_code.co_filename.startswith(_IMPORTER)  # else an exception kept the frame
            _look_at_state(self.module if ended else find_importing(frame))
            if self.unused and ended and len(sys._current_frames()) == 1:  # noqa: SLF001 - another thread might draw
                numpy_left[0] = _read_numpy()
        except Exception:  # noqa: BLE001, S110 - nobody would hear it
            pass


def hear_exec(code: "CodeType", *_: object) -> None:
    """Hear that code begins to run, and have the end noticed where it is the body of an installed module."""
    frame = sys._getframe(2)  # noqa: SLF001
    if _PACKAGES in code.co_filename and _is_importing(frame):
        names = frame.f_locals
        _look_at_state(find_importing(frame))
        names["kwds"]["reprofp"] = _Body(
            str(names["args"][1].get("__name__")),
            unused=code.co_filename.endswith(_MOVERS) and _is_numpy_unused(_read_numpy()),
        )


def _look_at_state(module: "str | None") -> None:
    """Tell who moved the global generator since the last look: the body of ``module``, or (None) the program."""
    generator = getattr(sys.modules.get("random"), "_inst", None)
    if generator is None:
        return
    state = generator.getstate()
    if state == known_state[0] or (known_state[0] is None and _is_fresh(state)):
        known_state[0] = state
        return
    known_state[0] = state
    if module is None or len(sys._current_frames()) > 1:  # noqa: SLF001 - another thread may have moved it
        moved_by_program[0] = True
    else:
        _count(moved_at_import, module)


def _is_fresh(state: "tuple[Any, ...]") -> bool:
    return bool(state[1][0] == _FRESH_KEY and state[1][-1] == _FRESH_POSITION)


def _read_numpy() -> "tuple[Any, ...] | None":
    """Return the state of numpy's global generator."""
    get_state = getattr(sys.modules.get("numpy.random"), "get_state", None)
    if get_state is None:
        return None
    state = get_state(legacy=False)
    inner = state["state"]
    return state["bit_generator"], inner["key"].tobytes(), int(inner["pos"]), state["has_gauss"], state["gauss"]


def _is_numpy_unused(state: "tuple[Any, ...] | None") -> bool:
    """Whether nothing was drawn since numpy seeded it from entropy, but by the modules that are known for it."""
    if state is None:
        return "numpy.random" not in sys.modules
    if state[0] != "MT19937":
        return False
    fresh = int.from_bytes(state[1][:4], sys.byteorder) == _FRESH_KEY and state[2:4] == (_FRESH_POSITION - 1, 0)
    return fresh or state == numpy_left[0]


def numpy_is_unused() -> bool:
    """Whether such a module moved numpy's global generator, and nobody has since."""
    return numpy_left[0] is not None and _read_numpy() == numpy_left[0]


def moved_only_at_import() -> bool:
    """Whether the global generator was moved, but not since the last import of an installed package, nor between."""
    _look_at_state(None)
    return bool(moved_at_import) and not moved_by_program[0]


# ---- Generators ----


def _watch_for_random() -> None:
    """Have generators noticed that ``random.Random()`` seeds from entropy inside of compiled code.

    The random module announces itself: the last thing that its import does is to register its
    generator with os.register_at_fork, in every Python from 3.8 to 3.13.
    """
    if "random" in sys.modules:
        _watch_seeding(sys.modules["random"].Random)
        return
    real = os.register_at_fork

    def register_at_fork(**functions: "Any") -> None:
        owner = getattr(functions.get("after_in_child"), "__self__", None)
        if type(owner).__module__ == "random":
            os.register_at_fork = real
            _watch_seeding(type(owner))
        real(**functions)

    os.register_at_fork = register_at_fork


def _watch_seeding(generator: "type[Any]") -> None:
    real = generator.seed

    def seed(self: "Any", a: "Any" = None, version: int = 2) -> None:
        if a is None:
            note(sys._getframe(1))  # noqa: SLF001
        real(self, a, version)

    for name in ("__doc__", "__module__", "__name__", "__qualname__"):
        setattr(seed, name, getattr(real, name))
    generator.seed = seed


class _Watched(type):
    """Stands for the class of numpy's legacy bit generators, and makes that class's own instances.

    ``RandomState(5)`` makes a generator from entropy and seeds it then; the draw reached nothing. That
    it was seeded shows in the generator as long as it lives: its seed sequence is gone.
    """

    real: "type[Any]"

    def __call__(cls, *args: "Any", **options: "Any") -> "Any":
        last_drawer[0] = None
        generator = cls.real(*args, **options)
        if last_drawer[0] is not None:
            settle()
            if len(legacy) < _MOST_LEGACY:
                legacy.append((generator, last_drawer[0]))
        return generator

    def __instancecheck__(cls, item: object) -> bool:
        return isinstance(item, cls.real)

    def __getattr__(cls, name: str) -> "Any":
        return getattr(cls.real, name)


def _watch_legacy() -> None:
    names = getattr(sys.modules.get("numpy.random.mtrand"), "__dict__", {})
    real = names.get("_MT19937")
    if type(real) is type:
        names["_MT19937"] = _Watched("MT19937", (), {"real": real})


def settle() -> None:
    """Take back the draws of generators that were seeded since."""
    unseeded = []
    for generator, module in legacy:
        if getattr(generator, "_seed_seq", generator) is not None:
            unseeded.append((generator, module))
        elif entropy[module] > 1:
            entropy[module] -= 1
        else:
            del entropy[module]
    legacy[:] = unseeded
