"""The digest of weights: what they mean, beside what the files hold.

In: a file of weights (safetensors, GGUF, a PyTorch checkpoint, npy, npz, HDF5), an index of shards, or a folder; anything
else is opaque. Out: a digest over each tensor's name, dtype, shape and content. Guaranteed: the same tensors in other
shards, another order, another format or with other metadata have the same digest; nothing in a file is executed. The
exact bytes are in docs/formats/weights.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from reprofp._core import reading
from reprofp._core.hashing import hash_bytes
from reprofp._core.reading import ProgressCallback
from reprofp.datasets.cache import Cache, open_cache
from reprofp.datasets.files import FILE_ALGORITHM, is_large
from reprofp.datasets.formats.contents import Contents, NamedValue, quote
from reprofp.datasets.manifest import BlockEntry, digest_manifest, is_listed, write_block, write_lines
from reprofp.datasets.trees import hash_path
from reprofp.datasets.weight_files import find_files, is_index, read_index
from reprofp.datasets.weight_reading import FileContents, hash_contents, take_stamp
from reprofp.errors import FormatError, UnstableFileError
from reprofp.model.canonical import encode
from reprofp.model.ids import Digest
from reprofp.model.observations import Value

__all__ = [
    "CONTEXT",
    "METADATA_ALGORITHM",
    "METADATA_CONTEXT",
    "WEIGHTS_ALGORITHM",
    "Tensor",
    "WeightsDigest",
    "digest_tensors",
    "hash_weights",
    "list_tensors",
]

RawBytes = bytes  # where a field is called bytes

WEIGHTS_ALGORITHM = "blake3-tensors"
"""The algorithm's name for the digest of meaning."""

CONTEXT = "reprofp 2026-11-21 blake3-tensors digest of named tensors"
"""The context string of BLAKE3's derive-key mode."""

METADATA_ALGORITHM = "blake3-values"
"""The algorithm's name for the digest of what a file of weights holds beside tensors."""

METADATA_CONTEXT = "reprofp 2026-11-21 blake3-values digest of named values beside tensors"
"""The context string of BLAKE3's derive-key mode for it."""


class Tensor(NamedTuple):
    """One tensor: the digest is BLAKE3 of its contiguous little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    digest: Digest


@dataclass(frozen=True, slots=True)
class WeightsDigest:
    """The digests of weights.

    ``digest`` is that of their meaning where the format is known, else (``opaque``) the same as ``file_digest``.
    ``file_digest`` is that of the file, or of a manifest of the files where there are several. ``metadata_digest`` is
    that of the named values beside the tensors, or None where there are none. ``remark`` says, for people, why a file
    is opaque and what would help; it is empty where there is nothing to say.
    """

    digest: Digest
    file_digest: Digest
    format: str
    bytes: int
    tensors: Mapping[str, Tensor] = field(repr=False)
    metadata_digest: Digest | None = None
    remark: str = ""

    def attachment(self) -> RawBytes | None:
        """Return the canonical list of tensors, whose derive-key BLAKE3 is the digest; None where it is opaque."""
        return list_tensors(self.tensors) if self.digest.algorithm == WEIGHTS_ALGORITHM else None


def hash_weights(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
    *,
    threads: int | None = None,
    progress: ProgressCallback | None = None,
    cache: bool = True,
) -> WeightsDigest:
    """Return the digests of weights: of a file, an index of shards, or a folder.

    What large files hold that did not change since they were read may be known from then, unless ``cache`` is False.

    Raises:
        InputError: something is not there or cannot be read.
        UnstableFileError: something changed while it was read.
        FormatError: a file or index is not valid, asks for what only an attack needs, or shards contradict each other.
    """
    raw = os.fsencode(path)
    files = find_files(raw)
    if not files:
        whole = hash_path(raw, threads=threads, progress=progress, cache=cache)
        return WeightsDigest(whole.digest, whole.digest, "opaque", whole.bytes, {})
    with open_cache(enabled=cache and any(map(is_large, _list_shards(files)))) as opened:
        reader = _Reader(threads, progress, opened)
        for file in files:
            reader.read_file(file)
    reader.recheck()
    if find_files(raw) != files:
        raise UnstableFileError(f"{os.fsdecode(raw)!r}: files came or went while they were read; wait for the writer")
    return reader.result()


def _list_shards(files: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the files of weights, and those beside an index: one of them may be large."""
    for file in files:
        if not is_index(file):
            yield file
            continue
        folder = os.path.dirname(file)
        yield from (os.path.join(folder, name) for name in os.listdir(folder or b"."))


def list_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """Return the canonical list of tensors, sorted by name."""
    items: list[Value] = [
        [name, tensors[name].dtype, list(tensors[name].shape), tensors[name].digest.value]
        for name in sorted(tensors, key=str.encode)
    ]
    return encode(items)


def digest_tensors(tensors: Mapping[str, Tensor]) -> Digest:
    """Return the digest of meaning: derive-key BLAKE3 of the canonical list of tensors."""
    return Digest(WEIGHTS_ALGORITHM, hash_bytes(list_tensors(tensors), context=CONTEXT))


