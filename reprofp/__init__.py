"""reprofp: may these two results be compared?

Everything here is handed on lazily: ``import reprofp`` reads no other module until a name is used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as typing's, without importing it
if TYPE_CHECKING:
    from typing import Any

    from reprofp._core.hashing import Hasher
    from reprofp.api import compare, connect, load, snapshot, verify
    from reprofp.datasets import (
        SequenceHasher,
        hash_file,
        hash_sequence,
        hash_tensor,
        hash_tensors,
        hash_tree,
        hash_weights,
    )
    from reprofp.errors import (
        AmbiguousNameError,
        DaemonError,
        FormatError,
        InputError,
        LedgerError,
        NameNotFoundError,
        ReprofpError,
        UnstableFileError,
        UsageError,
    )
    from reprofp.hooks.inprocess import run
    from reprofp.model.records import Run, Snapshot
    from reprofp.verdict import Level, Verdict

__all__ = [
    "AmbiguousNameError",
    "DaemonError",
    "FormatError",
    "Hasher",
    "InputError",
    "LedgerError",
    "Level",
    "NameNotFoundError",
    "ReprofpError",
    "Run",
    "SequenceHasher",
    "Snapshot",
    "UnstableFileError",
    "UsageError",
    "Verdict",
    "__version__",
    "compare",
    "connect",
    "hash_file",
    "hash_sequence",
    "hash_tensor",
    "hash_tensors",
    "hash_tree",
    "hash_weights",
    "load",
    "run",
    "snapshot",
    "verify",
]

__version__ = "0.1.0"

_HOMES = {
    "reprofp._core.hashing": ("Hasher",),
    "reprofp.api": ("compare", "connect", "load", "snapshot", "verify"),
    "reprofp.datasets": (
        "SequenceHasher",
        "hash_file",
        "hash_sequence",
        "hash_tensor",
        "hash_tensors",
        "hash_tree",
        "hash_weights",
    ),
    "reprofp.errors": (
        "AmbiguousNameError",
        "DaemonError",
        "FormatError",
        "InputError",
        "LedgerError",
        "NameNotFoundError",
        "ReprofpError",
        "UnstableFileError",
        "UsageError",
    ),
    "reprofp.hooks.inprocess": ("run",),
    "reprofp.model.records": ("Run", "Snapshot"),
    "reprofp.verdict": ("Level", "Verdict"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the home of a public name when it is first used, and keep the name.

    Raises:
        AttributeError: the package has no such name.
    """
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - importing reprofp must stay instant

    from reprofp.probes.raw import observing  # noqa: PLC0415

    with observing():
        value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names without importing them."""
    return sorted({*globals(), *__all__})
