"""HDF5 files, as Keras writes them: read by h5py, where it is installed, in a process of its own.

In: an open file. Out: the tensors by their paths in the file, already hashed, and the attributes. Guaranteed: neither
h5py nor numpy is imported here, and a damaged file that crashes the HDF5 library ends only that process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, cast

from reprofp._core.reading import StableFile
from reprofp.datasets.formats.archive import Member, iterate_member
from reprofp.datasets.formats.contents import Contents, Hashed, NamedValue, Opaque, refuse
from reprofp.errors import FormatError
from reprofp.model.canonical import decode

__all__ = ["KERAS_WEIGHTS", "MAGIC", "read_hdf5", "read_keras"]

MAGIC = b"\x89HDF\r\n\x1a\n"
"""How a file of this format begins."""

KERAS_WEIGHTS = "model.weights.h5"
"""The member of a ``.keras`` file that holds the weights."""

_MISSING = "HDF5 is read through h5py, which is not installed; pip install h5py to have a digest of the tensors"
_MOST_SIDE_BYTES = 64 * 1024 * 1024
_CHILD = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from reprofp.datasets.formats.hdf5_child import main
main(int(sys.argv[2]))
"""


def read_hdf5(file: StableFile, where: str) -> Contents | Opaque:
    """Read an HDF5 file, or say what is missing for it.

    Raises:
        FormatError: it is damaged, or holds what is not read.
    """
    return _read(file.fd, "hdf5", where) if _has_h5py() else Opaque(_MISSING)


def read_keras(file: StableFile, members: Mapping[str, Member], where: str) -> Contents | Opaque:
    """Read the weights of a ``.keras`` file; its other members become named values.

    Raises:
        FormatError: it is damaged, or holds what is not read.
    """
    if not _has_h5py():
        return Opaque(_MISSING)
    with tempfile.NamedTemporaryFile(prefix="reprofp-") as unpacked:  # the HDF5 library insists on a name
        for piece in iterate_member(file.fd, members[KERAS_WEIGHTS], where):
            unpacked.write(piece)
        unpacked.flush()
        found = _read(unpacked.fileno(), "keras", where)
    for name, member in members.items():
        if name != KERAS_WEIGHTS and member.bytes <= _MOST_SIDE_BYTES:
            content = b"".join(iterate_member(file.fd, member, where))
            found.metadata[name] = NamedValue.of("file", content)
    return found


def _has_h5py() -> bool:
    return find_spec("h5py") is not None


def _read(fd: int, name: str, where: str) -> Contents:
    paths = json.dumps([path for path in sys.path if path])
    environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE", "REPROFP_DISABLE": "1"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", _CHILD, paths, str(fd)],
        pass_fds=(fd,),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        refuse(where, _explain(done.returncode, done.stderr))
    try:
        answer = cast("dict[str, Any]", decode(done.stdout))
    except FormatError:
        refuse(where, "the process that reads HDF5 gave no answer")
    tensors = {n: Hashed(dtype, tuple(shape), digest) for n, dtype, shape, digest in answer["tensors"]}
    return Contents(name, dict(tensors), {n: NamedValue(kind, digest) for n, kind, digest in answer["metadata"]})


def _explain(code: int, errors: bytes) -> str:
    if code < 0:
        return f"the HDF5 library crashed on it (signal {-code}): the file is damaged"
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return f"h5py cannot read it: {lines[-1][:300] if lines else 'no reason given'}"
