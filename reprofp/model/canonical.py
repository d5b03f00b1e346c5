"""Canonical bytes: msgpack with exactly one encoding per value (format ``canonical/1``).

In: Python values (None, bool, int, float, str, bytes, dates, lists, maps with string keys).
Out: bytes. Guaranteed: equal values give equal bytes in every process and release, ``decode(encode(v))``
gives ``v`` back (tuples as lists), and ``decode`` accepts nothing that ``encode`` would not have written.

The rules are spelled out, with golden vectors, in docs/formats/canonical.md. The byte encoding is the
msgpack specification's (https://github.com/msgpack/msgpack/blob/master/spec.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import cast

import msgpack

from reprofp.errors import FormatError
from reprofp.model.observations import Value

__all__ = ["MAX_DEPTH", "MAX_FACET_BYTES", "decode", "encode", "encode_plain"]

MAX_DEPTH = 32
"""How deep lists and maps may nest; a scalar has depth 0."""

MAX_FACET_BYTES = 4 * 1024 * 1024
"""The largest encoded facet, in bytes."""

_INT64_MIN = -(2**63)
_UINT64_MAX = 2**64 - 1
_FLOAT_TEXT = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def encode(value: Value) -> bytes:
    """Return the canonical bytes of ``value``.

    Raises:
        FormatError: ``value`` nests deeper than MAX_DEPTH, holds a lone surrogate, a key that is not a
            string, or a type that the format does not know.
    """
    try:
        return cast("bytes", msgpack.packb(_to_plain(value, 0), use_bin_type=True))
    except UnicodeEncodeError as error:
        raise FormatError(f"text with a lone surrogate has no canonical form: {error.object!r}") from error


def encode_plain(value: object) -> bytes:
    """Return the canonical bytes of what msgpack writes canonically as it is.

    That is texts without lone surrogates, bytes, integers of 64 bits, and lists and maps of them, whose keys stand in
    order and do not begin with ``$``. Nothing is checked.
    """
    return cast("bytes", msgpack.packb(value, use_bin_type=True))


def decode(data: bytes, *, is_checked: bool = False) -> Value:
    """Return the value whose canonical bytes are ``data``.

    With ``is_checked`` they are known to be canonical, and are not encoded again to see it.

    Raises:
        FormatError: ``data`` is not exactly what ``encode`` writes for some value.
    """
    limit = len(data)
    try:
        plain = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            ext_hook=_refuse_extension,
            max_array_len=limit,
            max_map_len=limit,
            max_str_len=limit,
            max_bin_len=limit,
        )
    except (ValueError, msgpack.UnpackException, RecursionError) as error:
        raise FormatError(f"not canonical msgpack ({type(error).__name__}: {error or 'no detail'})") from error
    value = _from_plain(plain, 0)
    if not is_checked and encode(value) != data:
        raise FormatError(
            "not canonical: the same value has another encoding (key order, number width or duplicate keys)"
        )
    return value


def _refuse_extension(code: int, _payload: bytes) -> object:
    raise ValueError(f"msgpack extension type {code} is not part of the format")


_AS_IS = frozenset({str, bytes, bool, type(None)})
"""Types, but not those derived from them, whose values msgpack writes canonically."""


def _to_plain(value: object, depth: int) -> object:
    """Replace what msgpack cannot hold canonically by tagged maps, and sort the keys of maps."""
    if type(value) in _AS_IS or isinstance(value, bytes):  # nearly all that there is
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value) if _INT64_MIN <= value <= _UINT64_MAX else _tag("int", str(int(value)))
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else _tag("float", repr(float(value)))
    if isinstance(value, (datetime, date, time)):
        return _tag(_date_kind(value), value.isoformat())
    return _container_to_plain(value, depth + 1)


def _container_to_plain(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        raise FormatError(f"values nest deeper than {MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return _map_to_plain(value, depth)
    if isinstance(value, Sequence) and not isinstance(value, (bytearray, memoryview)):
        return [_to_plain(item, depth) for item in value]
    raise FormatError(f"a value of type {type(value).__name__} has no canonical form")


def _map_to_plain(value: Mapping[object, object], depth: int) -> dict[str, object]:
    for key in value:
        if not isinstance(key, str):
            raise FormatError(f"map keys are strings, not {type(key).__name__}: {key!r}")
    # A key of the user's that begins with "$" gets another, so that it never reads as a tag.
    escaped = {
        ("$" + key if key.startswith("$") else key): item for key, item in cast("Mapping[str, object]", value).items()
    }
    return {key: _to_plain(escaped[key], depth) for key in sorted(escaped, key=str.encode)}


def _tag(kind: str, text: str) -> dict[str, object]:
    return {"$": kind, "v": text}


def _date_kind(value: date | time) -> str:
    if isinstance(value, datetime):
        return "datetime"
    return "date" if isinstance(value, date) else "time"


def _from_plain(plain: object, depth: int) -> Value:
    if isinstance(plain, list):
        _refuse_depth(depth + 1)
        return [_from_plain(item, depth + 1) for item in plain]
    if isinstance(plain, dict):
        if "$" in plain:
            return _from_tag(plain)
        _refuse_depth(depth + 1)
        return _map_from_plain(plain, depth + 1)
    if plain is None or isinstance(plain, (bool, int, float, str, bytes)):
        return plain
    raise FormatError(f"a value of type {type(plain).__name__} has no canonical form")


def _refuse_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise FormatError(f"values nest deeper than {MAX_DEPTH} levels")


def _map_from_plain(plain: dict[object, object], depth: int) -> dict[str, Value]:
    result: dict[str, Value] = {}
    for key, item in plain.items():
        if not isinstance(key, str):
            raise FormatError(f"map keys are strings, not {type(key).__name__}: {key!r}")
        if key.startswith("$") and not key.startswith("$$"):
            raise FormatError(f"unknown tag {key!r}")
        result[key.removeprefix("$")] = _from_plain(item, depth)
    return result


def _from_tag(plain: dict[object, object]) -> Value:
    kind, text = plain.get("$"), plain.get("v")
    if len(plain) != 2 or not isinstance(kind, str) or not isinstance(text, str):  # noqa: PLR2004  {"$", "v"}
        raise FormatError(f"malformed tagged value {plain!r}")
    read = _TAG_READERS.get(kind)
    if read is None:
        raise FormatError(f"unknown tag {kind!r}: written by a newer reprofp?")
    try:
        return read(text)
    except (ValueError, KeyError) as error:
        raise FormatError(f"malformed {kind} value {text[:80]!r}") from error


_TAG_READERS: dict[str, Callable[[str], Value]] = {
    "int": int,
    "float": _FLOAT_TEXT.__getitem__,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
}
