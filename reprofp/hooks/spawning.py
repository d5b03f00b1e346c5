"""Starts a program with the signal mask and dispositions that it would have had without the wrapper.

Python's own os.posix_spawn cannot: C libraries leave the signals that they keep for themselves (32 and
33, musl's 34 as well) ignored in what they spawn unless they are told otherwise, and refuse to be told
through sigaddset(3). Programs that use these signals otherwise, as those without a C library do, inherit
that through execve(2). So the C library is called here with sets of signals that were made by hand.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["spawn"]

_SET_DEFAULTS, _SET_MASK = 0x04, 0x08
"""POSIX_SPAWN_SETSIGDEF and POSIX_SPAWN_SETSIGMASK, in glibc and in musl."""
_ATTRIBUTES_SIZE = 1024
"""More than a posix_spawnattr_t takes (336 bytes in both, on 64 bits)."""
_FIRST_RESERVED = 32
"""The first real-time signal; the C library keeps those before SIGRTMIN."""


class _SignalSet(ctypes.Structure):
    """A sigset_t: one bit for each signal, from the first on."""

    _fields_ = (("words", ctypes.c_ulong * (128 // ctypes.sizeof(ctypes.c_ulong))),)

    @classmethod
    def of(cls, signals: Iterable[int]) -> _SignalSet:
        made, bits = cls(), 8 * ctypes.sizeof(ctypes.c_ulong)
        for number in signals:
            made.words[(number - 1) // bits] |= 1 << (number - 1) % bits
        return made


def spawn(
    program: str, argv: Sequence[str], environ: Mapping[str, str], mask: Iterable[int], defaults: Iterable[int]
) -> int:
    """Start ``program`` and return its process id.

    What this process was itself given ignored stays so; ``defaults`` are the further signals whose default
    disposition is restored.

    Raises:
        OSError: it cannot be executed.
        ValueError: an argument or a variable holds a NUL character.
    """
    entries = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in environ.items()]
    words = [[os.fsencode(word) for word in argv], entries]
    if any(b"\0" in word for part in words for word in part):
        raise ValueError("embedded null character")
    vectors = [(ctypes.c_char_p * (len(part) + 1))(*part, None) for part in words]
    library, child = ctypes.CDLL(None), ctypes.c_int()
    attributes = ctypes.create_string_buffer(_ATTRIBUTES_SIZE)
    restored = {*defaults, *_list_reserved()}
    library.posix_spawnattr_init(attributes)
    library.posix_spawnattr_setflags(attributes, ctypes.c_short(_SET_DEFAULTS | _SET_MASK))
    library.posix_spawnattr_setsigdefault(attributes, ctypes.byref(_SignalSet.of(restored)))
    library.posix_spawnattr_setsigmask(attributes, ctypes.byref(_SignalSet.of(mask)))
    error = library.posix_spawn(ctypes.byref(child), os.fsencode(program), None, attributes, *vectors)
    library.posix_spawnattr_destroy(attributes)
    if error:
        raise OSError(error, os.strerror(error))
    return child.value


def _list_reserved() -> list[int]:
    """List the C library's own signals, without those that this process was given ignored."""
    try:
        with open("/proc/self/status", "rb") as stream:
            ignored = next(int(line.split()[1], 16) for line in stream if line.startswith(b"SigIgn:"))
    except (OSError, StopIteration, ValueError):
        ignored = 0
    return [number for number in range(_FIRST_RESERVED, signal.SIGRTMIN) if not ignored >> (number - 1) & 1]
