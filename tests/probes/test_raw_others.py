"""What is asked of boosting libraries, compilers and servers of models: by stand-ins, and of the real ones."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import reprofp.probes
from probes.test_raw_frameworks import load_raw_frameworks
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes import raw
from reprofp.probes.determinism import DeterminismProbe
from reprofp.probes.framework_loaded import LOADED_FRAMEWORKS, LoadedFrameworkProbe
from reprofp.probes.raw_others import OTHERS
from reprofp.probes.rng import RngProbe

RAW = Path(reprofp.probes.__file__).parent / "raw.py"
MISSING = {"error": "missing"}


def describe(monkeypatch, modules):
    for name in (*raw._FRAMEWORKS, "cupy.random._generator"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name, names in modules.items():
        module = ModuleType(name)
        module.__dict__.update(names)
        monkeypatch.setitem(sys.modules, name, module)
    return load_raw_frameworks().describe(lambda *_: "digest")


def look(probe, make_context, described):
    process = {"frameworks": described, "modules": dict.fromkeys(described, "x")}
    return probe.observe(make_context(process=process)).facts


def test_the_lists_of_names_agree():
    assert set(raw._FRAMEWORKS) == set(LOADED_FRAMEWORKS) == {*load_raw_frameworks().FRAMEWORKS, *OTHERS}


@pytest.mark.parametrize("name", OTHERS)
def test_a_framework_without_any_getter_has_absent_facts(name, monkeypatch, make_context):
    described = describe(monkeypatch, {name: {"__version__": "1.2"}})[name]
    assert described["facts"]["version"] in ("1.2", MISSING)
    facts = look(LoadedFrameworkProbe(name), make_context, {name: described})
    assert {fact for path, fact in facts.items() if path != ("version",)} <= {ABSENT}


def test_what_cannot_be_asked_of_xgboost_costs_no_other_fact(monkeypatch):
    def fail():
        raise RuntimeError("the library is gone")

    described = describe(monkeypatch, {"xgboost": {"build_info": fail, "get_config": lambda: {"nthread": 3}}})
    assert described["xgboost"]["build"] == {"error": "failed"}
    assert described["xgboost"]["flags"]["xgboost.nthread"] == 3


def test_the_place_of_xgboost_is_not_told(monkeypatch, make_context):
    info = {"libxgboost": "/home/ada/lib", "USE_CUDA": True, "NCCL_VERSION": [2, 29, 2]}
    described = describe(monkeypatch, {"xgboost": {"build_info": lambda: info}})
    facts = look(LoadedFrameworkProbe("xgboost"), make_context, described)
    assert facts["build", "nccl_version"] == Observed("2.29.2")
    assert facts["build", "use_cuda"] == Observed(value=True)
    assert "ada" not in repr(facts)


@pytest.mark.parametrize(("states", "fact"), [({}, Observed("untouched")), ({0: "x"}, Unknown(UnknownCode.NOT_ASKED))])
def test_generators_of_cupy_are_untouched_or_not_known(states, fact, monkeypatch, make_context):
    described = describe(monkeypatch, {"cupy": {}, "cupy.random._generator": {"_random_states": states}})
    assert look(RngProbe(), make_context, described)["cupy", "state"] == fact


def test_a_generator_of_cupy_that_nobody_asked_for_is_not_known(monkeypatch, make_context):
    described = describe(monkeypatch, {"cupy": {}})
    assert look(RngProbe(), make_context, described)["cupy", "state"] == Unknown(UnknownCode.NOT_ASKED)


def test_counters_of_compiled_code_are_looked_at_and_left_alone(monkeypatch):
    counters = {}
    torch = {"torch": {}, "torch._dynamo.utils": {"counters": counters}}
    assert describe(monkeypatch, torch)["torch"]["facts"]["compiled"] is False
    assert not counters
    counters["frames"] = {"total": 2, "ok": 2}
    assert describe(monkeypatch, torch)["torch"]["facts"]["compiled"] is True


@pytest.mark.parametrize("started", [True, False])
def test_ranks_are_told_once_they_talk(started, monkeypatch):
    names = {"is_initialized": lambda: started, "get_backend": lambda: "gloo", "get_world_size": lambda: 4}
    facts = describe(monkeypatch, {"torch": {}, "torch.distributed": names})["torch"]["facts"]
    told = {name: value for name, value in facts.items() if name.startswith("distributed")}
    assert told == ({"distributed_backend": "gloo", "distributed_world_size": 4} if started else {})


def test_generators_of_intels_devices_are_like_cudas(monkeypatch, make_context):
    state = SimpleNamespace(get_state=lambda: SimpleNamespace(tolist=lambda: [7] * 16))
    modules = {"torch": {}, "torch.xpu": {"is_initialized": lambda: True, "default_generators": [state]}}
    facts = look(RngProbe(), make_context, describe(monkeypatch, modules))
    assert facts["torch", "xpu", "0", "state"] == Observed("digest")
    assert facts["torch", "cuda"] == ABSENT


# --- The real ones -----------------------------------------------------------------------------------------


def run(code):
    program = f"""
        import importlib.util, json, sys
        spec = importlib.util.spec_from_file_location("raw", {str(RAW)!r})
        raw = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(raw)
        look = lambda: raw.collect()["frameworks"]
    """
    program = textwrap.dedent(program) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


REAL = {
    "xgboost": "xgboost.set_config(nthread=1)",
    "lightgbm": "lightgbm.Dataset([[1.0], [2.0]])",
    "numba": "numba.njit(lambda x: x + 1)(1)",
    "numexpr": "numexpr.evaluate('1 + 1')",
    "transformers": "transformers.AutoConfig",
    "triton": "triton.jit",
}


@pytest.mark.frameworks
@pytest.mark.parametrize("name", REAL)
def test_every_getter_of_a_real_framework_answers_and_nothing_is_loaded(name):
    pytest.importorskip(name, reason=f"{name} is not installed: make test-full has it", exc_type=ImportError)
    first, second, loaded = run(
        f"""
        import {name}
        {REAL[name]}
        first = look()
        modules = set(sys.modules)
        second = look()
        print(json.dumps([first[{name!r}], second[{name!r}], sorted(set(sys.modules) - modules)]))
        """
    )
    assert first == second
    assert not loaded
    answers = {**first["facts"], **first["flags"], "build": first.get("build")}
    assert not {key: value for key, value in answers.items() if value == {"error": "failed"}}
    assert {key for key, value in answers.items() if value == MISSING} <= {"layer", "triton.runtime.override_arch"}


@pytest.mark.frameworks
def test_the_threads_of_a_real_xgboost_and_lightgbm_are_those_in_force():
    pytest.importorskip("xgboost", exc_type=ImportError)
    pytest.importorskip("lightgbm", exc_type=ImportError)
    flags = run(
        """
        import ctypes, lightgbm, xgboost
        xgboost.set_config(nthread=2)
        lightgbm.basic._LIB.LGBM_SetMaxThreads(ctypes.c_int(3))
        found = look()
        print(json.dumps([found["xgboost"]["flags"]["xgboost.nthread"], found["lightgbm"]["flags"]["lightgbm.max_threads"]]))
        """
    )
    assert flags == [2, 3]


@pytest.mark.frameworks
def test_the_flags_of_a_real_numba_become_facts(make_context):
    pytest.importorskip("numba", exc_type=ImportError)
    described = run("import numba\nprint(json.dumps(look()))")
    facts = look(DeterminismProbe(), make_context, described)
    assert facts["numba.disable_jit",] == Observed(0)
    assert facts["numba.cpu_name",] == Observed(None)
