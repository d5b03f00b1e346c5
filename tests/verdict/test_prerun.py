"""The check before a run."""

from dataclasses import replace

import pytest

from reprofp.model.paths import parse_path
from reprofp.model.records import Repeats
from reprofp.model.schema import Phase
from reprofp.verdict import Level, answer_requirement, check_before_run
from reprofp.verdict.views import ends_with_process
from verdict.records import FULL, GONE, STATIC, UNKNOWN, make_run, make_snapshot

BITWISE, STATISTICAL = Level.BITWISE, Level.STATISTICAL
NOW = {
    path: fact
    for path, fact in FULL.items()
    if not ends_with_process(parse_path(path)) and path not in ("determinism", "python.hash_seed")
} | {"python.hash_seed": "0"}
"""What can be known of the same run before it begins."""


def check(changes=None, baseline=None, **options):
    now = make_snapshot({**NOW, **(changes or {})}, options.pop("phase", Phase.STATIC), key_id=options.pop("key", "k"))
    return check_before_run(baseline or make_run(), now, **options)


def paths(reasons):
    return {".".join(reason.path) for reason in reasons}


def test_no_obstacle():
    verdict = check()
    assert verdict.before_run
    assert not verdict.reasons
    assert not verdict.missing
    assert answer_requirement(verdict, BITWISE) == 0
    count = len(verdict.settles_later)
    assert f"no obstacle before the run; {count} facts settle later" in verdict.notes


def test_lists_what_settles_later():
    later = paths(check().settles_later)
    assert {"threads", "usage", "floating_point", "framework.numpy"} <= later
    assert not later & {"os.libc.version", "config.lr", "env"}


def test_strict_waits_for_what_settles_later():
    assert answer_requirement(check(), BITWISE, strict=True) == 2


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"cpu.model": 18}, 1),
        ({"os.libc.version": "2.41"}, 1),
        ({"os.libc.version": UNKNOWN}, 2),
        ({"env.OMP_NUM_THREADS": "1"}, 2),
        ({"python.hash_seed": "random"}, 2),
        ({"config.lr": 0.2}, 1),
        ({"datasets.declared.train.digest": "blake3-tree:99"}, 1),
        ({"datasets.declared.train.digest": GONE}, 1),
        ({"memory.total_bytes": 1}, 0),
        ({"packages.installed.numpy.version": "2.1.4", "packages.installed.numpy.record": "x"}, 1),
        ({"packages.installed.pandas.version": "3.0"}, 0),
        ({"code.git.commit": "def"}, 2),
    ],
)
def test_what_can_be_known_now_decides(changes, answer):
    assert answer_requirement(check(changes), BITWISE) == answer


def test_a_lower_level_is_asked_for():
    assert answer_requirement(check({"os.libc.version": "2.41"}), STATISTICAL) == 0


def test_what_varies_on_purpose_is_no_obstacle():
    verdict = check({"config.lr": 0.2}, vary=[("config", "lr")])
    assert paths(verdict.experiment.varied) == {"config.lr"}
    assert answer_requirement(verdict, BITWISE) == 0


def test_what_the_baseline_does_not_know_does_not_settle_later():
    verdict = check(baseline=make_run(end=None))
    assert answer_requirement(verdict, BITWISE) == 2
    assert "threads" in paths(verdict.missing)


def test_a_bare_snapshot_as_baseline():
    verdict = check(baseline=make_snapshot({**NOW, "os.hypervisor": "xen"}, Phase.STATIC))
    assert not verdict.reasons
    assert answer_requirement(verdict, BITWISE) == 2


def test_a_process_that_has_begun_is_compared_with_what_the_baseline_saw_at_its_end():
    verdict = check({"threads.affinity.count": 2, "usage.modules.numpy": True}, phase=Phase.START)
    assert answer_requirement(verdict, BITWISE) == 0


def test_other_variables_count_before_the_run_too():
    now = make_snapshot(NOW, Phase.STATIC, keyed={"env.FOO": b"1"}, key_id="k")
    baseline = make_run()
    assert answer_requirement(check_before_run(baseline, now), BITWISE) == 2
    assert answer_requirement(check_before_run(baseline, now, ignore=[("env", "FOO")]), BITWISE) == 0


def test_the_same_record():
    now = make_snapshot(STATIC, Phase.STATIC)
    assert check_before_run(now, now).same_record


def test_acceptance_of_measured_evidence_is_kept():
    assert check(accept_measured=True).accept_measured


def test_a_baseline_that_differs_from_itself_is_in_the_way():
    run = make_run()
    baseline = replace(run, result=replace(run.result, repeats=Repeats(3, ("exit_code",), ("outputs.x",))))
    assert answer_requirement(check(baseline=baseline), BITWISE) == 1
    assert answer_requirement(check(baseline=baseline), STATISTICAL) == 0
