"""The digest of weights: what they mean, beside what the files hold.

In: a safetensors file, an index of shards, or a folder of shards; anything else is opaque. Out: a digest over each
tensor's name, dtype, shape and content. Guaranteed: the same tensors in other shards, another order or with other
metadata have the same digest. The exact bytes are in docs/formats/weights.md.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from reprofp._core import reading
from reprofp._core.hashing import hash_bytes
from reprofp._core.reading import ProgressCallback
from reprofp.datasets.files import FILE_ALGORITHM
from reprofp.datasets.manifest import BlockEntry, digest_manifest, is_listed, write_block, write_lines
from reprofp.datasets.safetensors import TensorSpan, read_json, read_spans
from reprofp.datasets.trees import hash_path
from reprofp.errors import FormatError, InputError
from reprofp.model.canonical import encode
from reprofp.model.ids import Digest
from reprofp.model.observations import Value

__all__ = ["CONTEXT", "WEIGHTS_ALGORITHM", "Tensor", "WeightsDigest", "digest_tensors", "hash_weights"]

WEIGHTS_ALGORITHM = "blake3-tensors"
"""The algorithm's name for the digest of meaning."""

CONTEXT = "reprofp 2026-11-21 blake3-tensors digest of named tensors"
"""The context string of BLAKE3's derive-key mode."""

_SUFFIX = b".safetensors"
_INDEX_SUFFIX = b".safetensors.index.json"
_PREFERRED_INDEX = b"model.safetensors.index.json"
_MAX_INDEX_BYTES = 100_000_000


RawBytes = bytes  # where a field is called bytes


