"""Compare what ``run.py`` recorded, and hold the verdicts against the bits.

    python bench/truth/score.py --work FOLDER [--verbose] [--singles] [--only TEXT] [--markdown]

Compared are each base with each of its variations and repeats, and 300 seeded pairs among all records of a job. Prints the
table, and every pair that was promised wrongly, missed, or named otherwise. Exits 1 where one was promised wrongly.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from peers import PEERS, Outcome
from plan import Case, Variation, list_cases

import reprofp
from reprofp import Level, Verdict
from reprofp.verdict.results import Reason

PAIRS = 300


@dataclass(frozen=True)
class Made:
    """A case that was run."""

    case: Case
    outcome: dict[str, Any]
    record: Any


@dataclass
class Pair:
    """Two runs of a job, and what was said of them."""

    a: Made
    b: Made
    peers: dict[str, bool] = field(default_factory=dict)

    @cached_property
    def verdict(self) -> Verdict:
        """What reprofp says."""
        return reprofp.compare(self.a.record, self.b.record)

    @property
    def same_bits(self) -> bool:
        """Whether the outputs are the same."""
        return bool(self.a.outcome["digest"] == self.b.outcome["digest"])

    @property
    def same_experiment(self) -> bool:
        """Whether nothing of the experiment was varied."""
        return not any(item.experiment for item in self.varied)

    @cached_property
    def varied(self) -> tuple[Variation, ...]:
        """What one has and the other has not."""
        names = Counter(item.name for made in (self.a, self.b) for item in made.case.variations)
        both = {item.name: item for made in (self.a, self.b) for item in made.case.variations}
        return tuple(item for name, item in both.items() if names[name] == 1)

    @property
    def promised(self) -> bool:
        """Whether the same bits were promised."""
        return self.verdict.overall.promised is Level.BITWISE

    @property
    def decided(self) -> bool:
        """Whether they were promised, or measured classes decide so."""
        return self.promised or self.verdict.accepted.promised is Level.BITWISE

    @property
    def said(self) -> list[Reason]:
        """The reasons in the order in which they are shown."""
        verdict = self.verdict
        seen: dict[tuple[object, ...], Reason] = {}
        for reason in (*verdict.experiment.differs, *verdict.reasons, *verdict.experiment.unknown):
            seen.setdefault((reason.path, reason.rule), reason)
        return list(seen.values())

    def place(self) -> int:
        """At which place the first reason stands that names what was varied; 0 where none does."""
        wanted = [name for item in self.varied for name in item.names]
        for number, reason in enumerate(self.said, start=1):
            path = ".".join(reason.path)
            if any(path.startswith(name) or name.startswith(f"{path}.") for name in wanted):
                return number
        return 0

    def describe(self) -> str:
        """Write the pair and the first reasons."""
        head = f"{self.a.case.key}  |  {self.b.case.key}"
        lines = [
            f"    {'.'.join(r.path)}: {_show(r.a)} -> {_show(r.b)} [{r.rule}, {r.kind}, {r.active}, {r.lowers}] {r.mark}"
            for r in [*self.said, *self.verdict.missing][:8]
        ]
        return "\n".join([f"{head}: {self.verdict.overall}", *lines])


def _show(fact: Any) -> str:
    return str(getattr(fact, "value", fact))[:50]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--singles", action="store_true", help="leave out the pairs among records")
    parser.add_argument("--verbose", action="store_true", help="list every miss with its reasons")
    parser.add_argument("--peers", action="store_true", help="ask the other tools too")
    args = parser.parse_args()
    made = [item for item in load_runs(args.work) if args.only in item.case.job.name]
    pairs = list(pair_with_bases(made))
    if not args.singles:
        pairs += draw_pairs(made, pairs)
    tables = {"reprofp": score(pairs)}
    report(tables["reprofp"], verbose=args.verbose)
    if args.peers:
        show_peers(pairs, args.work)
    sys.exit(1 if tables["reprofp"].unsound else 0)


def load_runs(work: Path) -> Iterator[Made]:
    """Yield every case that was run, with its record."""
    for case in list_cases():
        path = work / "runs" / f"{case.key}.json"
        if path.exists():
            yield Made(case, json.loads(path.read_text()), reprofp.load(case.key, ledger=work / "ledger"))


def pair_with_bases(made: Iterable[Made]) -> Iterator[Pair]:
    """Pair each job's first base with every other run of it."""
    bases = {item.case.job.name: item for item in made if not item.case.variations and not item.case.repeat}
    for item in made:
        base = bases.get(item.case.job.name)
        if base is not None and item is not base:
            yield Pair(base, item)


