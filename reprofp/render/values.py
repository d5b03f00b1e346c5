"""Values, observations and changes as short, harmless text.

Text that came from files or programs may hold anything: control characters (escape sequences of
terminals, directional overrides) are written as escapes, and what is long is cut in the middle.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timezone

from reprofp.model.ids import format_id
from reprofp.model.observations import Absent, Observation, Observed, Unknown, Value

__all__ = [
    "clean",
    "format_bytes",
    "format_change",
    "format_duration",
    "format_observation",
    "format_time",
    "format_value",
    "short_id",
    "shorten",
]

_LIMIT = 48
_ID_HEX = 12
_DIGEST = re.compile(r"([a-z0-9][a-z0-9._+-]*:)([0-9a-f]{32,})")
_LOOKS_OTHERWISE = re.compile(
    r"(?i)true|false|null|none|absent|unknown|\?.*|[-+]?[0-9][0-9_]*(\.[0-9]*)?(e[-+]?[0-9]+)?|[-+.]?(inf|nan)"
)
_NUMBER_LIKE = re.compile(r"[0-9.]{1,20}")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_KIBI = 1024
_MINUTE = 60


def clean(text: str) -> str:
    """Write control, format and unassigned characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        _escape(character) if unicodedata.category(character) in _HIDDEN else character for character in text
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


def shorten(text: str, limit: int = _LIMIT) -> str:
    """Cut the middle out of a text longer than ``limit``."""
    if len(text) <= limit:
        return text
    head = limit * 2 // 3
    return text[:head] + "..." + text[len(text) - (limit - head - 3) :]


def short_id(kind: str, raw: bytes) -> str:
    """Write an id by as many digits as a person needs."""
    return format_id(kind, raw)[: len(kind) + 1 + _ID_HEX]


def format_value(value: Value, limit: int = _LIMIT) -> str:
    """Write a value on one line; text that could be taken for something else is quoted."""
    if isinstance(value, str):
        return shorten(_format_text(value), limit)
    return shorten(_format_other(value), limit)


def _format_text(text: str) -> str:
    digest = _DIGEST.fullmatch(text)
    if digest is not None:
        return digest.group(1) + digest.group(2)[:_ID_HEX]
    if not text or text != text.strip() or _LOOKS_OTHERWISE.fullmatch(text):
        return '"' + clean(text).replace('"', '\\"') + '"'
    return clean(text)


def _format_other(value: Value) -> str:  # noqa: PLR0911 - one line for each type of a value
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case bytes():
            return f"0x{value.hex()}"
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            return "{" + ", ".join(f"{clean(key)}: {format_value(item)}" for key, item in value.items()) + "}"
        case Sequence():
            return "[" + ", ".join(format_value(item) for item in value) + "]"
    return clean(str(value))


def format_observation(fact: Observation, limit: int = _LIMIT) -> str:
    """Write what was observed: the value, ``absent``, or a question mark with the reason."""
    if isinstance(fact, Observed):
        return format_value(fact.value, limit)
    if isinstance(fact, Absent):
        return "absent"
    return f"? ({fact.code.value})"


def format_change(a: Observation, b: Observation, limit: int = _LIMIT) -> str:
    """Write both sides of a fact as ``A -> B``; what both have once; lists by what was taken and added."""
    if a == b and isinstance(a, (Observed, Absent)):
        return f"{_format_bare(a, limit)} (both)"
    if a == b and isinstance(a, Unknown):
        return f"? ({a.code.value}, both)"
    if isinstance(a, Observed) and isinstance(b, Observed):
        return _format_pair(a.value, b.value, limit)
    return f"{format_observation(a, limit)} -> {format_observation(b, limit)}"


def _format_pair(a: Value, b: Value, limit: int) -> str:
    if _is_list(a) and _is_list(b):
        return shorten(_format_list_change(a, b), 2 * limit)  # type: ignore[arg-type]  # both are lists
    if isinstance(a, str) and isinstance(b, str):
        first, second = _format_bare(Observed(a), limit), _format_bare(Observed(b), limit)
    else:
        first, second = format_value(a, limit), format_value(b, limit)
    if first == second:
        first, second = _around_difference(a, b, limit)
    return f"{first} -> {second}"


def _format_bare(fact: Observation, limit: int) -> str:
    """Write a fact whose type is beyond doubt: text needs quotes only where its ends would not show."""
    if isinstance(fact, Observed) and isinstance(fact.value, str) and _NUMBER_LIKE.fullmatch(fact.value):
        return fact.value
    return format_observation(fact, limit)


def _is_list(value: Value) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _format_list_change(a: Sequence[Value], b: Sequence[Value]) -> str:
    before, after = (Counter(format_value(item) for item in side) for side in (a, b))
    changes = [f"-{item}" for item in (before - after).elements()] + [
        f"+{item}" for item in (after - before).elements()
    ]
    return " ".join(changes) if changes else "the same items in another order"


def _around_difference(a: Value, b: Value, limit: int) -> tuple[str, str]:
    """Cut two values that look alike when shortened so that the difference is seen."""
    long_a, long_b = (clean(str(value)) for value in (a, b))
    start = next((index for index, (x, y) in enumerate(zip(long_a, long_b, strict=False)) if x != y), 0)
    start = max(0, start - limit // 4)
    head = "..." if start else ""
    return tuple(head + shorten(text[start:], limit) for text in (long_a, long_b))  # type: ignore[return-value]  # two


def format_time(time_ns: int) -> str:
    """Write a moment as UTC, to the second."""
    try:
        moment = datetime.fromtimestamp(time_ns // 10**9, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):
        return f"{time_ns} ns since 1970"
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")


def format_duration(duration_ns: int) -> str:
    """Write a duration with three digits or so."""
    seconds = duration_ns / 1e9
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < _MINUTE:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def format_bytes(count: int) -> str:
    """Write a size with its binary unit."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < _KIBI:
            return f"{size:.4g} {unit}"
        size /= _KIBI
    return f"{size:.4g} TiB"
