"""The check before a run: is anything in the way already, and what can only be known later?

What the baseline knew at its start is compared with now; for the rest its end stands. Which factors are
active is taken from what the baseline did, since the same program is about to run: the record of the run
says afterwards whether that held. What a process settles only while it runs is listed apart, and lowers
nothing yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reprofp.model.facets import Facet
from reprofp.model.observations import Unknown
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run, Snapshot
from reprofp.model.schema import Phase, find_spec
from reprofp.model.upgrades import upgrade_facet
from reprofp.verdict.effective import BY_NAME
from reprofp.verdict.engine import gather, is_same_record
from reprofp.verdict.reasons import rank
from reprofp.verdict.repeats import judge_repeats
from reprofp.verdict.results import Reason, Verdict
from reprofp.verdict.rule import EFFECTIVE_FACET
from reprofp.verdict.ruleset import RuleSet, load_rules
from reprofp.verdict.summing import Request, conclude
from reprofp.verdict.views import SideView, View, ends_with_process, forget_process, view_record

__all__ = ["check_before_run", "check_with"]

_OF_A_PROCESS = frozenset(
    ("python", name) for name in ("encoding", "flags", "gil", "hash_seed", "locale", "sitecustomize")
)
"""What belongs to a started interpreter; the variables that decide it are compared before the run."""


def check_before_run(
    baseline: Record,
    now: Snapshot,
    *,
    vary: Sequence[FactPath] = (),
    ignore: Sequence[FactPath] = (),
    accept_measured: bool = False,
) -> Verdict:
    """Return the verdict on a run that is about to begin, beside a baseline.

    Its intervals speak of what can be known now; ``settles_later`` lists the rest. Ask it with
    ``answer_requirement``.

    Args:
        baseline: The record to compare with: a run or a snapshot.
        now: The state that the run would begin in.
        vary: Prefixes of paths of the experiment that differ on purpose.
        ignore: Prefixes of paths that are left out of everything.
        accept_measured: Whether requirements asked of this verdict accept measured evidence.

    Raises:
        FormatError: a fact has no canonical form, or a rule file of the package is damaged.
    """
    return check_with(load_rules(), baseline, now, Request(vary, ignore, accept_measured))


def check_with(rules: RuleSet, baseline: Record, now: Snapshot, request: Request) -> Verdict:
    """Return the verdict that ``rules`` give before a run.

    Raises:
        FormatError: a fact has no canonical form.
    """
    if is_same_record(baseline, now):
        return Verdict(same_record=True, rules_version=rules.version, before_run=True, notes=("the same record",))
    side_a, side_b = _view_baseline(baseline, now), _view_now(baseline, now)
    known = side_a if side_a.first.is_final else None
    gathered = gather(side_a, side_b, rules, assume=known)
    later = [reason for reason in gathered.reasons if _settles_later(reason, side_b.first, now.phase)]
    gathered.reasons = [reason for reason in gathered.reasons if reason not in later]
    gathered.reasons += judge_repeats(baseline, now)  # what differs from itself will do so again
    verdict = conclude(gathered, request)
    return replace(
        verdict,
        before_run=True,
        settles_later=tuple(rank(later)),
        notes=(*_note(verdict, later), *verdict.notes),
    )


def _note(verdict: Verdict, later: Sequence[Reason]) -> list[str]:
    clear = "no obstacle before the run" if not verdict.lowering() else ""
    settle = f"{len(later)} facts settle later" if later else ""
    return ["; ".join(filter(None, (clear, settle)))] if clear or settle else []


def _view_baseline(baseline: Record, now: Snapshot) -> SideView:
    if isinstance(baseline, Snapshot) or baseline.end is None:
        return view_record(baseline, now)
    end = {name: upgrade_facet(facet) for name, facet in baseline.end.facets.items()}
    start = {name: upgrade_facet(facet) for name, facet in baseline.start.facets.items()}
    merged = {**end, **{name: _overlay(end.get(name), facet) for name, facet in start.items()}}
    # The other processes are yet to be born: they settle when the run ends.
    return SideView(View(merged, Phase.END), keyed=baseline.start.side)


def _overlay(end: Facet | None, start: Facet) -> Facet:
    """Return the facet as the baseline's start knew it, and as its end did for the rest."""
    if end is None or end.version != start.version:
        return start
    known = {
        path: fact
        for path, fact in start.facts.items()
        if not isinstance(fact, Unknown) and not ends_with_process(start.path + path)
    }
    return Facet(start.name, start.version, {**end.facts, **known})


def _view_now(baseline: Record, now: Snapshot) -> SideView:
    """Return what may be compared now: of a process, only what the baseline saw in the same phase."""
    start = baseline.start if isinstance(baseline, Run) else baseline
    facets = dict(forget_process(item) for item in now.facets.items() if not _has_process(start, item[0]))
    kept = {name: upgrade_facet(facet) for name, facet in now.facets.items() if _has_process(start, name)}
    known = {name: upgrade_facet(facet) for name, facet in facets.items() if facet is not None}
    return SideView(View({**known, **kept}, now.phase), keyed=now.side)


def _has_process(start: Snapshot, name: str) -> bool:
    spec = find_spec(name)
    return spec is not None and Phase.STATIC not in spec.phases and name in start.facets


def _settles_later(reason: Reason, now: View, phase: Phase) -> bool:
    """Whether ``now`` does not know the fact only because the run has not begun or not ended."""
    if reason.kind != "unknown" or not isinstance(reason.b, Unknown) or isinstance(reason.a, Unknown):
        return False
    if reason.path[0] == EFFECTIVE_FACET:
        inputs = BY_NAME[reason.path[1]].inputs
        return all(_comes_later(path, phase) for path in inputs if isinstance(now.look_up(path), Unknown))
    return _comes_later(reason.path, phase)


def _comes_later(path: FactPath, phase: Phase) -> bool:
    spec = find_spec(path[0])
    needs_process = path[:2] in _OF_A_PROCESS and phase is Phase.STATIC
    return (
        ends_with_process(path)
        or needs_process
        or path == ("datasets",)
        or (spec is not None and phase not in spec.phases)
    )
