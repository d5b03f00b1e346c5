from __future__ import annotations

import os
import threading
import time

import pytest

from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.model.schema import Phase
from reprofp.probes.base import Report
from reprofp.probes.keys import load_key
from reprofp.probes.runner import Outcome, round_duration, run_probes


class Fake:
    """A probe whose observation is a function."""

    version = 1

    def __init__(self, name, act=lambda report: None, applies=lambda context: True, **marks):
        self.name, self._act, self.applies = name, act, applies
        self.__dict__.update(marks)

    def observe(self, context):
        report = Report()
        self._act(report)
        return report


def fail(error):
    def act(report):
        report.observe("before", value=1)
        report.circumstances["half"] = "done"
        raise error

    return act


@pytest.fixture
def hang():
    """A probe's work that hangs until the test is over."""
    release = threading.Event()
    yield lambda report: release.wait(30)
    release.set()


def test_what_probes_report_is_gathered(make_context):
    def act(report):
        report.observe("total_bytes", value=3)
        report.circumstances["memory.free"] = 2
        report.secrets["memory.serial"] = b"s3cret"

    context = make_context()
    result = run_probes(context, [Fake("memory", act)])
    assert dict(result.facets["memory"].facts) == {("total_bytes",): Observed(3)}
    assert result.circumstances["memory.free"] == 2
    key = load_key(context.environ)
    assert result.keyed == {"memory.serial": key.digest("memory.serial", b"s3cret")}
    assert result.key_id == key.id
    assert "s3cret" not in repr(result)


def test_no_key_is_made_where_nothing_is_keyed(make_context, tmp_path):
    assert run_probes(make_context(), [Fake("memory")]).key_id == ""
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        (PermissionError(13, "no"), UnknownCode.DENIED, Outcome.DENIED),
        (TimeoutError("late"), UnknownCode.TIMED_OUT, Outcome.TIMED_OUT),
        (OSError(5, "I/O error"), UnknownCode.FAILED, Outcome.FAILED),
        (ValueError("odd"), UnknownCode.FAILED, Outcome.FAILED),
        (AssertionError("defect"), UnknownCode.FAILED, Outcome.FAILED),
        (RecursionError(), UnknownCode.FAILED, Outcome.FAILED),
    ],
)
def test_a_failure_is_one_unknown_and_nothing_half_done(make_context, error, code, outcome):
    result = run_probes(make_context(), [Fake("memory", fail(error)), Fake("cpu")])
    assert dict(result.facets["memory"].facts) == {(): Unknown(code)}
    assert result.timings["memory"].outcome is outcome
    assert type(error).__name__ in result.circumstances["probes.memory.message"]
    assert "half" not in result.circumstances
    assert "cpu" in result.facets


def test_words_of_a_failure_are_redacted(make_context):
    context = make_context()
    text = f"cannot open {context.environ['HOME']}/x --password=canary1 https://u:canary2@host ghp_{'canary3' * 4}"
    result = run_probes(context, [Fake("memory", fail(ValueError(text)))])
    assert "canary" not in repr(result)
    assert context.environ["HOME"] not in repr(result)
    assert "cannot open ~/x" in result.circumstances["probes.memory.message"]


def test_a_probe_that_does_not_apply_has_no_facet(make_context):
    result = run_probes(make_context(), [Fake("framework.numpy", applies=lambda context: False)])
    assert result.facets == {}
    assert result.timings["framework.numpy"].outcome is Outcome.NOT_APPLICABLE


def test_a_question_that_fails_is_unknown_too(make_context):
    def applies(context):
        raise OSError(5, "I/O error")

    result = run_probes(make_context(), [Fake("memory", applies=applies)])
    assert result.facets["memory"].look_up(("x",)) == Unknown(UnknownCode.FAILED)


def test_probes_that_hang_do_not_hold_up_the_others(make_context, hang):
    probes = [Fake("os", hang), Fake("cpu", hang), Fake("memory"), Fake("gpu", hang), Fake("env")]
    start = time.monotonic()
    result = run_probes(make_context(), probes, time_limit=0.6)
    assert time.monotonic() - start < 20  # they would hang for 30 s
    assert [name for name in result.facets if result.facets[name].facts] == ["os", "cpu", "gpu"]
    for name in ("os", "cpu", "gpu"):
        assert dict(result.facets[name].facts) == {(): Unknown(UnknownCode.TIMED_OUT)}
    assert result.timings["memory"].outcome is Outcome.OK
    assert result.timings["env"].outcome is Outcome.OK


def test_when_everything_hangs_everything_has_timed_out(make_context, hang):
    probes = [Fake(f"p{number}", hang) for number in range(25)]
    result = run_probes(make_context(), probes, time_limit=0.3)
    assert {outcome.outcome for outcome in result.timings.values()} == {Outcome.TIMED_OUT}
    assert list(result.facets) == [probe.name for probe in probes]


def test_a_hang_in_a_system_call_is_left_behind(make_context, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def open_pipe(report):
        with open(pipe, "rb"):
            pass

    result = run_probes(make_context(), [Fake("os", open_pipe), Fake("cpu")], time_limit=0.3)
    assert result.timings["os"].outcome is Outcome.TIMED_OUT
    assert result.timings["cpu"].outcome is Outcome.OK
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))


def test_probes_run_in_order_and_bounded_ones_outside_the_callers_thread(make_context):
    seen = []
    note = lambda report: seen.append(threading.get_ident())  # noqa: E731
    probes = [
        Fake("datasets", note, unbounded=True),
        Fake("os", note),
        Fake("cpu", note),
        Fake("threads", note, calling_thread=True),
    ]
    result = run_probes(make_context(), probes)
    here = threading.get_ident()
    assert [ident == here for ident in seen] == [True, False, False, True]
    assert seen[1] == seen[2]
    assert list(result.facets) == ["datasets", "os", "cpu", "threads"]


def test_a_probe_that_waits_starts_first_and_beside_the_others(make_context):
    started, ended = threading.Event(), threading.Event()

    def wait(report):
        started.set()
        assert ended.wait(20)

    def end(report):
        assert started.wait(20)
        ended.set()

    result = run_probes(make_context(), [Fake("os", end), Fake("code", wait, waits=True)], time_limit=30)
    assert {outcome.outcome for outcome in result.timings.values()} == {Outcome.OK}
    assert list(result.facets) == ["os", "code"]


@pytest.mark.parametrize("value", ["\ud800", object(), {1: 2}])
def test_what_cannot_be_written_down_is_a_failure_of_its_probe(make_context, value):
    def act(report):
        report.observe("x", value=value)

    def act_beside(report):
        report.circumstances["x"] = value

    result = run_probes(make_context(), [Fake("os", act), Fake("cpu", act_beside)])
    assert result.timings["os"].outcome is Outcome.FAILED
    assert result.timings["cpu"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("taken", "told"), [(0, 0), (1_999_999, 1), (99_900_000, 99), (123_456_789, 120), (9_876_000_000, 9800)]
)
def test_durations_are_told_in_milliseconds_with_two_digits(taken, told):
    assert round_duration(taken) == told


def test_durations_and_outcomes_are_circumstances(make_context):
    result = run_probes(make_context(phase=Phase.START), [Fake("os")])
    assert result.circumstances["probes.os.outcome"] == "ok"
    taken = result.timings["os"].duration_ns
    told = result.circumstances.get("probes.os.duration_ms")
    assert told == (round_duration(taken) if taken >= 1_000_000 else None)
