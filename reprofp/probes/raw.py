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
    from collections.abc import Callable, Iterable
    from types import TracebackType
    from typing import Any

__all__ = ["SCHEMA", "collect", "observing"]

SCHEMA = 1
"""The version of the dict's form."""

_FLAGS = (
    "debug",
    "inspect",
    "interactive",
    "optimize",
    "dont_write_bytecode",
    "no_user_site",
    "no_site",
    "ignore_environment",
    "verbose",
    "bytes_warning",
    "quiet",
    "hash_randomization",
    "isolated",
    "dev_mode",
    "utf8_mode",
    "warn_default_encoding",
    "safe_path",
    "int_max_str_digits",
    "thread_inherit_context",
    "context_aware_warnings",
)
_LOCALES = ("LC_CTYPE", "LC_COLLATE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME", "LC_MESSAGES")
_VERSION_LENGTH = 100
_UNTOUCHED_KEY = 0x80000000
"""What init_by_array leaves in the first word of a Mersenne Twister's key; any draw mixes it."""

_own_modules: set[str] = set()
_own_libraries: set[str] = set()


def collect() -> dict[str, Any]:
    """Look at this process, from the thread whose floating-point state is asked for."""
    libraries = _guard(_read_libraries)
    loaded = _guard(_read_modules)
    modules = loaded if "error" in loaded else {name: item[0] for name, item in loaded.items()}
    versions = loaded if "error" in loaded else {name: item[1] for name, item in loaded.items() if item[1]}
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
        "path": _guard(lambda: [item for item in sys.path if isinstance(item, str)]),
        "environ": _guard(lambda: dict(os.environ)),
        "environ_start": _guard(_read_first_environ),
        "python": _guard(_describe_python),
        "modules": modules,
        "versions": versions,
        "libraries": [item for item in mapped if item["path"] not in _own_libraries]
        if isinstance(libraries, list)
        else libraries,
        "thread_pools": _guard(lambda: _ask_thread_pools([item["path"] for item in mapped])),
        "affinity": _guard(lambda: sorted(os.sched_getaffinity(0))),
        "floating_point": _guard(lambda: _read_floating_point([item["path"] for item in mapped])),
        "rng": {"python": _guard(_describe_random), "numpy": _guard(_describe_numpy_random)},
        "numpy": _guard(_describe_numpy),
        "children": _guard(_read_children),
        "audit": None,
        "entropy": None,
        "exit": None,
    }


