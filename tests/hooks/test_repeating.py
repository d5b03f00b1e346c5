"""Running a command several times: what is equal, what differs, what was not made."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from reprofp.hooks.repeating import compare_repeats, repeat_command
from reprofp.hooks.run import RunOptions
from reprofp.model.records import Repeats, Result, Run, SideBlob, Snapshot
from reprofp.model.schema import Phase


def make(**result):
    start = Snapshot(1, Phase.START, {}, SideBlob(), "t")
    return Run(1, start, (), Result(**{"exit_code": 0, **result}), SideBlob(), "t")


A, B, NONE = ({"made": item} for item in ({"digest": "blake3:aa"}, {"digest": "blake3:bb"}, {"error": "not made"}))


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([A, A, A], ("equal",)),
        ([A, A, B], ("differing",)),
        ([A, NONE, A], ("missing",)),
        ([NONE, NONE], ("missing",)),
        ([A, {}], ("missing",)),
    ],
)
def test_outputs_are_compared(outputs, expected):
    repeats = compare_repeats([make(outputs=item) for item in outputs])
    assert repeats.of == len(outputs)
    assert [name for name in ("equal", "differing", "missing") if "outputs.made" in getattr(repeats, name)] == [
        *expected
    ]
    assert repeats.agree == (expected == ("equal",))


@pytest.mark.parametrize(
    ("points", "expected"), [([0.5, 0.5], "equal"), ([0.5, 0.25], "differing"), ([0.0, -0.0], "differing")]
)
def test_metrics_are_compared_bit_by_bit(points, expected):
    repeats = compare_repeats([make(metrics={"loss": [(1, point)]}) for point in points], with_metrics=True)
    assert "metrics.loss" in getattr(repeats, expected)


def test_metrics_that_never_came_are_no_evidence():
    assert compare_repeats([make(outputs=A), make(outputs=A)], with_metrics=True).missing == ("metrics",)


def test_an_exit_code_alone_is_no_evidence():
    assert not compare_repeats([make(), make()]).agree
    assert compare_repeats([make(outputs=A), make(outputs=A, exit_code=1)]).differing == ("exit_code",)


def test_the_form_survives():
    repeats = Repeats(3, ("outputs.x",), ("metrics.y",), (), (b"\0" * 32,))
    result = Result(0, repeats=repeats)
    assert Result.from_value(result.blob.value) == result
    assert "repeats" not in replace(result, repeats=None).blob.value


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def repeat(code, path, times=3, **options):
    kept = []
    options = RunOptions(outputs={"out": path} if path else {}, numerics=False, warn=lambda _: None, **options)
    run, status = repeat_command([sys.executable, "-c", code], options, times, kept.append)
    return run, status, kept


def test_each_run_is_kept_and_the_last_one_tells(here):
    run, status, kept = repeat("open('out', 'w').write('x')", here / "out")
    assert (status, len(kept)) == (0, 2)
    assert run.result.repeats.agree
    assert run.result.repeats.records == tuple(item.raw_id for item in kept)
    assert all(item.result.repeats is None for item in kept)


def test_a_command_that_differs_from_itself_is_caught(here):
    run, _, _ = repeat("import os; open('out', 'wb').write(os.urandom(8))", here / "out")
    assert run.result.repeats.differing == ("outputs.out",)


def test_a_command_that_goes_on_where_it_left_off_is_no_evidence(here):
    run, _, _ = repeat("import os; os.path.exists('out') or open('out', 'w').write('x')", here / "out")
    assert run.result.repeats.missing == ("outputs.out",)


def test_a_command_that_fails_is_not_run_again(here):
    run, status, kept = repeat("raise SystemExit(4)", here / "out")
    assert (status, kept, run.result.repeats) == (4, [], None)


def run_cli(*words, cwd, **options):
    environ = {**os.environ, "REPROFP_HOME": str(cwd / "home")}
    return subprocess.run(
        [sys.executable, "-m", "reprofp", *words], check=False, cwd=cwd, env=environ, capture_output=True, **options
    )


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("print(1)", 0, "2 runs made the same bits"),
        ("import os; print(os.urandom(9))", 1, "2 runs differ: outputs.$stdout"),
        ("raise SystemExit(7)", 7, "exit 7"),
    ],
)
def test_the_command_line_answers(here, code, status, said):
    done = run_cli("run", "--no-numerics", "--repeat", "2", "--stdout", "--", sys.executable, "-c", code, cwd=here)
    assert done.returncode == status
    assert said in done.stderr.decode().splitlines()[-1]


def test_what_makes_nothing_cannot_be_compared(here):
    done = run_cli("run", "--repeat", "2", "--", "true", cwd=here)
    assert (done.returncode, b"--output" in done.stderr) == (125, True)


def test_standard_output_arrives_whole(here):
    code = "import sys; sys.stdout.write('x' * 300_000); print(sys.stdout.isatty(), file=sys.stderr)"
    done = run_cli("run", "-q", "--no-numerics", "--stdout", "--", sys.executable, "-c", code, cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"x" * 300_000, b"False\n")
