import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from reprofp.hooks.foreground import NotStartedError
from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.records import Run
from reprofp.model.schema import Phase
from reprofp.probes.base import Experiment

NOT_ASKED, FAILED = Unknown(UnknownCode.NOT_ASKED), Unknown(UnknownCode.FAILED)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty working folder, and an environment without a virtual environment."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHASHSEED", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def run(project):
    """Run a Python program, or another command; return its record and exit code."""
    warnings = []

    def start(*argv, code=None, python=sys.executable, **options) -> tuple[Run, int]:
        if code is not None:
            (project / "train.py").write_text(textwrap.dedent(code))
            argv = (python, "train.py", *argv)
        return run_command([str(word) for word in argv], RunOptions(warn=warnings.append, **options))

    start.warnings = warnings
    return start


def facts(snapshot):
    return {path: fact for facet in snapshot.facets.values() for path, fact in facet.walk()}


def test_a_run_has_a_start_an_end_and_a_result(run):
    record, code = run(code="print(end='')")
    assert code == record.result.exit_code == 0
    assert record.start.phase is Phase.START
    assert record.end is not None
    assert record.end.phase is Phase.END
    assert [(process.role, process.exit_code) for process in record.processes] == [("train.py/0/0", 0)]
    assert record.result.duration_ns > 0
    assert record.look_up(("usage", "audit")) == Observed(value=True)
    assert len(record.id) == 68
    assert run.warnings == []


@pytest.mark.parametrize(
    ("code", "result", "wrapper"),
    [
        ("raise SystemExit(3)", 3, 3),
        ("1 / 0", 1, 1),
        ("raise KeyboardInterrupt", -signal.SIGINT, 130),
        ("import os; os.kill(os.getpid(), 9)", -9, 137),
        ("import os; os._exit(4)", 4, 4),
    ],
)
def test_the_exit_code_is_the_programs(run, code, result, wrapper):
    record, given = run(code=code + "\n")
    assert (record.result.exit_code, given) == (result, wrapper)


def test_a_killed_process_leaves_its_own_facts_unknown(run):
    record, _ = run(code="import os; os.kill(os.getpid(), 9)")
    assert record.look_up(("usage", "modules", "numpy")) == FAILED
    assert record.look_up(("threads", "openblas", "any")) == FAILED
    assert record.look_up(("floating_point", "ftz")) == FAILED
    assert isinstance(record.look_up(("os", "sysname")), Observed)


@pytest.mark.parametrize("argv", [["true"], [sys.executable, "-I", "-c", "pass"], [sys.executable, "-S", "-c", "pass"]])
def test_what_cannot_report_was_not_asked(run, argv):
    record, code = run(*argv)
    assert code == 0
    assert record.look_up(("usage", "audit")) == NOT_ASKED
    assert isinstance(record.look_up(("rng", "python", "state")), Unknown)
    assert isinstance(record.look_up(("python", "hash_seed")), Unknown)


@pytest.mark.parametrize(
    ("argv", "code"), [([], 125), (["nonesuch-command"], 127), (["/etc/passwd"], 126), (["/nonesuch/x"], 127)]
)
def test_a_command_that_cannot_start_is_an_error_with_its_exit_code(run, argv, code):
    with pytest.raises(NotStartedError) as caught:
        run(*argv)
    assert caught.value.exit_code == code


def test_disabled_hooks_leave_the_command_alone(run, monkeypatch):
    monkeypatch.setenv("REPROFP_DISABLE", "1")
    record, code = run(code="import os; raise SystemExit('REPROFP_HOOK' in os.environ)")
    assert code == 0
    assert record.look_up(("usage", "audit")) == NOT_ASKED


