"""Which files make up weights: one file, the shards that an index names, or what a folder holds."""

from __future__ import annotations

import os
import re
import stat
from typing import cast

from reprofp._core.reading import StableFile
from reprofp.datasets.formats.contents import quote
from reprofp.datasets.formats.safetensors import read_json
from reprofp.errors import FormatError, InputError

__all__ = ["MAX_INDEX_BYTES", "find_files", "is_index", "parse_index", "read_index"]

MAX_INDEX_BYTES = 100_000_000
"""The largest index that is plausible."""

_INDEX_SUFFIX = b".index.json"
# In the order of preference: weights are often there in several formats, of which the first is the one to load.
_SUFFIXES = (b".safetensors", b".bin")
_PREFERRED = {b".safetensors": b"model", b".bin": b"pytorch_model"}
_SINGLE = re.compile(rb"pytorch_model\.bin|model\.weights\.h5|consolidated\.[0-9]+\.pth")
_SPLIT_GGUF = re.compile(rb"(.*)-[0-9]{5}-of-([0-9]{5})\.gguf")


def is_index(path: bytes) -> bool:
    """Whether a path is that of an index of shards."""
    return path.endswith(tuple(suffix + _INDEX_SUFFIX for suffix in _SUFFIXES))


def find_files(path: bytes) -> list[bytes]:
    """Name the files that make up the weights at a path, an index first; none where a folder holds no known ones.

    Raises:
        InputError: a folder cannot be listed.
        FormatError: a folder holds several indexes.
    """
    if not _is_folder(path):
        return [path]
    try:
        names = sorted(os.listdir(path))
    except OSError as error:
        raise InputError(f"cannot list {os.fsdecode(path)!r}: {error.strerror}; make it readable") from error
    return [os.path.join(path, name) for name in _choose(names, os.fsdecode(path))]


def _is_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # whoever opens it says what is wrong


def _choose(names: list[bytes], folder: str) -> list[bytes]:
    for suffix in _SUFFIXES:
        indexes = [name for name in names if name.endswith(suffix + _INDEX_SUFFIX)]
        preferred = _PREFERRED[suffix] + suffix + _INDEX_SUFFIX
        if preferred in indexes:
            return [preferred]
        if len(indexes) > 1:
            listed = ", ".join(map(os.fsdecode, indexes))
            raise FormatError(f"{folder!r} holds several indexes of weights ({listed}): name one of them")
        if indexes:
            return indexes
        if suffix == _SUFFIXES[0] and (files := [name for name in names if name.endswith(suffix)]):
            return files
    return [name for name in names if _SINGLE.fullmatch(name)][:1] or _find_split(names)


def _find_split(names: list[bytes]) -> list[bytes]:
    """Name the parts of one split GGUF file, or the only GGUF file."""
    files = [name for name in names if name.endswith(b".gguf")]
    matches = [_SPLIT_GGUF.fullmatch(name) for name in files]
    sets = {match.groups() if match else (name,) for name, match in zip(files, matches, strict=True)}
    return files if len(sets) == 1 else []


def read_index(file: StableFile) -> dict[str, str]:
    """Read an open index: the base name of the file that holds each tensor.

    Raises:
        FormatError: it is no valid index, or names files elsewhere or of another format.
    """
    where = os.fsdecode(file.path)
    if file.bytes > MAX_INDEX_BYTES:
        raise FormatError(f"{where}: an index of {file.bytes} bytes is not plausible")
    return parse_index(os.pread(file.fd, file.bytes, 0), where)


def parse_index(text: bytes, where: str) -> dict[str, str]:
    """Read an index: the base name of the file that holds each tensor.

    Raises:
        FormatError: it is no valid index, or names files elsewhere or of another format.
    """
    suffix = next(
        suffix.decode() for suffix in _SUFFIXES if where.encode("utf-8", "replace").endswith(suffix + _INDEX_SUFFIX)
    )
    owners = read_json(text, where).get("weight_map")
    if not isinstance(owners, dict) or not owners:
        raise FormatError(f"{where}: the index has no weight_map")
    for name in owners.values():
        if not isinstance(name, str) or not _is_base_name(name, suffix):
            raise FormatError(f"{where}: {quote(str(name))} is not the name of a {suffix} file in the same folder")
    return cast("dict[str, str]", owners)


def _is_base_name(name: str, suffix: str) -> bool:
    return name.endswith(suffix) and "/" not in name and name.isprintable()
