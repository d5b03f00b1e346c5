"""The manifest of a tree: lines that ``b3sum --check`` accepts, and a canonical block for what they cannot hold.

In: entries (paths as raw bytes). Out: the manifest's bytes and its digest. Guaranteed: equal trees have equal bytes,
and ``parse_lines(write_lines(entries))`` gives the entries back. The format is spelled out in
docs/formats/tree-manifest.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reprofp._core.hashing import Hasher
from reprofp.errors import FormatError
from reprofp.model.canonical import encode
from reprofp.model.ids import Digest
from reprofp.model.observations import Value

__all__ = ["TREE_ALGORITHM", "BlockEntry", "digest_manifest", "is_listed", "parse_lines", "write_block", "write_lines"]

TREE_ALGORITHM = "blake3-tree"
"""The algorithm's name for the digest of a tree."""

_LINE = re.compile(rb"(\\?)([0-9a-f]{64})  ([^\n]+)\n")
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {"\\": "\\", "n": "\n"}
_UNLISTED = ("\r", "\ufffd", "\0")


@dataclass(frozen=True, slots=True)
class BlockEntry:
    """An entry that no line can hold: ``detail`` is a file's digest or a link's target, else None."""

    kind: str
    path: bytes
    detail: bytes | None = None


def is_listed(path: bytes) -> bool:
    """Whether a line can hold a path in every release of b3sum: UTF-8 without carriage return and U+FFFD."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return False
    return not any(character in text for character in _UNLISTED)


def write_lines(files: Mapping[bytes, bytes]) -> bytes:
    """Return the manifest's lines for digests by path, sorted by the paths' bytes.

    Raises:
        FormatError: no line can hold one of the paths.
    """
    return b"".join(_write_line(path, files[path]) for path in sorted(files))


def parse_lines(lines: bytes) -> dict[bytes, bytes]:
    """Return the digests by path, in the order of the lines.

    Raises:
        FormatError: the bytes are not exactly what ``write_lines`` writes.
    """
    files: dict[bytes, bytes] = {}
    end = 0
    while end < len(lines):
        match = _LINE.match(lines, end)
        if match is None:
            raise FormatError(f"not a line of a manifest: {lines[end : end + 120]!r}")
        path = _unescape(match.group(3)) if match.group(1) else match.group(3)
        files[path] = bytes.fromhex(match.group(2).decode())
        end = match.end()
    if write_lines(files) != lines:
        raise FormatError("not a canonical manifest: lines out of order, repeated, or escaped without need")
    return files


def write_block(entries: Iterable[BlockEntry]) -> bytes:
    """Return the canonical block, or no bytes where there is no entry."""
    items: list[Value] = [
        [entry.kind, entry.path] if entry.detail is None else [entry.kind, entry.path, entry.detail]
        for entry in sorted(entries, key=lambda entry: entry.path)
    ]
    return encode(items) if items else b""


def digest_manifest(lines: bytes, block: bytes = b"") -> Digest:
    """Return the tree's digest: BLAKE3 of the lines, followed by a zero byte and the block where there is one."""
    hasher = Hasher()
    hasher.update(lines)
    if block:
        hasher.update(b"\0" + block)
    return Digest(TREE_ALGORITHM, hasher.digest())


def _write_line(path: bytes, digest: bytes) -> bytes:
    if not path or not is_listed(path):
        raise FormatError(f"no line of a manifest can hold the path {path!r}")
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return (b"" if escaped == path else b"\\") + digest.hex().encode() + b"  " + escaped + b"\n"


def _unescape(escaped: bytes) -> bytes:
    try:
        return _ESCAPE.sub(lambda match: _ESCAPED[match.group(1)], escaped.decode()).encode()
    except (KeyError, UnicodeDecodeError) as error:
        raise FormatError(f"malformed escape in the path {escaped[:120]!r}") from error
