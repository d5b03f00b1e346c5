"""From findings to reasons: the rules are asked, and say what each finding lowers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from reprofp.model.observations import Observation, Observed, Unknown, UnknownCode
from reprofp.model.paths import FactPath
from reprofp.model.schema import Side
from reprofp.verdict.activity import Doubting, Facts, any_of, read_condition, relies_on_sources
from reprofp.verdict.comparing import Finding, same_fact
from reprofp.verdict.evidence import MEASURED_EQUAL
from reprofp.verdict.levels import Level
from reprofp.verdict.patterns import Match, Pattern, fill
from reprofp.verdict.results import Activity, Kind, Reason
from reprofp.verdict.rule import Rule, side_of
from reprofp.verdict.ruleset import RuleSet
from reprofp.verdict.views import SideView, View, grows, split_path

__all__ = ["CATCH_ALL", "Judge", "Pair"]

CATCH_ALL = "catch-all"
_PROCESSES = ("usage", "processes")


def _make_catch_all(breaks: str, why: str) -> Rule:
    unknown = read_condition("unknown")
    return Rule(CATCH_ALL, (Pattern(("**",)),), breaks, why, "memory", "no rule", "unknown", unknown)


_CATCH_ALL = {
    Side.CONDITIONS: _make_catch_all(
        "bitwise", "the program may read it, and that no rule knows it is no reason to call it harmless"
    ),
    Side.EXPERIMENT: _make_catch_all("experiment", "no rule knows this fact of the experiment"),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two processes that are compared, one of each side."""

    a: View
    b: View


