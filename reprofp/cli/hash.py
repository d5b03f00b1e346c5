"""``reprofp hash``: digests of files, folders and weights, and whether a folder still matches them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import json_option

if TYPE_CHECKING:
    from reprofp.cli.checksums import Comparison
    from reprofp.datasets import TreeDigest

_EXAMPLES = (
    ("a file: the line that b3sum prints", "reprofp hash model.safetensors"),
    ("a folder: one digest of all that is in it", "reprofp hash data"),
    ("keep its list of files", "reprofp hash data --manifest data.b3"),
    ("does the folder still match? added files count", "reprofp hash --check data.b3 data"),
    ("weights by meaning, tensor by tensor", "reprofp hash --tensors model.safetensors"),
)


@click.command(
    cls=Command,
    short_help="Digests of files, folders and weights.",
    examples=_EXAMPLES,
    exits={**ANSWER_EXITS, 0: "done; with --check: all files match"},
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='Write the list of a folder\'s files and digests, for "b3sum --check"; - is standard output.',
)
@click.option(
    "--check",
    "checksums",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare the folder PATH (by default this one) with such a list.",
)
@click.option("--tensors", is_flag=True, help="Show the digest of each tensor of a safetensors file.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[Path, ...],
    manifest: Path | None,
    checksums: Path | None,
    tensors: bool,
    as_json: bool,
) -> None:
    """Print the BLAKE3 digest of each PATH: a file, a folder, or - for standard input.

    A file's line is what b3sum prints. A folder's digest is that of the list of its files.
    """
    if checksums is not None:
        if manifest is not None or tensors or len(paths) > 1:
            raise click.UsageError("--check takes one folder, and neither --manifest nor --tensors")
        ctx.exit(_check(checksums, paths[0] if paths else Path(), as_json=as_json))
    if not paths:
        raise click.UsageError("name a file or folder to hash")
    if manifest is not None:
        if len(paths) != 1 or not paths[0].is_dir():
            raise click.UsageError("--manifest lists the files of one folder: name one")
        ctx.exit(_write_manifest(paths[0], manifest))
    ctx.exit(_hash_all(paths, tensors=tensors, as_json=as_json))


def _hash_all(paths: tuple[Path, ...], *, tensors: bool, as_json: bool) -> int:
    """Hash path after path; one that cannot be read does not stop the others."""
    from reprofp.cli.output import print_json, remark
    from reprofp.errors import ReprofpError

    items, code = [], 0
    for path in paths:
        try:
            item = _hash_weights(path) if tensors else _hash_one(path)
        except ReprofpError as error:
            remark(str(error))
            code = ReprofpError.exit_code
            continue
        items.append(item)
        if not as_json:
            _print_item(item)
    if as_json:
        print_json({"schema": "reprofp/hash/1", "items": items})
    return code


def _hash_one(path: Path) -> dict[str, Any]:
    if str(path) == "-":
        return _hash_input()
    if path.is_dir():
        return _hash_folder(path)
    from reprofp.cli.progress import HashingLine
    from reprofp.datasets import hash_file

    with HashingLine() as progress:
        found = hash_file(path, progress=progress)
    return {"path": str(path), "kind": "file", "digest": str(found.digest), "bytes": found.bytes}


def _hash_input() -> dict[str, Any]:
    from reprofp._core.hashing import Hasher

    hasher, size = Hasher(), 0
    while block := sys.stdin.buffer.read(1 << 20):
        hasher.update(block)
        size += len(block)
    return {"path": "-", "kind": "file", "digest": f"blake3:{hasher.digest().hex()}", "bytes": size}


def _hash_folder(path: Path) -> dict[str, Any]:
    tree = _walk(path)
    return {
        "path": str(path),
        "kind": "folder",
        "digest": str(tree.digest),
        "bytes": tree.bytes,
        "files": tree.files,
        "problems": [{"path": os.fsdecode(problem.path), "what": problem.what} for problem in tree.problems],
    }


def _walk(path: Path) -> TreeDigest:
    """Hash a folder, remarking on what its digest cannot cover."""
    from reprofp.cli.output import remark
    from reprofp.cli.progress import HashingLine
    from reprofp.datasets import hash_tree
    from reprofp.render.values import clean

    with HashingLine() as progress:
        tree = hash_tree(path, progress=progress)
    for problem in tree.problems:
        remark(f"{clean(os.fsdecode(problem.path))} in {path}: {problem.what}")
    return tree


def _hash_weights(path: Path) -> dict[str, Any]:
    from reprofp.cli.progress import HashingLine
    from reprofp.datasets import hash_weights

    with HashingLine() as progress:
        found = hash_weights(path, progress=progress)
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


def _print_item(item: dict[str, Any]) -> None:
    from reprofp.cli.checksums import format_line
    from reprofp.cli.output import print_bytes, print_text
    from reprofp.render.values import clean

    if item["kind"] == "file":
        print_bytes(format_line(bytes.fromhex(item["digest"].partition(":")[2]), item["path"]))
        return
    print_text(f"{item['digest']}  {clean(item['path'])}\n")
    for name, tensor in item.get("tensors", {}).items():
        print_text(f"  {tensor['digest']}  {clean(name)}  {tensor['dtype']} {tensor['shape']}\n")


def _walk_listed(folder: Path) -> TreeDigest:
    """Hash a folder, remarking where a list of checksums holds less than the folder's digest."""
    from reprofp.cli.output import remark

    tree = _walk(folder)
    if tree.block:
        remark(
            f"{folder} holds what no list of checksums can (links, empty folders, names that are not UTF-8): "
            "only the folder's digest covers it"
        )
    return tree


def _write_manifest(folder: Path, output: Path) -> int:
    from reprofp.cli.output import print_bytes, remark

    tree = _walk_listed(folder)
    lines = tree.manifest
    if str(output) == "-":
        print_bytes(lines)
    else:
        _replace(output, lines)
    remark(f"{tree.digest}  {folder}: {tree.files} files")
    return 0


def _replace(output: Path, data: bytes) -> None:
    """Write a file as a whole or not at all."""
    scratch = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        scratch.write_bytes(data)
        scratch.replace(output)
    except OSError:
        scratch.unlink(missing_ok=True)
        raise


def _check(checksums: Path, folder: Path, *, as_json: bool) -> int:
    from reprofp.cli.checksums import compare_checksums, parse_lines

    expected = parse_lines(_read(checksums), str(checksums))
    found = parse_lines(_walk_listed(folder).manifest, str(folder))
    own = os.path.relpath(os.path.realpath(checksums), os.path.realpath(folder))
    if os.fsencode(own) not in expected:
        found.pop(os.fsencode(own), None)
    result = compare_checksums(expected, found)
    _show_check(result, as_json=as_json)
    return 1 if result else 0


def _read(path: Path) -> bytes:
    from reprofp.errors import InputError

    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the list of checksums {path}: {error.strerror}; check the path") from error


def _show_check(result: Comparison, *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_text
    from reprofp.render.values import clean

    lists = {"changed": result.changed, "missing": result.missing, "added": result.added}
    if as_json:
        named = {name: [os.fsdecode(path) for path in paths] for name, paths in lists.items()}
        print_json({"schema": "reprofp/hash-check/1", "match": not result, "equal": result.equal, **named})
        return
    for name, paths in lists.items():
        for path in paths:
            print_text(f"{name:8} {clean(os.fsdecode(path))}\n")
    counts = ", ".join(f"{len(paths)} {name}" for name, paths in lists.items())
    print_text(f"{result.equal} equal, {counts}\n")
