"""Which format a file is of: told by how it begins, and of ZIP files by what is in them.

A name that ends in ``.safetensors`` counts as well, since that format has nothing that says its name.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from reprofp._core.reading import StableFile
from reprofp.datasets.formats import archive, gguf, hdf5, npy, safetensors, torch_zip
from reprofp.datasets.formats.contents import Contents, Opaque

__all__ = ["read_contents"]

_HEAD_BYTES = 64
_LEGACY = (
    "a checkpoint of the format before PyTorch 1.6, which is not read; save it again with torch.save to have a digest of"
    " the tensors"
)
_EMPTY_ZIP = b"PK\x05\x06"


def read_contents(file: StableFile, where: str, threads: int) -> Contents | Opaque:
    """Read what an open file holds.

    Raises:
        FormatError: it is damaged, or asks for what only an attack needs.
    """
    head = os.pread(file.fd, _HEAD_BYTES, 0)
    if file.path.endswith(b".safetensors"):
        return safetensors.read_safetensors(file, where)
    if head.startswith((archive.MAGIC, _EMPTY_ZIP)):
        return _read_archive(file, where, threads)
    for magic, read in _READERS:
        if head.startswith(magic):
            return read(file, where)
    if safetensors.looks_like(head, file.bytes):
        return safetensors.read_safetensors(file, where)
    return Opaque()


_READERS: tuple[tuple[bytes, Callable[[StableFile, str], Contents | Opaque]], ...] = (
    (gguf.MAGIC, gguf.read_gguf),
    (npy.MAGIC, npy.read_array),
    (hdf5.MAGIC, hdf5.read_hdf5),
    (torch_zip.LEGACY_MAGIC, lambda _file, _where: Opaque(_LEGACY)),
)


def _read_archive(file: StableFile, where: str, threads: int) -> Contents | Opaque:
    members = archive.read_members(file.fd, file.bytes, where)
    root = torch_zip.find_pickle(members)
    if root is not None:
        return torch_zip.read_checkpoint(file, members, root, where, threads)
    if hdf5.KERAS_WEIGHTS in members:
        return hdf5.read_keras(file, members, where)
    if members and all(name.endswith(".npy") for name in members):
        return npy.read_arrays(file, members, where, threads)
    return Opaque()