@dataclass
class Judge:
    """Asks the rules about two sides; every answer is a Reason, or None where a fact cannot matter."""

    rules: RuleSet
    a: SideView
    b: SideView
    measured_equal: bool = False
    assume: SideView | None = None
    """The side that alone says what is active (a pre-run check takes the baseline's word)."""
    _others: dict[int, bool] = field(default_factory=dict)
    _own: dict[tuple[str, FactPath], bool | None] = field(default_factory=dict)

    def judge(self, finding: Finding, pair: Pair) -> list[Reason]:
        """Return what a finding lowers; nothing where no rule lets it matter."""
        matches = self.rules.find(finding.path)
        if finding.is_unknown:
            return [] if _is_implied(matches, pair) else self._judge_unknown(finding, matches, pair)
        if not matches:
            matches = (Match(_CATCH_ALL[side_of(finding.path)], ()),)
        reasons = (self._judge_difference(finding, match, pair) for match in matches)
        return [reason for reason in reasons if reason is not None]

    def _judge_difference(self, finding: Finding, match: Match[Rule], pair: Pair) -> Reason | None:
        rule = match.value
        active = self.activity(rule, match.captures, pair)
        if rule.breaks == "none" or rule.only_unsafe or active == "inactive":
            return None
        level = rule.level_left(finding.a, finding.b)
        return self._state(finding, match, "differs", active, level)

    def _judge_unknown(self, finding: Finding, matches: Sequence[Match[Rule]], pair: Pair) -> list[Reason]:
        """Take the worst that any rule allows which may be active, of those that the fact could touch."""
        if not matches:
            matches = tuple(Match(rule, ()) for rule in self.rules.index.find_below(finding.path))
        if not matches:
            matches = (Match(_CATCH_ALL[side_of(finding.path)], ()),)
        counting = [match for match in matches if match.value.breaks != "none" and not match.value.only_unsafe]
        judged = [(match.value.worst, self.activity(match.value, match.captures, pair), match) for match in counting]
        live = [item for item in judged if item[1] != "inactive"]
        if not live:
            return []
        worst, active, match = min(live, key=lambda item: (item[0], item[1] != "active", item[2].value.id))
        return [self._state(finding, match, "unknown", active, worst)]

    def judge_gates(self, pair: Pair) -> Iterator[Reason]:
        """Yield a reason for each value that is unsafe on a side, whether the sides are equal or not."""
        for facet, gates in self.rules.gates.items():
            for rule, pattern in gates:
                for path in _gate_paths(facet, pattern, pair):
                    reason = self._judge_gate(rule, path, pair)
                    if reason is not None:
                        yield reason

    def _judge_gate(self, rule: Rule, path: FactPath, pair: Pair) -> Reason | None:
        fact_a, fact_b = pair.a.look_up(path), pair.b.look_up(path)
        match = next((match for match in self.rules.find(path) if match.value is rule), None)
        if (
            match is None
            or rule.unsafe_if is None
            or not (rule.unsafe_if.holds(fact_a) or rule.unsafe_if.holds(fact_b))
        ):
            return None
        active = self.activity(rule, match.captures, pair)
        if active == "inactive":
            return None
        return self._state(Finding(path, fact_a, fact_b), match, "gate", active, rule.level)

    def judge_drift(self, path: FactPath, start: Observation, end: Observation, pair: Pair) -> Reason | None:
        """Return what a change during one run lowers; it may have come before it mattered, or after."""
        reasons = self.judge(Finding(path, start, end), pair)
        if not reasons:
            return None
        worst = min(reasons, key=lambda reason: reason.cap)
        return replace(worst, kind="drift", lowers="promised", mark="", why=f"it changed during the run: {worst.why}")

    # --- activity --------------------------------------------------------------------------------------

    def activity(self, rule: Rule, captures: FactPath, pair: Pair) -> Activity:
        """Say whether a rule's factor is active: on either side, in any process."""
        own = self._evaluate(rule, captures)
        if own is False:
            return "inactive"
        if not rule.yields_to:
            return "active" if own else "unknown"
        return "inactive" if self._is_decided_elsewhere(rule, captures, pair) else "unknown"

    def _evaluate(self, rule: Rule, captures: FactPath) -> bool | None:
        key = (rule.id, captures)
        if key not in self._own:
            sides = (self.a, self.b) if self.assume is None else (self.assume,)
            truth = any_of(rule.condition.evaluate(view, captures) for view in self._witnesses(rule, sides))
            # A process that did not report may have done anything.
            complete = all(side.is_complete for side in sides)
            self._own[key] = None if truth is False and not complete else truth
        return self._own[key]

    def _witnesses(self, rule: Rule, sides: Sequence[SideView]) -> Iterator[Facts]:
        """Yield the views of all processes; the sources of others that a side started were not seen."""
        relies = relies_on_sources(rule.active_when)
        for side in sides:
            doubted = relies and self._starts_others(side)
            yield from (Doubting(view) if doubted else view for view in side.views)

    def _is_decided_elsewhere(self, rule: Rule, captures: FactPath, pair: Pair) -> bool:
        if self._starts_others(self.a) or self._starts_others(self.b):
            return False  # what decides was seen in one process, and not in the others
        for pattern in rule.yields_to:
            parts = fill(pattern.parts, captures)
            if parts is None or not all(_is_known(Pattern(parts), view) for view in (pair.a, pair.b)):
                return False
        return True

    def _starts_others(self, side: SideView) -> bool:
        """Whether a side started processes that report nothing, and of which no rule knows that they are harmless."""
        key = id(side)
        if key not in self._others:
            names = {name for view in side.views for name in view.names_below(_PROCESSES)}
            matches = [match for name in names for match in self.rules.find((*_PROCESSES, name))]
            self._others[key] = any(match.value.breaks != "none" for match in matches)
        return self._others[key]

    def find_blockers(self, reason: Reason) -> set[FactPath]:
        """Return the Unknown facts that leave the activity of a reason's rule unknown."""
        rule = self.rules.by_id.get(reason.rule)
        if rule is None:
            return set()
        captures = next((match.captures for match in self.rules.find(reason.path) if match.value is rule), ())
        views = (*self.a.views, *self.b.views)
        return {path for view in views for path in rule.condition.blockers(view, captures)}

    # --- reasons ---------------------------------------------------------------------------------------

    def _state(self, finding: Finding, match: Match[Rule], kind: Kind, active: Activity, level: Level) -> Reason:
        rule = match.value
        mark = MEASURED_EQUAL if kind == "differs" and rule.measurable and self.measured_equal else ""
        both = active == "active" and kind != "unknown" and not mark
        return Reason(
            finding.path,
            finding.a,
            finding.b,
            kind,
            side_of(finding.path),
            rule.id,
            active,
            level if rule.has_level else None,
            "both" if both else "promised",
            _say(rule.why if kind != "unknown" else _describe_unknown(rule, level), finding, match.captures),
            _say(rule.remedy if kind != "unknown" else _find_help(rule, finding), finding, match.captures),
            rule.evidence,
            rule.source,
            mark,
        )


