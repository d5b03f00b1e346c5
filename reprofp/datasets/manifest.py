"""The manifest of a tree: lines that ``b3sum --check`` accepts, and a canonical block for what they cannot hold.

In: entries (paths as raw bytes). Out: the manifest's bytes and its digest. Guaranteed: equal trees have equal bytes,
and ``parse_lines(write_lines(entries))`` gives the entries back. The format is spelled out in
docs/formats/tree-manifest.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import lt

from reprofp._core.hashing import DIGEST_BYTES, Hasher
from reprofp.errors import FormatError
from reprofp.model.canonical import decode, encode
from reprofp.model.ids import Digest
from reprofp.model.observations import Value

__all__ = [
    "FAILED",
    "TREE_ALGORITHM",
    "BlockEntry",
    "Manifest",
    "digest_manifest",
    "is_listed",
    "parse_block",
    "parse_lines",
    "parse_manifest",
    "write_block",
    "write_line",
    "write_lines",
]

TREE_ALGORITHM = "blake3-tree"
"""The algorithm's name for the digest of a tree."""

FAILED = "failed"
"""The kind of what could not be read, in the block of a part of a tree."""

_LINE = re.compile(rb"\\?[0-9a-f]{64}  ")
_HEX_DIGITS = b"0123456789abcdef"
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {"\\": "\\", "n": "\n"}
_UNLISTED = ("\r", "\ufffd", "\0")
_ODD_HINTS = (b"//", b"/\0", b"\0/", b"./", b".\0")
_ODD_PART = re.compile(rb"/(?=[/\0])|\0/|[/\0]\.\.?[/\0]")
_KINDS_WITH_DETAIL = frozenset({"file", "link", "dangling"})
_KINDS = _KINDS_WITH_DETAIL | {"folder", "fifo", "socket", "device", FAILED}


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
    return b"".join(write_line(path, files[path]) for path in sorted(files))


def write_line(path: bytes, digest: bytes) -> bytes:
    """Return one line.

    Raises:
        FormatError: no line can hold the path.
    """
    if not path or not is_listed(path):
        raise FormatError(f"no line of a manifest can hold the path {path!r}")
    escaped = path.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
    return (b"" if escaped == path else b"\\") + digest.hex().encode() + b"  " + escaped + b"\n"


def parse_lines(lines: bytes) -> dict[bytes, bytes]:
    """Return the digests by path, in the order of the lines.

    Raises:
        FormatError: the bytes are not exactly what ``write_lines`` writes.
    """
    if not lines:
        return {}
    rows = lines.split(b"\n")
    if rows.pop():
        raise FormatError(f"the manifest is cut off: its last line does not end ({lines[-80:]!r})")
    escaped = b"\\" in lines
    plain = [row[1:] if row[:1] == b"\\" else row for row in rows] if escaped else rows
    joined = b"".join([row[:64] for row in plain])
    if joined.translate(None, _HEX_DIGITS) or len(joined) != 64 * len(rows):
        raise _name_bad_line(rows)
    if {row[64:66] for row in plain} != {b"  "}:
        raise _name_bad_line(rows)
    paths = [row[66:] for row in plain]
    if escaped:
        paths = [_read_path(path, escaped=row[:1] == b"\\") for path, row in zip(paths, rows, strict=True)]
    _check_paths(lines, paths)
    values = memoryview(bytes.fromhex(joined.decode()))
    return dict(zip(paths, (bytes(values[i : i + 32]) for i in range(0, len(values), 32)), strict=True))


def _name_bad_line(rows: Sequence[bytes]) -> FormatError:
    number, row = next((i, row) for i, row in enumerate(rows, 1) if not _LINE.match(row))
    return FormatError(f"line {number} is no line of a manifest: {row[:120]!r}")


def _read_path(text: bytes, *, escaped: bool) -> bytes:
    if not escaped and b"\\" not in text:
        return text
    path = _unescape(text) if escaped else text
    if escaped != (b"\\" in path or b"\n" in path):
        raise FormatError(f"not a canonical manifest: the path {text[:120]!r} is escaped without need, or not at all")
    return path


