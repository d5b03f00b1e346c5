"""``reprofp run``: run a command and record what it ran under, what it touched and what came out."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import click

from reprofp.cli.command import Command
from reprofp.cli.keeping import tag_options
from reprofp.cli.options import (
    LEVELS,
    NAMED_PATH,
    RECORD,
    collect_names,
    experiment_options,
    ledger_option,
    vary_options,
)

if TYPE_CHECKING:
    from reprofp.model.observations import Value
    from reprofp.model.records import Record, Run
    from reprofp.probes.base import Experiment

_EXAMPLES = (
    ("record a training run", "reprofp run -- python train.py"),
    (
        "with its data, its configuration and what it makes",
        "reprofp run --data train=data --config config.yaml --output model.bin -- python train.py",
    ),
    (
        "and ask afterwards whether it repeated the baseline",
        "reprofp run --check last-known-good --require statistical -- python train.py",
    ),
    ("find out whether it repeats itself", "reprofp run --repeat 3 --output model.bin -- python train.py"),
)
_EXITS = {
    "N": "the command's own exit code; 128 + N where signal N ended it",
    "1": "with --check: the command succeeded, but did not reach the level; with --repeat: it differs from itself",
    "2": "with --repeat: the command succeeded, but did not make what was declared each time",
    "125": "reprofp failed before it started the command",
    "126": "the command cannot be run",
    "127": "the command was not found",
}


@click.command(
    cls=Command,
    short_help="Run a command and record it.",
    examples=_EXAMPLES,
    exits=_EXITS,
    context_settings={"allow_interspersed_args": False},
)
@experiment_options
@click.option("--output", "outputs", type=NAMED_PATH, multiple=True, help="What the command makes. Repeatable.")
@click.option(
    "--metrics",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help='JSON lines that the command writes: {"step": 1, "loss": 0.5}.',
)
@click.option(
    "--numerics/--no-numerics",
    default=True,
    help="Measure at the end what the frameworks that the command used compute (default: yes, for 10 s at most).",
)
@click.option(
    "--repeat",
    "times",
    type=click.IntRange(2, 1000),
    metavar="N",
    help="Run the command N times, and compare what it makes each time; it has to start afresh each time.",
)
@click.option("--stdout", is_flag=True, help="Count standard output among what it makes; it becomes a pipe.")
@tag_options
@click.option("--check", "baseline", type=RECORD, help="Compare with this record when the command has ended.")
@click.option(
    "--require", "level", type=click.Choice(LEVELS), help="The level that --check asks for (default: bitwise)."
)
@vary_options
@click.option("--quiet", "-q", is_flag=True, help="No line on standard error.")
@ledger_option
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- CMD [ARG...]")
@click.pass_context
def command(
    ctx: click.Context,
    experiment: Experiment,
    outputs: tuple[tuple[str, Path], ...],
    metrics: Path | None,
    numerics: bool,
    times: int | None,
    stdout: bool,
    tag: str | None,
    baseline: str | None,
    level: str | None,
    vary: tuple[tuple[str, ...], ...],
    ignore: tuple[tuple[str, ...], ...],
    accept_measured: bool,
    quiet: bool,
    ledger: Path | None,
    argv: tuple[str, ...],
) -> None:
    """Run CMD and record what it ran under, what it touched and what came out.

    Everything after -- is the command. Nothing is written to standard output; when it has ended, one
    line on standard error names the record. The exit code is the command's own.
    """
    from reprofp.cli.facts import check_facets, remark_unknown, remark_unparsed
    from reprofp.cli.names import load_record
    from reprofp.hooks.repeating import repeat_command
    from reprofp.hooks.run import RunOptions

    _refuse_without_check(baseline, level=level, vary=vary, ignore=ignore, accept_measured=accept_measured)
    if times and not (outputs or metrics or stdout):
        raise click.UsageError("--repeat compares what the command makes: name it with --output, --metrics or --stdout")
    Path.cwd()  # an error here is of the folder that reprofp is run in, not of the command
    expected = None if baseline is None else load_record(baseline, ledger)
    if expected is not None:
        check_facets(vary, ignore, [expected])
    options = RunOptions(
        experiment=replace(experiment, argv=argv),
        outputs=collect_names(outputs),
        metrics=metrics,
        numerics=numerics,
        stdout=stdout,
        warn=_say,
    )
    keeping = _Keeping(_find_trouble(ledger), ledger, quiet=quiet)
    run, code = repeat_command(argv, options, times or 1, keeping.keep)
    check = None
    if expected is not None:
        remark_unknown(vary, ignore, [expected, run])
        check = _check(expected, run, level or "bitwise", (vary, ignore, accept_measured))
        run = _note_check(run, expected, check)
    keeping.keep(run, tag, check)
    if not quiet:
        remark_unparsed(experiment, run.start)
    ctx.exit(code or _find_code(run, check))


def _refuse_without_check(baseline: str | None, **asked: object) -> None:
    """Refuse what shapes a comparison where none was asked for."""
    given = [name for name, value in asked.items() if value]
    if baseline is None and given:
        option = "require" if given[0] == "level" else given[0].replace("_", "-")
        raise click.UsageError(f"--{option} is about the comparison with a record: name that with --check")


def _find_code(run: Run, check: _Check | None) -> int:
    """Return the code for a command that succeeded."""
    repeats = run.result.repeats
    if (check is not None and not check.held) or (repeats is not None and repeats.differing):
        return 1
    return 2 if repeats is not None and not repeats.agree else 0


@dataclass(frozen=True)
class _Keeping:
    """Where runs go when they have ended."""

    trouble: str
    """Why they cannot be kept in the ledger."""
    ledger: Path | None
    quiet: bool

    def keep(self, run: Run, tag: str | None = None, check: _Check | None = None) -> None:
        """Append a run to the ledger, and name it on standard error."""
        saved = _rescue(run, self.trouble) if self.trouble else _keep(run, tag, self.ledger)
        if not self.quiet:
            _say(f"{saved} ({', '.join(_describe(run, check))})")


def _find_trouble(ledger: Path | None) -> str:
    """Find out before the command starts why its record could not be kept; it runs all the same."""
    from reprofp.connecting import check_place
    from reprofp.errors import LedgerError

    try:
        check_place(ledger)
    except LedgerError as error:
        return str(error)
    return ""


def _keep(run: Run, tag: str | None, ledger: Path | None) -> str:
    """Append the run to the ledger; where that fails now, save it beside the user's work rather than lose it."""
    from reprofp.connecting import keep
    from reprofp.errors import ReprofpError

    try:
        kept = keep(run, ledger, tag=tag)
    except ReprofpError as error:
        return _rescue(run, str(error))
    if kept.spooled is not None:
        _say(f"{kept.reason}; the record waits in {kept.spooled} and is taken in later")
    return f"{run.id} {tag}" if tag else run.id


