"""Parts of the raw observations that the process could not tell: ``{"error": code}`` in the part's place."""

from __future__ import annotations

from typing import Any

from reprofp.model.observations import Unknown, UnknownCode

__all__ = ["read_unknown"]

_CODES = {"denied": UnknownCode.DENIED, "failed": UnknownCode.FAILED}


def read_unknown(part: Any) -> Unknown | None:
    """Return why there is no such part, or None where there is one."""
    if isinstance(part, dict) and set(part) == {"error"}:
        return Unknown(_CODES.get(str(part["error"]), UnknownCode.FAILED))
    return None
