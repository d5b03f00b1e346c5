"""Comparing two records: facts, rules, evidence; out comes a verdict.

Everything lowers and nothing raises, so the order of facts and rules does not matter. Learning a fact
never lowers what is promised and never raises what is possible; evidence (numerics, outputs), drift and
corruption, which only count when they were observed, may lower it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from reprofp.model.observations import Absent, Observed
from reprofp.model.paths import FactPath
from reprofp.model.records import Record, Run
from reprofp.model.schema import Side
from reprofp.verdict.comparing import Finding, compare_views
from reprofp.verdict.drift import judge_drifts
from reprofp.verdict.evidence import compare_endings, compare_numerics, compare_outputs, count_equal_outputs
from reprofp.verdict.judging import Judge, Pair
from reprofp.verdict.keyed import judge_keyed
from reprofp.verdict.levels import Level
from reprofp.verdict.metrics import compare_metrics
from reprofp.verdict.repeats import judge_repeats, mark_repeated, note_repeats
from reprofp.verdict.results import Kind, Reason, Verdict
from reprofp.verdict.rule import side_of
from reprofp.verdict.ruleset import RuleSet, load_rules
from reprofp.verdict.summing import Gathered, Request, conclude
from reprofp.verdict.views import NOT_ASKED, SideView, View, view_record

__all__ = ["compare", "compare_with", "gather", "is_same_record", "judge_finding"]


def compare(
    a: Record,
    b: Record,
    *,
    vary: Sequence[FactPath] = (),
    ignore: Sequence[FactPath] = (),
    accept_measured: bool = False,
) -> Verdict:
    """Return the verdict on two records.

    Args:
        a: The first record, the reference.
        b: The second.
        vary: Prefixes of paths of the experiment that differ on purpose; what they name lowers nothing.
        ignore: Prefixes of paths that are left out of everything.
        accept_measured: Whether requirements asked of this verdict accept measured evidence.

    Raises:
        FormatError: a fact has no canonical form, or a rule file of the package is damaged.
    """
    return compare_with(load_rules(), a, b, Request(vary, ignore, accept_measured))


def compare_with(rules: RuleSet, a: Record, b: Record, request: Request) -> Verdict:
    """Return the verdict that ``rules`` give on two records.

    Raises:
        FormatError: a fact has no canonical form.
    """
    if is_same_record(a, b):
        return Verdict(same_record=True, rules_version=rules.version, notes=("the same record",))
    gathered = gather(view_record(a, b), view_record(b, a), rules)
    gathered.reasons += judge_drifts(a, b, gathered.judge, {reason.path for reason in gathered.reasons})
    gathered.reasons = [*mark_repeated(gathered.reasons, a, b), *judge_repeats(a, b), *compare_endings(a, b)]
    verdict = conclude(gathered, request, list(compare_outputs(a, b)))
    if isinstance(a, Run) and isinstance(b, Run):
        endings = _say_endings(a.result.exit_code, b.result.exit_code)
        notes = (*verdict.notes, *_note_results(a, b), *note_repeats(a, b), *([endings] if endings else []))
        return replace(verdict, notes=notes, endings=endings, metrics=compare_metrics([a], [b]))
    return verdict


def is_same_record(a: Record, b: Record) -> bool:
    """Whether two records are one and the same."""
    return a is b or (type(a) is type(b) and a.raw_id == b.raw_id)


def gather(a: SideView, b: SideView, rules: RuleSet, *, assume: SideView | None = None) -> Gathered:
    """Compare two sides and ask the rules about every finding."""
    children = ((view_a, view_b) for _role, view_a, view_b in _match_children(a, b))
    numerics = compare_numerics([(a.first, b.first), *children])
    gathered = Gathered(Judge(rules, a, b, numerics.equal, assume), numerics=list(numerics.reasons()))
    _gather_pair(Pair(a.first, b.first), gathered)
    known = {(reason.rule, reason.path) for reason in gathered.reasons}
    keyed = judge_keyed(a, b, gathered.judge)
    gathered.reasons += [reason for reason in keyed if (reason.rule, reason.path) not in known]
    _gather_children(a, b, gathered)
    return gathered


def _gather_pair(pair: Pair, into: Gathered) -> None:
    judge = into.judge
    final = pair.a.is_final and pair.b.is_final
    compared = compare_views(pair.a, pair.b, judge.rules.silent if final else judge.rules.asked)
    found: dict[tuple[object, ...], Reason] = {}
    for finding in compared.findings:
        reasons = judge_finding(finding, pair, judge)
        if not reasons and not _is_silence(finding):
            into.silent.append(_leave_aside(finding))
        into.has_differences = into.has_differences or not finding.is_unknown
        found.update({(reason.rule, reason.path): reason for reason in reasons})
    for reason in judge.judge_gates(pair):
        found.setdefault((reason.rule, reason.path), reason)
    into.reasons += found.values()
    into.equal += compared.equal


def judge_finding(finding: Finding, pair: Pair, judge: Judge) -> list[Reason]:
    """Return what a finding about two processes lowers."""
    return [] if _is_not_loaded(finding, pair) else judge.judge(finding, pair)


def _is_not_loaded(finding: Finding, pair: Pair) -> bool:
    """Whether the fact is of a framework that neither process had loaded when it ended, whatever others loaded."""
    if finding.path[0] != "framework" or len(finding.path) == 1 or not _is_silence(finding):
        return False
    module = ("usage", "modules", finding.path[1])
    return all(isinstance(view.look_up(module), Absent) for view in (pair.a, pair.b))


def _is_silence(finding: Finding) -> bool:
    """Whether nobody asked for the fact on either side: of a framework that neither loaded, that is no news."""
    return finding.a == finding.b == NOT_ASKED


def _leave_aside(finding: Finding) -> Reason:
    """Say of a finding that no rule lets it reach these results."""
    kind: Kind = "unknown" if finding.is_unknown else "differs"
    side = side_of(finding.path)
    why = "no rule lets it reach these results"
    return Reason(finding.path, finding.a, finding.b, kind, side, "", "inactive", None, "nothing", why)


# --- processes -------------------------------------------------------------------------------------------


def _gather_children(a: SideView, b: SideView, into: Gathered) -> None:
    """Compare the further processes, matched by role; say of each path once what it lowers."""
    if not a.children and not b.children:
        return
    known = {(reason.path, reason.rule) for reason in into.reasons}
    worst = into.judge.rules.worst()
    for role, view_a, view_b in _match_children(a, b):
        if view_a is None or view_b is None:
            into.reasons.append(_miss_process(role, view_a, view_b, worst))
            continue
        apart = Gathered(into.judge)
        _gather_pair(Pair(_complete(view_a, a.first), _complete(view_b, b.first)), apart)
        into.reasons += [
            replace(reason, why=f"{reason.why} (in process {role})")
            for reason in apart.reasons
            if (reason.path, reason.rule) not in known
        ]
        known.update((reason.path, reason.rule) for reason in apart.reasons)
        into.has_differences = into.has_differences or apart.has_differences


def _complete(child: View, first: View) -> View:
    """Give a process the facets of its host that only the first process lists."""
    shared = {name: facet for name, facet in first.facets.items() if name not in child.facets}
    return View({**shared, **child.facets}, child.phase)


def _match_children(a: SideView, b: SideView) -> Iterator[tuple[str, View | None, View | None]]:
    roles: dict[str, tuple[list[View | None], list[View | None]]] = {}
    for index, side in enumerate((a, b)):
        for role, view in side.children:
            roles.setdefault(role, ([], []))[index].append(view)
    for role, (views_a, views_b) in sorted(roles.items()):
        for view_a, view_b in zip_longest(views_a, views_b):
            yield role, view_a, view_b


def _miss_process(role: str, a: View | None, b: View | None, worst: Level) -> Reason:
    return Reason(
        ("processes", role),
        NOT_ASKED if a is None else Observed("reported"),
        NOT_ASKED if b is None else Observed("reported"),
        "unknown",
        Side.CONDITIONS,
        "processes",
        "unknown",
        worst,
        "promised",
        "this process has no partner that reported in the other run, so what it did is not known",
        "run both with the same number of workers, and let every process end by itself",
        "doc",
        "the processes of the two runs",
    )


# --- results ---------------------------------------------------------------------------------------------


def _note_results(a: Run, b: Run) -> Iterator[str]:
    equal, shared = count_equal_outputs(a, b)
    if shared and equal == shared:
        yield f"the outputs are the same bits ({equal} of {shared})"
    for name, run in (("first", a), ("second", b)):
        if run.end is None:
            yield f"the {name} run did not report at its end: what its process did is unknown"


def _say_endings(a: int | None, b: int | None) -> str:
    """Say how two runs ended, where not both ended well; one that was no process of its own has no exit code."""
    if a is None or b is None:
        known = a or b
        return f"one of the runs failed: {_say_end(known)}" if known else ""
    if a != b:
        return f"the runs ended differently: {_say_end(a)} and {_say_end(b)}"
    return f"both runs failed: {_say_end(a)}" if a else ""


def _say_end(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
