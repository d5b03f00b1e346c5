"""Every rule of this release: it fires where its factor differs and may act, and nowhere else.

The cases are generated from the rules themselves: values that differ for each of their facts, and
surroundings that make their condition hold or fail.
"""

import pytest

from reprofp.errors import NameNotFoundError
from reprofp.model.observations import ABSENT
from reprofp.model.paths import format_path, parse_path
from reprofp.model.schema import FACETS, Side
from reprofp.verdict import compare, explain, load_rules
from reprofp.verdict.effective import BY_NAME
from reprofp.verdict.rule import EFFECTIVE_FACET, Rule
from reprofp.verdict.studied import OF_NUMPY
from verdict.records import FULL, GONE, GPU, UNKNOWN, make_run, split_path

RULES = load_rules().rules
FIRING = [(rule, pattern) for rule in RULES for pattern in rule.facts if rule.breaks != "none" and not rule.only_unsafe]
HARMLESS = [(rule, pattern) for rule in RULES for pattern in rule.facts if rule.breaks == "none"]
GATES = [(rule, pattern) for rule in RULES for pattern in rule.facts if rule.unsafe_if is not None]

EFFECTIVE_INPUTS = {
    "gpu_used": ({"usage.gpu": True}, {"usage.gpu": False}),
    "several_ranks": ({"distributed.world_size": 8}, {"distributed.world_size": ABSENT}),
    "libm_variant": ({"cpu.isa.fma": True}, {'env.GLIBC_TUNABLES."glibc.cpu.hwcaps"': "-FMA"}),
    "text_encoding": ({"python.encoding.preferred": "UTF-8"}, {"python.encoding.preferred": "ANSI_X3.4-1968"}),
    "denormals": ({"floating_point.ftz": True}, {"floating_point.ftz": False}),
    "tf32_matmul": (
        {'determinism."torch.backends.cuda.matmul.allow_tf32"': True},
        {'determinism."torch.backends.cuda.matmul.allow_tf32"': False},
    ),
    "tf32_convolution": (
        {'determinism."torch.backends.cudnn.allow_tf32"': True},
        {"env.NVIDIA_TF32_OVERRIDE": "0"},
    ),
}  # fmt: skip
"""Facts that make an effective fact differ."""


def name_path(pattern):
    """Return a path that the pattern matches."""
    return tuple(
        {"*": "thing", "**": "thing"}.get(part, part.replace("*", "thing") if "*" in part else part)
        for part in pattern.parts
    )


def name_captures(pattern):
    path = name_path(pattern)
    return [part for part, kind in zip(path, pattern.kinds, strict=True) if kind in (1, 2)]


def dotted(path):
    return format_path(tuple(path))


def fill(text, captures):
    for number, capture in enumerate(captures, start=1):
        text = text.replace(f"{{{number}}}", capture)
    return text


def texts(operand):
    return operand if isinstance(operand, list) else [operand]


def hold(form, captures=()):  # noqa: C901  one branch for each form
    """Return facts that make a condition hold, or unknown where it can be no more."""
    if form in ("always", "unknown"):
        return {}
    ((key, operand), *rest) = form.items()
    if key in ("not", "any"):
        return fail(operand, captures) if key == "not" else hold(operand[0], captures)
    if key == "module":
        return {f"usage.modules.{texts(operand)[0]}": True}
    if key == "library":
        return {dotted(("usage", "libraries", texts(operand)[0].replace("*", "thing"), "build_id")): "00"}
    if key == "package":
        return {dotted(("packages", "imported", fill(texts(operand)[0], captures), "version")): "1.0"}
    if key == "asks":
        kind, _colon, word = texts(operand)[0].partition(":")
        kind = OF_NUMPY.get(kind, kind)
        return {f"usage.calls.{kind}": [fill(word, captures) if word else "some"]}
    if key == "gpu":
        return {"usage.gpu": True, "gpu": GONE, "cuda": GONE, "gpu.count": 1, "cuda.driver_version": "1"}
    if key == "ranks":
        return {"distributed.world_size": 8}
    if key == "fact":
        test = dict(rest)
        return {fill(texts(operand)[0], captures): test.get("at-least", test.get("equals", 1))}
    if key == "all":
        return {path: fact for part in operand for path, fact in hold(part, captures).items()}
    raise AssertionError(form)


