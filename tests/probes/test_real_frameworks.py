"""What real frameworks are seen to do: nothing of them moves, and equal runs are promised equal bits.

Each test runs a program of its own: frameworks keep what is loaded and set for as long as a process lives.
"""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import reprofp.probes
from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.observations import Unknown, UnknownCode
from reprofp.verdict import compare
from reprofp.verdict.levels import Level

pytestmark = pytest.mark.frameworks

for module in ("torch", "jax", "sklearn"):
    pytest.importorskip(module, reason=f"{module} is not installed: make test-full has it", exc_type=ImportError)

LOOK = f"""
    import importlib.util, json, sys
    spec = importlib.util.spec_from_file_location("raw", {str(Path(reprofp.probes.__file__).parent / "raw.py")!r})
    raw = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(raw)
    look = lambda: raw.collect()["frameworks"]
"""


def run(code):
    program = textwrap.dedent(LOOK) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def list_errors(described):
    parts = {**described["facts"], **described["flags"]}
    return {name: value for name, value in parts.items() if value == {"error": "failed"}}


def test_every_getter_of_torch_answers_and_nothing_moves():
    described, again, same = run(
        """
        import torch
        torch.manual_seed(3)
        torch.rand(5)
        state, modules = torch.get_rng_state(), set(sys.modules)
        first, second = look()["torch"], look()["torch"]
        loaded = {name for name in set(sys.modules) - modules if name.startswith("torch")}
        same = bool(torch.equal(state, torch.get_rng_state())) and not torch.cuda.is_initialized() and not loaded
        print(json.dumps([first, second, same]))
        """
    )
    assert same
    assert described == again
    assert list_errors(described) == {}
    assert described["facts"]["threads"] >= 1
    assert described["rng"]["cpu"]["touched"]
    assert described["flags"]["torch.default_dtype"] == "torch.float32"
    assert described["build"]["blas_info"]


def test_settings_of_torch_show():
    flags = run(
        """
        import torch
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.backends.cudnn.benchmark = True
        print(json.dumps(look()["torch"]["flags"]))
        """
    )
    assert flags["torch.deterministic_algorithms"] is True
    assert flags["torch.deterministic_algorithms_warn_only"] is True
    assert flags["torch.default_dtype"] == "torch.float64"
    assert flags["torch.default_device"] == "meta"
    assert flags["torch.backends.cudnn.benchmark"] is True


@pytest.mark.parametrize("name", ["torch.backends.cuda.matmul.fp32_precision", "torch.backends.fp32_precision"])
def test_precisions_set_by_the_newer_interface_show_in_the_older_flags(name):
    flags = run(f'import torch\n{name} = "tf32"\nprint(json.dumps(look()["torch"]["flags"]))')
    assert flags["torch.backends.cuda.matmul.allow_tf32"] is True
    assert flags["torch.float32_matmul_precision"] in {"by operation", "high"}


def test_a_generator_of_torch_that_nobody_used_is_untouched():
    touched = run(
        """
        import torch
        found = [look()["torch"]["rng"]["cpu"]["touched"]]
        torch.rand(1)
        found.append(look()["torch"]["rng"]["cpu"]["touched"])
        torch.rand(623)
        found.append(look()["torch"]["rng"]["cpu"]["touched"])
        torch.manual_seed(0)
        found.append(look()["torch"]["rng"]["cpu"]["touched"])
        print(json.dumps(found))
        """
    )
    assert touched == [False, True, True, False]


def test_jax_and_scikit_learn_answer():
    jax, sklearn, same = run(
        """
        import jax, sklearn
        first = look()
        woken = bool(sys.modules["jax._src.xla_bridge"]._backends)
        print(json.dumps([first["jax"], first["sklearn"], look() == first and not woken]))
        """
    )
    assert same
    assert jax["facts"]["platforms"] == []
    assert jax["flags"]["jax.enable_x64"] is False
    assert {"error": "failed"} not in jax["flags"].values()
    assert sklearn["flags"]["sklearn.working_memory"] == 1024


TRAIN = """
    import sys
    import torch
    torch.manual_seed(int(sys.argv[1]))
    {setting}
    model = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.GELU(), torch.nn.Linear(64, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs = torch.randn(256, 32)
    for _ in range(3):
        optimizer.zero_grad()
        model(inputs).square().mean().backward()
        optimizer.step()
"""
STRICT = "torch.use_deterministic_algorithms(True)"
SCATTER = "torch.zeros(3).index_add_(0, torch.tensor([0]), torch.ones(1))"


@pytest.fixture
def train(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    script = tmp_path / "train.py"

    def train(setting=STRICT, seed=0):
        script.write_text(textwrap.dedent(TRAIN).format(setting=setting))
        record, code = run_command([sys.executable, "train.py", str(seed)], RunOptions(numerics=False))
        assert code == 0
        return record

    return train


def test_equal_seeded_runs_of_torch_are_promised_the_same_bits(train):
    a, b = train(), train()
    assert not [
        (name, path, fact)
        for name, facet in a.end.facets.items()
        if name in {"framework.torch", "determinism", "rng", "datasets"}
        for path, fact in facet.facts.items()
        if isinstance(fact, Unknown)
    ]
    verdict = compare(a, b)
    assert (verdict.overall.promised, verdict.overall.possible) == (Level.BITWISE, Level.BITWISE)


@pytest.mark.parametrize(
    ("setting", "reached"),
    [
        (f"{STRICT}; torch.set_num_threads(1)", Level.STATISTICAL),
        (f"{STRICT}; torch.set_default_dtype(torch.float64)", Level.FUNCTIONAL),
        ("pass", Level.STATISTICAL),
        (f"torch.use_deterministic_algorithms(True, warn_only=True); {SCATTER}", Level.STATISTICAL),
        (f"{STRICT}; torch.backends.mkldnn.enabled = False", Level.STATISTICAL),
    ],
)
def test_other_settings_are_not_promised_the_same_bits(train, setting, reached):
    assert compare(train(), train(setting)).conditions.promised is reached


def test_without_deterministic_mode_runs_are_promised_their_own_bits_unless_they_add_by_index(train):
    assert compare(train("pass"), train("pass")).conditions.promised is Level.BITWISE
    a, b = train(SCATTER), train(SCATTER)
    verdict = compare(a, b)
    assert (verdict.conditions.promised, verdict.conditions.possible) == (Level.STATISTICAL, Level.BITWISE)
    (gate,) = [reason for reason in verdict.reasons if reason.kind == "gate"]
    assert gate.rule == "determinism.torch-algorithms"


def test_a_draw_more_is_another_stream(train):
    states = [train(setting).end.facets["rng"].facts["torch", "cpu", "state"] for setting in ("pass", "torch.rand(1)")]
    assert states[0] != states[1]


def test_what_torch_may_have_read_natively_is_not_known(train):
    record = train("load = torch.jit.load")
    assert record.end.facets["datasets"].facts[()] == Unknown(UnknownCode.NOT_ASKED)
