"""What is asked of frameworks that are loaded, by stand-ins for them: their getters raise, are missing, or answer."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import reprofp.probes
from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes import raw
from reprofp.probes.determinism import DeterminismProbe
from reprofp.probes.framework_loaded import LOADED_FRAMEWORKS, LoadedFrameworkProbe, observe_answer
from reprofp.probes.rng import RngProbe

NOT_ASKED, FAILED, DENIED = (Unknown(getattr(UnknownCode, name)) for name in ("NOT_ASKED", "FAILED", "DENIED"))
SHOW = """PyTorch built with:
  - GCC 13.3
  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605 for Intel(R) 64 architecture applications
  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa710)
  - CPU capability usage: AVX2
  - Build settings: BLAS_INFO=mkl, USE_CUDA=0, USE_MKL=ON,
"""
LEGACY = ("_get_float32_matmul_precision", "_get_cublas_allow_tf32", "_get_cudnn_allow_tf32")


def load_raw_frameworks():
    path = Path(reprofp.probes.__file__).parent / "raw_frameworks.py"
    spec = importlib.util.spec_from_file_location("raw_frameworks_alone", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fail(*_):
    raise RuntimeError("a mix of the legacy and new APIs")


def make_generator(*, left=1, position=0, seed=7):
    state = seed.to_bytes(8, sys.byteorder) + left.to_bytes(4, sys.byteorder) + bytes(4)
    state += position.to_bytes(8, sys.byteorder) + bytes(5032)
    return SimpleNamespace(get_state=lambda: list_of(state))


def list_of(data):
    return SimpleNamespace(tolist=lambda: list(data))


@pytest.fixture
def torch(monkeypatch):
    """Stand in for torch, with few of its getters."""
    module = ModuleType("torch")
    native = SimpleNamespace(
        _get_deterministic_algorithms=lambda: True,
        _get_cudnn_benchmark=fail,
        _get_float32_matmul_precision=lambda: "highest",
        _get_cublas_allow_tf32=lambda: False,
        _get_cudnn_allow_tf32=lambda: True,
        _get_cpu_capability=lambda: "AVX2",
        _show_config=lambda: SHOW,
    )
    version = SimpleNamespace(__version__="2.99.0", git_version="abc", debug=False, cuda=None, hip=None)
    cuda = SimpleNamespace(is_initialized=lambda: False, default_generators=[])
    module._C, module.version, module.cuda = native, version, cuda
    module.__version__ = "2.99.0"
    module.get_num_threads = lambda: 3
    module.get_default_dtype = lambda: SimpleNamespace(__str__=lambda: "no")
    module.default_generator = make_generator()
    module._GLOBAL_DEVICE_CONTEXT = SimpleNamespace()
    module.is_autocast_enabled = lambda _device: False
    for name in [name for name in sys.modules if name.partition(".")[0] in LOADED_FRAMEWORKS]:
        monkeypatch.delitem(sys.modules, name)
    for name, item in {"torch": module, "torch._C": native, "torch.version": version, "torch.cuda": cuda}.items():
        monkeypatch.setitem(sys.modules, name, item)
    return module


def describe():
    described = raw.collect()["frameworks"]
    assert "error" not in described
    return described["torch"]


@pytest.fixture
def observe(make_context):
    def observe(probe, frameworks, **process):
        context = make_context(process={"modules": {}, "frameworks": frameworks, **process})
        assert probe.applies(context)
        return Facet(probe.name, probe.version, probe.observe(context).facts).facts

    return observe


def test_a_process_without_frameworks_tells_of_none(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in LOADED_FRAMEWORKS]:
        monkeypatch.delitem(sys.modules, name)
    assert raw.collect()["frameworks"] == {}


def test_a_getter_that_raises_or_is_missing_costs_only_itself(torch):
    flags = describe()["flags"]
    assert flags["torch.deterministic_algorithms"] is True
    assert flags["torch.backends.cudnn.benchmark"] == {"error": "failed"}
    assert flags["torch.backends.mkldnn.enabled"] == {"error": "missing"}
    assert flags["torch.default_device"] == "cpu"
    assert flags["torch.autocast.cpu"] == "off"


def test_nothing_is_imported(torch):
    before = set(sys.modules)
    describe()
    assert {name for name in set(sys.modules) - before if name.partition(".")[0] in LOADED_FRAMEWORKS} == set()


def test_legacy_precisions_that_refuse_take_their_answer_from_the_new_ones(torch):
    for name in LEGACY:
        setattr(torch._C, name, fail)
    precisions = {("cuda", "matmul"): "tf32", ("cuda", "conv"): "ieee"}
    torch._C._get_fp32_precision_getter = lambda *pair: precisions.get(pair, "none")
    flags = describe()["flags"]
    assert flags["torch.backends.cuda.matmul.allow_tf32"] is True
    assert flags["torch.backends.cudnn.allow_tf32"] is False
    assert flags["torch.float32_matmul_precision"] == "by operation"
    assert flags["torch.backends.cuda.matmul.fp32_precision"] == "tf32"


@pytest.mark.parametrize("getter", [None, fail], ids=["missing", "fails"])
def test_legacy_precisions_that_refuse_are_unknown_where_nothing_else_tells(torch, getter):
    for name in LEGACY:
        setattr(torch._C, name, fail)
    if getter:
        torch._C._get_fp32_precision_getter = getter
    flags = describe()["flags"]
    assert flags["torch.backends.cuda.matmul.allow_tf32"] == {"error": "failed"}
    assert flags["torch.float32_matmul_precision"] == {"error": "failed"}


def test_a_device_that_sleeps_is_not_woken(torch):
    asked = []
    torch._C._get_blas_preferred_backend = lambda: asked.append("blas")
    torch.cuda.default_generators = property(lambda _self: asked.append("generators"))
    torch.version.cuda = "13.0"
    torch._C._show_config = lambda: asked.append("config")
    described = describe()
    assert asked == []
    assert described["rng"]["cuda"] is None
    assert described["build"] == {"error": "failed"}
    assert "torch.backends.cuda.preferred_blas_library" not in described["flags"]


def test_a_device_that_is_awake_is_asked(torch):
    drawn = (9).to_bytes(8, sys.byteorder) + (4).to_bytes(8, sys.byteorder)
    fresh = (9).to_bytes(8, sys.byteorder) + bytes(8)
    torch.cuda.is_initialized = lambda: True
    torch.cuda.default_generators = [
        SimpleNamespace(get_state=lambda data=data: list_of(data)) for data in (drawn, fresh)
    ]
    torch._C._get_blas_preferred_backend = lambda: "cublas"
    described = describe()
    assert [state["touched"] for state in described["rng"]["cuda"]] == [True, False]
    assert described["flags"]["torch.backends.cuda.preferred_blas_library"] == "cublas"


@pytest.mark.parametrize(
    ("left", "position", "touched"), [(1, 0, False), (624, 1, True), (1, 624, True), (300, 324, True)]
)
def test_a_generator_is_untouched_before_its_first_draw(torch, left, position, touched):
    torch.default_generator = make_generator(left=left, position=position)
    assert describe()["rng"]["cpu"]["touched"] is touched


def test_the_build_is_told_part_by_part(torch):
    build = describe()["build"]
    assert build["compiler"] == "GCC 13.3"
    assert build["onednn"].startswith("Intel(R) MKL-DNN v3.12.0")
    assert (build["blas_info"], build["use_mkl"], build["lapack_info"]) == ("mkl", "ON", None)
    torch._C._show_config = lambda: SHOW.replace("AVX2", "DEFAULT")
    assert describe()["build"] == build, "the capability in force is no part of the build"
    torch._C._show_config = lambda: SHOW.replace("13.3", "13.4")
    assert describe()["build"]["digest"] != build["digest"]


# ---- facts ----


def test_answers_become_observations():
    assert observe_answer({"error": "missing"}) == ABSENT
    assert observe_answer({"error": "failed"}) == FAILED
    assert observe_answer({"error": "denied"}) == DENIED
    assert observe_answer([True, 1]) == Observed([True, 1])
    assert observe_answer({"odd": 1}) == FAILED
    assert observe_answer(None) == Observed(None)


def test_what_torch_says_becomes_facts(torch, observe):
    facts = observe(LoadedFrameworkProbe("torch"), {"torch": describe()})
    assert facts[("threads",)] == Observed(3)
    assert facts[("cpu_capability",)] == Observed("AVX2")
    assert facts[("interop_threads",)] == ABSENT
    assert facts[("build", "blas_info")] == Observed("mkl")
    assert facts[("build", "cudnn")] == ABSENT
    flags = observe(DeterminismProbe(), {"torch": describe()})
    assert flags[("torch.deterministic_algorithms",)] == Observed(value=True)
    assert flags[("torch.backends.cudnn.benchmark",)] == FAILED
    assert ("torch",) not in flags


def test_generators_become_facts(torch, observe):
    facts = observe(RngProbe(), {"torch": describe()}, rng={})
    assert facts[("torch", "cpu", "state")] == Observed("untouched")
    assert facts[("torch", "cuda")] == ABSENT
    torch.default_generator = make_generator(left=3, position=9)
    first = observe(RngProbe(), {"torch": describe()}, rng={})[("torch", "cpu", "state")]
    torch.default_generator = make_generator(left=3, position=9, seed=8)
    assert first != observe(RngProbe(), {"torch": describe()}, rng={})[("torch", "cpu", "state")]


@pytest.mark.parametrize(
    ("seed", "fact"),
    [(5, Observed(5)), (None, Observed("unset")), ({"error": "missing"}, ABSENT), ({"error": "failed"}, FAILED)],
)
def test_a_global_seed_that_is_not_set_is_told(observe, seed, fact):
    facts = observe(RngProbe(), {"tensorflow": {"facts": {}, "flags": {}, "rng": {"seed": seed}}}, rng={})
    assert facts[("tensorflow", "seed")] == fact


@pytest.mark.parametrize("part", [{"error": "failed"}, "text", 3, {"facts": 3, "flags": 3, "rng": 3}])
def test_a_framework_that_could_not_be_described_is_unknown_as_a_whole(observe, part):
    assert observe(LoadedFrameworkProbe("torch"), {"torch": part}) == {(): FAILED}
    assert observe(DeterminismProbe(), {"torch": part}) == {("torch",): FAILED}
    assert observe(RngProbe(), {"torch": part}, rng={})[("torch",)] == FAILED


def test_frameworks_of_which_nobody_asked_are_unknown(make_context):
    context = make_context(process={"modules": {"torch": "torch/__init__.py", "cupy": "cupy/__init__.py"}})
    assert not LoadedFrameworkProbe("torch").applies(context)
    assert DeterminismProbe().observe(context).facts == {("cupy",): NOT_ASKED, ("torch",): NOT_ASKED}


def test_frameworks_that_could_not_be_read_are_unknown_where_they_are_loaded(observe, make_context):
    part = {"error": "denied"}
    assert observe(LoadedFrameworkProbe("torch"), part, modules={"torch": None}) == {(): DENIED}
    context = make_context(process={"modules": {"numpy": None}, "frameworks": part})
    assert not LoadedFrameworkProbe("torch").applies(context)


@pytest.mark.parametrize("name", ["jax", "tensorflow", "keras", "sklearn"])
def test_others_answer_or_fail_on_their_own(torch, monkeypatch, observe, name):
    module = ModuleType(name)
    module.__version__ = "1.2.3"
    monkeypatch.setitem(sys.modules, name, module)
    described = raw.collect()["frameworks"]
    facts = observe(LoadedFrameworkProbe(name), described)
    assert Facet(f"framework.{name}", 1, facts).canonical
    assert all(not isinstance(fact, Unknown) for fact in facts.values())
    assert observe(DeterminismProbe(), described)


def test_settings_of_scikit_learn_are_flags(torch, monkeypatch, observe):
    module = ModuleType("sklearn")
    module.get_config = lambda: {"working_memory": 1024, "transform_output": "default"}
    monkeypatch.setitem(sys.modules, "sklearn", module)
    flags = observe(DeterminismProbe(), raw.collect()["frameworks"])
    assert flags[("sklearn.working_memory",)] == Observed(1024)