def _rescue(run: Run, why: str) -> str:
    """Write the record to a file in the working folder, else in that of temporary files; say where, and why."""
    import tempfile

    from reprofp.errors import ReprofpError
    from reprofp.ledger import write_record_file

    name = f"{run.id.replace(':', '-')[:16]}.rfp"
    for path in (Path.cwd() / name, Path(tempfile.gettempdir()) / name):
        with suppress(ReprofpError):
            write_record_file(run, path)
            return f"{run.id} is in {path}, not in the ledger: {why}"
    return f"{run.id} was not recorded: {why}"


def _describe(run: Run, check: _Check | None) -> list[str]:
    from reprofp.render.records import draw_end, draw_repeats
    from reprofp.render.values import format_duration

    repeated = [draw_repeats(run.result.repeats)] if run.result.repeats else []
    words = [draw_end(run.result.exit_code), format_duration(run.result.duration_ns), *repeated]
    return words if check is None else [*words, f"{check.level}: {check.answer}: {check.line}"]


@dataclass(frozen=True, slots=True)
class _Check:
    """What a run that was checked came to."""

    level: str
    answer: str
    line: str

    @property
    def held(self) -> bool:
        return self.answer == "yes"


_Paths: TypeAlias = "tuple[tuple[str, ...], ...]"


def _check(expected: Record, run: Run, level: str, named: tuple[_Paths, _Paths, bool]) -> _Check:
    """Ask whether the run reached the level."""
    from reprofp.render.wording import ANSWERS, headline
    from reprofp.verdict import Level, answer_requirement, compare

    vary, ignore, accept_measured = named
    verdict = compare(expected, run, vary=vary, ignore=ignore, accept_measured=accept_measured)
    answer = answer_requirement(verdict, Level.parse(level), accept_measured=accept_measured)
    return _Check(level, ANSWERS[answer], headline(verdict))


def _note_check(run: Run, expected: Record, check: _Check) -> Run:
    """Return the run with the outcome of its check among its circumstances."""
    noted: dict[str, Value] = {
        **run.side.circumstances,
        "check.baseline": expected.id,
        "check.level": check.level,
        "check.answer": check.answer,
    }
    return replace(run, side=replace(run.side, circumstances=noted))


def _say(text: str) -> None:
    """Write to standard error; that nobody reads it must not change the exit code."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"reprofp: {text}\n")
        sys.stderr.flush()