def fail(form, captures=()):
    """Return facts that make a condition fail, or None where it cannot."""
    if form in ("always", "unknown"):
        return None
    ((key, operand), *_rest) = form.items()
    if key == "all":
        return next((facts for part in operand if (facts := fail(part, captures)) is not None), None)
    if key == "any":
        return {path: fact for part in operand for path, fact in fail(part, captures).items()}
    if key == "not":
        return hold(operand, captures)
    if key == "asks":
        return {
            **{
                f"usage.calls.{OF_NUMPY.get(kind, kind)}": GONE
                for kind in (t.partition(":")[0] for t in texts(operand))
            },
            "usage.modules.numpy": True,
        }
    if key == "library":
        return {path: GONE for path in FULL if path.startswith("usage.libraries.")}
    names = [] if operand is True else [fill(name, captures) for name in texts(operand)]
    paths = {
        "module": [f"usage.modules.{name}" for name in names],
        "package": [dotted(("packages", "imported", name, "version")) for name in names],
        "gpu": ["usage.gpu"],
        "ranks": ["distributed.world_size"],
        "fact": names,
    }[key]
    return dict.fromkeys(paths, ABSENT)


def silence(patterns, captures):
    """Return facts that leave what a rule yields to unknown."""
    facts = {}
    for pattern in patterns:
        prefix = pattern.prefix
        if prefix[0] == EFFECTIVE_FACET:
            facts |= {
                dotted(path): UNKNOWN
                for path in BY_NAME[prefix[1]].inputs
                if path[0] in ("gpu", "os", "floating_point")
            }
            continue
        facts |= {path: GONE for path in FULL if parse_path(path)[: len(prefix)] == prefix and path not in facts}
        facts[fill(dotted(prefix), captures)] = UNKNOWN
    return facts


def make_pair(rule, pattern, surroundings):
    """Return two runs that differ in one fact of a rule."""
    path = name_path(pattern)
    if path[0] == EFFECTIVE_FACET:
        one, other = EFFECTIVE_INPUTS[path[1]]
        base = {**GPU} if path[1].startswith("tf32") else {}
        return path, make_run({**base, **surroundings, **one}), make_run({**base, **surroundings, **other}, time_ns=2)
    name, below = split_path(path)
    parent = {name: GONE} if below else {}
    values = (8, 4) if path[-1] == "world_size" else ("1.0.0", "1.0.1")
    one, other = ({**surroundings, **parent, dotted(path): value} for value in values)
    return path, make_run(one), make_run(other, time_ns=2)


def reasons_of(verdict, rule):
    parts = (*verdict.reasons, *verdict.experiment.differs, *verdict.experiment.unknown, *verdict.missing)
    return [reason for reason in parts if reason.rule == rule.id]


def label(value):
    return value.id if isinstance(value, Rule) else dotted(value.parts)


@pytest.mark.parametrize(("rule", "pattern"), FIRING, ids=label)
def test_fires_where_its_fact_differs(rule, pattern):
    captures = name_captures(pattern)
    surroundings = {**hold(rule.active_when, captures), **silence(rule.yields_to, captures)}
    path, a, b = make_pair(rule, pattern, surroundings)
    verdict = compare(a, b)
    (reason,) = [reason for reason in reasons_of(verdict, rule) if reason.path == path]
    assert reason.kind == ("gate" if reason.a == reason.b else "differs")
    assert reason.level == (rule.level if rule.has_level else None)
    assert verdict.overall.promised <= rule.level
    if reason.active == "active":
        assert verdict.overall.possible <= rule.level
    assert "{" not in reason.why + reason.remedy


@pytest.mark.parametrize(("rule", "pattern"), FIRING, ids=label)
def test_does_not_fire_where_its_fact_is_equal(rule, pattern):
    surroundings = hold(rule.active_when, name_captures(pattern))
    path, a, _b = make_pair(rule, pattern, surroundings)
    verdict = compare(a, make_pair(rule, pattern, {**surroundings, "os.hypervisor": "xen"})[1])
    gates = [reason for reason in reasons_of(verdict, rule) if reason.path == path]
    assert all(reason.kind == "gate" for reason in gates)
    assert bool(gates) == bool(rule.unsafe_if and rule.unsafe_if.holds(a.look_up(path)))


