"""The key under which values that must not be stored are compared: HMAC-SHA-256, one key per user.

In: the environment (``REPROFP_KEY``, ``REPROFP_HOME``, ``XDG_STATE_HOME``, ``HOME``). Out: a Key. Guaranteed: the
default key is 32 random bytes in a file of mode 0600 that appears whole or not at all, two processes that create it at
once end with the same key, and where it can be neither read nor written the key lives only as long as the process, so
that its id differs and values under it compare Unknown.

A team that wants to compare such values shares one file of 32 random bytes and names it in REPROFP_KEY.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from reprofp.errors import InputError
from reprofp.probes.files import read_bounded

__all__ = ["KEY_BYTES", "Key", "load_key"]

KEY_BYTES = 32
"""The length of a key."""

_ID_LABEL = b"reprofp key id/1\0"
_VALUE_LABEL = b"reprofp keyed value/1\0"
_ID_DIGITS = 16


@dataclass(frozen=True)
class Key:
    """A key, and why it is one that ends with this process (empty for one that is kept in a file)."""

    secret: bytes = field(repr=False)
    problem: str = ""

    @property
    def id(self) -> str:
        """What tells keys apart without telling the key: 16 hex digits of a labelled SHA-256."""
        return hashlib.sha256(_ID_LABEL + self.secret).hexdigest()[:_ID_DIGITS]

    def digest(self, path: str, value: bytes) -> bytes:
        """Return the HMAC-SHA-256 of ``value`` at the dotted path ``path``."""
        return hmac.digest(self.secret, _VALUE_LABEL + path.encode("utf-8", "surrogatepass") + b"\0" + value, "sha256")


def load_key(environ: Mapping[str, str]) -> Key:
    """Return the key that ``environ`` leads to; make the default one where there is none yet.

    Raises:
        InputError: REPROFP_KEY names a file that cannot be read or is not 32 bytes long.
    """
    named = environ.get("REPROFP_KEY")
    if named:
        return _read_named(named)
    path = _default_path(environ)
    if path is None:
        return _ephemeral("none of REPROFP_HOME, XDG_STATE_HOME and HOME is set")
    try:
        return Key(_read_or_create(path))
    except (OSError, ValueError) as error:
        return _ephemeral(f"{type(error).__name__}: {error}")


def _read_named(path: str) -> Key:
    try:
        return Key(_read(path))
    except (OSError, ValueError) as error:
        raise InputError(
            f"REPROFP_KEY={path}: cannot be used as a key ({error}); it must name a readable file of "
            f"{KEY_BYTES} random bytes, as `head -c {KEY_BYTES} /dev/urandom` writes them"
        ) from error


def _default_path(environ: Mapping[str, str]) -> str | None:
    if own := environ.get("REPROFP_HOME"):
        return os.path.join(os.path.expanduser(own), "key")
    state = environ.get("XDG_STATE_HOME", "")
    if os.path.isabs(state):
        return os.path.join(state, "reprofp", "key")
    home = environ.get("HOME", "")
    return os.path.join(home, ".local", "state", "reprofp", "key") if os.path.isabs(home) else None


def _ephemeral(problem: str) -> Key:
    return Key(os.urandom(KEY_BYTES), problem)


def _read(path: str) -> bytes:
    data = read_bounded(path, KEY_BYTES)
    if len(data) != KEY_BYTES:
        raise ValueError(f"{len(data)} bytes long, not {KEY_BYTES}")
    return data


def _read_or_create(path: str) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _create(path)
        return _read(path)


def _create(path: str) -> None:
    """Write a new key beside ``path`` and give it that name, unless another process was first."""
    draft = f"{path}.{os.getpid()}.{os.urandom(8).hex()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(os.urandom(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _link(draft, path)
    finally:
        os.unlink(draft)


def _link(draft: str, path: str) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
