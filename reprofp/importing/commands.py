"""What ran, as other tools name it."""

from __future__ import annotations

import os
from pathlib import Path

from reprofp.importing.found import Found
from reprofp.probes.files import hash_small_file, to_value

__all__ = ["add_entry"]

_MOST_BYTES = 256 << 20


def add_entry(found: Found, program: str, kept: Path | None = None) -> None:
    """Add the script or module that ran; ``kept`` is a copy of it, where the tool kept one."""
    if not program or program.startswith("<"):
        return
    module = program.removeprefix("-m ") if program.startswith("-m ") else ""
    found.observe("code", "entry", value=to_value(module or os.path.basename(program.rstrip("/"))))
    if kept is None:
        return
    try:
        found.observe("code", "entry", "digest", value=hash_small_file(kept, _MOST_BYTES))
    except (OSError, ValueError):
        return