def _say(text: str, finding: Finding, captures: FactPath) -> str:
    """Fill ``{a}``, ``{b}`` and ``{1}`` … of a rule's text."""
    if "{" not in text:
        return text
    a, b = finding.a, finding.b
    for hole, fact, instead in (("{a}", a, b), ("{b}", b, a)):
        known = fact if isinstance(fact, Observed) else instead
        text = text.replace(hole, str(known.value) if isinstance(known, Observed) else "the same")
    for number, capture in enumerate(captures, start=1):
        text = text.replace(f"{{{number}}}", capture)
    return text


_HELP = {
    UnknownCode.DENIED: "give reprofp the permission to read it",
    UnknownCode.TIMED_OUT: "take it again when the machine is less busy",
    UnknownCode.FAILED: "reprofp doctor says what failed",
    UnknownCode.NOT_LOADED: "compare runs: it is known when a process ends",
    UnknownCode.NOT_ASKED: "",
    UnknownCode.NEWER_SCHEMA: "upgrade reprofp on this side",
}
"""What makes a fact known, by why it is not."""


def _describe_unknown(rule: Rule, level: Level) -> str:
    if not rule.has_level:
        return "it would be another experiment"
    return f"at most {level.label} would be left"


def _find_help(rule: Rule, finding: Finding) -> str:
    codes = [fact.code for fact in (finding.a, finding.b) if isinstance(fact, Unknown)]
    specific = next((_HELP[code] for code in codes if code is not UnknownCode.NOT_ASKED), "")
    return rule.if_unknown or specific


def _is_implied(matches: Sequence[Match[Rule]], pair: Pair) -> bool:
    """Whether a fact that is not known is equal because what it derives from is."""
    return any(
        all(same_fact(pair.a.look_up(path), pair.b.look_up(path)) for path in match.value.implied_by)
        for match in matches
        if match.value.implied_by
    )


def _gate_paths(facet: str, pattern: Pattern, pair: Pair) -> Iterable[FactPath]:
    if pattern.is_literal:
        return (pattern.parts,)
    return {path for view in (pair.a, pair.b) for path, _fact in _list_matches(facet, pattern, view)}


def _list_matches(name: str, pattern: Pattern, view: View) -> Iterator[tuple[FactPath, Observation]]:
    """Yield the listed facts that a pattern names, with their full paths."""
    facet = view.facets.get(name)
    if facet is not None:
        base = facet.path
        for path in view.list_below(facet, pattern.prefix[len(base) :]):
            if pattern.matches(base + path):
                yield base + path, facet.facts[path]


def _is_known(pattern: Pattern, view: View) -> bool:
    """Whether a view knows the fact, or every fact, that a pattern names."""
    at_prefix = view.look_up(pattern.prefix)
    if pattern.is_literal:
        return not isinstance(at_prefix, Unknown)
    if not view.is_final and grows(pattern.prefix):
        return False
    facet, length = split_path(pattern.prefix, view.facets)
    if facet is None or isinstance(facet.facts.get(pattern.prefix[length:]), Unknown):
        return False
    below = [fact for _path, fact in _list_matches(facet.name, pattern, view)]
    return not any(isinstance(fact, Unknown) for fact in below) and bool(below or not isinstance(at_prefix, Unknown))
