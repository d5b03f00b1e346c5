"""Effective facts: what they derive, and that learning never changes an answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.observations import ABSENT, Observed, Unknown
from reprofp.verdict.effective import EFFECTIVE
from verdict.records import UNKNOWN

BY_NAME = {fact.name: fact for fact in EFFECTIVE}
VALUES = {
    ("usage", "gpu"): [True, False],
    ("distributed", "world_size"): [1, 4, "many"],
    ("os", "architecture"): ["x86_64", "aarch64"],
    ("cpu", "isa", "fma"): [True],
    ("cpu", "isa", "avx2"): [True],
    ("cpu", "isa", "fma4"): [True],
    ("env", "GLIBC_TUNABLES", "glibc.cpu.hwcaps"): ["-FMA", "-AVX2_Usable, -FMA4", "-SSE4_2"],
    ("python", "encoding", "preferred"): ["UTF-8", "utf8", "ANSI_X3.4-1968", "none such"],
    ("floating_point", "ftz"): [True, False],
    ("floating_point", "daz"): [True, False],
    ("determinism", "torch.backends.cuda.matmul.allow_tf32"): [True, False],
    ("determinism", "torch.backends.cudnn.allow_tf32"): [True, False],
    ("gpu", "device", "0", "compute_capability"): ["7.5", "8.0", "12.0", "?"],
    ("env", "NVIDIA_TF32_OVERRIDE"): ["0", "1"],
}


class World:
    def __init__(self, facts):
        self.facts = facts

    def look_up(self, path):
        return self.facts.get(path, UNKNOWN)

    def names_below(self, _prefix):
        return ()

    def doubts_below(self, _prefix):
        return ()


def facts_of(effective):
    return st.fixed_dictionaries(
        {
            path: st.sampled_from([UNKNOWN, ABSENT, *map(Observed, VALUES[path])])
            for path in effective.inputs
        }
    )  # fmt: skip


@pytest.mark.parametrize("effective", EFFECTIVE, ids=lambda effective: effective.name)
@given(data=st.data())
def test_learning_a_fact_never_changes_an_answer(effective, data):
    facts = data.draw(facts_of(effective))
    learned = {
        path: data.draw(st.sampled_from([ABSENT, *map(Observed, VALUES[path])])) if isinstance(fact, Unknown) else fact
        for path, fact in facts.items()
    }
    before, after = effective.derive(World(facts)), effective.derive(World(learned))
    assert isinstance(before, Unknown) or before == after


@pytest.mark.parametrize("effective", EFFECTIVE, ids=lambda effective: effective.name)
def test_asks_only_for_its_inputs(effective):
    class Watched(World):
        def look_up(self, path):
            assert path in effective.inputs
            return super().look_up(path)

    assert isinstance(effective.derive(Watched({})), Unknown)
    effective.derive(Watched({path: Observed(VALUES[path][0]) for path in effective.inputs}))


X86 = {("os", "architecture"): Observed("x86_64"), ("env", "GLIBC_TUNABLES", "glibc.cpu.hwcaps"): ABSENT}
FMA, AVX2, FMA4 = ("cpu", "isa", "fma"), ("cpu", "isa", "avx2"), ("cpu", "isa", "fma4")
YES = Observed(True)


@pytest.mark.parametrize(
    ("facts", "variant"),
    [
        ({FMA: YES, AVX2: YES}, Observed("fma")),
        ({FMA: YES, AVX2: YES, FMA4: UNKNOWN}, Observed("fma")),
        ({FMA: YES, AVX2: ABSENT, FMA4: ABSENT}, Observed("sse2")),
        ({FMA: ABSENT, FMA4: YES}, Observed("fma4")),
        ({FMA: ABSENT, AVX2: UNKNOWN, FMA4: ABSENT}, Observed("sse2")),
        ({FMA: YES, AVX2: UNKNOWN, FMA4: ABSENT}, UNKNOWN),
        ({("os", "architecture"): Observed("aarch64")}, Observed("aarch64")),
        (
            {FMA: YES, AVX2: YES, FMA4: ABSENT, ("env", "GLIBC_TUNABLES", "glibc.cpu.hwcaps"): Observed("-FMA")},
            Observed("sse2"),
        ),
    ],
)
def test_the_variant_of_the_mathematics(facts, variant):
    assert BY_NAME["libm_variant"].derive(World({**X86, **facts})) == variant


@pytest.mark.parametrize(
    ("capability", "flag", "override", "on"),
    [
        (Observed("8.0"), YES, ABSENT, YES),
        (Observed("7.5"), YES, ABSENT, Observed(False)),
        (Observed("7.5"), UNKNOWN, UNKNOWN, Observed(False)),
        (Observed("9.0"), YES, Observed("0"), Observed(False)),
        (Observed("9.0"), YES, UNKNOWN, UNKNOWN),
        (ABSENT, YES, ABSENT, Observed(False)),
    ],
)
def test_tf32_is_the_flag_the_device_and_the_override(capability, flag, override, on):
    effective = BY_NAME["tf32_matmul"]
    flag_path, capability_path, override_path = effective.inputs
    assert effective.derive(World({flag_path: flag, capability_path: capability, override_path: override})) == on


@pytest.mark.parametrize(
    ("ftz", "daz", "text"), [(False, False, "kept"), (True, True, "flushed"), (True, False, "flushed in part")]
)
def test_denormals(ftz, daz, text):
    facts = {("floating_point", "ftz"): Observed(ftz), ("floating_point", "daz"): Observed(daz)}
    assert BY_NAME["denormals"].derive(World(facts)) == Observed(text)
