"""Which names a pickle in a checkpoint may use.

A call that is not in a list here is never made anyway. The lists tell a checkpoint that holds objects of somebody's
package (whose tensors are not read, since only that package knows what they mean) from one that asks for what only an
attack needs: functions of Python's own library, of torch or of numpy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, NoReturn

from reprofp.datasets.formats.pickles import Call, Global
from reprofp.errors import FormatError

__all__ = ["HARMLESS_CALLS", "check_call", "check_global", "iterate_nodes"]

HARMLESS_CALLS = frozenset(
    Global(*name.rsplit(".", 1))
    for name in (
        "argparse.Namespace",
        "builtins.bytearray builtins.complex builtins.object builtins.range builtins.slice",
        "__builtin__.bytearray __builtin__.complex __builtin__.object __builtin__.slice __builtin__.xrange",
        "collections.deque",
        "copy_reg._reconstructor copyreg._reconstructor",
        "datetime.date datetime.datetime datetime.time datetime.timedelta datetime.timezone",
        "decimal.Decimal fractions.Fraction uuid.UUID types.SimpleNamespace",
        "pathlib.Path pathlib.PosixPath pathlib.PurePath pathlib.PurePosixPath pathlib.PureWindowsPath",
        "pathlib.WindowsPath pathlib._local.PosixPath pathlib._local.WindowsPath",
        "numpy.dtype numpy.ndarray numpy.core.multiarray._reconstruct numpy._core.multiarray._reconstruct",
        "numpy.core.numeric._frombuffer numpy._core.numeric._frombuffer",
        "numpy.core.multiarray.scalar numpy._core.multiarray.scalar",
        "torch.device torch.serialization._get_layout",
    )
    for name in name.split()
)
"""Calls that make plain values: described, never made."""

_HARMLESS_VALUES = frozenset(
    Global(module, name)
    for module in ("builtins", "__builtin__")
    for name in ("bool", "bytes", "dict", "float", "int", "list", "object", "set", "str", "tuple", "type")
) | {Global("collections", "OrderedDict"), Global("typing", "Any"), Global("typing", "Union")}

_OWN_FUNCTIONS = ("torch", "numpy")
_LIBRARY = frozenset(sys.stdlib_module_names) | {"__builtin__", "copy_reg", "nt", "posix", "commands", "webbrowser"}
_LEAVES = (str, int, float, bytes, bytearray, type(None))


def check_global(name: Global) -> None:
    """Refuse a name that only an attack needs.

    Raises:
        FormatError: it is of Python's own library, and in no list.
    """
    if name not in HARMLESS_CALLS and name not in _HARMLESS_VALUES and _is_library(name):
        _refuse(name)


def check_call(name: Global) -> None:
    """Refuse a call that only an attack needs.

    Raises:
        FormatError: it is of a function of Python's own library, of torch or of numpy, and in no list.
    """
    if name not in HARMLESS_CALLS and (_is_library(name) or _is_own_function(name)):
        _refuse(name)


def _refuse(name: Global) -> NoReturn:
    raise FormatError(
        f"the pickle asks for {str(name)[:120]!r}, which no checkpoint needs; nothing of it was executed. Do not load it"
        " with pickle or torch.load(weights_only=False); have the weights saved as safetensors, or as a state_dict"
    )


def _is_library(name: Global) -> bool:
    return name.module.partition(".")[0] in _LIBRARY


def _is_own_function(name: Global) -> bool:
    is_own = name.module.partition(".")[0] in _OWN_FUNCTIONS
    is_class = name.name.rpartition(".")[2][:1].isupper()
    return is_own and not is_class and not name.name.startswith("_rebuild_")


def iterate_nodes(value: Any) -> Iterator[Any]:
    """Yield a value and all that is in it, each object once."""
    seen: set[int] = set()
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _LEAVES) or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        waiting.extend(_parts_of(node))


def _parts_of(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [*node.values(), getattr(node, "attributes", None)]
    if isinstance(node, (list, tuple)):
        return list(node)
    if isinstance(node, Call):
        return [node.function, node.arguments, node.state, node.items]
    return []
