"""What clients found out and keep here for the next process of the same user: answers under keys of their own making.

In: keys and values of a user. Out: the values again, to that user alone: what another claims could not be believed.
The daemon cannot tell what they mean, and need not: a key is a digest of all that its answer depends on, made anew by
whoever asks (``reprofp.probes.warm``). Guaranteed: bounded memory, whoever writes how much; nothing outlives the daemon.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from reprofp.daemon.requests import Params
from reprofp.errors import UsageError
from reprofp.model.observations import Value

__all__ = ["Answers"]

_KEY_BYTES = 32
_VALUE_BYTES = 64 << 10
_USER_BYTES = 4 << 20
_ENTRY_BYTES = 256
"""What an entry takes beside its value."""
_MOST_USERS = 16


class _Shelf:
    """The answers of one user, the longest unused first."""

    def __init__(self) -> None:
        self.known: OrderedDict[bytes, bytes] = OrderedDict()
        self.size = 0

    def put(self, key: bytes, value: bytes) -> None:
        self.drop(key)
        self.known[key] = value
        self.size += len(value) + _ENTRY_BYTES
        while self.size > _USER_BYTES:
            self.drop(next(iter(self.known)))

    def drop(self, key: bytes) -> None:
        value = self.known.pop(key, None)
        self.size -= 0 if value is None else len(value) + _ENTRY_BYTES

    def get(self, key: bytes) -> bytes | None:
        value = self.known.get(key)
        if value is not None:
            self.known.move_to_end(key)
        return value


class Answers:
    """The answers of all users; many threads may ask."""

    def __init__(self) -> None:
        """Begin empty."""
        self._shelves: OrderedDict[int, _Shelf] = OrderedDict()
        self._mutex = threading.Lock()

    def get(self, uid: int, params: Params) -> Value:
        """Return for each of the ``keys`` what this user put, or None.

        Raises:
            UsageError: a parameter is not what it must be.
        """
        keys = _take_keys(params)
        params.finish()
        with self._mutex:
            shelf = self._shelves.get(uid, _Shelf())
            return [shelf.get(key) for key in keys]

    def put(self, uid: int, params: Params) -> Value:
        """Keep ``values`` under ``keys`` for this user.

        Raises:
            UsageError: a parameter is not what it must be.
        """
        keys, values = _take_keys(params), params.blobs("values", _VALUE_BYTES)
        params.finish()
        if len(keys) != len(values):
            raise UsageError(f"warm.put takes as many values as keys, not {len(values)} for {len(keys)}")
        with self._mutex:
            shelf = self._shelves.setdefault(uid, _Shelf())
            self._shelves.move_to_end(uid)
            if len(self._shelves) > _MOST_USERS:
                self._shelves.popitem(last=False)
            for key, value in zip(keys, values, strict=True):
                shelf.put(key, value)
        return []


def _take_keys(params: Params) -> list[bytes]:
    keys = params.blobs("keys", _KEY_BYTES)
    if any(len(key) != _KEY_BYTES for key in keys):
        raise UsageError(f"a key has {_KEY_BYTES} bytes")
    return keys