def _digest_metadata(values: Mapping[str, NamedValue]) -> Digest | None:
    if not values:
        return None
    items: list[Value] = [[name, values[name].kind, values[name].digest] for name in sorted(values, key=str.encode)]
    return Digest(METADATA_ALGORITHM, hash_bytes(encode(items), context=METADATA_CONTEXT))


class _Reader:
    """Collects tensors and digests of files, one file after the other."""

    def __init__(self, threads: int | None, progress: ProgressCallback | None, cache: Cache | None) -> None:
        self._cache = cache
        self._threads = threads
        self._progress = progress
        self._files: dict[bytes, bytes] = {}
        self._formats: set[str] = set()
        self._remark = ""
        self._tensors: dict[str, Tensor] = {}
        self._metadata: dict[str, NamedValue] = {}
        self._bytes = 0
        self._stamps: dict[bytes, tuple[int, ...]] = {}

    def recheck(self) -> None:
        """Make sure that what was read is of one moment: a checkpoint may be saved over while shards are read.

        Raises:
            UnstableFileError: a file was changed or replaced after it was read.
        """
        for path, stamp in self._stamps.items():
            try:
                same = take_stamp(os.stat(path)) == stamp
            except OSError:
                same = False
            if not same:
                raise UnstableFileError(f"{os.fsdecode(path)!r} changed while others were read; wait for the writer")

    def read_file(self, path: bytes) -> None:
        """Read a file of tensors, or an index and the shards that it names."""
        if not is_index(path):
            self._read_shard(path)
            return
        owners = self._read_index(path)
        for name in sorted(set(owners.values())):
            found = self._read_shard(os.path.join(os.path.dirname(path), os.fsencode(name)))
            _check_index(path, name, {tensor for tensor, owner in owners.items() if owner == name}, found)

    def result(self) -> WeightsDigest:
        """Return the digests over all that was read."""
        file_digest = self._file_digest()
        # Without a tensor, all of these would be equal; a safetensors file says itself that it holds none.
        if not self._tensors and self._formats != {"safetensors"}:
            return WeightsDigest(file_digest, file_digest, "opaque", self._bytes, {}, remark=self._remark)
        tensors = dict(sorted(self._tensors.items(), key=lambda item: item[0].encode()))
        digest = digest_tensors(tensors)
        form = next(iter(self._formats))
        return WeightsDigest(digest, file_digest, form, self._bytes, tensors, _digest_metadata(self._metadata))

    def _file_digest(self) -> Digest:
        """Return the digest of the file, or of the manifest of the files by their base names."""
        if len(self._files) == 1:
            return Digest(FILE_ALGORITHM, next(iter(self._files.values())))
        listed = {name: value for name, value in self._files.items() if is_listed(name)}
        others = [BlockEntry("file", name, value) for name, value in self._files.items() if not is_listed(name)]
        return digest_manifest(write_lines(listed), write_block(others))

    def _read_shard(self, path: bytes) -> set[str] | None:
        """Read a file; return the names of its tensors, or None where it is opaque."""
        found = hash_contents(path, self._threads, self._progress, self._cache)
        self._stamps[path] = found.stamp
        self._note_file(path, found.file_digest, found.bytes)
        where = os.fsdecode(path)
        form = found.contents.format if isinstance(found.contents, Contents) else "opaque"
        self._formats.add(form)
        if len(self._formats) > 1:
            raise FormatError(f"{where}: this file is {form}, another one is not; name the files of one format")
        if not isinstance(found.contents, Contents):
            self._remark = found.contents.remark
            return None
        if not found.contents.tensors:
            self._remark = "it holds no tensors: the digest is that of the file"
        self._add(found, found.contents, where, os.path.basename(where))
        return set(found.digests)

    def _add(self, found: FileContents, contents: Contents, where: str, base_name: str) -> None:
        for name, piece in contents.tensors.items():
            if name in self._tensors:
                raise FormatError(f"{where}: tensor {quote(name)} is in another file, too; name one file or its index")
            self._tensors[name] = Tensor(piece.dtype, piece.shape, Digest(FILE_ALGORITHM, found.digests[name]))
        for name, value in contents.metadata.items():  # shards repeat each other's, more often than not
            if self._metadata.setdefault(name, value) != value:
                self._metadata[f"{base_name}: {name}"] = value

    def _read_index(self, path: bytes) -> dict[str, str]:
        with reading.open_stable(path) as file:
            owners = read_index(file)
            digest = reading.hash_ranges(file.fd, [(0, file.bytes)], path)[0]
            self._stamps[path] = take_stamp(os.fstat(file.fd))
        self._note_file(path, digest, file.bytes)
        return owners

    def _note_file(self, path: bytes, digest: bytes, length: int) -> None:
        self._files[os.path.basename(path)] = digest
        self._bytes += length


def _check_index(path: bytes, shard: str, expected: Sequence[str] | set[str], found: set[str] | None) -> None:
    differing = sorted(found.symmetric_difference(expected)) if found is not None else []
    if differing:
        raise FormatError(
            f"{os.fsdecode(path)}: the index and {shard} disagree about tensor {quote(differing[0])}"
            f" ({len(differing)} in all)"
        )
