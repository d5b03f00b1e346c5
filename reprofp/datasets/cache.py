"""Where the cache of digests of unchanged files lies, and whether it is used.

In: the environment (``REPROFP_NO_CACHE``, ``REPROFP_HOME``, ``XDG_CACHE_HOME``, ``HOME``). Out: an open cache, or None.
Guaranteed: never an error; what keeps digests from being remembered is a remark.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reprofp._core.caching import Cache, CacheCounts
from reprofp.errors import InputError

__all__ = ["Cache", "CacheCounts", "cache_path", "open_cache"]

_MACHINE_ID = Path("/etc/machine-id")
_PURPOSE = b"reprofp digest cache"
_NAME_DIGITS = 16


def is_cache_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment leaves the cache on."""
    return environ.get("REPROFP_NO_CACHE", "") in {"", "0"}


def cache_path(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the file of this host's cache, or None where there is no place for one.

    It lies in ``cache`` in REPROFP_HOME, else in ``reprofp`` in XDG_CACHE_HOME or ~/.cache. Each host has its own,
    since numbers of devices are a host's own and home folders are shared.
    """
    environ = os.environ if environ is None else environ
    folder = _cache_folder(environ)
    return None if folder is None else folder / f"digests-{_host_name()}"


def _cache_folder(environ: Mapping[str, str]) -> Path | None:
    if home := environ.get("REPROFP_HOME"):
        return Path(home, "cache")
    # The XDG base directory specification: a relative path is to be ignored.
    if os.path.isabs(caches := environ.get("XDG_CACHE_HOME", "")):
        return Path(caches, "reprofp")
    try:
        return Path("~/.cache/reprofp").expanduser()
    except RuntimeError:
        return None


def _host_name() -> str:
    """Return a name for this host that does not tell its machine id (machine-id(5) asks for that)."""
    try:
        identity = _MACHINE_ID.read_bytes().strip()
    except OSError:
        identity = b""
    name = hashlib.sha256(_PURPOSE + b"\0" + (identity or platform.node().encode()))
    return name.hexdigest()[:_NAME_DIGITS]


@contextmanager
def open_cache(
    *,
    enabled: bool = True,
    environ: Mapping[str, str] | None = None,
    tell: Callable[[str], object] | None = None,
) -> Iterator[Cache | None]:
    """Open the cache for one hashing and save it when the block ends; None where it is off or has no place.

    Args:
        enabled: whether the caller wants it; ``REPROFP_NO_CACHE=1`` turns it off all the same.
        environ: the environment that says where it lies; the process's own by default.
        tell: called with one sentence if digests cannot be remembered, and why.
    """
    environ = os.environ if environ is None else environ
    remark = None
    cache = None
    if enabled and is_cache_wanted(environ):
        cache, remark = _open_usable(environ)
    try:
        yield cache
    finally:
        if cache is not None and not cache.save():
            remark = cache.remark
        if remark is not None and tell is not None:
            tell(remark)


def _open_usable(environ: Mapping[str, str]) -> tuple[Cache | None, str | None]:
    path = cache_path(environ)
    if path is None:
        return None, _refuse("your home folder is not known; set XDG_CACHE_HOME to a folder of yours")
    try:
        _make_folders(path.parent)
        cache = Cache.open(path)
    except OSError as error:
        return None, _refuse(f"{str(path.parent)!r} cannot be made ({os.strerror(error.errno or 0)})")
    except (InputError, ValueError) as error:
        return None, _refuse(str(error))
    if cache.is_usable:
        return cache, None
    return None, _refuse(f"others may write to {str(path.parent)!r}; make it yours alone (chown, chmod 700)")


def _refuse(why: str) -> str:
    return f"digests of unchanged files are not remembered: {why}"


def _make_folders(folder: Path) -> None:
    """Make what is missing, for nobody else to see: names and sizes of files are private."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
