"""Reading small files that may be hostile: bounded in bytes, and never waiting for a pipe or a device."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

__all__ = ["find_project_root", "hash_small_file", "read_bounded", "read_head", "to_bytes", "to_text", "to_value"]

_CHUNK = 1 << 20


def read_bounded(path: str | os.PathLike[str], limit: int) -> bytes:
    """Return the content of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file, or longer.
    """
    with open(_open_regular(path), "rb") as file:
        # Not the whole limit at once: a buffer of its size is filled where MALLOC_PERTURB_ is set, and reserved anyway.
        data = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
        while len(data) <= limit and (more := file.read(min(limit + 1 - len(data), _CHUNK))):
            data += more
    if len(data) > limit:
        raise ValueError(f"{os.fspath(path)} is longer than {limit} bytes")
    return data


def read_head(path: str | os.PathLike[str], count: int) -> bytes:
    """Return the first ``count`` bytes of a regular file.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file.
    """
    with open(_open_regular(path), "rb", buffering=0) as file:
        return file.read(count)


def hash_small_file(path: str | os.PathLike[str], limit: int) -> str:
    """Return ``sha256:hex`` of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no regular file, or longer.
    """
    digest, left = hashlib.sha256(), limit
    with open(_open_regular(path), "rb", buffering=0) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            left -= len(chunk)
            if left < 0:
                raise ValueError(f"{os.fspath(path)} is longer than {limit} bytes")
    return f"sha256:{digest.hexdigest()}"


def _open_regular(path: str | os.PathLike[str]) -> int:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise ValueError(f"{os.fspath(path)} is not a regular file")


def to_text(text: str) -> str:
    """Return ``text`` with the bytes that are not valid UTF-8 written in hex: for paths of facts and for people."""
    return text if text.isascii() else to_bytes(text).decode("utf-8", "backslashreplace")


def to_value(text: str) -> str | bytes:
    """Return ``text``, or its bytes where they are not valid UTF-8: for values of facts."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return to_bytes(text)
    return text


def to_bytes(text: str) -> bytes:
    """Return the bytes that ``text`` came from: surrogates as the file system's encoding escapes them."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def find_project_root(cwd: Path, marks: tuple[str, ...] = (".git", "pyproject.toml")) -> Path:
    """Return the nearest folder from ``cwd`` upwards that holds one of ``marks``, else ``cwd``."""
    return next((folder for folder in (cwd, *cwd.parents) if any((folder / mark).exists() for mark in marks)), cwd)