INACTIVE = [(rule, pattern) for rule, pattern in FIRING if fail(rule.active_when, name_captures(pattern)) is not None]


@pytest.mark.parametrize(("rule", "pattern"), INACTIVE, ids=label)
def test_does_not_fire_where_its_factor_is_inactive(rule, pattern):
    captures = name_captures(pattern)
    surroundings = {**silence(rule.yields_to, captures), **fail(rule.active_when, captures)}
    path, a, b = make_pair(rule, pattern, surroundings)
    if path[0] != EFFECTIVE_FACET and path != ("distributed", "world_size"):  # these are their own condition
        assert not [reason for reason in reasons_of(compare(a, b), rule) if reason.path == path]


YIELDING = [(rule, pattern) for rule, pattern in FIRING if rule.yields_to]
IN_FORCE = {
    "gpu": GONE,
    "cuda": GONE,
    'cuda.loaded."libcublas.so.12".version': "12",
    "datasets.declared.thing.digest": "blake3-tree:1",
    "weights.thing.digest": "blake3-tensors:1",
    "packages.imported.thing.version": "1.0",
}


@pytest.mark.parametrize(("rule", "pattern"), YIELDING, ids=label)
def test_does_not_fire_where_what_is_in_force_is_known(rule, pattern):
    surroundings = {**IN_FORCE, **hold(rule.active_when, name_captures(pattern))}
    path, a, b = make_pair(rule, pattern, surroundings)
    assert not [reason for reason in reasons_of(compare(a, b), rule) if reason.path == path]


@pytest.mark.parametrize(("rule", "pattern"), HARMLESS, ids=label)
def test_what_breaks_nothing_is_irrelevant(rule, pattern):
    path, a, b = make_pair(rule, pattern, {})
    verdict = compare(a, b)
    assert not [reason for reason in (*verdict.reasons, *verdict.missing) if reason.path == path]
    assert not reasons_of(verdict, rule)
    assert verdict.irrelevant > 0


UNSAFE = {"env.cublas-workspace": ":0:0", "threads.tbb-layer": "tbb"}


@pytest.mark.parametrize(("rule", "pattern"), GATES, ids=label)
def test_a_gate_fires_on_unsafe_values_that_are_equal(rule, pattern):
    test, path = rule.unsafe_if, name_path(pattern)
    value = UNSAFE.get(rule.id) or (test.operands[0] if test.operands else 1)
    name, _below = split_path(path)
    surroundings = {**hold(rule.active_when, name_captures(pattern)), name: GONE, dotted(path): value}
    verdict = compare(make_run(surroundings), make_run(surroundings, time_ns=2))
    (reason,) = [reason for reason in reasons_of(verdict, rule) if reason.path == path]
    assert (reason.kind, reason.level) == ("gate", rule.level)
    assert (reason.lowers == "both") == (reason.active == "active")


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_names_facets_that_exist(rule):
    for pattern in (*rule.facts, *rule.yields_to):
        assert pattern.parts[0] in FACETS or pattern.parts[0] == EFFECTIVE_FACET
    for path in rule.follows:
        assert path[0] in FACETS or path[0] == EFFECTIVE_FACET


@pytest.mark.parametrize("rule", RULES, ids=label)
def test_speaks_like_a_person(rule):
    assert rule.id.split(".")[0] == rule.file.removesuffix(".toml")
    assert not rule.why.endswith(".")
    assert rule.why[0] != rule.why[0].upper() or rule.why.split()[0] not in {"The", "A", "It"}
    assert rule.remedy or rule.breaks == "none"


def test_every_facet_is_covered():
    covered = {pattern.parts[0] for rule in RULES for pattern in rule.facts}
    assert covered >= FACETS.keys() - {"numerics"}


def test_every_effective_fact_is_asked_for():
    named = {pattern.parts[1] for rule in RULES for pattern in rule.facts if pattern.parts[0] == EFFECTIVE_FACET}
    assert named == BY_NAME.keys()


def test_no_experiment_rule_is_measurable():
    assert not [rule.id for rule in RULES if rule.side is Side.EXPERIMENT and rule.measurable]


def test_explains_a_rule():
    assert explain("python.hash-seed").remedy == "PYTHONHASHSEED=0"


def test_names_similar_rules():
    with pytest.raises(NameNotFoundError, match=r"python\.hash-seed"):
        explain("python.hashseed")