class Tensor(NamedTuple):
    """One tensor: the digest is BLAKE3 of its contiguous little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    digest: Digest


@dataclass(frozen=True, slots=True)
class WeightsDigest:
    """The digests of weights.

    ``digest`` is that of their meaning where the format is known (``safetensors``), else (``opaque``) the same as
    ``file_digest``. ``file_digest`` is that of the file, or of a manifest of the files where there are several.
    """

    digest: Digest
    file_digest: Digest
    format: str
    bytes: int
    tensors: Mapping[str, Tensor] = field(repr=False)

    def attachment(self) -> RawBytes | None:
        """Return the canonical list of tensors, whose derive-key BLAKE3 is the digest; None where none are known."""
        return _encode_tensors(self.tensors) if self.digest.algorithm == WEIGHTS_ALGORITHM else None


def hash_weights(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
) -> WeightsDigest:
    """Return the digests of weights: of a ``.safetensors`` file, an index of shards, a folder, or any other file.

    Raises:
        InputError: something is not there or cannot be read.
        UnstableFileError: something changed while it was read.
        FormatError: a safetensors file or index is not valid, or shards contradict each other.
    """
    raw = os.fsencode(path)
    files = _find_files(raw)
    if not files:
        return _hash_opaque(raw, threads, progress)
    reader = _Reader(threads, progress)
    for file in files:
        reader.read_file(file)
    tensors = dict(sorted(reader.tensors.items(), key=lambda item: item[0].encode()))
    return WeightsDigest(digest_tensors(tensors), reader.file_digest(), "safetensors", reader.bytes, tensors)


def digest_tensors(tensors: Mapping[str, Tensor]) -> Digest:
    """Return the digest of meaning: derive-key BLAKE3 of the canonical list of tensors, sorted by name."""
    return Digest(WEIGHTS_ALGORITHM, hash_bytes(_encode_tensors(tensors), context=CONTEXT))


def _encode_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    items: list[Value] = [
        [name, tensors[name].dtype, list(tensors[name].shape), tensors[name].digest.value]
        for name in sorted(tensors, key=str.encode)
    ]
    return encode(items)


def _hash_opaque(path: bytes, threads: int | None, progress: ProgressCallback | None) -> WeightsDigest:
    whole = hash_path(path, threads=threads, progress=progress)
    return WeightsDigest(whole.digest, whole.digest, "opaque", whole.bytes, {})


def _find_files(path: bytes) -> list[bytes]:
    """Name the files that make up the weights, an index first; none where the format is not known."""
    if _is_folder(path):
        return _find_in_folder(path)
    return [path] if path.endswith((_SUFFIX, _INDEX_SUFFIX)) else []


def _is_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (OSError, ValueError):
        return False  # whoever opens it says what is wrong


def _find_in_folder(folder: bytes) -> list[bytes]:
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise InputError(f"cannot list {os.fsdecode(folder)!r}: {error.strerror}; make it readable") from error
    indexes = [name for name in names if name.endswith(_INDEX_SUFFIX)]
    if _PREFERRED_INDEX in indexes:
        indexes = [_PREFERRED_INDEX]
    if len(indexes) > 1:
        listed = ", ".join(map(os.fsdecode, indexes))
        raise FormatError(f"{os.fsdecode(folder)!r} holds several indexes of weights ({listed}): name one of them")
    chosen = indexes or [name for name in names if name.endswith(_SUFFIX)]
    return [os.path.join(folder, name) for name in chosen]


class _Reader:
    """Collects tensors and digests of files, one file after the other."""

    def __init__(self, threads: int | None, progress: ProgressCallback | None) -> None:
        self._threads = threads
        self._progress = progress
        self._files: dict[bytes, bytes] = {}
        self.tensors: dict[str, Tensor] = {}
        self.bytes = 0

    def read_file(self, path: bytes) -> None:
        """Read a file of tensors, or an index and the shards that it names."""
        if not path.endswith(_INDEX_SUFFIX):
            self._read_shard(path)
            return
        owners = self._read_index(path)
        for name in sorted(set(owners.values())):
            found = self._read_shard(os.path.join(os.path.dirname(path), os.fsencode(name)))
            _check_index(path, name, {tensor for tensor, owner in owners.items() if owner == name}, found)

    def file_digest(self) -> Digest:
        """Return the digest of the file, or of the manifest of the files by their base names."""
        if len(self._files) == 1:
            return Digest(FILE_ALGORITHM, next(iter(self._files.values())))
        listed = {name: value for name, value in self._files.items() if is_listed(name)}
        others = [BlockEntry("file", name, value) for name, value in self._files.items() if not is_listed(name)]
        return digest_manifest(write_lines(listed), write_block(others))

    def _read_shard(self, path: bytes) -> set[str]:
        where = os.fsdecode(path)
        with reading.open_stable(path) as file:
            spans = read_spans(file.fd, file.bytes, where)
            digests = self._hash_spans(file, spans)
        for name, span in spans.items():
            if name in self.tensors:
                raise FormatError(f"{where}: tensor {name[:200]!r} is in another file, too; name one file or its index")
            self.tensors[name] = Tensor(span.dtype, span.shape, Digest(FILE_ALGORITHM, digests[name]))
        return set(spans)

    def _hash_spans(self, file: reading.StableFile, spans: Mapping[str, TensorSpan]) -> dict[str, bytes]:
        ranges = [(span.offset, span.bytes) for span in spans.values()]
        whole, *parts = reading.hash_ranges(
            file.fd, [(0, file.bytes), *ranges], file.path, threads=self._threads, progress=self._progress
        )
        self._note_file(file.path, whole, file.bytes)
        return dict(zip(spans, parts, strict=True))

    def _read_index(self, path: bytes) -> dict[str, str]:
        where = os.fsdecode(path)
        with reading.open_stable(path) as file:
            if file.bytes > _MAX_INDEX_BYTES:
                raise FormatError(f"{where}: an index of {file.bytes} bytes is not plausible")
            text = os.pread(file.fd, file.bytes, 0)
        self._note_file(path, hash_bytes(text), len(text))
        return _parse_index(text, where)

    def _note_file(self, path: bytes, digest: bytes, length: int) -> None:
        self._files[os.path.basename(path)] = digest
        self.bytes += length


def _parse_index(text: bytes, where: str) -> dict[str, str]:
    owners = read_json(text, where).get("weight_map")
    if not isinstance(owners, dict) or not owners:
        raise FormatError(f"{where}: the index has no weight_map")
    for name in owners.values():
        if not isinstance(name, str) or not _is_base_name(name):
            raise FormatError(f"{where}: {str(name)[:200]!r} is not the name of a .safetensors file in the same folder")
    return cast("dict[str, str]", owners)


def _is_base_name(name: str) -> bool:
    return name.endswith(".safetensors") and "/" not in name and "\0" not in name and name.isprintable()


def _check_index(path: bytes, shard: str, expected: Sequence[str] | set[str], found: set[str]) -> None:
    differing = sorted(found.symmetric_difference(expected))
    if differing:
        raise FormatError(
            f"{os.fsdecode(path)}: the index and {shard} disagree about tensor {differing[0][:200]!r}"
            f" ({len(differing)} in all)"
        )
