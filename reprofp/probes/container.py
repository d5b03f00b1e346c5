"""The facet ``container``: what encloses the process, and the limits that control groups put on it.

How each fact is read:

- ``detected``: the kind, where something proves it: the folder that docker, podman or the kubelet mounts files
  from, the layers of the root file system, the path of our control group (only container managers make such
  paths), /run/systemd/container, the variable ``container`` or those of Apptainer. /.dockerenv proves nothing:
  it stays in every machine image that was made out of a container. Absent when the pid, IPC, UTS and cgroup
  namespaces all are the first ones (their numbers: include/linux/proc_ns.h of Linux), as in no container
  manager's default; else Unknown.
- ``image``: the digest of the image's configuration, "sha256:" and 64 hex digits, from /run/.containerenv, in which Podman writes it
  for containers with --privileged (podman-run(1)); what other managers started does not know its image: Unknown, and
  Absent outside of containers.
- ``cgroup.cpu_max``: processors that the quota is worth (quota / period, the smallest on the way up), and
  ``cgroup.memory_max`` (bytes): cpu.max and memory.max, or version 1's cpu.cfs_quota_us, cpu.cfs_period_us and
  memory.limit_in_bytes; Absent where no limit is seen. A group namespace hides what is above it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from reprofp.model.observations import ABSENT, Observation, Observed, Unknown, UnknownCode, Value
from reprofp.probes.base import Context, Report
from reprofp.probes.machine import FAILED, attempt, find_environ, read_text, try_text
from reprofp.probes.mounts import Mount, find_group_folders, read_groups, read_mounts

__all__ = ["ContainerProbe"]

_FIRST_NAMESPACES = {"cgroup": 0xEFFFFFFB, "ipc": 0xEFFFFFFF, "pid": 0xEFFFFFFC, "uts": 0xEFFFFFFE}

_MOUNTED_FROM = (
    (re.compile(r"/kubelet/pods/"), "kubernetes"),
    (re.compile(r"/docker/containers/[0-9a-f]{64}/"), "docker"),
    (re.compile(r"/(?:overlay|vfs)-containers/[0-9a-f]{64}/"), "podman"),
)
_LAYERS = (
    (re.compile(r"/docker/(?:overlay2?|aufs|vfs|fuse-overlayfs|rootfs)/"), "docker"),
    (re.compile(r"/containers/storage/"), "podman"),
    (re.compile(r"/io\.containerd\.snapshotter"), "containerd"),
)
_GROUPS = (
    (re.compile(r"/kubepods|/kubelet"), "kubernetes"),
    (re.compile(r"/docker[-/][0-9a-f]{64}"), "docker"),
    (re.compile(r"/libpod-[0-9a-f]{64}"), "podman"),
    (re.compile(r"/lxc(?:\.payload)?[./]"), "lxc"),
    (re.compile(r"/machine\.slice/systemd-nspawn@|/payload$"), "systemd-nspawn"),
)
_IMAGE = re.compile(r'^imageid="([0-9a-f]{64})"$', re.MULTILINE)
_KINDS = re.compile(r"[a-z][a-z0-9-]{0,31}")
_UNLIMITED = 1 << 62
"""Version 1 writes the largest number of pages for no limit."""


class ContainerProbe:
    """Looks at what encloses the process."""

    name = "container"
    version = 1

    def applies(self, context: Context) -> bool:
        """Whether there is a container is a question everywhere."""
        del context
        return True

    def observe(self, context: Context) -> Report:
        """Report the kind of container and the limits in force."""
        report = Report()
        detected = _detect(context)
        report.add("detected", fact=detected)
        report.add("image", fact=detected if detected == ABSENT else attempt(lambda: _read_image(context)))
        report.add("cgroup", "cpu_max", fact=_observe_limit(context, "cpu", {1: _read_quota_v1, 2: _read_quota_v2}))
        report.add("cgroup", "memory_max", fact=_observe_limit(context, "memory", {1: _read_memory, 2: _read_memory}))
        return report


def _detect(context: Context) -> Observation:
    for detect in (_detect_by_mounts, _detect_by_groups, _detect_by_manager, _detect_by_environ):
        kind = attempt(lambda detect=detect: detect(context))  # type: ignore[misc]
        if isinstance(kind, Observed):
            return kind
    return attempt(lambda: _compare_namespaces(context))


def _detect_by_mounts(context: Context) -> str | None:
    mounts = read_mounts(context)
    roots = [mount for mount in mounts if mount.point == "/"]
    return _match(_MOUNTED_FROM, (mount.root for mount in mounts)) or _match(_LAYERS, map(_list_layers, roots))


def _list_layers(mount: Mount) -> str:
    return mount.options if mount.kind in ("overlay", "fuse.fuse-overlayfs") else mount.root


def _detect_by_groups(context: Context) -> str | None:
    return _match(_GROUPS, (group.path for group in read_groups(context)))


def _match(patterns: Iterable[tuple[re.Pattern[str], str]], texts: Iterable[str]) -> str | None:
    """The first pattern that fits any text: the outer manager is asked for before what it uses."""
    listed = list(texts)
    return next((kind for pattern, kind in patterns for text in listed if pattern.search(text)), None)


def _detect_by_manager(context: Context) -> str | None:
    """What systemd was told when it started as the first process of the container."""
    return _accept_kind(try_text(context.root / "run/systemd/container"))


def _detect_by_environ(context: Context) -> str | None:
    environ = find_environ(context)
    if "APPTAINER_CONTAINER" in environ or "SINGULARITY_CONTAINER" in environ:
        return "apptainer"
    return _accept_kind(environ.get("container"))


def _accept_kind(text: str | None) -> str | None:
    return text if text is not None and _KINDS.fullmatch(text) else None


def _compare_namespaces(context: Context) -> Observation:
    """All of them are the first ones, or we cannot tell: a sandbox has namespaces of its own too."""
    for name, first in _FIRST_NAMESPACES.items():
        if os.readlink(context.proc / "self/ns" / name) != f"{name}:[{first}]":
            return FAILED
    return ABSENT


def _read_image(context: Context) -> Observation:
    found = _IMAGE.search(try_text(context.root / "run/.containerenv") or "")
    return Observed(f"sha256:{found[1]}") if found else Unknown(UnknownCode.NOT_ASKED)


_Reader = Callable[[Path], Value]


def _observe_limit(context: Context, controller: str, readers: dict[int, _Reader]) -> Observation:
    return attempt(lambda: _find_limit(context, controller, readers))


def _find_limit(context: Context, controller: str, readers: dict[int, _Reader]) -> Observation:
    version, folders = find_group_folders(context, controller)
    if not version:
        return FAILED
    limits = [attempt(lambda folder=folder: readers[version](folder), ABSENT) for folder in folders]  # type: ignore[misc]
    unknown = next((limit for limit in limits if isinstance(limit, Unknown)), None)
    if unknown is not None or not folders or not folders[-1].is_dir():
        return unknown or FAILED
    values = [limit.value for limit in limits if isinstance(limit, Observed) and isinstance(limit.value, (int, float))]
    return Observed(min(values)) if values else ABSENT


def _read_quota_v2(folder: Path) -> Value:
    """``$MAX $PERIOD``; the uppermost group has no such file."""
    quota, period = read_text(folder / "cpu.max").split()
    return None if quota == "max" else _divide(int(quota), int(period))


def _read_quota_v1(folder: Path) -> Value:
    quota = int(read_text(folder / "cpu.cfs_quota_us"))
    return None if quota < 0 else _divide(quota, int(read_text(folder / "cpu.cfs_period_us")))


def _divide(quota: int, period: int) -> float:
    if quota <= 0 or period <= 0 or max(quota, period) > _UNLIMITED:
        raise ValueError(f"{quota} of {period} is no quota")
    return quota / period


def _read_memory(folder: Path) -> Value:
    file = folder / "memory.max"
    text = read_text(file if file.exists() else folder / "memory.limit_in_bytes")
    limit = _UNLIMITED if text == "max" else int(text)
    if limit < 0:
        raise ValueError(f"{text} is no limit of memory")
    return limit if limit < _UNLIMITED else None
