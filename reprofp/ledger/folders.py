"""Where a ledger lies, and durable changes of folders and files.

In: paths. Out: folders and files that are there after a power cut once a function has returned (on
storage that honours flushes): temporary file, fsync, rename, fsync of the folder.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from reprofp.errors import LedgerError

__all__ = ["default_path", "find_network_filesystem", "make_folder", "replace_file", "sync_folder"]

_NETWORK = frozenset(
    {
        "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fhgfs", "fuse.ceph-fuse", "fuse.glusterfs",
        "fuse.gcsfuse", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs",
        "nfs", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "smb2", "smb3", "smbfs", "weka", "wekafs",
    }
)  # fmt: skip
_ESCAPES = {r"\040": " ", r"\011": "\t", r"\012": "\n", r"\134": "\\"}


def default_path(environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the user's ledger: REPROFP_HOME, else ``reprofp`` in XDG_STATE_HOME.

    Raises:
        LedgerError: the home folder is asked for, and not known.
    """
    environ = os.environ if environ is None else environ
    place = environ.get("REPROFP_HOME")
    # The XDG base directory specification: a relative path is to be ignored.
    if not place and os.path.isabs(state := environ.get("XDG_STATE_HOME", "")):
        return Path(state, "reprofp")
    try:
        return Path(place or "~/.local/state/reprofp").expanduser()
    except RuntimeError as error:
        raise LedgerError(
            "there is no place for the ledger: your home folder is not known; set REPROFP_HOME to a folder of yours"
        ) from error


def find_network_filesystem(folder: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network or cluster file system that ``folder`` lies on, or None.

    ``folder`` need not exist: its nearest ancestor that does counts. Where the mounts cannot be read,
    none is assumed.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    place = os.path.realpath(folder)
    found = ("", "")
    for line in mounts.splitlines():
        point, kind = _parse_mount(line)
        if len(point) >= len(found[0]) and _is_below(place, point):
            found = (point, kind)
    return found[1] if found[1] in _NETWORK else None


def _parse_mount(line: str) -> tuple[str, str]:
    """Read one line of /proc/self/mountinfo (proc(5)): the mount point is field 5, the type follows `` - ``."""
    head, _, tail = line.partition(" - ")
    fields = head.split(" ")
    if len(fields) < 5 or not tail:  # noqa: PLR2004  the fifth is the mount point
        return "", ""
    point = fields[4]
    for escape, character in _ESCAPES.items():
        point = point.replace(escape, character)
    return point, tail.split(" ")[0]


def _is_below(place: str, point: str) -> bool:
    return bool(point) and (place == point or place.startswith(point.rstrip("/") + "/"))


def make_folder(folder: Path) -> None:
    """Create ``folder`` and what is missing above it, durably, for its owner alone.

    A folder that is there keeps its mode.

    Raises:
        OSError: it cannot be created.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        sync_folder(folder.parent)
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder")


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in ``folder`` durable.

    Raises:
        OSError: the folder cannot be opened or synced.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write ``data`` to ``path``, whole or not at all, durably; ``mode`` is that of the new file, less the umask.

    What is no regular file (``/dev/stdout``, a FIFO) is written to, not replaced.

    Raises:
        OSError: it cannot be written; what was there before is untouched.
    """
    if path.exists() and not path.is_file():
        with open(path, "wb") as file:
            file.write(data)
        return
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