def _check_paths(lines: bytes, paths: list[bytes]) -> None:
    try:
        text = lines.decode()
    except UnicodeDecodeError as error:
        raise FormatError(
            f"a path in the manifest is not UTF-8 (at byte {error.start}); it belongs in the block"
        ) from None
    if any(character in text for character in _UNLISTED) or not all(paths):
        raise FormatError("a line of the manifest has a path that no line can hold")
    if not all(map(lt, paths, islice(paths, 1, None))):
        raise FormatError("not a canonical manifest: lines out of order, or a path that stands twice")


def write_block(entries: Iterable[BlockEntry]) -> bytes:
    """Return the canonical block, or no bytes where there is no entry."""
    items: list[Value] = [
        [entry.kind, entry.path] if entry.detail is None else [entry.kind, entry.path, entry.detail]
        for entry in sorted(entries, key=lambda entry: entry.path)
    ]
    return encode(items) if items else b""


def parse_block(block: bytes) -> tuple[BlockEntry, ...]:
    """Return the entries of a block, in their order.

    Raises:
        FormatError: the bytes are not exactly what ``write_block`` writes for entries that no line can hold.
    """
    if not block:
        return ()
    items = decode(block)
    if not isinstance(items, list) or not items:
        raise FormatError("the block of the manifest is not a list of entries")
    entries = tuple(_read_block_entry(item) for item in items)
    if any(entry.path >= after.path for entry, after in pairwise(entries)):
        raise FormatError("not a canonical block: entries out of order, or a path that stands twice")
    return entries


def _read_block_entry(item: Value) -> BlockEntry:
    if not isinstance(item, list) or not 2 <= len(item) <= 3:  # noqa: PLR2004  kind, path, and detail of some
        raise FormatError(f"not an entry of a block: {str(item)[:120]}")
    kind, path, *rest = item
    detail = rest[0] if rest else None
    if kind not in _KINDS or not isinstance(path, bytes) or not (detail is None or isinstance(detail, bytes)):
        raise FormatError(f"not an entry of a block: {str(item)[:120]}")
    has_detail, fits = detail is not None, kind != "file" or (detail is not None and len(detail) == DIGEST_BYTES)
    if has_detail != (kind in _KINDS_WITH_DETAIL) or not fits or (kind == "file" and is_listed(path)):
        raise FormatError(f"not a canonical entry of a block: {str(item)[:120]}")
    return BlockEntry(str(kind), path, detail)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the bytes under a tree's digest say: digests by path, and the entries of the block."""

    files: Mapping[bytes, bytes]
    """All regular files, also those that only the block can hold."""
    block: tuple[BlockEntry, ...]


def parse_manifest(data: bytes) -> Manifest:
    """Read the bytes whose BLAKE3 is a tree's digest: the lines, and behind a zero byte the block where there is one.

    Raises:
        FormatError: they are not exactly what is hashed for some tree.
    """
    lines, zero, tail = data.partition(b"\0")
    if zero and not tail:
        raise FormatError("not a canonical manifest: a zero byte, and no block behind it")
    files, block = parse_lines(lines), parse_block(tail)
    unlisted = {entry.path: entry.detail for entry in block if entry.kind == "file" and entry.detail is not None}
    _check_parts(b"\0".join([b"", *files, *(entry.path for entry in block if entry.path), b""]))
    if any(entry.path in files for entry in block):
        raise FormatError("a path of the manifest stands in its lines and in its block")
    return Manifest({**files, **unlisted}, block)


def _check_parts(paths: bytes) -> None:
    """Refuse paths (with zero bytes around them) of which a part is empty, ``.`` or ``..``."""
    if any(hint in paths for hint in _ODD_HINTS) and _ODD_PART.search(paths):
        raise FormatError("a path of the manifest has an empty part, or one that is . or ..")


def digest_manifest(lines: bytes, block: bytes = b"") -> Digest:
    """Return the tree's digest: BLAKE3 of the lines, followed by a zero byte and the block where there is one."""
    hasher = Hasher()
    hasher.update(lines)
    if block:
        hasher.update(b"\0" + block)
    return Digest(TREE_ALGORITHM, hasher.digest())


def _unescape(escaped: bytes) -> bytes:
    try:
        return _ESCAPE.sub(lambda match: _ESCAPED[match.group(1)], escaped.decode()).encode()
    except (KeyError, UnicodeDecodeError) as error:
        raise FormatError(f"malformed escape in the path {escaped[:120]!r}") from error
