"""/proc/self/mountinfo and /proc/self/cgroup: where things are mounted, and in which control groups we are.

Sources: proc_pid_mountinfo(5), cgroups(7), Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from reprofp.probes.base import Context
from reprofp.probes.machine import read_text

__all__ = ["ControlGroup", "Mount", "find_group_folders", "read_groups", "read_mounts"]

_LARGE = 1 << 22
_ESCAPE = re.compile(r"\\([0-7]{3})")
_DEEPEST = 64


class Mount(NamedTuple):
    """One mount: which folder of which file system stands where."""

    root: str
    point: str
    kind: str
    source: str
    options: str
    """Of the file system itself; version 1 of control groups lists its controllers there."""


class ControlGroup(NamedTuple):
    """A group that we are in: its controllers (none for version 2) and its path in their hierarchy."""

    controllers: frozenset[str]
    path: str


def read_mounts(context: Context) -> list[Mount]:
    """Return the mounts that we see; lines that are no mounts are left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too long.
    """
    text = read_text(context.proc / "self/mountinfo", _LARGE)
    return [mount for line in text.splitlines() if (mount := _read_mount(line)) is not None]


def _read_mount(line: str) -> Mount | None:
    """36 35 98:0 /root /point options optional... - kind source superoptions."""
    before, dash, after = line.partition(" - ")
    left, right = before.split(), after.split()
    if not dash or len(left) < 6 or len(right) < 3:  # noqa: PLR2004  the fields of the format
        return None
    return Mount(_unescape(left[3]), _unescape(left[4]), right[0], _unescape(right[1]), _unescape(right[2]))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def read_groups(context: Context) -> list[ControlGroup]:
    """Return the groups that we are in; lines that are no groups are left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is too long.
    """
    lines = (line.split(":", 2) for line in read_text(context.proc / "self/cgroup").splitlines())
    return [
        ControlGroup(frozenset(filter(None, controllers.split(","))), path)
        for _, controllers, path in (parts for parts in lines if len(parts) == 3)  # noqa: PLR2004
    ]


def find_group_folders(context: Context, controller: str) -> tuple[int, list[Path]]:
    """Return the version that governs ``controller``, and the folders of our group and those above it.

    A version-1 hierarchy that has the controller governs it; else version 2 does. The version is 0 where
    neither is mounted.

    Raises:
        OSError: the files cannot be read.
        ValueError: they are too long.
    """
    mounts, groups = read_mounts(context), read_groups(context)
    for version in (1, 2):
        mount = next((mount for mount in mounts if _governs(mount, version, controller)), None)
        group = next((group for group in groups if _belongs(group, version, controller)), None)
        if mount is not None and group is not None:
            return version, list(_walk_up(context, mount, group))
    return 0, []


def _governs(mount: Mount, version: int, controller: str) -> bool:
    if version == 1:
        return mount.kind == "cgroup" and controller in mount.options.split(",")
    return mount.kind == "cgroup2"


def _belongs(group: ControlGroup, version: int, controller: str) -> bool:
    return controller in group.controllers if version == 1 else not group.controllers


def _walk_up(context: Context, mount: Mount, group: ControlGroup) -> Iterator[Path]:
    """Yield our group's folder and its parents as far as we see them.

    In a container the mount shows a part of the hierarchy (its root), and a path that lies outside of it, or
    begins with "..", is seen from a group namespace: the mount's own folder is then the nearest that we have.
    """
    base = _place(context, mount.point)
    try:
        inside = PurePosixPath(group.path).relative_to(mount.root)
    except ValueError:
        inside = PurePosixPath()
    parts = [] if ".." in inside.parts else list(inside.parts)[:_DEEPEST]
    for length in range(len(parts), -1, -1):
        yield Path(base, *parts[:length])


def _place(context: Context, point: str) -> Path:
    if point == "/sys" or point.startswith("/sys/"):
        return Path(os.fspath(context.sys) + point[len("/sys") :])
    return context.root / point.lstrip("/")
