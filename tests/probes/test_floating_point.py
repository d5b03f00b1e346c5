"""Control registers become facts."""

import pytest

from probes.machines import Machine
from reprofp._core.probing import floating_point_state
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.floating_point import FloatingPointProbe

FAILED = Unknown(UnknownCode.FAILED)
X86 = {"mxcsr": 0x1F80, "x87_control": 0x37F, "fpcr": None, "rounding": "nearest"}
ARM = {"mxcsr": None, "x87_control": None, "fpcr": 0, "rounding": "nearest"}


def look(tmp_path, state):
    facts = FloatingPointProbe().observe(Machine(tmp_path).context(process={"floating_point": state})).facts
    return [facts[name,] for name in ("ftz", "daz", "rounding", "x87_precision")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [False, False, "nearest", 64]),
        ({"mxcsr": 0x9F80}, [True, False, "nearest", 64]),
        ({"mxcsr": 0x1FC0}, [False, True, "nearest", 64]),
        ({"mxcsr": 0x9FE2}, [True, True, "nearest", 64]),  # with sticky flags
        ({"rounding": "toward_zero"}, [False, False, "toward_zero", 64]),
        ({"x87_control": 0x27F}, [False, False, "nearest", 53]),
        ({"x87_control": 0x07F}, [False, False, "nearest", 24]),
    ],
)
def test_x86(tmp_path, change, expected):
    assert look(tmp_path, {**X86, **change}) == list(map(Observed, expected))


@pytest.mark.parametrize(("fpcr", "flushes"), [(0, False), (1 << 24, True), (1 << 19, False)])
def test_arm_flushes_both_and_has_no_x87(tmp_path, fpcr, flushes):
    found = look(tmp_path, {**ARM, "fpcr": fpcr})
    assert found == [Observed(flushes), Observed(flushes), Observed("nearest"), ABSENT]


@pytest.mark.parametrize(
    "state",
    [
        {},
        {"mxcsr": "0x1f80", "x87_control": -1, "fpcr": True, "rounding": "up"},
        {"mxcsr": None, "x87_control": 0x17F, "fpcr": None, "rounding": None},  # a precision that is reserved
    ],
)
def test_what_is_no_register_is_unknown(tmp_path, state):
    assert look(tmp_path, state) == [FAILED] * 4


@pytest.mark.parametrize(
    ("state", "fact"),
    [({"error": "denied"}, Unknown(UnknownCode.DENIED)), ({"error": "failed"}, FAILED), (None, FAILED), ([], FAILED)],
)
def test_a_state_that_could_not_be_read(tmp_path, state, fact):
    context = Machine(tmp_path).context(process={"floating_point": state})
    assert FloatingPointProbe().observe(context).facts == {(): fact}


def test_without_a_process_there_is_nothing_to_ask(tmp_path):
    assert not FloatingPointProbe().applies(Machine(tmp_path).context())


def test_this_thread(tmp_path):
    assert all(not isinstance(fact, Unknown) for fact in look(tmp_path, floating_point_state()))
