"""The laws of verdicts, on random pairs of records."""

from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from reprofp.model.observations import ABSENT, Observed, Unknown
from reprofp.model.paths import parse_path
from reprofp.model.schema import FACETS, Phase
from reprofp.verdict import Interval, Level, compare, load_rules
from reprofp.verdict.engine import compare_with
from reprofp.verdict.levels import BITWISE
from reprofp.verdict.ruleset import RuleSet
from reprofp.verdict.summing import Request
from verdict.records import FULL, GONE, GPU, UNKNOWN, make_run, make_snapshot, split_path

# What random records are made of: facts of every facet, with rules of every kind, and some that no rule knows.
VALUES = {
    **{path: [value, "other"] for path, value in FULL.items() if value not in (GONE, UNKNOWN, ABSENT)},
    **{path: [value, "other"] for path, value in GPU.items() if value is not GONE and path != "usage.gpu"},
    "usage.gpu": [True, False],
    "usage.network": [True, False],
    "usage.asks": [True],
    "usage.calls.dynamic": [["eval"]],
    "usage.calls.environ": [["SEED"], ["*"]],
    "usage.calls.products": [["@"]],
    "usage.calls.hashing": [["set"]],
    "usage.calls.addresses": [["set"]],
    "usage.modules.strange": [True],
    "usage.modules.torch": [True],
    "usage.modules.multiprocessing": [True],
    "usage.entropy.numpy": [1, 2],
    "usage.entropy.thing": [1],
    "usage.listing.data": ["sha256:aa", "sha256:bb"],
    "os.architecture": ["x86_64", "aarch64"],
    "os.libc.version": ["2.36", "2.41"],
    "cpu.isa.fma": [True],
    "cpu.isa.avx2": [True],
    "cpu.isa.umip": [True],
    "distributed.world_size": [1, 8],
    "floating_point.ftz": [True, False],
    "floating_point.daz": [True, False],
    "python.hash_seed": ["0", "random"],
    "python.version": ["3.11.7", "3.12.1", "4.0"],
    "python.colour": ["red", "blue"],
    "packages.imported.numpy.version": ["2.1.3", "2.1.4", "1.26"],
    "packages.imported.pandas.version": ["2.2.0", "3.0"],
    "packages.installed.pandas.version": ["2.2.0", "3.0"],
    "packages.installed.pandas.editable": [True],
    "threads.openmp.libgomp.threads": [1, 4],
    "threads.openmp.libgomp.dynamic": [True, False],
    "env.OMP_NUM_THREADS": ["1", "4"],
    "env.NCCL_ALGO": ["Ring", "Tree"],
    "env.TORCH_X": ["1", "2"],
    "env.MKL_CBWR": ["AVX2", "COMPATIBLE"],
    "env.NVIDIA_TF32_OVERRIDE": ["0", "1"],
    "env.PYTHONPATH": [["a"], ["b"]],
    "env.CUBLAS_WORKSPACE_CONFIG": [":4096:8", "0"],
    'determinism."torch.backends.cuda.matmul.allow_tf32"': [True, False],
    "datasets.declared.train.order": ["1", "2"],
    "weights.w.digest": ["1", "2"],
    "weights.w.file_digest": ["1", "2"],
    "config.output_dir": ["a", "b"],
    "rng.seeds.other": [1, 2],
}  # fmt: skip
PATHS = sorted(VALUES)


def observations(path):
    """Whatever a probe may say of one fact."""
    return st.sampled_from([*map(Observed, VALUES[path]), ABSENT, UNKNOWN])


@st.composite
def changes(draw):
    chosen = draw(st.lists(st.sampled_from(PATHS), max_size=8, unique=True))
    return {path: draw(observations(path)) for path in chosen}


@st.composite
def pairs(draw):
    """Changes to a run that two sides share, and those of each."""
    shared = draw(changes())
    return {**shared, **draw(changes())}, {**shared, **draw(changes())}


def run_both(a, b):
    return make_run(a), make_run(b, time_ns=2)


def intervals(verdict):
    return [verdict.conditions, verdict.overall]


@given(pairs())
def test_a_verdict_is_symmetric(pair):
    a, b = run_both(*pair)
    forward, backward = compare(a, b), compare(b, a)
    assert intervals(forward) == intervals(backward)
    assert {reason.path for reason in forward.reasons} == {reason.path for reason in backward.reasons}
    counts = [(verdict.equal, verdict.irrelevant, verdict.unknown) for verdict in (forward, backward)]
    assert counts[0] == counts[1]


