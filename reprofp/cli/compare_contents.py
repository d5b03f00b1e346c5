"""``reprofp compare A B`` where A and B are folders or files of weights: what differs in them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.verdicts import Wanted

if TYPE_CHECKING:
    from reprofp.model.contents import PathComparison

__all__ = ["are_contents", "compare_contents", "is_content"]

_RECORD = b"reprofp record/"


def are_contents(a: str, b: str, ledger: Path | None) -> bool:
    """Whether both names are folders or files that are no records.

    Raises:
        click.UsageError: one is, and the other is a record.
    """
    found = [is_content(name, ledger) for name in (a, b)]
    if any(found) and not all(found):
        place, record = (a, b) if found[0] else (b, a)
        raise click.UsageError(
            f"{place} is a folder or a file that is no record, and {record} is a record or is not there: "
            "name two records, or two folders or files"
        )
    return all(found)


def is_content(name: str, ledger: Path | None) -> bool:
    """Whether a name is a path of content; what the ledger knows by that name comes first, as everywhere."""
    path = Path(name)
    if not path.exists() or (path.is_file() and _is_record_file(path)):
        return False
    return os.sep in name or not _is_in_ledger(name, ledger)


def _is_record_file(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(len(_RECORD)) == _RECORD
    except OSError:
        return False  # whoever reads it says what is wrong


def _is_in_ledger(name: str, ledger: Path | None) -> bool:
    from reprofp.errors import AmbiguousNameError, ReprofpError
    from reprofp.ledger import Ledger

    try:
        with Ledger.open(ledger, read_only=True) as book:
            book.resolve(name)
    except AmbiguousNameError:
        return True
    except ReprofpError:
        return False
    return True


def compare_contents(a: str, b: str, wanted: Wanted, *, values: bool = False) -> int:
    """Compare two folders or files, print what differs, and return the exit code."""
    from reprofp.cli.progress import HashingLine
    from reprofp.datasets.pairs import compare_paths

    with HashingLine() as progress:
        found = compare_paths(Path(a), Path(b), values=values, progress=progress)
    code = None if wanted.level is None else int(not found.is_same)
    _show(found, wanted, code)
    return code or 0


def _show(found: PathComparison, wanted: Wanted, code: int | None) -> None:
    from reprofp.cli.output import print_json, print_lines, print_text
    from reprofp.render.comparisons import comparison_json, comparison_markdown, draw_comparison
    from reprofp.render.wording import ANSWERS

    answer = "" if code is None else ANSWERS[code]
    if wanted.form == "json":
        print_json(comparison_json(found, level=wanted.level, answer=answer))
    elif wanted.form == "markdown":
        print_text(comparison_markdown(found, answer))
    else:
        print_lines(draw_comparison(found, answer, everything=wanted.everything))
