"""Lists of checksums that b3sum, sha256sum, md5sum and their kin write.

In: the bytes of a list. Out: which digest is expected of which path. Guaranteed: what the tools' own ``--check`` accepts
without a warning is read as they read it (escapes, ``*`` for binary, BSD tags, CR LF); anything else is an error with
its line, never skipped.

The formats: https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html and
https://github.com/BLAKE3-team/BLAKE3/tree/master/b3sum
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import replace

from reprofp.datasets.interop.checks import Check, Verification
from reprofp.datasets.interop.digests import read_path
from reprofp.errors import FormatError, InputError, ReprofpError, UsageError

__all__ = ["LIST_ALGORITHMS", "MAX_LIST_BYTES", "parse_list", "verify_list"]

MAX_LIST_BYTES = 1024 * 1024 * 1024
"""The largest list that is read."""

LIST_ALGORITHMS = {"blake3": 64, "sha256": 64, "sha512": 128, "sha1": 40, "md5": 32}
"""The algorithms of lists, each with the length of its digests in hexadecimal."""

_TAGS = {b"BLAKE3": "blake3", b"SHA256": "sha256", b"SHA512": "sha512", b"SHA1": "sha1", b"MD5": "md5"}
_UNTAGGED = re.compile(rb"([0-9A-Fa-f]+) [ *](.+)", re.DOTALL)
_TAGGED = re.compile(rb"([A-Z0-9]+) \((.+)\) = ([0-9A-Fa-f]+)", re.DOTALL)
_ESCAPE = re.compile(rb"\\(.?)", re.DOTALL)
_ESCAPED = {b"\\": b"\\", b"n": b"\n", b"r": b"\r"}
_HINTS = {"blake3": ("b3", "blake3"), "sha256": ("sha256",), "sha512": ("sha512",), "sha1": ("sha1",), "md5": ("md5",)}


def parse_list(data: bytes, where: str, algorithm: str | None = None) -> list[Check]:
    """Read a list; ``where`` is what errors call it.

    ``algorithm`` is that of lines without a tag; where it is not given, ``where`` may tell (SHA256SUMS, data.b3), and
    then the length of the digests; 64 digits are BLAKE3.

    Raises:
        FormatError: a line is malformed, of another algorithm than the rest, or names a path again with another digest.
        UsageError: there is no such algorithm.
    """
    if algorithm is not None and algorithm not in LIST_ALGORITHMS:
        raise UsageError(
            f"no list of checksums has the algorithm {algorithm!r}: there are {', '.join(LIST_ALGORITHMS)}"
        )
    given = algorithm or _guess(where)
    checks: dict[bytes, Check] = {}
    for number, line in enumerate(data.split(b"\n"), 1):
        text = line.removesuffix(b"\r")
        if not text:
            continue
        check = _parse_line(text, f"{where}, line {number}", given)
        if checks.setdefault(check.path, check) != check:
            raise FormatError(f"{where}, line {number}: {os.fsdecode(check.path)!r} stands twice, with two digests")
    return list(checks.values())


def verify_list(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] = ".",
    *,
    algorithm: str | None = None,
    threads: int | None = None,
) -> Verification:
    """Hold the files below a folder against a list; unlike ``hash_tree``, it does not notice an added file.

    Raises:
        InputError: the list cannot be read.
        FormatError: it is malformed.
    """
    raw = os.fsencode(path)
    try:
        with open(raw, "rb") as file:
            data = file.read(MAX_LIST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {os.fsdecode(raw)!r}: {getattr(error, 'strerror', error)}") from error
    if len(data) > MAX_LIST_BYTES:
        raise FormatError(f"{os.fsdecode(raw)!r}: more than {MAX_LIST_BYTES} bytes are not plausible")
    checks = parse_list(data, os.fsdecode(raw), algorithm)
    return Verification("list", tuple(_check_all(checks, os.fsencode(folder), threads)))


def _guess(where: str) -> str | None:
    name = os.path.basename(where).lower()
    found = [algorithm for algorithm, hints in _HINTS.items() if any(hint in name for hint in hints)]
    return found[0] if len(found) == 1 else None


def _parse_line(line: bytes, where: str, algorithm: str | None) -> Check:
    escaped = line.startswith(b"\\")
    line = line[escaped:]
    if tagged := _TAGGED.fullmatch(line):
        tag, path, digest = tagged.groups()
        if tag not in _TAGS:
            raise FormatError(
                f"{where}: digests of {tag.decode()} are not known here; use {', '.join(LIST_ALGORITHMS)}"
            )
        algorithm = _TAGS[tag]
    elif untagged := _UNTAGGED.fullmatch(line):
        digest, path = untagged.groups()
        algorithm = algorithm or next((name for name, length in LIST_ALGORITHMS.items() if length == len(digest)), None)
    else:
        raise FormatError(f"{where}: not a line of checksums: expected a digest, two spaces and a path: {line[:80]!r}")
    if algorithm is None or len(digest) != LIST_ALGORITHMS[algorithm]:
        raise FormatError(f"{where}: {len(digest)} digits are no digest of {algorithm or 'a known algorithm'}")
    return Check(_unescape(path, where) if escaped else path, algorithm, digest.decode().lower())


def _unescape(path: bytes, where: str) -> bytes:
    def replace_one(match: re.Match[bytes]) -> bytes:
        if match.group(1) not in _ESCAPED:
            raise FormatError(f"{where}: a backslash before {match.group(1)!r} means nothing in a list of checksums")
        return _ESCAPED[match.group(1)]

    return _ESCAPE.sub(replace_one, path)


def _check_all(checks: Iterable[Check], folder: bytes, threads: int | None) -> Iterable[Check]:
    for check in checks:
        try:
            names = [] if check.algorithm == "blake3" else [check.algorithm]
            found = read_path(os.path.join(folder, check.path), names, threads=threads)
        except ReprofpError as error:
            yield replace(check, problem=str(error))
            continue
        yield replace(check, found=found.others.get(check.algorithm, found.blake3.hex()))
