"""Types of values as OmegaConf reads them from YAML: ``1e-3`` is a number, ``2024-01-01`` is text.

Plain scalars are read here with a few patterns, since importing a YAML parser takes longer than a whole snapshot
should; documents are read by PyYAML with the same patterns. The patterns follow YAML 1.1 (https://yaml.org/type/) with
the float of YAML 1.2 and without dates, which is what OmegaConf does.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Any, cast

from reprofp.model.observations import Value

__all__ = ["read_argument", "read_document", "read_override", "read_scalar"]

_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*(?::[0-5]?[0-9])*)", re.ASCII)
_DIGITS = r"[0-9]+(?:_[0-9]+)*"
_LOOSE_DIGITS = r"[0-9][0-9_]*"
# OmegaConf's own pattern stands beside PyYAML's, which asks for a sign in the exponent and is loose about underscores.
_FLOAT = re.compile(
    rf"[-+]?{_DIGITS}\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?{_LOOSE_DIGITS}\.[0-9_]*(?:[eE][-+][0-9]+)?"
    rf"|[-+]?{_DIGITS}[eE][-+]?[0-9]+|\.{_LOOSE_DIGITS}(?:[eE][-+][0-9]+)?"
    rf"|[-+]?{_LOOSE_DIGITS}(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    re.ASCII,
)
_TRUE = frozenset(form for word in ("yes", "true", "on") for form in (word, word.title(), word.upper()))
_FALSE = frozenset(form for word in ("no", "false", "off") for form in (word, word.title(), word.upper()))
_NULL = frozenset({"", "~", "null", "Null", "NULL"})

_CERTAIN_NUMBER = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.[0-9]+(?:[eE][-+]?[0-9]+)?"
)
_CERTAIN_WORDS = {"true": True, "True": True, "false": False, "False": False}
_MOST_DEEP = 200
_MANY_DASHES = re.compile(rf"(?:- ){{{_MOST_DEEP}}}")
_BRACKET = re.compile(r"[\[\]{}]")
_CONSTRUCTORS_RAISE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What PyYAML's constructors raise for values that are not of their tag."""


def read_scalar(text: str) -> Value:
    """Return what OmegaConf reads from the plain scalar ``text``."""
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INT.fullmatch(text):
        return _to_int(text)
    return _to_float(text) if _FLOAT.fullmatch(text) else text


def read_argument(text: str) -> Value:
    """Return the value of a command-line option: what OmegaConf reads, but only where every program would agree.

    ``010`` is 8 for YAML and 10 for Python, ``1:30`` is 90 for YAML, and ``yes`` may be a word: such values stay
    text, or two options that mean different things would be equal. Lists in brackets and JSON objects are read.
    """
    if text in _CERTAIN_WORDS:
        return _CERTAIN_WORDS[text]
    if _CERTAIN_NUMBER.fullmatch(text):
        number = read_scalar(text)
        return float(text) if isinstance(number, str) else number
    return _read_flow(text)


def read_override(text: str) -> Value:
    """Return the value of an override (``key=value``): what OmegaConf reads, quoted texts and lists included."""
    value = read_scalar(text)
    return _read_flow(text, "['\"") if isinstance(value, str) else value


def _read_flow(text: str, openings: str = "[") -> Value:
    """Return a list in brackets or a JSON object; other text as it is."""
    try:
        if text.startswith("{"):
            return cast("Value", json.loads(text))
        if text[:1] in tuple(openings):
            value: Value = read_document(text)
            return value if isinstance(value, (list, str)) else text
    except (ValueError, RecursionError):
        return text
    return text


def _to_int(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").replace("_", "")
    for prefix, base in (("0b", 2), ("0x", 16)):
        if digits.startswith(prefix):
            return sign * int(digits[2:] or "0", base)
    if ":" in digits:
        return sign * int(_read_sexagesimal(digits))
    return sign * (int(digits, 8) if digits.startswith("0") else int(digits))


def _to_float(text: str) -> float:
    sign = -1.0 if text.startswith("-") else 1.0
    digits = text.lstrip("+-").replace("_", "").lower()
    if digits in (".inf", ".nan"):
        return sign * (math.inf if digits == ".inf" else math.nan)
    return sign * (_read_sexagesimal(digits) if ":" in digits else float(digits))


def _read_sexagesimal(digits: str) -> float:
    total = 0.0
    for part in digits.split(":"):
        total = total * 60 + float(part)
    return total


def read_document(text: str) -> Any:
    """Return the one YAML document in ``text``.

    Raises:
        ValueError: it is no YAML, several documents, or asks for other types than YAML's own.
    """
    import yaml  # noqa: PLC0415  it takes milliseconds to import, and few snapshots need it

    if _is_deep(text):
        raise ValueError("no YAML that can be read: it nests too deeply")
    try:
        return yaml.load(text, Loader=_make_loader())  # noqa: S506  made from the safe loader
    except (yaml.YAMLError, *_CONSTRUCTORS_RAISE) as error:
        raise ValueError(f"no YAML that can be read: {type(error).__name__}") from error


def _is_deep(text: str) -> bool:
    """Whether nesting could exhaust the stack of the parser in C, which does not notice."""
    if _MANY_DASHES.search(text):
        return True
    depth = 0
    for match in _BRACKET.finditer(text):
        depth = depth + 1 if match[0] in "[{" else max(depth - 1, 0)
        if depth > _MOST_DEEP:
            return True
    return False


@lru_cache(maxsize=1)
def _make_loader() -> Any:
    import yaml  # noqa: PLC0415

    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    left_out = {"tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}
    resolvers = {
        first: [(tag, pattern) for tag, pattern in entries if tag not in left_out]
        for first, entries in base.yaml_implicit_resolvers.items()
    }
    loader: Any = type("Loader", (base,), {"yaml_implicit_resolvers": resolvers})
    loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(f"(?:{_FLOAT.pattern})$"), list("-+0123456789."))
    return loader
