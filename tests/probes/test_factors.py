"""The table of factors: every fact that it names is one that a probe writes, and what no fact shows has a reason."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from docs.test_generated import load
from probes.machines import Machine, make_xeon
from reprofp.model.paths import parse_path
from reprofp.model.schema import FACETS, Phase, find_spec
from reprofp.numerics.kernels import measuring
from reprofp.probes import raw, raw_frameworks
from reprofp.probes.base import Context, Experiment
from reprofp.probes.cpu import CpuProbe
from reprofp.probes.gpu import GpuProbe
from reprofp.probes.raw_others import OTHERS
from reprofp.probes.registry import PROBES
from reprofp.verdict.patterns import match_part
from standins.nvml import ask_probe, build_nvml

TOOL = load(Path(__file__).parents[2] / "tools" / "make_factors_page.py")
FACTORS = TOOL.read_factors()
DRAW = [{"module": "numpy", "count": 1}]
AUDIT = {"opens": [], "listings": [["data", 2, "os", "sha256:0"]], "connects": {}, "subprocesses": {"git": 1}}
LIBRARIES = """
    libcuda.so.550.54.15 libcudart.so.12.4.127 libcublas.so.12.4.5 libcublasLt.so.12.4.5 libcudnn.so.9.1.0 libcufft.so.11
    libcudnn_ops.so.9.1.0 libcurand.so.10 libcusolver.so.11 libcusparse.so.12 libcusparseLt.so.0 libnccl.so.2.21.5
    libnvrtc.so.12 libnvJitLink.so.12 libstdc++.so.6.0.30 libgomp.so.1 libtorch_cpu.so
"""
POOL = {"threads": 2, "dynamic": False, "version": "1", "core": "a", "layer": "b"}
POOLS = [{"api": api, "name": f"lib{api}.so", **POOL} for api in ("openmp", "openblas", "mkl", "blis")]
STATE = {"state": "a", "touched": True}
STATES = {"cpu": STATE, "cuda": [STATE], "xpu": [STATE]}


def list_patterns(kind):
    return sorted({(name, factor.id) for factor in FACTORS for name in getattr(factor, kind)})


def describe_frameworks(monkeypatch):
    """Return what is told of frameworks of which every getter is missing: every fact, without its value."""
    for name in (*raw_frameworks.FRAMEWORKS, *OTHERS, "torch._inductor.config"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "torch.cuda", SimpleNamespace(is_initialized=lambda: True))
    described = raw_frameworks.describe(lambda *_: "digest")
    described["torch"]["build"] = dict.fromkeys([*build_names(), "digest"], "text")
    described["torch"]["rng"] = STATES
    described["torch"]["facts"]["distributed_backend"] = "gloo"
    described["tensorflow"]["rng"] = {"seed": 1, "generator": "a"}
    described["xgboost"]["build"] = {"use_cuda": False}
    return described


def build_names():
    table = filter(None, map(str.strip, raw_frameworks._TORCH_BUILD.splitlines()))
    return [entry.partition(": ")[0] for entry in table] + raw_frameworks._SETTINGS.lower().split()


def make_repository(folder):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder)]
    (folder / "train.py").write_text("import uuid\nuuid.uuid1()\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)


def make_experiment(folder):
    data, weights = folder / "data", folder / "model.bin"
    data.mkdir()
    (data / "a.csv").write_text("1\n")
    weights.write_bytes(b"weights")
    return Experiment(
        argv=("python", "train.py", "--lr", "0.1", "plain"),
        data={"train": data},
        weights={"model": weights},
        settings={"batch": 3},
        seeds={"all": 1},
    )


def make_process(monkeypatch, environ, folder):
    looked = raw.collect()
    return {
        **looked,
        "environ": environ,
        "path": [str(folder / "site-packages"), *sys.path],
        "modules": {**looked["modules"], "__main__": str(folder / "train.py")},
        "thread_pools": POOLS,
        "libraries": [{"path": f"/opt/lib/{base}", "base": base} for base in LIBRARIES.split()],
        "frameworks": describe_frameworks(monkeypatch),
        "audit": AUDIT,
        **dict.fromkeys(("entropy", "entropy_at_import", "moved_at_import"), DRAW),
    }


def make_environ(patterns):
    """Return an environment that holds each variable that the table names."""
    environ = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}
    for name, _factor in patterns:
        parts = parse_path(name)
        if parts[0] == "env":
            variable = parts[1].replace("*", "X")
            key = parts[2].replace("*", "X") if len(parts) > 2 else ""
            separator = ":" if "ALLOC_CONF" in variable else "="
            flag = f"--{key}{separator}1" if variable.endswith("FLAGS") else f"{key}{separator}1"
            flag = key if variable.startswith("NPY_") else flag
            environ[variable] = f"{environ.get(variable, '')} {flag}".strip() if key else "1"
    return environ


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return the paths of all facts and circumstances that probes write of a process in which everything is there."""
    import numpy.random  # noqa: PLC0415

    assert numpy.random
    folder = tmp_path_factory.mktemp("world")
    make_repository(folder)
    for name in ("torch-2.13.0", "nvidia_cublas_cu12-12.4.5.8"):
        (folder / "site-packages" / f"{name}.dist-info").mkdir(parents=True)
        (folder / "site-packages" / f"{name}.dist-info" / "RECORD").write_text("torch/version.py,sha256=a,1\n")
    experiment, facts, told = make_experiment(folder), set(), set()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        process = make_process(patch, make_environ(list_patterns("facts")), folder)
    context = Context(phase=Phase.END, environ={}, cwd=folder, process=process, experiment=experiment, deep=True)
    for probe in PROBES:
        if probe.applies(context):
            report = probe.observe(context)
            facts |= {(*parse_path(probe.name), *path) for path in report.facts}
            told |= {tuple(parse_path(name)) for name in report.circumstances}
    report = look_at_another_machine(tmp_path_factory.mktemp("machine"))
    facts |= {("gpu", *path) for path in report.facts}
    cpu = CpuProbe().observe(make_xeon(tmp_path_factory.mktemp("xeon")).context())
    told |= {tuple(parse_path(name)) for name in cpu.circumstances}
    return facts | ask_stand_ins(tmp_path_factory) | list_kernels(), told | ask_stand_ins.circumstances


