"""``reprofp snapshot``: describe the host and the active environment, and record it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.keeping import keeping_options
from reprofp.cli.options import experiment_options, json_option

if TYPE_CHECKING:
    from reprofp.cli.keeping import Keeping
    from reprofp.model.records import Snapshot
    from reprofp.probes.base import Experiment

_EXAMPLES = (
    ("the environment that is active in this shell; prints the record's id", "reprofp snapshot"),
    (
        "with the data and the hyper-parameters of an experiment",
        "reprofp snapshot --data train=data --config config.yaml",
    ),
    ("give it a name to compare with later", "reprofp snapshot --tag last-known-good"),
    ("a name that always means the newest of its kind", "reprofp snapshot --tag nightly --move-tag"),
    ("only look: all facts as JSON, nothing recorded", "reprofp snapshot --no-record --json"),
    ("a file to carry to another machine", "reprofp snapshot --no-record --output here.rfp"),
)


@click.command(cls=Command, short_help="Describe this environment and record it.", examples=_EXAMPLES)
@experiment_options
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The interpreter whose environment is described, instead of the active one.",
)
@click.option("--numerics", is_flag=True, help="Measure what the environment's frameworks compute, too.")
@click.option("--deep", is_flag=True, help="Ask the libraries of the GPU for their versions, each in its own process.")
@keeping_options
@json_option
def command(
    experiment: Experiment,
    python: Path | None,
    numerics: bool,
    deep: bool,
    keeping: Keeping,
    as_json: bool,
) -> None:
    """Describe this host and the active environment, and record it.

    The environment is that of the active virtual or conda environment, else of the Python that runs
    reprofp. What depends on a running program (threads, random generators, what was really loaded) is
    not known from here: use "reprofp run" for it.
    """
    from reprofp.capture import describe_environment

    snapshot = describe_environment(experiment, python, numerics=numerics, deep=deep)
    _answer(snapshot, keeping.keep(snapshot), as_json=as_json)
    if python is not None:
        _remark_silence(snapshot, python)
    if experiment.config:
        from reprofp.cli.facts import remark_unparsed

        remark_unparsed(experiment, snapshot)


def _answer(snapshot: Snapshot, done: str, *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_text, remark

    if as_json:
        from reprofp.render.json import record_json

        print_json(record_json(snapshot))
        return
    print_text(f"{snapshot.id}\n")
    remark(f"{done}: {_summarise(snapshot)}")


def _remark_silence(snapshot: Snapshot, python: Path) -> None:
    """Say that the program which was named as the interpreter told nothing of a Python."""
    from reprofp.cli.output import remark
    from reprofp.model.observations import Observed

    if not isinstance(snapshot.look_up(("python", "version")), Observed):
        remark(f"is {python} a Python? it tells no version: what it is and has is unknown")


def _summarise(snapshot: Snapshot) -> str:
    from reprofp.model.observations import Unknown

    facts = [fact for facet in snapshot.facets.values() for _, fact in facet.walk()]
    unknown = sum(isinstance(fact, Unknown) for fact in facts)
    return f"{len(facts) - unknown} facts, {unknown} unknown, fingerprint {str(snapshot.fingerprint)[:16]}"
