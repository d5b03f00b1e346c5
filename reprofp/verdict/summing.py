"""Summing up: from everything that was gathered to a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from reprofp.model.paths import FactPath, format_path, starts_with
from reprofp.model.schema import Side
from reprofp.verdict.judging import Judge
from reprofp.verdict.levels import BITWISE, Interval, Level
from reprofp.verdict.reasons import find_missing, fold, rank
from reprofp.verdict.results import ExperimentVerdict, Reason, Verdict
from reprofp.verdict.views import ends_with_process

__all__ = ["Gathered", "Request", "conclude"]


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for beside the two records."""

    vary: Sequence[FactPath] = ()
    ignore: Sequence[FactPath] = ()
    accept_measured: bool = False


@dataclass
class Gathered:
    """Everything that was found about two sides, before it is summed up."""

    judge: Judge
    reasons: list[Reason] = field(default_factory=list)
    equal: int = 0
    silent: list[Reason] = field(default_factory=list)
    """What differs or is Unknown without being able to reach these results."""
    numerics: list[Reason] = field(default_factory=list)
    has_differences: bool = False


def conclude(gathered: Gathered, request: Request, outputs: Sequence[Reason] = ()) -> Verdict:
    """Sum up what was gathered; ``outputs`` are reasons about outputs that differ."""
    kept = [reason for reason in gathered.reasons if not _is_named(reason.path, request.ignore)]
    conditions = [*gathered.numerics, *(reason for reason in kept if reason.side is Side.CONDITIONS)]
    experiment = _split_experiment([reason for reason in kept if reason.side is Side.EXPERIMENT], request.vary)
    # Outputs of different experiments differ as they should.
    told = [] if experiment.differs or experiment.varied else list(outputs)
    told_of_conditions = [] if experiment.unknown else told
    everything = [*conditions, *told, *experiment.differs, *experiment.unknown]
    unknown = [reason for reason in (*conditions, *experiment.unknown) if reason.kind == "unknown"]
    named = fold([reason for reason in conditions if reason.kind != "unknown"], gathered.judge.rules)
    ignored = [
        replace(reason, lowers="nothing") for reason in gathered.reasons if _is_named(reason.path, request.ignore)
    ]
    promised = lower(reason for reason in everything if reason not in told).promised
    return Verdict(
        conditions=lower([*conditions, *told_of_conditions]),
        experiment=experiment,
        overall=lower(everything),
        accepted=lower(reason for reason in everything if not reason.mark),
        reasons=tuple(_order(named, told, surprising=promised is Level.BITWISE)),
        missing=tuple(find_missing(unknown, everything, gathered.judge)),
        equal=gathered.equal,
        irrelevant=len(gathered.silent) + len(ignored),
        not_relevant=tuple(sorted((*gathered.silent, *ignored), key=lambda reason: reason.path)),
        unknown=len(unknown),
        rules_version=gathered.judge.rules.version,
        accept_measured=request.accept_measured,
        notes=(
            *_note_surprise(told, promised),
            *_note_difference(gathered, experiment, outputs),
            *_note_request(request, experiment, len(ignored)),
        ),
    )


def lower(reasons: Iterable[Reason]) -> Interval:
    """Lower the highest interval by every reason."""
    interval = BITWISE
    for reason in reasons:
        interval = reason.apply(interval)
    return interval


def _is_named(path: FactPath, prefixes: Iterable[FactPath]) -> bool:
    return any(starts_with(path, prefix) for prefix in prefixes)


def _split_experiment(reasons: Sequence[Reason], vary: Sequence[FactPath]) -> ExperimentVerdict:
    def is_doubt(reason: Reason) -> bool:
        return reason.kind in ("unknown", "drift")

    varied = [reason for reason in reasons if not is_doubt(reason) and _is_named(reason.path, vary)]
    differs = [reason for reason in reasons if not is_doubt(reason) and not _is_named(reason.path, vary)]
    unknown = [reason for reason in reasons if is_doubt(reason)]
    return ExperimentVerdict(
        tuple(rank(differs)), tuple(rank(unknown)), tuple(replace(reason, lowers="nothing") for reason in rank(varied))
    )


def _order(named: Sequence[Reason], told: Sequence[Reason], *, surprising: bool) -> list[Reason]:
    """Put what was measured behind what explains it; outputs that differ come first where nothing explains them."""
    measured = rank(reason for reason in named if reason.path[0] == "numerics")
    others = rank(reason for reason in named if reason.path[0] != "numerics")
    explained = any(reason.kind in ("differs", "keyed") for reason in others)
    ordered = [*others, *measured] if explained else [*measured, *others]
    return [*rank(told), *ordered] if surprising else [*ordered, *rank(told)]


def _note_surprise(told: Sequence[Reason], promised: Level) -> Iterator[str]:
    if told and promised is Level.BITWISE:
        yield "the same bits were promised, and the outputs differ: something that no probe sees changed the results"


def _note_difference(gathered: Gathered, experiment: ExperimentVerdict, outputs: Sequence[Reason]) -> Iterator[str]:
    keyed = any(reason.kind == "keyed" for reason in gathered.reasons)
    differs = (
        gathered.has_differences or keyed or gathered.numerics or outputs or experiment.differs or experiment.varied
    )
    if not differs:
        yield "nothing observed differs"
    later = sum(reason.kind == "unknown" and ends_with_process(reason.path) for reason in gathered.reasons)
    if later and not (gathered.judge.a.first.is_final and gathered.judge.b.first.is_final):
        yield f"{later} facts need a run"


def _note_request(request: Request, experiment: ExperimentVerdict, ignored: int) -> Iterator[str]:
    if ignored:
        yield f"{ignored} ignored by request"
    for prefix in request.vary:
        if not any(starts_with(reason.path, prefix) for reason in experiment.varied):
            yield f"nothing of the experiment differs at {format_path(prefix)}, which was to vary"