def look_at_another_machine(folder):
    machine = Machine(folder).write("sys/class/drm/card0/device/uevent", "DRIVER=amdgpu\nPCI_ID=1002:740F\n")
    return GpuProbe().observe(machine.context())


def ask_stand_ins(tmp_path_factory):
    library = build_nvml(tmp_path_factory.mktemp("nvml"))
    answers = ask_probe("gpu", "GpuProbe", library=library, devices=2, mig=1)
    ask_stand_ins.circumstances = {tuple(name.split(".")) for name in answers["circumstances"]}
    return {("gpu", *name.split(".")) for name in answers["facts"]}


def list_kernels():
    return {("numerics", backend, "elementwise") for backend in measuring.BACKENDS}


def fits(pattern, path):
    """Whether a path fits; where the facet lists what there is, any name stands for all."""
    listed = find_spec(pattern[0])
    places = {(listed.name, *prefix) for prefix in listed.enumerated} if listed else set()
    whole = pattern[-1] != "**"
    wanted = pattern if whole else pattern[:-1]
    if len(path) < len(wanted) or (whole and len(path) != len(wanted)):
        return False
    return all(wanted[:index] in places or match_part(part, path[index]) for index, part in enumerate(wanted))


def is_known(name, written):
    """Whether a probe writes it, or lists there whatever it finds."""
    pattern = tuple(parse_path(name))
    if pattern[0] == "env":
        filled = tuple(part.replace("*", "X") for part in pattern)
        return any(path[: len(pattern)] == filled for path in written)
    spec = find_spec(pattern[0])
    lists = spec is not None and pattern[1:-1] in spec.enumerated
    return lists or any(fits(pattern, path) for path in written)


def test_every_fact_of_the_table_is_one_that_a_probe_writes(written):
    assert not [(name, factor) for name, factor in list_patterns("facts") if not is_known(name, written[0])]
    assert {parse_path(name)[0] for name, _ in list_patterns("facts")} <= set(FACETS)


def test_every_circumstance_of_the_table_is_one_that_a_probe_writes(written):
    assert not [(name, factor) for name, factor in list_patterns("circumstances") if not is_known(name, written[1])]


def test_every_factor_is_shown_or_excused():
    table = TOOL.read_table()
    assert len({factor.id for factor in FACTORS}) == len(FACTORS) >= 327
    for factor in FACTORS:
        shown = bool(factor.facts or factor.circumstances)
        assert shown or factor.note, f"{factor.id}: neither facts nor a reason why there are none"
        assert shown == (factor.verified in TOOL.MARKS), f"{factor.id}: 'verified' tells how the facts were checked"
        assert factor.changes in TOOL.CHANGES, factor.id
        assert set(factor.sources) <= set(table["sources"]), factor.id
    used = {key for factor in FACTORS for key in factor.sources}
    assert used == set(table["sources"]), "every source is of some factor"


def test_the_page_of_factors_is_current():
    assert TOOL.PAGE.read_text() == TOOL.make_page(), "run: python tools/make_factors_page.py"


def test_every_fact_of_the_table_is_read_from_somewhere():
    reads = TOOL.read_table()["reads"]
    assert all(TOOL.find_reading(name, reads) for kind in ("facts", "circumstances") for name, _ in list_patterns(kind))
