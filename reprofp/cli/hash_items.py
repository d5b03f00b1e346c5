"""What ``reprofp hash`` finds and prints: one item for each path that it is given."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprofp.cli.checksums import format_line, format_tagged
from reprofp.cli.output import print_bytes, print_text, remark
from reprofp.cli.progress import HashingLine
from reprofp.errors import InputError, ReprofpError
from reprofp.render.values import clean
from reprofp.render.wording import plural

if TYPE_CHECKING:
    from reprofp.datasets import TreeDigest

__all__ = ["Asked", "hash_item", "print_item", "say_failure", "walk"]


@dataclass(frozen=True, slots=True)
class Asked:
    """How paths are to be hashed."""

    tensors: bool = False
    folders: int | None = None
    """How deep the folders lie whose digests are asked for; 0 for all of them, None for none."""
    file_options: Mapping[str, Any] = field(default_factory=dict)
    """For ``hash_file``, and for ``hash_tree`` as well."""
    tree_options: Mapping[str, Any] = field(default_factory=dict)
    """For ``hash_tree`` alone: what is selected, and whether a part will do."""


def hash_item(path: Path, asked: Asked) -> dict[str, Any]:
    """Return the digests of one path, in the form of the schema of ``hash``.

    Raises:
        ReprofpError: it cannot be hashed; the error has a line for each file at fault.
    """
    if asked.tensors:
        return _hash_weights(path, asked)
    if str(path) == "-":
        return _hash_input()
    return _hash_folder(path, asked) if path.is_dir() else _hash_file(path, asked)


def say_failure(error: ReprofpError) -> None:
    """Write one line for each file at fault."""
    for text in str(error).splitlines():
        remark(text)


def _hash_file(path: Path, asked: Asked) -> dict[str, Any]:
    from reprofp.datasets import hash_file

    with HashingLine() as progress:
        found = hash_file(path, progress=progress, **asked.file_options)
    item = {"path": str(path), "kind": "file", "digest": str(found.digest), "bytes": found.bytes}
    return {**item, "others": dict(found.others)} if found.others else item


def _hash_input() -> dict[str, Any]:
    from reprofp._core.hashing import Hasher

    hasher, size = Hasher(), 0
    try:
        while block := sys.stdin.buffer.read(1 << 20):
            hasher.update(block)
            size += len(block)
    except OSError as error:
        raise InputError(f"cannot read standard input: {error.strerror}; give a file") from error
    return {"path": "-", "kind": "file", "digest": f"blake3:{hasher.digest().hex()}", "bytes": size}


def walk(path: Path, asked: Asked) -> TreeDigest:
    """Hash a folder, remarking on what its digest cannot cover and on what could not be read."""
    from reprofp.datasets import hash_tree

    with HashingLine() as progress:
        tree = hash_tree(path, progress=progress, **asked.file_options, **asked.tree_options)
    for problem in (*tree.problems, *tree.failures):
        remark(f"{clean(os.fsdecode(problem.path))} in {path}: {problem.what}")
    for name in asked.tree_options.get("ignore_files", ()):
        if not _has_file(path, name):
            remark(f"--ignore-file {clean(name)}: {path} and the folders in it have no file of this name")
    return tree


def _has_file(folder: Path, name: str) -> bool:
    return any(name in files for _, _, files in os.walk(folder))


def _hash_folder(path: Path, asked: Asked) -> dict[str, Any]:
    tree = walk(path, asked)
    item: dict[str, Any] = {
        "path": str(path),
        "kind": "folder",
        "digest": str(tree.digest),
        "bytes": tree.bytes,
        "files": tree.files,
        "problems": [{"path": os.fsdecode(problem.path), "what": problem.what} for problem in tree.problems],
    }
    if tree.failures:
        item["failures"] = [{"path": os.fsdecode(failure.path), "what": failure.what} for failure in tree.failures]
    if tree.others:
        item["others"] = {os.fsdecode(name): dict(digests) for name, digests in sorted(tree.others.items())}
    if asked.folders is not None:
        item["folders"] = _list_folders(tree, asked.folders)
    return item


def _list_folders(tree: TreeDigest, depth: int) -> dict[str, Any]:
    """Return the digests of the folders down to a depth; 0 is for all."""
    return {
        os.fsdecode(path): {"digest": str(folder.digest), "files": folder.files, "bytes": folder.bytes}
        for path, folder in tree.folders().items()
        if not depth or path.count(b"/") < depth
    }


def _hash_weights(path: Path, asked: Asked) -> dict[str, Any]:
    from reprofp.datasets import hash_weights

    options = {name: value for name, value in asked.file_options.items() if name in {"threads", "cache"}}
    with HashingLine() as progress:
        found = hash_weights(path, progress=progress, **options)
    if not found.tensors and found.digest == found.file_digest:
        why = found.remark or "none of the formats of weights that are known"
        raise InputError(f"{path}: no tensors can be told apart in it ({why}); leave --tensors out to hash its bytes")
    if found.remark:
        remark(f"{path}: {found.remark}")
    return {
        "path": str(path),
        "kind": "weights",
        "digest": str(found.digest),
        "file_digest": str(found.file_digest),
        "format": found.format,
        "tensors": {
            name: {"dtype": dtype, "shape": list(shape), "digest": str(digest)}
            for name, (dtype, shape, digest) in found.tensors.items()
        },
    }


def print_item(item: dict[str, Any]) -> None:
    """Print the lines of one item: of a file, what b3sum prints."""
    if item["kind"] == "file":
        print_bytes(format_line(bytes.fromhex(item["digest"].partition(":")[2]), item["path"]))
        _print_others(item.get("others", {}), item["path"])
        return
    print_text(f"{item['digest']}  {clean(item['path'])}\n")
    for path, digests in item.get("others", {}).items():
        _print_others(digests, os.path.join(item["path"], path))
    for path, folder in item.get("folders", {}).items():
        print_text(
            f"  {folder['digest']}  {clean(os.path.join(item['path'], path))}  {plural(folder['files'], 'file')}\n"
        )
    for name, tensor in item.get("tensors", {}).items():
        print_text(f"  {tensor['digest']}  {clean(name)}  {tensor['dtype']} {tensor['shape']}\n")


def _print_others(digests: Mapping[str, str], path: str) -> None:
    for algorithm, digits in digests.items():
        print_bytes(format_tagged(algorithm, digits, path))
