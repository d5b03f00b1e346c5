"""What a run measures at its end, and that it disturbs nothing."""

import sys
import textwrap

import pytest

from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.numerics import measure_elsewhere


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)

    def start(code, *argv, **options):
        (tmp_path / "train.py").write_text(textwrap.dedent(code))
        return run_command([sys.executable, "train.py", *argv], RunOptions(**options))

    return start


def classes(snapshot):
    facet = snapshot.facets.get("numerics")
    return {} if facet is None else facet.facts


def test_only_the_backends_that_the_run_used(run):
    record, _ = run("import math; print(end='')")
    assert {path[0] for path in classes(record.end)} == {"libm"}
    assert classes(record.start) == {}


def test_the_families_that_the_run_could_use(run):
    record, _ = run("import numpy")
    found = classes(record.end)
    assert ("numpy", "matmul") in found
    expected = measure_elsewhere(["numpy", "libm"])["backends"]
    told = {path: fact for path, fact in found.items() if path[1] in expected[path[0]]}
    assert told
    assert all(fact == Observed(expected[path[0]][path[1]]["class"]) for path, fact in told.items())


def test_two_runs_have_the_same_classes(run):
    first, second = (run("import numpy, numpy.random, numpy.fft")[0] for _ in range(2))
    assert classes(first.end) == classes(second.end)
    assert first.end.facets["numerics"].raw_id == second.end.facets["numerics"].raw_id


def test_on_request_nothing_is_measured(run):
    record, _ = run("pass", numerics=False)
    assert classes(record.end) == {}
    assert record.look_up(("numerics", "libm", "casts")) == Unknown(UnknownCode.NOT_ASKED)


def test_measuring_is_no_part_of_what_is_observed(run):
    code = "import numpy; print(numpy.arange(3).sum())"
    facts = []
    for numerics in (True, False):
        record, _ = run(code, numerics=numerics)
        facts.append({name: facet.facts for name, facet in record.end.facets.items() if name != "numerics"})
    assert facts[0] == facts[1]


@pytest.mark.parametrize(
    ("code", "status"), [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os.kill(os.getpid(), 15)", 143)]
)
def test_the_exit_code_is_the_programs(run, code, status):
    assert run("import numpy\n" + code)[1] == status


def test_outputs_have_the_same_bits(run, tmp_path):
    code = """
        import atexit, sys
        import numpy
        rng = numpy.random.default_rng(7)
        weights = rng.standard_normal((64, 64))
        for _ in range(20):
            weights = numpy.tanh(weights @ weights.T / 64 + rng.standard_normal((64, 64)))
        atexit.register(lambda: numpy.random.default_rng(3))
        open(sys.argv[1], "wb").write(weights.tobytes())
    """
    for name, numerics in (("with", True), ("without", False)):
        run(code, name, numerics=numerics)
    assert (tmp_path / "with").read_bytes() == (tmp_path / "without").read_bytes()


def test_a_thread_that_would_trap_is_not_measured(run):
    code = "import ctypes; ctypes.CDLL('libm.so.6').feenableexcept(1)"  # FE_INVALID
    record, status = run(code)
    assert status == 0
    assert classes(record.end) == {}


def test_of_many_processes_some_are_measured(run):
    loop = f"for i in 1 2 3 4 5 6 7 8 9 10; do {sys.executable} -c pass; done"
    record, _ = run_command(["sh", "-c", loop], RunOptions())
    assert [process.role for process in record.processes] == ["sh/0/0", "-c/0/0"]
    alike = record.processes[1].snapshot
    assert alike.look_up(("usage", "alike")) == Observed(10)
    assert ("libm", "casts") in classes(alike)


def test_a_framework_that_breaks_costs_only_its_classes(run, tmp_path):
    (tmp_path / "scipy.py").write_text("x = 1\n")
    record, status = run("import numpy, scipy; numpy.errstate = None")
    assert status == 0
    found = classes(record.end)
    assert found["numpy",] == Unknown(UnknownCode.FAILED)
    assert isinstance(found["libm", "casts"], Observed)
