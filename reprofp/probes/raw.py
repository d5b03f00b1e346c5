"""Raw observations of the process that runs this file: one dict that can be written as JSON.

Uses the standard library of Python 3.8 and later only and nothing of reprofp, since the run hook loads
it by its path inside programs that do not have reprofp. Guaranteed: the memory map and the loaded
modules are read before anything is imported; no generator is advanced, no flag is set, nothing is
loaded that the program had not loaded (libraries are asked through handles that they already have);
one part that fails is ``{"error": code}`` and never costs the others.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any

__all__ = ["SCHEMA", "collect", "describe_python", "observing", "predict_hash_seed"]

SCHEMA = 1
"""The version of the dict's form."""

_FLAGS = """
    debug inspect interactive optimize dont_write_bytecode no_user_site no_site ignore_environment verbose
    bytes_warning quiet hash_randomization isolated dev_mode utf8_mode warn_default_encoding safe_path
    int_max_str_digits thread_inherit_context context_aware_warnings
"""
_LOCALES = ("LC_CTYPE", "LC_COLLATE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "LC_MESSAGES")
_VERSION_LENGTH = 100
_UNTOUCHED_KEY = 0x80000000
"""What init_by_array leaves in the first word of a Mersenne Twister's key; any draw mixes it."""

_FRAMEWORKS = """
    torch jax tensorflow keras sklearn xgboost lightgbm cupy triton transformers vllm numba numexpr
""".split()  # noqa: SIM905
"""What ``raw_frameworks.py`` and ``raw_others.py`` know."""

_own_modules: set[str] = set()
_own_libraries: set[str] = set()


def collect() -> dict[str, Any]:
    """Look at this process, from the thread whose floating-point state is asked for."""
    libraries = _guard(_read_libraries)
    modules, versions = _guard(_read_modules), _guard(_read_versions)
    mapped = libraries if isinstance(libraries, list) else []
    return {
        "schema": SCHEMA,
        "pid": os.getpid(),
        "argv": _guard(lambda: [str(item) for item in sys.argv]),
        "orig_argv": _guard(_read_arguments),
        "cwd": _guard(os.getcwd),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "path": _guard(lambda: [item for item in map(_as_text, sys.path) if item is not None]),
        "environ": _guard(lambda: dict(os.environ)),
        "environ_start": _guard(_read_first_environ),
        "python": _guard(describe_python),
        "modules": modules,
        "versions": versions,
        "libraries": [item for item in mapped if item["path"] not in _own_libraries]
        if isinstance(libraries, list)
        else libraries,
        "thread_pools": _guard(lambda: _ask_thread_pools(mapped)),
        "affinity": _guard(lambda: sorted(os.sched_getaffinity(0))),
        "floating_point": _guard(lambda: _read_floating_point([item["path"] for item in mapped])),
        "rng": {"python": _guard(_describe_random), "numpy": _guard(_describe_numpy_random)},
        "numpy": _guard(_describe_numpy),
        "frameworks": _guard(_describe_frameworks),
        "children": _guard(_read_children),
        "own": {
            "modules": _guard(lambda: sorted(_find_hidden())),
            "libraries": sorted({item["path"] for item in mapped} & _own_libraries),
        },
        "audit": None,
        "entropy": None,
        "entropy_at_import": None,
        "moved_at_import": None,
        "exit": None,
    }


class observing:  # noqa: N801 - reads as a statement
    """A context in which what gets imported and mapped is reprofp's, not the program's.

    What reprofp itself brings into a process must not be reported as the program's. Modules and
    libraries that appear inside are left out of later collections, and listed under ``own``: whether the
    program has come to use them too cannot be told. Outside of the standard library only those of
    reprofp's own dependencies count, since another thread may import something meanwhile.
    """

    _OWN = "reprofp _cffi_backend cffi click cpuinfo msgpack psutil pynvml rich tomli yaml _yaml zstandard"

    def __enter__(self) -> None:
        """Remember what is there."""
        self._before = set(sys.modules), _read_mapped_paths()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep in mind what has come since."""
        modules, libraries = self._before
        _own_modules.update(name for name in set(sys.modules) - modules if self._is_own(_find_module_file(name), name))
        _own_libraries.update(path for path in _read_mapped_paths() - libraries if self._is_own(path, ""))

    def _is_own(self, path: str | None, name: str) -> bool:
        if name.partition(".")[0] in self._OWN.split() or path is None:
            return True
        _, installed, below = path.rpartition("-packages/")
        return not installed or below.partition("/")[0].partition(".")[0] in self._OWN.split()


def _guard(part: Callable[[], Any]) -> Any:
    """Return what ``part`` returns, or why it could not tell."""
    try:
        return part()
    except PermissionError:
        return {"error": "denied"}
    except Exception:  # noqa: BLE001 - whatever goes wrong in one part must not cost the others
        return {"error": "failed"}


def _read_bytes(path: str) -> bytes:
    with open(path, "rb") as stream:
        return stream.read()


def _read_libraries() -> list[dict[str, Any]]:
    """List the mapped files that hold code, in the order of their paths."""
    executable = os.readlink("/proc/self/exe")
    found: dict[str, dict[str, Any]] = {}
    path = ""
    for line in os.fsdecode(_read_bytes("/proc/self/maps")).splitlines():
        fields = line.split(None, 5)
        begin, end = (int(address, 16) for address in fields[0].split("-"))
        if len(fields) < 6:
            if path in found and found[path]["end"] == begin:
                found[path]["end"] = end  # variables that begin as zero have no place in the file, and follow it
            continue
        path, deleted, _ = fields[5].partition(" (deleted)")
        base = path.rpartition("/")[2]
        if path in found:
            found[path]["end"] = end
        elif path.startswith("/") and path != executable and (".so" in base or "x" in fields[1]):
            found[path] = {"path": path, "base": base, "begin": begin, "end": end, "deleted": bool(deleted)}
    return [found[path] for path in sorted(found)]


def _read_mapped_paths() -> set[str]:
    libraries = _guard(_read_libraries)
    return {item["path"] for item in libraries} if isinstance(libraries, list) else set()


def _read_modules() -> dict[str, str | None]:
    """Return every module's file, without waking modules that load lazily."""
    hidden = _find_hidden()
    loaded = [
        (name, module)
        for name, module in list(sys.modules.items())
        if _as_text(name) is not None and name not in hidden
    ]
    return {name: _as_text(_names_of(module).get("__file__")) for name, module in loaded}


def _read_versions() -> dict[str, str]:
    loaded = [
        (name, module)
        for name, module in list(sys.modules.items())
        if "." not in (_as_text(name) or ".") and name not in _own_modules
    ]
    versions = {name: _as_text(_names_of(module).get("__version__")) for name, module in loaded}
    return {name: version[:_VERSION_LENGTH] for name, version in versions.items() if version}


def _names_of(module: object) -> dict[str, Any]:
    try:
        names = object.__getattribute__(module, "__dict__")
    except Exception:  # noqa: BLE001 - anything can stand in sys.modules
        return {}
    return names if isinstance(names, dict) else {}


def _as_text(value: object) -> str | None:
    return str(value) if isinstance(value, str) else None


def _find_module_file(name: str) -> str | None:
    return _as_text(_names_of(sys.modules.get(name)).get("__file__"))


def _find_hidden() -> set[str]:
    """Find modules that reprofp brought in, and of which no other sign shows that the program uses them."""
    return (_own_modules & set(sys.modules)) - _find_used() if _own_modules else set()


def _find_used() -> set[str]:
    """Find modules that reprofp brought in, and that the program has under a name of its own since."""
    own = {id(sys.modules[name]): name for name in _own_modules if name in sys.modules}
    stdlib = os.path.dirname(os.__file__) + os.sep
    used: set[str] = set()
    for name, module in list(sys.modules.items()):
        file = _find_module_file(name)
        if name in _own_modules or file is None or (file.startswith(stdlib) and "-packages" not in file):
            continue
        used.update(own[id(item)] for item in list(_names_of(module).values()) if id(item) in own)
    return used


def _read_arguments() -> list[str]:
    return [os.fsdecode(item) for item in _read_bytes("/proc/self/cmdline").split(b"\0")[:-1]]


def _read_first_environ() -> dict[str, str]:
    pairs = [os.fsdecode(item).partition("=") for item in _read_bytes("/proc/self/environ").split(b"\0")]
    return {name: value for name, sign, value in pairs if sign}


def _read_children() -> dict[str, Any]:
    """Tell whether a child was waited for, and how many multiprocessing has made."""
    fields = _read_bytes("/proc/self/stat").rpartition(b")")[2].split()
    counter = getattr(sys.modules.get("multiprocessing.process"), "_process_counter", None)
    digits = "".join(letter for letter in repr(counter) if letter.isdigit())
    return {"waited": int(fields[8]) > 0, "multiprocessing": int(digits) - 1 if digits else 0}


def describe_python() -> dict[str, Any]:
    """Describe the interpreter that runs this."""
    flags = {name: getattr(sys.flags, name) for name in _FLAGS.split() if hasattr(sys.flags, name)}
    build, _, compiler = sys.version.partition("(")[2].partition(") ")
    return {
        "version": sys.version.split()[0],
        "implementation": sys.implementation.name,
        "build": build,
        "compiler": compiler.strip().strip("[]"),
        "flags": flags,
        "hash_randomization": bool(flags["hash_randomization"]),
        "hash_seed": _guard(_find_hash_seed),
        "gil": bool(getattr(sys, "_is_gil_enabled", lambda: True)()),
        "encodings": _guard(_describe_encodings),
        "locale": _guard(_describe_locale),
        "byteorder": sys.byteorder,
        "sitecustomize": _guard(_describe_sitecustomize),
    }


def _find_hash_seed() -> str:
    """Return the seed of str hashes as the interpreter took it at its start: ``random``, or the number."""
    if not sys.flags.hash_randomization:
        return "0"
    return "random" if sys.flags.ignore_environment else predict_hash_seed(_read_arguments(), _read_first_environ())


def predict_hash_seed(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return the seed that a Python with these arguments and this environment takes: ``random``, or the number."""
    text = environ.get("PYTHONHASHSEED", "")
    if not text.isdigit() or any(_has_option(letter, arguments) for letter in "REI"):
        return "random"
    return str(int(text))


def _has_option(letter: str, arguments: Sequence[str]) -> bool:
    """Whether a one-letter option of the interpreter itself was given."""
    position = 1
    while position < len(arguments) and arguments[position].startswith("-") and arguments[position] not in {"-", "--"}:
        cluster = arguments[position][1:]
        for index, option in enumerate(cluster):
            if option == letter:
                return True
            if option in "cm-":
                return False
            if option in "WX":
                position += index == len(cluster) - 1
                break
        position += 1
    return False


def _describe_encodings() -> dict[str, Any]:
    import _locale  # built in

    codeset = "utf-8" if sys.flags.utf8_mode else _locale.nl_langinfo(_locale.CODESET)
    return {
        "filesystem": sys.getfilesystemencoding(),
        "preferred": codeset,
        "stdout": _as_text(getattr(sys.stdout, "encoding", None)),
    }


def _describe_locale() -> dict[str, Any]:
    import _locale  # built in; setlocale with one argument only asks

    return {name: _locale.setlocale(getattr(_locale, name)) for name in _LOCALES if hasattr(_locale, name)}


def _describe_sitecustomize() -> dict[str, Any] | None:
    path = _find_module_file("sitecustomize")
    return None if path is None else {"path": path, "digest": _hash(_read_bytes(path))}


def _hash(*parts: bytes) -> str:
    """Return the SHA-256 of ``parts``, by the interpreter's own small module rather than OpenSSL."""
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]  # up to 3.11
        except ImportError:
            from hashlib import sha256
    digest = sha256()
    for part in parts:
        digest.update(part)
    return "sha256:" + str(digest.hexdigest())


def _describe_random() -> dict[str, Any]:
    generator = getattr(sys.modules.get("random"), "_inst", None)
    if generator is None:
        return {"state": None, "touched": False}
    state = generator.getstate()
    key, rest = state[1], state[2]
    touched = not (key[0] == _UNTOUCHED_KEY and key[-1] == len(key) - 1 and rest is None)
    return {"state": _hash(repr(state).encode()), "touched": touched}


def _describe_numpy_random() -> dict[str, Any]:
    """Describe numpy's legacy generator.

    One that numpy seeded itself stands one word before its end; at the very end one word was drawn, or
    the program has seeded it.
    """
    get_state = getattr(sys.modules.get("numpy.random"), "get_state", None)
    if get_state is None:
        return {"legacy": {"state": None, "touched": False, "bit_generator": None}}
    state = get_state(legacy=False)
    inner = state["state"]
    fresh = state["bit_generator"] == "MT19937" and not state["has_gauss"]
    fresh = fresh and int(inner["key"][0]) == _UNTOUCHED_KEY and int(inner["pos"]) == len(inner["key"]) - 1
    digest = _hash(repr(sorted(_flatten(state))).encode())
    return {"legacy": {"state": digest, "touched": not fresh, "bit_generator": str(state["bit_generator"])}}


def _flatten(state: dict[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in state.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield prefix + name, repr(value.tolist() if hasattr(value, "tolist") else value)


def _describe_numpy() -> dict[str, Any] | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or not hasattr(numpy, "ndarray"):
        return None
    core = sys.modules.get("numpy._core._multiarray_umath") or sys.modules.get("numpy.core._multiarray_umath")
    baseline, dispatch = (list(getattr(core, name, ())) for name in ("__cpu_baseline__", "__cpu_dispatch__"))
    features = getattr(core, "__cpu_features__", {})
    return {
        "version": str(numpy.__version__),
        "config": {"blas": _guard(lambda: _describe_blas(numpy))},
        "cpu_features": {
            "baseline": baseline,
            "dispatch": dispatch,
            "enabled": {name: bool(features[name]) for name in baseline + dispatch if name in features},
        },
    }


def _describe_blas(numpy: Any) -> dict[str, Any]:
    config = getattr(numpy.__config__, "CONFIG", None)
    if config is not None:
        blas = config["Build Dependencies"]["blas"]
        return {"name": blas.get("name"), "version": blas.get("version")}
    info = getattr(numpy.__config__, "blas_opt_info", None) or getattr(numpy.__config__, "blas_ilp64_opt_info", {})
    return {"name": ",".join(info.get("libraries", ())) or None, "version": None}


def _describe_frameworks() -> dict[str, Any]:
    """Describe the frameworks that are loaded, by the file beside this one; where none is, that costs nothing."""
    if sys.modules.keys().isdisjoint(_FRAMEWORKS):
        return {}
    from _frozen_importlib_external import SourceFileLoader

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "raw_frameworks.py")
    names: dict[str, Any] = {"__name__": "reprofp_raw_frameworks", "__file__": path}
    exec(SourceFileLoader("raw_frameworks", path).get_code("raw_frameworks"), names)  # type: ignore[arg-type]
    described: dict[str, Any] = names["describe"](_hash)
    return described


class _Library:
    """A mapped library, asked through the handle that the process has; holds what it defines itself."""

    def __init__(self, item: dict[str, Any]) -> None:
        import ctypes  # after the maps were read

        self.base, self._begin, self._end, self._ctypes = item["base"], item["begin"], item["end"], ctypes
        self._handle = ctypes.CDLL(item["path"], mode=os.RTLD_NOLOAD | os.RTLD_NOW)

    def find(self, *names: str) -> Any:
        """Return the first of these functions that the library itself defines, rather than one that it uses."""
        for name in names:
            symbol = getattr(self._handle, name, None)
            address = self._ctypes.cast(symbol, self._ctypes.c_void_p).value if symbol is not None else None
            if address is not None and self._begin <= address < self._end:
                return symbol
        return None

    def number(self, *names: str) -> int | None:
        symbol = self.find(*names)
        return None if symbol is None else int(symbol())

    def flag(self, *names: str) -> bool | None:
        number = self.number(*names)
        return None if number is None else bool(number)

    def text(self, *names: str) -> str | None:
        symbol = self.find(*names)
        if symbol is None:
            return None
        symbol.restype = self._ctypes.c_char_p
        text = symbol()
        return None if text is None else str(text.decode("ascii", "replace").strip())

    def sleeps(self) -> bool:
        """Whether it is an OpenMP runtime of the KMP family that has not started: asking would start it.

        Beside another one that has, that would abort the process (OMP Error #15). One that runs has
        registered itself with the address of a variable of its own (kmp.c asks in the same way).
        """
        return self.find("__kmpc_fork_call") is not None and not any(map(self._holds, self._read_registrations()))

    def _holds(self, registration: bytes) -> bool:
        """Whether a registration, ``address-flag-file name``, tells of an address in this library."""
        digits, dash, _ = registration.partition(b"-")
        try:
            return bool(dash) and self._begin <= int(digits, 16) < self._end
        except ValueError:
            return False

    def _read_registrations(self) -> Iterable[bytes]:
        """Yield what runtimes have registered, in the order in which they try the places for it."""
        name = b"__KMP_REGISTERED_LIB_%d" % os.getpid()
        full = b"%s_%d" % (name, os.getuid())
        yield from map(_read_own_file, (b"/dev/shm/" + full, b"/tmp/" + full))
        getenv = self._ctypes.CDLL(None).getenv
        getenv.restype = self._ctypes.c_char_p
        yield from (getenv(full) or b"", getenv(name) or b"")


def _read_own_file(path: bytes) -> bytes:
    """Return the beginning of a regular file of this user; in a folder that all write to, others are not believed."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        info = os.fstat(file)
        return os.read(file, 127) if info.st_mode & 0o170000 == 0o100000 and info.st_uid == os.geteuid() else b""
    finally:
        os.close(file)


def _ask_thread_pools(libraries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    candidates = [item for item in libraries if any(part in item["base"] for part in ("omp", "blas", "mkl", "blis"))]
    opened = [_guard(lambda item=item: _Library(item)) for item in candidates]  # type: ignore[misc]
    loaded = [library for library in opened if isinstance(library, _Library)]
    pools = []
    for library in loaded:
        for ask in (_ask_openmp, _ask_openblas, _ask_mkl, _ask_blis):
            facts = _guard(lambda ask=ask, library=library: ask(library, loaded))  # type: ignore[misc]
            if facts and "api" in facts:
                pools.append(dict(_NO_FACTS, name=_strip_version(library.base), **facts))
    return pools


_NO_FACTS: dict[str, Any] = {"threads": None, "dynamic": None, "version": None, "core": None, "layer": None}
_MKL_LAYERS = (
    ("intel", "libmkl_intel_thread."),
    ("gnu", "libmkl_gnu_thread."),
    ("tbb", "libmkl_tbb_thread."),
    ("sequential", "libmkl_sequential."),
)


def _strip_version(base: str) -> str:
    """Return a library's name without its suffix, its version and the hashes that wheels add to it."""
    import re

    stem = base.partition(".so")[0]
    return re.sub(r"(?:-[0-9a-f]{8,}|-r?\d+(?:\.\d+)+)+$", "", stem) or stem


def _ask_openmp(library: _Library, _loaded: list[_Library]) -> dict[str, Any] | None:
    if library.find("omp_get_max_threads") is None:
        return None
    if library.sleeps():
        return {"api": "openmp"}
    return {
        "api": "openmp",
        "threads": library.number("omp_get_max_threads"),
        "dynamic": library.flag("omp_get_dynamic"),
    }


def _ask_openblas(library: _Library, _loaded: list[_Library]) -> dict[str, Any] | None:
    forms = [prefix + "openblas_get_%s" + suffix for prefix in ("", "scipy_") for suffix in ("", "64_", "_64")]

    def names(getter: str) -> list[str]:
        return [form % getter for form in forms]

    if library.find(*names("num_threads")) is None:
        return None
    config = (library.text(*names("config")) or "").split()
    layers = {0: "sequential", 1: "pthreads", 2: "openmp", None: None}
    return {
        "api": "openblas",
        "threads": library.number(*names("num_threads")),
        "version": config[1] if len(config) > 1 and config[0] == "OpenBLAS" else None,
        "core": library.text(*names("corename")),
        "layer": layers.get(library.number(*names("parallel"))),
    }


def _ask_mkl(library: _Library, loaded: list[_Library]) -> dict[str, Any] | None:
    """Ask MKL; its dispatching library loads its layers at the first call, and they start OpenMP."""
    if library.find("MKL_Get_Max_Threads") is None:
        return None
    bases = [other.base for other in loaded]
    if library.base.startswith("libmkl_rt") and not any(base.startswith("libmkl_core.") for base in bases):
        return {"api": "mkl"}
    layers = [name for name, start in _MKL_LAYERS if any(base.startswith(start) for base in bases)]
    return {
        "api": "mkl",
        "threads": None if any(other.sleeps() for other in loaded) else library.number("MKL_Get_Max_Threads"),
        "dynamic": library.flag("MKL_Get_Dynamic"),
        "version": _read_mkl_version(library),
        "layer": layers[0] if layers else None,
    }


def _read_mkl_version(library: _Library) -> str | None:
    import ctypes

    put, buffer = library.find("MKL_Get_Version_String"), ctypes.create_string_buffer(256)
    if put is None:
        return None
    put(buffer, 255)
    words = buffer.value.decode("ascii", "replace").partition("Version ")[2].split()
    return words[0] if words else None


def _ask_blis(library: _Library, _loaded: list[_Library]) -> dict[str, Any] | None:
    if library.find("bli_thread_get_num_threads") is None:
        return None
    layers = [name for name in ("openmp", "pthreads") if library.flag("bli_info_get_enable_" + name)]
    return {
        "api": "blis",
        "threads": library.number("bli_thread_get_num_threads"),
        "version": library.text("bli_info_get_version_str"),
        "layer": layers[0] if layers else None,
    }


def _read_floating_point(paths: list[str]) -> dict[str, Any] | None:
    """Read the calling thread's MXCSR and x87 control word out of the C library's fenv_t (x86-64 only).

    The System V ABI's fenv_t is the 28 bytes of FNSTENV, the control word first, and MXCSR after them.
    """
    libm = [path for path in paths if path.rpartition("/")[2].startswith(("libm.so", "libm-"))]
    if os.uname().machine != "x86_64" or not libm:
        return None
    words = _call_fegetenv(libm[0])
    mxcsr, control = words[7] & ~0x3F, words[0] & 0xFFFF  # without the exceptions that were raised so far
    rounding = ("nearest", "downward", "upward", "toward_zero")[mxcsr >> 13 & 3]
    return {"mxcsr": mxcsr, "x87_control": control, "fpcr": None, "rounding": rounding}


def _call_fegetenv(path: str) -> list[int]:
    """Call it through the compiled half of ctypes: importing the other half takes longer than all else here."""
    import _ctypes  # after the maps were read

    word = type("word", (_ctypes._SimpleCData,), {"_type_": "I"})  # noqa: SLF001
    buffer = type("buffer", (_ctypes.Array,), {"_type_": word, "_length_": 16})()
    handle = _ctypes.dlopen(path, os.RTLD_NOLOAD | os.RTLD_NOW)
    try:
        if _ctypes.call_function(_ctypes.dlsym(handle, "fegetenv"), (_ctypes.byref(buffer),)):
            raise OSError("fegetenv failed")
    finally:
        _ctypes.dlclose(handle)
    return [int(item) for item in buffer]
