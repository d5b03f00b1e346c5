"""What was found out before and need not be found out again: answers under digests of all that they depend on.

In: keys that the asker makes anew each time, from what it sees now. Out: the bytes that were kept under them, or None.
Guaranteed: nothing is ever looked up by a name, a path alone or a time, so that there is nothing to go stale: where
anything that an answer depends on has changed, its key is another one, and it is found out anew. Only answers are kept,
never failures. What such a key cannot be made of more cheaply than the facts themselves (processors, memory, the
settings of a GPU) is not kept: it is read each time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["MAX_VALUE_BYTES", "Store", "Warm", "make_key"]

MAX_VALUE_BYTES = 64 << 10
"""What is longer is not kept."""

_MOST = 4096


class Store(Protocol):
    """Where answers outlive this process; both methods do without what is not there."""

    def find(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return for each key what was kept, or None."""

    def add(self, found: Mapping[bytes, bytes]) -> None:
        """Keep answers."""


def make_key(what: str, *parts: bytes) -> bytes:
    """Return the key of an answer to the question ``what`` (with its version) that depends on ``parts`` alone."""
    digest = hashlib.sha256(b"reprofp warm\0")
    for part in (what.encode(), *parts):
        digest.update(b"%d\0" % len(part))
        digest.update(part)
    return digest.digest()


class Warm:
    """Answers of this process, and of the store behind it; many threads may use it.

    There is no lock: a process that is forked while another thread holds one would wait for it for ever.
    """

    def __init__(self, behind: Store | None = None, known: dict[bytes, bytes] | None = None) -> None:
        """Begin with what is ``known``, in front of ``behind`` where there is one."""
        self.behind = behind
        self._known: dict[bytes, bytes] = {} if known is None else known

    def find(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return for each key what was kept, or None."""
        found = {key: self._known.get(key) for key in keys}
        missing = [key for key, value in found.items() if value is None]
        if missing and self.behind is not None:
            fresh = zip(missing, self.behind.find(missing), strict=True)
            taken = {key: value for key, value in fresh if value is not None}
            self._keep(taken)
            found |= taken
        return [found[key] for key in keys]

    def add(self, found: Mapping[bytes, bytes]) -> None:
        """Keep answers, here and behind."""
        short = {key: value for key, value in found.items() if len(value) <= MAX_VALUE_BYTES}
        self._keep(short)
        if short and self.behind is not None:
            self.behind.add(short)

    def _keep(self, found: Mapping[bytes, bytes]) -> None:
        if len(self._known) + len(found) > _MOST:
            self._known.clear()
        self._known.update(found)
