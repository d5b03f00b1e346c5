"""``reprofp import``: what other tools recorded of an old run, as a record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.keeping import keeping_options
from reprofp.cli.options import json_option

if TYPE_CHECKING:
    from reprofp.cli.keeping import Keeping
    from reprofp.model.records import Record

_KINDS = (
    "wandb",
    "mlflow",
    "sacred",
    "collect-env",
    "conda-list",
    "conda-env",
    "uv",
    "poetry",
    "pipenv",
    "mlenv",
    "pip-freeze",
)
"""As ``reprofp.importing`` has them; written here so that the help needs none of it."""

_EXAMPLES = (
    ("what pip freeze said of last year's run", "reprofp import freeze.txt --tag last-year"),
    (
        "two texts about one environment make one record",
        "reprofp import freeze.txt collect_env.txt --tag last-year",
    ),
    ("a run of MLflow, of W&B, of Sacred: its folder", "reprofp import mlruns/0/14126ac5"),
    ("only look: what would be recorded", "reprofp import uv.lock --no-record --json"),
)


@click.command(cls=Command, short_help="Make a record of what other tools kept.", examples=_EXAMPLES)
@click.argument("sources", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="SOURCE...")
@click.option("--from", "kind", type=click.Choice(_KINDS), help="What the sources are, where that is not recognised.")
@keeping_options
@json_option
def command(
    sources: tuple[Path, ...],
    kind: str | None,
    keeping: Keeping,
    as_json: bool,
) -> None:
    """Make a record of what other tools wrote down about one run or environment.

    Understood are pip freeze, conda list, environment.yml, uv.lock, poetry.lock, Pipfile.lock, the text
    of torch.utils.collect_env, the folder of a run of Weights & Biases, MLflow or Sacred, and snapshots of
    mlenv-cli. Everything that they do not tell is unknown, and never taken for equal.
    """
    from reprofp.importing import import_sources

    record, notes = import_sources(sources, kind)
    _answer(record, notes, keeping.keep(record), as_json=as_json)


def _answer(record: Record, notes: list[str], done: str, *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_text, remark

    if as_json:
        from reprofp.render.json import record_json

        print_json(record_json(record))
    else:
        print_text(f"{record.id}\n")
    remark(f"{done}: {_summarise(record)}")
    for note in notes:
        remark(note)


def _summarise(record: Record) -> str:
    from reprofp.model.observations import Observed
    from reprofp.render.imported import find_origin, list_unrecorded
    from reprofp.render.wording import plural

    snapshot = record.start if hasattr(record, "start") else record
    facts = [fact for facet in snapshot.facets.values() for fact in facet.facts.values()]
    count = sum(isinstance(fact, Observed) for fact in facts)
    return f"{plural(count, 'fact')} from {find_origin(record)}; never recorded: {', '.join(list_unrecorded(record))}"
