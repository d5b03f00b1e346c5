"""``reprofp verify``: are data, weights and outputs still what a record says they are?"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.compare_contents import is_content
from reprofp.cli.options import NAMED_PATH, RECORD, json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.model.contents import Verification

_EXAMPLES = (
    ("the newest record: is everything still as it was?", "reprofp verify"),
    ("a record by name", "reprofp verify last-known-good"),
    ("the data lies elsewhere now", "reprofp verify last-known-good --data train=data"),
    ("which files, for a program", "reprofp verify last-known-good --json"),
    ("data that DVC tracks, without DVC", "reprofp verify data.dvc"),
)
_EXITS = {
    0: "everything is as the record says",
    1: "something differs",
    2: "undecided: something could not be checked",
    3: "usage error, or input that cannot be read",
    130: "interrupted",
}
_Pairs = tuple[tuple[str, Path], ...]


@click.command(
    cls=Command, short_help="Are data, weights and outputs still as recorded?", examples=_EXAMPLES, exits=_EXITS
)
@click.argument("records", type=RECORD, nargs=-1, metavar="[RECORD|FILE...]")
@click.option("--data", type=NAMED_PATH, multiple=True, help="Where the data of this name lies now. Repeatable.")
@click.option("--weights", type=NAMED_PATH, multiple=True, help="Where the weights lie now. Repeatable.")
@click.option("--output", "outputs", type=NAMED_PATH, multiple=True, help="Where the output lies now. Repeatable.")
@click.option("--all", "everything", is_flag=True, help="Name every file and tensor that differs.")
@ledger_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    records: tuple[str, ...],
    data: _Pairs,
    weights: _Pairs,
    outputs: _Pairs,
    everything: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Hash the data, weights and outputs of records again, and say what differs from the record.

    Everything is read again, whatever is remembered of it; without RECORD, the newest record is meant.
    What lies elsewhere now is named by --data, --weights and --output, as NAME=PATH.

    FILE is a .dvc file, a dvc.lock, or a list of b3sum, sha256sum or md5sum (its paths are relative to
    this folder), or a folder in the cache of the Hugging Face hub: what they say is verified without
    those tools. "reprofp hash --check" also tells of files that a list does not name.
    """
    from reprofp.cli.output import print_json, print_lines
    from reprofp.render.comparisons import draw_verification, verification_json

    given = {("datasets", "declared"): data, ("weights",): weights, ("outputs",): outputs}
    places = {(*head, name): path for head, pairs in given.items() for name, path in pairs}
    found = [
        _verify_foreign(Path(name), kind) if kind else _verify(name, places, ledger)
        for name, kind in ((name, _find_kind(name, ledger)) for name in records or ("@-1",))
    ]
    if as_json:
        print_json({"schema": "reprofp/verify/1", "records": [verification_json(item) for item in found]})
    else:
        print_lines([spans for item in found for spans in draw_verification(item, everything=everything)])
    answers = {item.answer for item in found}
    ctx.exit(1 if 1 in answers else max(answers))


def _find_kind(name: str, ledger: Path | None) -> str:
    """Say whose digests a path holds: dvc, hub or list; nothing where it is the name of a record."""
    path = Path(name)
    if name and path.is_dir():
        return "hub"
    if not is_content(name, ledger):
        return ""
    return "dvc" if path.suffix == ".dvc" or path.name == "dvc.lock" else "list"


def _verify_foreign(path: Path, kind: str) -> Verification:
    """Hold files against what another tool wrote down of them."""
    from reprofp.cli.hash_check import guess_algorithm
    from reprofp.datasets import interop
    from reprofp.model.contents import CheckedPlace, Verification

    if kind == "list":
        found = interop.verify_list(path, algorithm=guess_algorithm(path, Path()))
    else:
        found = interop.verify_dvc(path) if kind == "dvc" else interop.verify_hub(path)
    places = []
    for item in found.checks:
        status = "equal" if item.holds else "differs" if item.problem is None else "unchecked"
        digests = f"{item.algorithm}:{item.expected}", f"{item.algorithm}:{item.found}" if item.found else ""
        name = item.path.decode("utf-8", "backslashreplace")
        places.append(CheckedPlace((name,), status, *digests, problem=item.problem or ""))
    return Verification(str(path), tuple(places))


def _verify(name: str, places: dict[tuple[str, ...], Path], ledger: Path | None) -> Verification:
    from reprofp.cli.names import load_record
    from reprofp.cli.progress import HashingLine
    from reprofp.datasets.verifying import verify_record
    from reprofp.errors import UsageError
    from reprofp.ledger import find_content
    from reprofp.model.digests import list_promised
    from reprofp.model.paths import format_path

    record = load_record(name, ledger)
    unknown = [path for path in places if path not in list_promised(record)]
    if unknown:
        raise UsageError(f"{name} has no {format_path(unknown[0])}: 'reprofp show {name}' lists what it has")
    with HashingLine() as progress:
        return verify_record(record, partial(find_content, record, ledger), places=places, progress=progress)