class observing:  # noqa: N801 - reads as a statement
    """A context in which what gets imported and mapped is reprofp's, not the program's.

    What reprofp itself brings into a process must not be reported as the program's. Modules and
    libraries that appear inside are left out of later collections; outside of the standard library
    only those of reprofp's own dependencies, since another thread may import something meanwhile.
    """

    _OWN = frozenset(
        "reprofp _cffi_backend cffi click cpuinfo msgpack psutil pynvml rich tomli yaml _yaml zstandard".split()
    )

    def __enter__(self) -> None:
        """Remember what is there."""
        self._before = set(sys.modules), _read_mapped_paths()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Keep in mind what has come since."""
        modules, libraries = self._before
        _own_modules.update(name for name in set(sys.modules) - modules if self._is_own(_find_module_file(name), name))
        _own_libraries.update(path for path in _read_mapped_paths() - libraries if self._is_own(path, ""))

    def _is_own(self, path: str | None, name: str) -> bool:
        if name.partition(".")[0] in self._OWN or path is None:
            return True
        _, installed, below = path.rpartition("-packages/")
        return not installed or below.partition("/")[0].partition(".")[0] in self._OWN


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
    for line in os.fsdecode(_read_bytes("/proc/self/maps")).splitlines():
        fields = line.split(None, 5)
        if len(fields) < 6 or not fields[5].startswith("/"):
            continue
        path, deleted, _ = fields[5].partition(" (deleted)")
        base = path.rpartition("/")[2]
        if path != executable and (".so" in base or "x" in fields[1]):
            found[path] = {"path": path, "base": base, "inode": int(fields[4]), "deleted": bool(deleted)}
    return [found[path] for path in sorted(found)]


def _read_mapped_paths() -> set[str]:
    libraries = _guard(_read_libraries)
    return {item["path"] for item in libraries} if isinstance(libraries, list) else set()


def _read_modules() -> dict[str, tuple[str | None, str | None]]:
    """Return file and version of every module, without waking those that load lazily."""
    found: dict[str, tuple[str | None, str | None]] = {}
    used = _find_used() if _own_modules else set()
    for name, module in list(sys.modules.items()):
        if not isinstance(name, str) or module is None or (name in _own_modules and name not in used):
            continue
        names = _names_of(module)
        version = None if "." in name else names.get("__version__")
        found[name] = (_as_text(names.get("__file__")), _as_text(version, _VERSION_LENGTH))
    return found


def _names_of(module: object) -> dict[str, Any]:
    try:
        names = object.__getattribute__(module, "__dict__")
    except Exception:  # noqa: BLE001 - anything can stand in sys.modules
        return {}
    return names if isinstance(names, dict) else {}


def _as_text(value: object, limit: int = 4096) -> str | None:
    return str(value)[:limit] if isinstance(value, str) else None


def _find_module_file(name: str) -> str | None:
    return _as_text(_names_of(sys.modules.get(name)).get("__file__"))


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


def _describe_python() -> dict[str, Any]:
    flags = {name: getattr(sys.flags, name) for name in _FLAGS if hasattr(sys.flags, name)}
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
    text = _read_first_environ().get("PYTHONHASHSEED", "")
    if sys.flags.ignore_environment or not text.isdigit() or _has_option("R", _read_arguments()):
        return "random"
    return str(int(text))


def _has_option(letter: str, arguments: list[str]) -> bool:
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
    import _locale  # noqa: PLC0415 - built in

    codeset = "utf-8" if sys.flags.utf8_mode else _locale.nl_langinfo(_locale.CODESET)
    return {
        "filesystem": sys.getfilesystemencoding(),
        "preferred": codeset,
        "stdout": _as_text(getattr(sys.stdout, "encoding", None)),
    }


def _describe_locale() -> dict[str, Any]:
    import _locale  # noqa: PLC0415 - built in; setlocale with one argument only asks

    return {name: _locale.setlocale(getattr(_locale, name)) for name in _LOCALES if hasattr(_locale, name)}


def _describe_sitecustomize() -> dict[str, Any] | None:
    path = _find_module_file("sitecustomize")
    return None if path is None else {"path": path, "digest": _hash(_read_bytes(path))}


def _hash(*parts: bytes) -> str:
    """Return the SHA-256 of ``parts``, by the interpreter's own small module rather than OpenSSL."""
    try:
        from _sha2 import sha256  # type: ignore[import-not-found]  # noqa: PLC0415 - Python 3.12 and later
    except ImportError:
        try:
            from _sha256 import sha256  # type: ignore[import-not-found]  # noqa: PLC0415 - up to 3.11
        except ImportError:
            from hashlib import sha256  # noqa: PLC0415
    digest = sha256()
    for part in parts:
        digest.update(part)
    return "sha256:" + digest.hexdigest()


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


def _open_loaded(path: str) -> Any:
    """Return a handle of a library that is already mapped; raises OSError for any other."""
    import ctypes  # noqa: PLC0415 - after the maps were read

    return ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)


def _ask_thread_pools(paths: list[str]) -> list[dict[str, Any]]:
    pools = []
    for path in paths:
        base = path.rpartition("/")[2]
        for api, starts, ask in _POOLS:
            if base.startswith(starts):
                facts = _guard(lambda ask=ask, path=path: ask(_open_loaded(path)))  # type: ignore[misc]
                if facts is not None:
                    pools.append(dict(_NO_FACTS, api=api, name=_strip_version(base), **facts))
    return pools


_NO_FACTS: dict[str, Any] = {"threads": None, "dynamic": None, "version": None, "core": None, "layer": None}


def _strip_version(base: str) -> str:
    """Return a library's name without its suffix, and without the hash that wheels add to it."""
    stem = base.partition(".so")[0]
    name, dash, tail = stem.rpartition("-")
    return name if dash and len(tail) >= 8 and all(letter in "0123456789abcdef" for letter in tail) else stem


def _find_symbol(library: Any, *names: str) -> Any:
    for name in names:
        symbol = getattr(library, name, None)
        if symbol is not None:
            return symbol
    return None