def test_the_same_program_has_the_same_facts(run, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    code = "import numpy, random; random.Random(1); numpy.random.default_rng(1).random()"
    first, second = (run(code=code)[0] for _ in range(2))
    assert facts(first.end) == facts(second.end)
    assert first.fingerprint == second.fingerprint


def test_an_unseeded_generator_shows_as_a_draw_of_entropy(run):
    seeded, _ = run(code="import numpy; numpy.random.default_rng(1).random()")
    unseeded, _ = run(code="import numpy; numpy.random.default_rng().random()")
    assert seeded.look_up(("usage", "entropy", "__main__")) == ABSENT
    assert unseeded.look_up(("usage", "entropy", "__main__")) == Observed(1)


def test_the_hash_seed_is_known_before_and_after(run, monkeypatch):
    record, _ = run(code="pass")
    assert (
        record.start.look_up(("python", "hash_seed")) == record.look_up(("python", "hash_seed")) == Observed("random")
    )
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    record, _ = run(code="pass")
    assert record.start.look_up(("python", "hash_seed")) == record.look_up(("python", "hash_seed")) == Observed("7")
    record, _ = run(sys.executable, "-R", "-c", "pass")
    assert (
        record.start.look_up(("python", "hash_seed")) == record.look_up(("python", "hash_seed")) == Observed("random")
    )


def test_the_childs_python_is_described_also_before_it_runs(run, modern):
    record, _ = run(code="pass", python=modern)
    for name in ("version", "implementation", "build", "compiler", "gil"):
        assert record.start.look_up(("python", name)) == record.look_up(("python", name)) != NOT_ASKED


def test_outputs_and_metrics_are_the_runs_own(run, project):
    code = """
        import json
        open("model.bin", "w").write("weights")
        with open("metrics.jsonl", "w") as f: print(json.dumps({"step": 1, "loss": 0.5}), file=f)
    """
    options = {
        "outputs": {"model": project / "model.bin", "gone": project / "gone"},
        "metrics": project / "metrics.jsonl",
    }
    record, _ = run(code=code, **options)
    assert str(record.result.outputs["model"]["digest"]).startswith("blake3:")
    assert "error" in record.result.outputs["gone"]
    assert record.result.metrics == {"loss": [(1, 0.5)]}
    again, code = run(code="pass", **options)
    assert code == 0
    assert "error" in again.result.outputs["model"]
    assert again.result.metrics == {}
    assert any("no metrics" in said and "as it was before" in said for said in run.warnings)
    assert sum("model.bin): the run did not write it" in said for said in run.warnings) == 1


def test_bad_metrics_cost_neither_the_run_nor_its_exit_code(run, project):
    record, code = run(
        code="open('m', 'w').write('{\"loss\": \"low\"}\\n'); raise SystemExit(3)", metrics=project / "m"
    )
    assert (code, record.result.exit_code, record.result.metrics) == (3, 3, {})
    assert "line 1" in run.warnings[0]


def test_the_program_computes_the_same_bits_and_prints_the_same_bytes(run, project, capfd):
    code = """
        import numpy, sys
        rng = numpy.random.default_rng(3)
        a = rng.standard_normal((256, 300)); b = rng.standard_normal((300, 128))
        sys.stdout.buffer.write((a @ b).tobytes()); print("err", file=sys.stderr)
        print(sorted(sys.flags), sys.argv, sys.path, file=sys.stderr)
    """
    run(code=code)
    hooked = capfd.readouterr()
    subprocess.run([sys.executable, "train.py"], check=True)
    assert capfd.readouterr() == hooked


def test_the_environment_is_the_same_but_for_nothing(run, project, capfd, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/given")
    code = "import os; print(sorted(os.environ.items()))"
    run(code=code)
    hooked = capfd.readouterr().out
    subprocess.run([sys.executable, "train.py"], check=True)
    assert capfd.readouterr().out == hooked


def test_the_c_locale_of_the_wrapper_is_not_passed_on(project, monkeypatch):
    script = (
        "import sys; from reprofp.hooks.run import *; from reprofp.hooks.run import RunOptions;"
        " sys.exit(run_command(['sh', '-c', 'echo ${LC_CTYPE-unset}'], RunOptions())[1])"
    )
    environ = {name: os.environ[name] for name in ("PATH", "REPROFP_HOME")}
    for extra, told in (({}, b"unset"), ({"LC_CTYPE": "C"}, b"C"), ({"LC_CTYPE": "C.UTF-8"}, b"C.UTF-8")):
        done = subprocess.run([sys.executable, "-c", script], env={**environ, **extra}, check=True, capture_output=True)
        assert done.stdout.strip() == told


def test_the_only_python_of_a_shell_script_is_the_process(run, project):
    (project / "train.py").write_text("import numpy")
    record, code = run("sh", "-c", f"{sys.executable} train.py; exit 6")
    assert code == 6
    assert [process.role for process in record.processes] == ["train.py/0/0"]
    assert record.look_up(("usage", "modules", "numpy")) == Observed(value=True)


def test_several_pythons_of_a_shell_script_stand_behind_it(run, project):
    (project / "train.py").write_text("pass")
    record, _ = run("sh", "-c", f"{sys.executable} train.py; {sys.executable} train.py; {sys.executable} -c pass")
    assert [(process.role, process.exit_code) for process in record.processes] == [
        ("sh/0/0", 0),
        ("train.py/0/0", None),
        ("-c/0/0", None),
    ]
    assert record.look_up(("usage", "audit")) == NOT_ASKED
    assert record.processes[1].snapshot.look_up(("usage", "audit")) == Observed(value=True)
    assert record.processes[1].snapshot.look_up(("usage", "alike")) == Observed(2)


SECRET = "hf_canary0123456789abcdefghijklmnopqrst"


def test_secrets_do_not_end_in_facts(run, monkeypatch):
    monkeypatch.setenv("MY_API_TOKEN", SECRET)
    monkeypatch.setenv("INNOCENT_NAME", SECRET)
    code = f"""
        import os, subprocess, sys
        os.environ["LATER"] = sys.argv[-1]
        subprocess.run(["true", sys.argv[-1]])
        try: open("/nonesuch/{SECRET}/x")
        except OSError: pass
    """
    record, _ = run(f"--token={SECRET}", code=code)
    for snapshot in (record.start, record.end):
        stored = b"".join(facet.canonical for facet in snapshot.facets.values()) + snapshot.side.blob.canonical
        assert SECRET.encode() not in stored
    assert SECRET.encode() not in record.manifest + record.result.blob.canonical + record.side.blob.canonical


def test_nothing_is_left_behind(run, tmp_path, monkeypatch):
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    run(code="import os; assert os.listdir(os.environ['XDG_RUNTIME_DIR'])")
    assert list(runtime.iterdir()) == []


def test_declared_data_is_described_once_and_carried_over(run, project):
    (project / "data.csv").write_text("1")
    (project / "lr.json").write_text('{"lr": 0.1}')
    experiment = Experiment(data={"d": Path("data.csv")}, config=(Path("lr.json"),))
    record, _ = run(code="open('data.csv').read(); import os; os.chdir('/')", experiment=experiment)
    digest = record.start.look_up(("datasets", "declared", "d", "digest"))
    assert isinstance(digest, Observed)
    assert record.look_up(("datasets", "declared", "d", "digest")) == digest
    assert record.look_up(("datasets", "read", "data.csv")) == ABSENT
    assert record.start.look_up(("config", "lr")) == record.look_up(("config", "lr")) == Observed(0.1)


def test_declared_data_that_changed_meanwhile_is_not_known(run, project):
    (project / "data").mkdir()
    (project / "data" / "a").write_text("1")
    experiment = Experiment(data={"d": Path("data")}, weights={"w": Path("data/a")})
    record, _ = run(code="open('data/b', 'w').close()", experiment=experiment)
    assert record.look_up(("datasets", "declared", "d", "digest")) == FAILED
    assert isinstance(record.look_up(("weights", "w", "digest")), Observed)
    record, _ = run(code="open('data/a', 'w').write('2')", experiment=experiment)
    assert record.look_up(("weights", "w", "digest")) == FAILED


def test_data_that_was_read_without_being_declared_is_described(run, project):
    (project / "data.csv").write_text("1")
    os.utime(project / "data.csv")
    record, _ = run(
        code="import time; time.sleep(0.03); open('data.csv').read(); open('made', 'w').close(); open('made')"
    )
    assert isinstance(record.look_up(("datasets", "read", "data.csv")), Observed)
    assert record.look_up(("datasets", "read", "made")) == ABSENT
    record, _ = run(code="open('data.csv').read(); open('data.csv', 'a').write('2')")
    assert record.look_up(("datasets", "read", "data.csv")) == FAILED


def test_a_program_that_goes_elsewhere_is_described_where_it_began(tmp_path, monkeypatch):
    (tmp_path / "uv.lock").write_text("x")
    (tmp_path / "go.py").write_text("import os\nos.chdir('/')\n")
    monkeypatch.chdir(tmp_path)
    record, code = run_command([sys.executable, "go.py"], RunOptions())
    assert code == 0
    assert isinstance(record.end.look_up(("locks", "uv.lock")), Observed)
    assert record.end.facets["locks"] == record.start.facets["locks"]


def test_outputs_that_are_declared_are_no_hyper_parameters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "make.py").write_text("import sys\nopen(sys.argv[2], 'w').write('x')\n")
    configs = []
    for name in ("one.bin", "two.bin"):
        options = RunOptions(outputs={"made": Path(name)})
        record, _ = run_command([sys.executable, "make.py", "--target", name], options)
        configs.append(record.end.facets["config"])
    assert configs[0] == configs[1]