def draw_pairs(made: Iterable[Made], known: Iterable[Pair], seed: int = 2) -> list[Pair]:
    """Draw pairs of records of one job, that are not among those that are known."""
    by_job = defaultdict(list)
    for item in made:
        by_job[item.case.job.name].append(item)
    seen = {frozenset((pair.a.case.key, pair.b.case.key)) for pair in known}
    chance = random.Random(seed)
    pairs: list[Pair] = []
    most = sum(len(items) * (len(items) - 1) // 2 for items in by_job.values()) - len(seen)
    names = sorted(by_job)
    while len(pairs) < min(PAIRS, most):
        items = by_job[chance.choice(names)]
        if len(items) < 2:
            continue
        a, b = chance.sample(items, 2)
        key = frozenset((a.case.key, b.case.key))
        if key not in seen:
            seen.add(key)
            pairs.append(Pair(a, b))
    return pairs


@dataclass
class Score:
    """Counts, and the pairs behind them."""

    pairs: list[Pair]
    unsound: list[Pair] = field(default_factory=list)
    equal: list[Pair] = field(default_factory=list)
    missed: list[Pair] = field(default_factory=list)
    differing: list[Pair] = field(default_factory=list)
    not_first: list[Pair] = field(default_factory=list)
    not_third: list[Pair] = field(default_factory=list)


def score(pairs: list[Pair]) -> Score:
    """Sort the pairs."""
    result = Score(pairs)
    for pair in pairs:
        if pair.same_bits and pair.same_experiment:
            result.equal.append(pair)
            if not pair.decided:
                result.missed.append(pair)
        elif not pair.same_bits:
            if pair.same_experiment and pair.promised:
                result.unsound.append(pair)
            if any(item.names for item in pair.varied) and "restless" not in pair.a.case.job.tags:
                result.differing.append(pair)
                place = pair.place()
                result.not_first += [pair] if place != 1 else []
                result.not_third += [pair] if not 1 <= place <= 3 else []
    return result


def report(result: Score, *, verbose: bool) -> None:
    """Print the counts, and what was wrong."""
    outright = sum(pair.promised for pair in result.equal)
    decided = len(result.equal) - len(result.missed)
    print(f"pairs {len(result.pairs)}, of them {sum(pair.same_bits for pair in result.pairs)} with equal bits")
    print(f"soundness: {len(result.unsound)} wrongly promised")
    print(
        f"precision: {_share(decided, len(result.equal))} promised or decided by measured classes; {outright} promised"
    )
    differing = len(result.differing)
    print(f"reasons: first {_share(differing - len(result.not_first), differing)}", end=", ")
    print(f"among the first three {_share(differing - len(result.not_third), differing)}")
    _list("wrongly promised", result.unsound, verbose=True)
    _count("missed, by variation", result.missed, lambda pair: " + ".join(v.name for v in pair.varied) or "(repeat)")
    _count("missed, by job", result.missed, lambda pair: pair.a.case.job.name)
    _count("missed, by what lowers most", result.missed, _blame)
    _count("not named first", result.not_first, lambda pair: pair.a.case.job.name + ": " + pair.b.case.key)
    if verbose:
        _list("missed", result.missed, verbose=True)
        _list("not named first", result.not_first, verbose=True)


def _blame(pair: Pair) -> str:
    lowering = [reason for reason in pair.verdict.lowering() if not reason.mark]
    return ", ".join(sorted({reason.rule for reason in lowering})[:6])


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / whole:.1f} %)" if whole else "0 of 0"


def _count(title: str, pairs: Iterable[Pair], name: Callable[[Pair], str]) -> None:
    counts = Counter(map(name, pairs))
    if counts:
        print(f"\n{title}:")
        for text, count in counts.most_common(40):
            print(f"{count:5}  {text}")


def _list(title: str, pairs: Iterable[Pair], *, verbose: bool) -> None:
    for pair in pairs if verbose else ():
        print(f"\n{title}: {pair.describe()}")


def show_peers(pairs: list[Pair], work: Path) -> None:
    """Print what the other tools would have said of the same pairs."""
    for name, ask in PEERS.items():
        wrong = equal = kept = 0
        answers: dict[tuple[str, str], bool] = {}
        for pair in pairs:
            a, b = _outcome(pair.a, work), _outcome(pair.b, work)
            if (a.key, b.key) not in answers:
                answers[a.key, b.key] = ask(a, b)
            same = answers[a.key, b.key]
            if pair.same_experiment and not pair.same_bits:
                wrong += same
            elif pair.same_experiment:
                equal, kept = equal + 1, kept + same
        print(f"{name}: {wrong} wrongly called equal; of equal bits {_share(kept, equal)} called equal")


def _outcome(made: Made, work: Path) -> Outcome:
    return Outcome(made.outcome["environ"], work / made.outcome["python"], work)


if __name__ == "__main__":
    main()
