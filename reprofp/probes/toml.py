"""Reads TOML with the standard library, or with tomli before Python 3.11."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, cast

__all__ = ["read_toml"]


def read_toml(text: str) -> dict[str, Any]:
    """Return the table that ``text`` holds.

    Raises:
        ValueError: it is not TOML.
    """
    reader = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    return cast("dict[str, Any]", reader.loads(text))