@given(changes())
def test_equal_facts_never_differ(facts):
    """Only what is Unknown or a gate can lower a record beside another with the same facts."""
    verdict = compare(*run_both(facts, facts))
    assert not verdict.experiment.differs
    assert {reason.kind for reason in verdict.reasons} <= {"gate"}


@given(pairs(), st.data())
def test_learning_a_fact_never_lowers_the_promise_nor_raises_the_possible(pair, data):
    a, b = pair
    path = data.draw(st.sampled_from(PATHS))
    learned = data.draw(observations(path).filter(lambda fact: not isinstance(fact, Unknown)))
    before = compare(*run_both({**a, path: UNKNOWN}, b))
    after = compare(*run_both({**a, path: learned}, b))
    differing = (*after.reasons, *after.experiment.differs)
    assume(not any(reason.rule == "code.sources" for reason in differing))  # equal texts have equal trees
    for old, new in zip(intervals(before), intervals(after), strict=True):
        assert new.promised >= old.promised
        assert new.possible <= old.possible


LISTED = [
    path
    for path in PATHS
    if not any(split_path(parse_path(path))[1][: len(prefix)] == prefix
               for prefix in FACETS[parse_path(path)[0]].enumerated)
]  # fmt: skip
"""Facts below no enumerated prefix: not listed means not known."""


@given(pairs(), st.data())
def test_dropping_a_fact_never_raises_the_promise(pair, data):
    a, b = pair
    path = data.draw(st.sampled_from(LISTED))
    known = Observed(VALUES[path][0])
    before = compare(*run_both({**a, path: known}, {**b, path: known}))
    after = compare(*run_both({**a, path: GONE}, {**b, path: known}))
    for old, new in zip(intervals(before), intervals(after), strict=True):
        assert new.promised <= old.promised


@given(st.sampled_from(sorted(FACETS)), pairs())
def test_dropping_a_facet_never_raises_the_promise(name, pair):
    before = compare(*run_both(*pair))
    a, b = run_both(*pair)
    end = replace(a.end, facets={key: facet for key, facet in a.end.facets.items() if key.split(".")[0] != name})
    after = compare(replace(a, processes=(replace(a.processes[0], snapshot=end),)), b)
    for old, new in zip(intervals(before), intervals(after), strict=True):
        assert new.promised <= old.promised
        assert new.possible >= old.possible or name == "usage"


@given(pairs(), st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_rules_does_not_matter(pair, random):
    a, b = run_both(*pair)
    rules = load_rules()
    shuffled = random.sample(rules.rules, len(rules.rules))
    assert compare_with(RuleSet(tuple(shuffled), rules.version), a, b, Request()) == compare(a, b)


@given(pairs(), st.sampled_from([Phase.STATIC, Phase.START]))
def test_an_earlier_phase_promises_no_more(pair, phase):
    a, b = run_both(*pair)
    later = compare(a, b)
    earlier = compare(make_snapshot({**FULL, **pair[0]}, phase), b)
    for old, new in zip(intervals(later), intervals(earlier), strict=True):
        assert new.promised <= old.promised


@given(pairs())
def test_the_interval_is_what_the_reasons_say(pair):
    verdict = compare(*run_both(*pair))
    interval = BITWISE
    for reason in verdict.lowering():
        interval = reason.apply(interval)
    assert interval == verdict.overall
    assert verdict.overall.promised <= verdict.accepted.promised


@given(pairs(), st.lists(st.sampled_from([("config",), ("rng",), ("code",), ("datasets",), ("weights",)])))
def test_naming_more_as_varied_never_lowers(pair, prefixes):
    a, b = run_both(*pair)
    without, named = compare(a, b), compare(a, b, vary=prefixes)
    assert named.conditions == without.conditions
    assert named.overall.promised >= without.overall.promised
    assert named.overall.possible >= without.overall.possible


@given(st.lists(st.tuples(st.sampled_from(Level), st.booleans())), st.randoms(use_true_random=False))
def test_lowering_is_order_free(steps, random):
    def lower(order):
        interval = BITWISE
        for level, both in order:
            interval = interval.lower(level) if both else interval.lower_promised(level)
        return interval

    assert lower(steps) == lower(random.sample(steps, len(steps)))
    assert lower(steps).promised <= lower(steps).possible


@given(st.tuples(*[st.sampled_from(Level)] * 4))
def test_meeting_promises_no_more_than_either(levels):
    one, other = (Interval(min(levels[i : i + 2]), max(levels[i : i + 2])) for i in (0, 2))
    met = one.meet(other)
    assert met.promised <= min(one.promised, other.promised)
    assert met.promised <= met.possible
