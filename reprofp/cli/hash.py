"""``reprofp hash``: digests of files, folders and weights, and whether a folder still matches them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import ParamType, json_option

if TYPE_CHECKING:
    from reprofp.cli.hash_items import Asked
    from reprofp.datasets import TreeDigest

_EXAMPLES = (
    ("a file: the line that b3sum prints", "reprofp hash model.safetensors"),
    ("a folder: one digest of all that is in it", "reprofp hash data"),
    ("and of each folder in it", "reprofp hash --folders data"),
    ("keep its list of files", "reprofp hash data --manifest data.b3"),
    ("does the folder still match? added files count", "reprofp hash --check data.b3 data"),
    ("leave out what git and DVC leave out, and logs", "reprofp hash --ignore-file .gitignore --exclude '*.log' data"),
    ("weights by meaning, tensor by tensor", "reprofp hash --tensors model.safetensors"),
    ("also the digest that model hubs and registries show", "reprofp hash --also sha256 model.safetensors"),
)


class _Names(ParamType):
    """Names of algorithms, separated by commas."""

    name = "NAME[,NAME]"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(dict.fromkeys(value.split(",")))


@click.command(
    cls=Command,
    short_help="Digests of files, folders and weights.",
    examples=_EXAMPLES,
    exits={**ANSWER_EXITS, 0: "done; with --check: all files match"},
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, readable=False), metavar="PATH...")
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
    help="Compare the folder PATH (by default this one) with such a list, or with one of sha256sum, md5sum and the like.",
)
@click.option("--tensors", is_flag=True, help="Show the digest of the tensors of weights, and of each of them.")
@click.option(
    "--also", type=_Names(), default=(), help="Further digests from the same read: sha256, sha512, sha1, md5, git."
)
@click.option("--folders", is_flag=True, help="Show the digest of each folder below PATH, too.")
@click.option("--depth", type=click.IntRange(min=1), metavar="N", help="With --folders: only so many levels down.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Only what matches, as in .gitignore. Repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave out what matches. Repeatable.")
@click.option(
    "--ignore-file",
    "ignore_files",
    multiple=True,
    metavar="NAME",
    help="Leave out what files of this name in the folder say, such as .gitignore or .dvcignore. Repeatable.",
)
@click.option("--partial", is_flag=True, help="Give the digest of what can be read; its name says that it is partial.")
@click.option("--no-cache", is_flag=True, help="Read every file, also those that are remembered as unchanged.")
@click.option("--threads", type=click.IntRange(1, 256), metavar="N", help="How many threads read and hash.")
@json_option
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[Path, ...], as_json: bool, **options: Any) -> None:
    """Print the BLAKE3 digest of each PATH: a file, a folder, or - for standard input.

    A file's line is what b3sum prints. A folder's digest is that of the list of its files. A file that
    cannot be read is named on a line of its own, all others are hashed, and the exit code is 3.
    """
    asked = _read_options(options)
    if options["checksums"] is not None:
        if options["manifest"] is not None or options["tensors"] or len(paths) > 1:
            raise click.UsageError("--check takes one folder, and neither --manifest nor --tensors")
        from reprofp.cli.hash_check import check

        folder = paths[0] if paths else Path()
        ctx.exit(check(options["checksums"], folder, partial(_walk_listed, asked=asked), as_json=as_json))
    if not paths:
        raise click.UsageError("name a file or folder to hash")
    _refuse_idle(paths, asked)
    if options["manifest"] is not None:
        if len(paths) != 1 or not paths[0].is_dir():
            raise click.UsageError("--manifest lists the files of one folder: name one")
        ctx.exit(_write_manifest(paths[0], options["manifest"], asked))
    ctx.exit(_hash_all(paths, asked, as_json=as_json))


def _read_options(options: dict[str, Any]) -> Asked:
    """Gather what was asked for; what was not is left to the library's own defaults."""
    from reprofp.cli.hash_items import Asked

    if options["depth"] is not None and not options["folders"]:
        raise click.UsageError("--depth says how deep --folders goes: give that, too")
    file_options = {name: options[name] for name in ("threads", "also") if options[name]}
    if options["no_cache"]:
        file_options["cache"] = False
    tree_options = {name: options[name] for name in ("include", "exclude", "ignore_files", "partial") if options[name]}
    folders = (options["depth"] or 0) if options["folders"] else None
    return Asked(options["tensors"], folders, file_options, tree_options)


def _refuse_idle(paths: tuple[Path, ...], asked: Asked) -> None:
    """Refuse what is about the files of folders where there is no folder."""
    given = [*asked.tree_options, *(("folders",) if asked.folders is not None else ())]
    if given and not asked.tensors and not any(path.is_dir() for path in paths if str(path) != "-"):
        option = given[0].removesuffix("s") if given[0] == "ignore_files" else given[0]
        raise click.UsageError(f"--{option.replace('_', '-')} is about the files of a folder, and no PATH is one")


def _hash_all(paths: tuple[Path, ...], asked: Asked, *, as_json: bool) -> int:
    """Hash path after path; one that cannot be read does not stop the others."""
    from reprofp.cli.hash_items import hash_item, print_item, say_failure
    from reprofp.cli.output import print_json
    from reprofp.errors import ReprofpError

    items, code = [], 0
    for path in paths:
        try:
            item = hash_item(path, asked)
        except ReprofpError as error:
            say_failure(error)
            code = ReprofpError.exit_code
            continue
        code = ReprofpError.exit_code if item.get("failures") else code
        items.append(item)
        if not as_json:
            print_item(item)
    if as_json:
        print_json({"schema": "reprofp/hash/1", "items": items})
    return code


def _walk_listed(folder: Path, asked: Asked, **options: Any) -> TreeDigest:
    """Hash a folder, remarking where a list of checksums holds less than the folder's digest."""
    from reprofp.cli.hash_items import walk
    from reprofp.cli.output import remark

    tree = walk(folder, replace(asked, tree_options={**asked.tree_options, **options}))
    if tree.block:
        remark(
            f"{folder} holds what no list of checksums can (links, empty folders, names that are not UTF-8): "
            "only the folder's digest covers it"
        )
    return tree


def _write_manifest(folder: Path, output: Path, asked: Asked) -> int:
    from reprofp.cli.output import print_bytes, remark
    from reprofp.errors import InputError
    from reprofp.ledger.folders import replace_file

    if output.is_dir():
        raise click.UsageError(f"--manifest writes a file, and {output} is a folder: name a file")
    tree = _walk_listed(folder, asked)
    lines = tree.manifest
    if str(output) == "-":
        print_bytes(lines)
    else:
        try:
            replace_file(output, lines)
        except OSError as error:
            raise InputError(f"cannot write the list to {output}: {error.strerror}; choose another place") from error
    remark(f"{tree.digest}  {folder}: {tree.files} files")
    return 3 if tree.failures else 0
