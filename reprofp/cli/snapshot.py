"""``reprofp snapshot``: describe the host and the active environment, and record it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reprofp.cli.command import Command
from reprofp.cli.options import experiment_options, json_option, ledger_option

if TYPE_CHECKING:
    from reprofp.model.records import Record, Snapshot
    from reprofp.probes.base import Experiment

_EXAMPLES = (
    ("the environment that is active in this shell; prints the record's id", "reprofp snapshot"),
    (
        "with the data and the hyper-parameters of an experiment",
        "reprofp snapshot --data train=data --config config.yaml",
    ),
    ("give it a name to compare with later", "reprofp snapshot --tag last-known-good"),
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
@click.option("--tag", metavar="NAME", help="A name for the record.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the record to a file, too.")
@click.option("--no-record", is_flag=True, help="Do not add the snapshot to the ledger.")
@ledger_option
@json_option
def command(
    experiment: Experiment,
    python: Path | None,
    numerics: bool,
    deep: bool,
    tag: str | None,
    output: Path | None,
    no_record: bool,
    ledger: Path | None,
    as_json: bool,
) -> None:
    """Describe this host and the active environment, and record it.

    The environment is that of the active virtual or conda environment, else of the Python that runs
    reprofp. What depends on a running program (threads, random generators, what was really loaded) is
    not known from here: use "reprofp run" for it.
    """
    from reprofp.capture import describe_environment

    if tag and no_record:
        raise click.UsageError("--tag names a record of the ledger, and --no-record asks for none: leave one out")
    snapshot = describe_environment(experiment, python, numerics=numerics, deep=deep)
    done = keep_record(snapshot, tag, output, ledger, record=not no_record)
    _answer(snapshot, done, as_json=as_json)


def keep_record(made: Record, tag: str | None, output: Path | None, ledger: Path | None, *, record: bool) -> str:
    """Write a record to a file, add it to the ledger, and say what was done.

    Raises:
        InputError: the file cannot be written.
        LedgerError: the record can be neither added nor spooled.
    """
    if output is not None:
        from reprofp.ledger import write_record_file

        write_record_file(made, output)
    if record:
        _record(made, tag, ledger)
    done = [*(("recorded",) if record else ()), *(() if output is None else (f"written to {output}",))]
    return " and ".join(done) or "not recorded"


def _record(snapshot: Record, tag: str | None, ledger: Path | None) -> None:
    from reprofp.cli.output import remark
    from reprofp.connecting import keep

    kept = keep(snapshot, ledger, tag=tag or None)
    if kept.spooled is not None:
        remark(f"{kept.reason}; the record waits in {kept.spooled} and is taken in later")


def _answer(snapshot: Snapshot, done: str, *, as_json: bool) -> None:
    from reprofp.cli.output import print_json, print_text, remark

    if as_json:
        from reprofp.render.json import record_json

        print_json(record_json(snapshot))
        return
    print_text(f"{snapshot.id}\n")
    remark(f"{done}: {_summarise(snapshot)}")


def _summarise(snapshot: Snapshot) -> str:
    from reprofp.model.observations import Unknown

    facts = [fact for facet in snapshot.facets.values() for _, fact in facet.walk()]
    unknown = sum(isinstance(fact, Unknown) for fact in facts)
    return f"{len(facts) - unknown} facts, {unknown} unknown, fingerprint {str(snapshot.fingerprint)[:16]}"
