"""Who may ask what: the table, and what the kernel says of who asks.

In: the credentials of a socket's other end. Out: a role; the table says what a role may. Guaranteed: what the table
does not list is denied; nothing that a client sends has a say in who it is.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass
from enum import Enum

__all__ = ["ALLOWED", "GROUP", "Access", "May", "Peer", "Role", "find_role", "read_peer"]

GROUP = "reprofp"
"""Who is in this group may administer."""

_SO_PEERGROUPS = 59  # <asm-generic/socket.h>, Linux 4.13
_MOST_GROUPS = 4096
_ROOT = 0


class Role(Enum):
    """What a user is to the daemon."""

    OWNER = "owner"
    """Who the daemon runs as: the ledger's files are theirs."""
    ADMINISTRATOR = "administrator"
    """Root, and the members of the group reprofp."""
    GUEST = "guest"
    """Any other local user, where the daemon is shared."""
    STRANGER = "stranger"
    """Any other local user, where it is not."""


class Access(Enum):
    """What a method needs."""

    GREETING = "greeting"
    SUMMARY = "summary"
    WRITING = "writing"
    VALUES = "values"
    ADMINISTRATION = "administration"


class May(Enum):
    """The answer of the table."""

    ALL = "all"
    OWN = "own"
    """Records that were put under the same uid."""
    NOTHING = "nothing"


ALLOWED: dict[tuple[Role, Access], May] = {
    (Role.OWNER, Access.GREETING): May.ALL,
    (Role.OWNER, Access.SUMMARY): May.ALL,
    (Role.OWNER, Access.WRITING): May.OWN,
    (Role.OWNER, Access.VALUES): May.OWN,
    (Role.OWNER, Access.ADMINISTRATION): May.ALL,
    (Role.ADMINISTRATOR, Access.GREETING): May.ALL,
    (Role.ADMINISTRATOR, Access.SUMMARY): May.ALL,
    (Role.ADMINISTRATOR, Access.WRITING): May.OWN,
    (Role.ADMINISTRATOR, Access.VALUES): May.OWN,
    (Role.ADMINISTRATOR, Access.ADMINISTRATION): May.ALL,
    (Role.GUEST, Access.GREETING): May.ALL,
    (Role.GUEST, Access.SUMMARY): May.ALL,
    (Role.GUEST, Access.WRITING): May.OWN,
    (Role.GUEST, Access.VALUES): May.OWN,
}
"""What each role may; what is not listed it may not."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A user at the other end of a socket, as the kernel tells it."""

    uid: int
    groups: frozenset[int] = frozenset()


def find_role(peer: Peer, *, owner: int, group: int | None, is_shared: bool) -> Role:
    """Return what ``peer`` is to a daemon of the user ``owner``; ``group`` is the number of the group reprofp."""
    if peer.uid == owner:
        return Role.OWNER
    if peer.uid == _ROOT or (group is not None and group in peer.groups):
        return Role.ADMINISTRATOR
    return Role.GUEST if is_shared else Role.STRANGER


def read_peer(connection: socket.socket) -> Peer:
    """Return who opened the other end of a connection, at the time when it was opened.

    Raises:
        OSError: the kernel does not tell.
    """
    size = struct.calcsize("3i")
    _, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return Peer(uid, frozenset({gid, *_read_groups(connection)}))


def _read_groups(connection: socket.socket) -> tuple[int, ...]:
    try:
        packed = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, 4 * _MOST_GROUPS)
    except OSError:  # an old kernel, or more groups than that: without them a user may less
        return ()
    return struct.unpack(f"{len(packed) // 4}I", packed)


def find_group() -> int | None:
    """Return the number of the group reprofp, or None where there is none."""
    import grp  # noqa: PLC0415  asks the system's user database, once

    try:
        return grp.getgrnam(GROUP).gr_gid
    except (KeyError, OSError):
        return None


def own_uid() -> int:
    """Return the user that this process works for."""
    return os.geteuid()
