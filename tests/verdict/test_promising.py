"""Whether a level is promised, found out without saying why: the answer is that of a whole comparison."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.facets import Facet
from reprofp.model.observations import Unknown, UnknownCode
from reprofp.model.records import Process, Repeats, Result, SideBlob
from reprofp.model.schema import Phase
from reprofp.verdict import Level, answer_requirement, compare
from reprofp.verdict.promising import falls_short, list_grounds, promises
from verdict.records import FULL, make_run, make_snapshot
from verdict.test_laws import changes, pairs

LEVELS = list(Level)
PHASES = list(Phase)


def ask(a, b):
    """Return for each level what a whole comparison answers."""
    verdict = compare(a, b)
    return [answer_requirement(verdict, level) == 0 for level in LEVELS]


def check(a, b):
    for level, wanted in zip(LEVELS, ask(a, b), strict=True):
        assert promises(a, b, level) == wanted
        assert not (wanted and falls_short(a, b, level))


@given(pairs())
def test_runs(pair):
    check(make_run(pair[0]), make_run(pair[1], time_ns=2))


@given(pairs(), st.sampled_from(PHASES), st.sampled_from(PHASES))
def test_snapshots_of_all_phases(pair, phase_a, phase_b):
    a, b = (make_snapshot({**FULL, **facts}, phase) for facts, phase in zip(pair, (phase_a, phase_b), strict=True))
    check(a, replace(b, time_ns=2))


@given(pairs(), st.sampled_from(PHASES))
def test_a_run_and_a_snapshot(pair, phase):
    check(make_run(pair[0]), make_snapshot({**FULL, **pair[1]}, phase))


@given(changes(), changes(), st.data())
def test_runs_of_several_processes_with_results(shared, other, data):
    """Children, repeats, outputs, exit codes and keyed values may raise nothing that a fact has lowered."""

    def draw(facts, time_ns):
        run = make_run({**shared, **facts}, time_ns=time_ns)
        child = data.draw(st.none() | st.sampled_from([shared, other]))
        children = () if child is None else (Process("worker", 0, make_snapshot({**FULL, **child})),)
        repeats = data.draw(st.sampled_from([None, Repeats(5, ("out",), ()), Repeats(5, (), ("out",))]))
        outputs = data.draw(st.sampled_from([{}, {"out": {"digest": "1"}}, {"out": {"digest": "2"}}]))
        result = Result(data.draw(st.sampled_from([0, 1])), 7, outputs, {}, repeats)
        keyed = data.draw(st.sampled_from([{}, {"env.TOKEN": bytes(32)}, {"env.TOKEN": b"1" * 32}]))
        start = replace(run.start, side=SideBlob({}, keyed, "key", b"salt"))
        return replace(run, start=start, processes=(*run.processes, *children), result=result)

    check(draw({}, 1), draw(data.draw(st.sampled_from([{}, other])), 2))


def test_what_differs_is_seen_without_a_whole_comparison(monkeypatch):
    def refuse(*_):
        raise AssertionError("compared as a whole")

    monkeypatch.setattr("reprofp.verdict.promising.compare_with", refuse)
    a, b = make_run(), make_run({"config.lr": 0.2}, time_ns=2)
    assert falls_short(a, b, Level.STATISTICAL)
    assert not promises(a, b, Level.STATISTICAL)


def test_a_record_is_itself():
    run = make_run()
    assert promises(run, run, Level.BITWISE)
    assert not falls_short(run, make_run(), Level.BITWISE)


# --- grounds ------------------------------------------------------------------------------------------


@given(pairs())
def test_records_with_the_same_grounds_are_judged_alike(pair):
    a, b = make_run(pair[0]), make_run(pair[1], time_ns=2)
    other = replace(b, time_ns=3, tool="other", result=replace(b.result, duration_ns=99, metrics={"loss": [(1, 0.5)]}))
    assert list_grounds(b) == list_grounds(other)
    assert hash(list_grounds(b)) == hash(list_grounds(other))
    assert ask(a, b) == ask(a, other)


def purge(snapshot):
    """A facet of which only the id is left."""
    gone = Facet("config", 1, {(): Unknown(UnknownCode.DENIED)})
    gone.__dict__["raw_id"] = snapshot.facets["config"].raw_id
    return replace(snapshot, facets={**snapshot.facets, "config": gone})


def change_end(run, end):
    return replace(run, processes=(replace(run.processes[0], snapshot=end), *run.processes[1:]))


CHANGES = {
    "fact": lambda run: change_end(run, make_snapshot({**FULL, "config.lr": 7})),
    "fact of the start": lambda run: replace(run, start=make_snapshot({**FULL, "config.lr": 7}, Phase.START)),
    "purged": lambda run: change_end(run, purge(run.end)),
    "phase": lambda run: change_end(run, replace(run.end, phase=Phase.START)),
    "no end": lambda run: change_end(run, None),
    "process": lambda run: replace(run, processes=(*run.processes, Process("worker", 0, run.end))),
    "role": lambda run: replace(run, processes=(replace(run.processes[0], role="other"),)),
    "code of a process": lambda run: replace(run, processes=(replace(run.processes[0], exit_code=3),)),
    "exit code": lambda run: replace(run, result=replace(run.result, exit_code=3)),
    "output": lambda run: replace(run, result=replace(run.result, outputs={"out": {"digest": "1"}})),
    "repeats": lambda run: replace(run, result=replace(run.result, repeats=Repeats(5, ("out",), ()))),
    "keyed value": lambda run: change_end(run, replace(run.end, side=SideBlob({}, {"env.T": bytes(32)}, "k", b"s"))),
    "key": lambda run: change_end(run, replace(run.end, side=SideBlob({}, {}, "other", b"s"))),
    "purged side blob": lambda run: change_end(run, replace(run.end, side=SideBlob({}, {}, "", b""))),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_has_a_say_is_among_the_grounds(change):
    run = make_run()
    assert list_grounds(CHANGES[change](run)) != list_grounds(run)


def test_a_snapshot_is_no_run():
    run = make_run()
    assert list_grounds(run) != list_grounds(run.end)
