"""The kernels of real frameworks: nothing of their state moves, and training gives the same bits beside them.

Each test runs a program of its own: what is loaded in one would be measured in the other.
"""

import json
import subprocess
import sys
import textwrap

import pytest

from reprofp.hooks.run import RunOptions, run_command
from reprofp.model.observations import Observed
from reprofp.numerics import find_library, measure_elsewhere
from reprofp.numerics.measuring import KERNELS_FOLDER

pytestmark = pytest.mark.frameworks

for module in ("torch", "jax", "sklearn"):
    pytest.importorskip(module, reason=f"{module} is not installed: make test-full has it", exc_type=ImportError)

MEASURE = f"""
    import json, sys
    sys.path.insert(0, {str(KERNELS_FOLDER)!r})
    import measuring
    def measure():
        return measuring.measure({{"library": {str(find_library())!r}, "limit_s": 600.0}})
"""


def run(code, python=sys.executable, **environ):
    program = textwrap.dedent(MEASURE) + textwrap.dedent(code)
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("backend", ["numpy", "scipy", "torch_cpu", "jax"])
def test_every_family_is_measured_and_repeats(backend):
    first, second = (measure_elsewhere([backend], limit_s=600.0) for _ in range(2))
    classes = {family: entry.get("class", entry) for family, entry in first["backends"][backend].items()}
    assert all(isinstance(text, str) and len(text) == 67 for text in classes.values()), classes
    assert first["kernels"] == second["kernels"]


TORCH_STATE = """
    import os, threading, warnings
    import numpy, torch
    def observe():
        flags = [torch.get_num_threads(), torch.get_num_interop_threads(), torch.get_default_dtype(),
            torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_float32_matmul_precision(),
            torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled(),
            torch.backends.mkldnn.enabled, torch.backends.cudnn.benchmark, torch.backends.cuda.matmul.allow_tf32,
            torch.utils.deterministic.fill_uninitialized_memory, torch.is_autocast_enabled("cpu"),
            torch.is_autocast_cache_enabled(), torch.get_default_device(), torch.is_anomaly_enabled(),
            torch.cuda.is_initialized(), torch.ones(1).requires_grad, torch._C._len_torch_function_stack()]
        return {"flags": list(map(str, flags)), "torch": torch.get_rng_state().tolist(),
            "numpy": str(numpy.random.get_state()), "warnings": list(map(str, warnings.filters)),
            "threads": threading.active_count(), "environ": dict(os.environ), "errors": numpy.geterr()}
"""


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "torch.set_num_threads(1)",
        "torch.use_deterministic_algorithms(True)",
        "torch.set_default_dtype(torch.float64)",
        "torch.set_default_device('meta')",
        "torch.set_grad_enabled(False)",
        "torch.autocast('cpu').__enter__()",
        "torch.set_float32_matmul_precision('medium')",
        "warnings.simplefilter('error')",
    ],
)
def test_torch_is_left_as_it_was(setting):
    found = run(
        textwrap.dedent(TORCH_STATE)
        + textwrap.dedent(f"""
            torch.manual_seed(7)
            {setting}
            before = observe()
            raw = measure()
            assert observe() == before, (observe(), before)
            print(json.dumps(raw["backends"]["torch_cpu"]))
        """)
    )
    assert all("class" in entry for entry in found.values()), found


def test_settings_inside_of_the_program_are_in_force():
    plain, flushed, single = (
        run(f"import torch; torch.set_num_threads(2); {line}; print(json.dumps(measure()['backends']))")
        for line in ("pass", "torch.set_flush_denormal(True)", "torch.set_num_threads(1)")
    )
    assert plain["libm"]["casts"] != flushed["libm"]["casts"]
    assert plain["torch_cpu"]["casts"] != flushed["torch_cpu"]["casts"]
    assert plain["torch_cpu"]["reduction"] != single["torch_cpu"]["reduction"]
    assert plain["libm"] == single["libm"]


TRAINING = """
    import sys
    import numpy, torch
    {reprofp}
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(100, 64), torch.nn.GELU(), torch.nn.Dropout(0.1), torch.nn.Linear(64, 10))
    inputs, targets = torch.randn(64, 100), torch.randint(0, 10, (64,))
    optimizer = torch.optim.AdamW(model.parameters())
    for _ in range(6):
        {measure}
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    with open(sys.argv[1], "wb") as stream:
        for parameter in model.parameters():
            stream.write(parameter.detach().numpy().tobytes())
"""


def test_training_gives_the_same_bits_with_and_without(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = textwrap.dedent(TRAINING).format(reprofp="", measure="")
    (tmp_path / "train.py").write_text(plain)
    inside = textwrap.dedent(TRAINING).format(reprofp="import reprofp", measure="reprofp.snapshot(numerics=True)")
    (tmp_path / "inside.py").write_text(inside)
    subprocess.run([sys.executable, "train.py", "bare"], check=True)
    record, code = run_command([sys.executable, "train.py", "run"], RunOptions())
    assert code == 0
    run_command([sys.executable, "train.py", "off"], RunOptions(numerics=False))
    subprocess.run([sys.executable, "inside.py", "inside"], check=True)
    bits = {name: (tmp_path / name).read_bytes() for name in ("bare", "run", "off", "inside")}
    assert len(set(bits.values())) == 1, bits.keys()
    assert isinstance(record.look_up(("numerics", "libm", "casts")), Observed)


@pytest.mark.parametrize("module", ["torch", "jax.numpy", "sklearn.linear_model"])
def test_a_run_ends_well_and_measures_what_it_used(module, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = {"jax.numpy": "import jax.numpy; print(jax.numpy.ones(3).sum(), end='')"}
    (tmp_path / "train.py").write_text(lines.get(module, f"import {module}"))
    record, code = run_command([sys.executable, "train.py"], RunOptions())
    assert code == 0
    assert record.end is not None
    backends = {path[0] for path in record.end.facets["numerics"].facts}
    expected = {"torch": {"torch_cpu"}, "jax.numpy": {"numpy"}, "sklearn.linear_model": {"numpy", "scipy"}}
    assert {"libm", *expected[module]} <= backends
    assert "torch_cuda" not in backends
