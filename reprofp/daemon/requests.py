"""Reading the parameters of a request: each has a type, and none is left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from reprofp.daemon.opening import open_file
from reprofp.errors import UsageError
from reprofp.ledger.files import unpack_record
from reprofp.ledger.parcels import Parcel
from reprofp.model.observations import Value
from reprofp.model.paths import FactPath, parse_path
from reprofp.model.records import Record

__all__ = ["Params"]

_T = TypeVar("_T")
_MOST_RECORDS = 1000


class Params:
    """The parameters of one request; each is taken once, then ``finish`` refuses the rest."""

    def __init__(self, method: str, given: Mapping[str, Value]) -> None:
        """Keep what was given."""
        self._method = method
        self._left = dict(given)

    def _refuse(self, name: str, what: str) -> UsageError:
        return UsageError(f"{self._method} takes {what} as {name!r}")

    def _take(self, name: str, kind: type[_T], what: str) -> _T | None:
        value = self._left.pop(name, None)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._refuse(name, what)
        return value

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self._take(name, str, "a text")
        if value is None:
            raise self._refuse(name, "a text")
        return value

    def text_or_none(self, name: str) -> str | None:
        """Return a text, or None where there is none."""
        return self._take(name, str, "a text")

    def number(self, name: str, low: int, high: int, default: int | None = None) -> int | None:
        """Return a whole number from ``low`` to ``high``, or ``default``."""
        value = self._take(name, int, f"a whole number from {low} to {high}")
        if value is None:
            return default
        if not low <= value <= high:
            raise self._refuse(name, f"a whole number from {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean; what is not given is false."""
        return bool(self._take(name, bool, "true or false"))

    def name_or_record(self, name: str) -> str | Record:
        """Return a record's name, or the record whose file's bytes were given."""
        value = self._left.pop(name, None)
        if isinstance(value, bytes):
            return unpack_record(value)
        if not isinstance(value, str):
            raise self._refuse(name, "a record's name, or the bytes of its file,")
        return value

    def parcels(self, name: str) -> list[Parcel]:
        """Return the parcels of the records whose files' bytes were given."""
        return self._read_list(name, bytes, open_file, f"a list of 1 to {_MOST_RECORDS} record files", least=1)

    def paths(self, name: str) -> list[FactPath]:
        """Return the paths of facts that were given as texts."""
        return self._read_list(name, str, parse_path, "a list of paths of facts", least=0)

    def blobs(self, name: str, longest: int) -> list[bytes]:
        """Return a list of byte strings of at most ``longest`` bytes."""
        what = f"a list of 1 to {_MOST_RECORDS} byte strings of at most {longest} bytes"
        found: list[bytes] = self._read_list(name, bytes, lambda item: item, what, least=1)
        if any(len(item) > longest for item in found):
            raise self._refuse(name, what)
        return found

    def _read_list(self, name: str, kind: type, read: Callable[..., _T], what: str, *, least: int) -> list[_T]:
        value = self._left.pop(name, None)
        items: Sequence[Value] = value if isinstance(value, list) else () if value is None else (None,)
        if not least <= len(items) <= _MOST_RECORDS or not all(isinstance(item, kind) for item in items):
            raise self._refuse(name, what)
        return [read(item) for item in items]

    def finish(self) -> None:
        """Refuse what was given and not taken."""
        if self._left:
            raise UsageError(f"{self._method} takes no parameter {min(self._left)!r}")