def _call_for_number(symbol: Any) -> int | None:
    return None if symbol is None else int(symbol())


def _call_for_text(symbol: Any) -> str | None:
    import ctypes  # noqa: PLC0415

    if symbol is None:
        return None
    symbol.restype = ctypes.c_char_p
    text = symbol()
    return None if text is None else text.decode("ascii", "replace").strip()


def _ask_openmp(library: Any) -> dict[str, Any] | None:
    threads = _call_for_number(_find_symbol(library, "omp_get_max_threads"))
    dynamic = _call_for_number(_find_symbol(library, "omp_get_dynamic"))
    return None if threads is None else {"threads": threads, "dynamic": None if dynamic is None else bool(dynamic)}


def _ask_openblas(library: Any) -> dict[str, Any] | None:
    forms = ("scipy_openblas_%s64_", "scipy_openblas_%s", "openblas_%s64_", "openblas_%s")

    def find(name: str) -> Any:
        return _find_symbol(library, *(form % name for form in forms))

    threads = _call_for_number(find("get_num_threads"))
    config = (_call_for_text(find("get_config")) or "").split()
    layers = {0: "sequential", 1: "pthreads", 2: "openmp", None: None}
    layer = layers.get(_call_for_number(find("get_parallel")))
    if threads is None:
        return None
    version = config[1] if len(config) > 1 and config[0] == "OpenBLAS" else None
    return {"threads": threads, "version": version, "core": _call_for_text(find("get_corename")), "layer": layer}


def _ask_mkl(library: Any) -> dict[str, Any] | None:
    threads = _call_for_number(_find_symbol(library, "MKL_Get_Max_Threads", "mkl_get_max_threads"))
    dynamic = _call_for_number(_find_symbol(library, "MKL_Get_Dynamic", "mkl_get_dynamic"))
    return None if threads is None else {"threads": threads, "dynamic": None if dynamic is None else bool(dynamic)}


def _ask_blis(library: Any) -> dict[str, Any] | None:
    threads = _call_for_number(_find_symbol(library, "bli_thread_get_num_threads"))
    version = _call_for_text(_find_symbol(library, "bli_info_get_version_str"))
    return None if threads is None else {"threads": threads, "version": version}


_POOLS: tuple[tuple[str, tuple[str, ...], Callable[[Any], dict[str, Any] | None]], ...] = (
    ("openmp", ("libgomp", "libomp", "libiomp"), _ask_openmp),
    ("openblas", ("libopenblas", "libscipy_openblas"), _ask_openblas),
    ("mkl", ("libmkl_rt",), _ask_mkl),
    ("blis", ("libblis",), _ask_blis),
)


def _read_floating_point(paths: list[str]) -> dict[str, Any] | None:
    """Read the calling thread's MXCSR and x87 control word out of the C library's fenv_t (x86-64 only).

    The System V ABI's fenv_t is the 28 bytes of FNSTENV, the control word first, and MXCSR after them.
    """
    libm = [path for path in paths if path.rpartition("/")[2].startswith(("libm.so", "libm-"))]
    if os.uname().machine != "x86_64" or not libm:
        return None
    words = _call_fegetenv(libm[0])
    mxcsr, control = words[7], words[0] & 0xFFFF
    rounding = ("nearest", "downward", "upward", "toward_zero")[mxcsr >> 13 & 3]
    return {"mxcsr": mxcsr, "x87_control": control, "fpcr": None, "rounding": rounding}


def _call_fegetenv(path: str) -> list[int]:
    """Call it through the compiled half of ctypes: importing the other half takes longer than all else here."""
    import _ctypes  # noqa: PLC0415 - after the maps were read

    word = type("word", (_ctypes._SimpleCData,), {"_type_": "I"})  # noqa: SLF001
    buffer = type("buffer", (_ctypes.Array,), {"_type_": word, "_length_": 16})()
    handle = _ctypes.dlopen(path, os.RTLD_NOLOAD | os.RTLD_NOW)
    try:
        if _ctypes.call_function(_ctypes.dlsym(handle, "fegetenv"), (_ctypes.byref(buffer),)):
            raise OSError("fegetenv failed")
    finally:
        _ctypes.dlclose(handle)
    return [int(item) for item in buffer]
