from __future__ import annotations

import json
import os
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed
from reprofp.probes.base import Context
from reprofp.probes.env import EnvProbe
from reprofp.probes.env_classes import EnvClass, load_classes
from reprofp.probes.toml import read_toml


def observe(environ, cwd="/home/ada/project", **changes):
    environ = {"HOME": "/home/ada", **environ}
    return EnvProbe().observe(Context(environ=environ, cwd=Path(cwd), **changes))


def facts(environ, **changes):
    return {path: fact.value for path, fact in observe(environ, **changes).facts.items()}


KNOWN = """
    OMP_NUM_THREADS KMP_AFFINITY MKL_CBWR OPENBLAS_CORETYPE BLIS_ARCH_TYPE VECLIB_MAXIMUM_THREADS NUMEXPR_NUM_THREADS
    CUDA_VISIBLE_DEVICES CUBLAS_WORKSPACE_CONFIG CUDNN_UNFUSE_FMA NCCL_ALGO TORCH_ALLOW_TF32_CUBLAS_OVERRIDE
    TORCHINDUCTOR_DETERMINISTIC ATEN_CPU_CAPABILITY ONEDNN_MAX_CPU_ISA XLA_FLAGS TF_DETERMINISTIC_OPS JAX_ENABLE_X64
    PYTHONHASHSEED GLIBC_TUNABLES LD_PRELOAD LC_ALL LANG TZ NPY_DISABLE_CPU_FEATURES MALLOC_ARENA_MAX SLURM_ARRAY_TASK_ID
    NVIDIA_TF32_OVERRIDE KERAS_BACKEND FBGEMM_NO_ASMJIT VLLM_BATCH_INVARIANT USE_NNPACK DISABLE_ADDMM_CUDA_LT CXX
    POLARS_MAX_THREADS TOKENIZERS_PARALLELISM NUMBA_CPU_NAME GOMP_CPU_AFFINITY HIPBLASLT_ALLOW_TF32 GLOO_SOCKET_IFNAME
""".split()  # noqa: SIM905
INERT = """
    TERM SSH_AUTH_SOCK EDITOR DISPLAY XDG_RUNTIME_DIR PATH HOME PWD USER SHLVL _ HOSTNAME VIRTUAL_ENV CONDA_PREFIX RANK
    MASTER_ADDR NCCL_DEBUG PYTHONUNBUFFERED WANDB_API_KEY SLURM_JOB_ID TF_CPP_MIN_LOG_LEVEL KUBERNETES_SERVICE_HOST
    MY_APP_SERVICE_HOST TF_VAR_password
""".split()  # noqa: SIM905
OTHER = "MY_SETTING DATA HF_TOKEN AWS_SECRET_ACCESS_KEY DB_PW OMP LDFOO PYTHO".split()  # noqa: SIM905


@pytest.mark.parametrize(
    ("names", "expected"), [(KNOWN, EnvClass.KNOWN), (INERT, EnvClass.INERT), (OTHER, EnvClass.OTHER)]
)
def test_classes(names, expected):
    assert {name: load_classes().classify(name) for name in names} == dict.fromkeys(names, expected)


def test_no_entry_is_listed_twice():
    table = read_toml((files("reprofp.probes") / "env_classes.toml").read_text())
    for kind in ("names", "prefixes", "suffixes"):
        listed = [
            name for env_class in ("known", "inert") for entry in table[env_class] for name in entry.get(kind, ())
        ]
        assert len(listed) == len(set(listed))
    assert all(entry["why"] for env_class in ("known", "inert") for entry in table[env_class])
    for name in [*table["paths"]["names"], *table["many_keyed"]]:
        assert load_classes().classify(name) is EnvClass.KNOWN


def test_known_values_are_facts_and_inert_ones_nothing():
    report = observe({"OMP_NUM_THREADS": "2", "TERM": "xterm", "REPROFP_HOME": "/x", "LANG": ""})
    assert report.facts == {("OMP_NUM_THREADS",): Observed("2"), ("LANG",): Observed("")}
    assert report.secrets == {}
    assert report.circumstances == {}


def test_other_values_are_only_keyed():
    report = observe({"MY_SETTING": "canary", "odd.name": "x"})
    assert report.facts == {}
    assert report.secrets == {"env.MY_SETTING": b"canary", 'env."odd.name"': b"x"}


def test_a_variable_that_is_not_set_is_absent():
    facet = Facet("env", 1, observe({}).facts)
    assert facet.look_up(("OMP_NUM_THREADS",)) == ABSENT
    assert facet.look_up(("XLA_FLAGS", "xla_gpu_deterministic_ops")) == ABSENT


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("XLA_FLAGS", "--xla_a=1  --xla_b --xla_a=2", {("xla_a",): "2", ("xla_b",): True}),
        ("XLA_FLAGS", "", {}),
        ("XLA_FLAGS", "flags.txt", {(): "flags.txt"}),
        ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2", {("tf_xla_auto_jit",): "2"}),
        ("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX2,-FMA:glibc.malloc.check=3",
         {("glibc.cpu.hwcaps",): "-AVX2,-FMA", ("glibc.malloc.check",): "3"}),
        ("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:128,roundup_power2_divisions:[256:1,512:2],backend:native",
         {("max_split_size_mb",): "128", ("roundup_power2_divisions",): "[256:1,512:2]", ("backend",): "native"}),
        ("MKL_DOMAIN_NUM_THREADS", "MKL_DOMAIN_ALL=1, MKL_DOMAIN_BLAS=4",
         {("MKL_DOMAIN_ALL",): "1", ("MKL_DOMAIN_BLAS",): "4"}),
        ("NPY_DISABLE_CPU_FEATURES", "AVX512F,AVX2 FMA3", {("AVX512F",): True, ("AVX2",): True, ("FMA3",): True}),
        ("CUBLAS_WORKSPACE_CONFIG", ":4096:8", {(): ":4096:8"}),
        ("KMP_AFFINITY", "granularity=fine,compact,1,0", {(): "granularity=fine,compact,1,0"}),
    ],
)  # fmt: skip
def test_many_keyed_values(name, value, expected):
    assert facts({name: value}) == {(name, *path): item for path, item in expected.items()}


def test_flags_in_another_order_are_equal():
    assert facts({"XLA_FLAGS": "--a=1 --b=2"}) == facts({"XLA_FLAGS": "--b=2   --a=1"})


def test_paths_never_become_facts():
    report = observe(
        {
            "PYTHONPATH": "/home/ada/project/src:/home/ada/lib::/opt/x/",
            "LD_PRELOAD": "/usr/lib/libjemalloc.so.2",
            "NCCL_TOPO_FILE": "/etc/nccl/topo.xml",
            "XLA_FLAGS": "--xla_dump_to=/home/ada/dump",
            "TZ": ":/usr/share/zoneinfo/Europe/Berlin",
        }
    )
    assert {path: fact.value for path, fact in report.facts.items()} == {
        ("PYTHONPATH",): ["src", "lib", "x"],
        ("LD_PRELOAD",): ["libjemalloc.so.2"],
        ("NCCL_TOPO_FILE",): "topo.xml",
        ("XLA_FLAGS", "xla_dump_to"): "dump",
        ("TZ",): ":Berlin",
    }
    assert report.secrets["env.PYTHONPATH"] == b"src:~/lib::/opt/x/"
    assert report.secrets["env.LD_PRELOAD"] == b"/usr/lib/libjemalloc.so.2"
    assert report.secrets["env.XLA_FLAGS.xla_dump_to"] == b"~/dump"


def test_the_same_project_of_another_user_is_equal():
    ours = observe({"PYTHONPATH": "/home/ada/project/src:/home/ada/lib"})
    theirs = observe(
        {"HOME": "/home/bob", "PYTHONPATH": "/home/bob/work/project/src:/home/bob/lib"}, cwd="/home/bob/work/project"
    )
    assert (ours.facts, ours.secrets) == (theirs.facts, theirs.secrets)


def test_relative_paths_are_facts_as_they_are():
    report = observe({"PYTHONPATH": "src"})
    assert report.facts == {("PYTHONPATH",): Observed(["src"])}
    assert report.secrets == {}


def test_uuids_of_devices_are_not_facts():
    report = observe({"CUDA_VISIBLE_DEVICES": "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6,MIG-8932f937-d72c-4106"})
    assert report.facts == {("CUDA_VISIBLE_DEVICES",): Observed("GPU-*,MIG-*")}
    assert report.secrets == {}


def test_secrets_under_known_names_are_redacted_and_keyed():
    report = observe({"VLLM_API_KEY": "canary", "JAX_NOTE": "ghp_" + "canary12" * 4})
    assert "canary" not in repr((report.facts, report.circumstances))
    assert report.secrets["env.VLLM_API_KEY"] == b"canary"


def test_the_environment_of_the_process_is_described_where_there_is_one():
    process = {"environ": {"OMP_NUM_THREADS": "1"}, "environ_start": {"OMP_NUM_THREADS": "9"}}
    assert facts({"OMP_NUM_THREADS": "2"}, process=process) == {("OMP_NUM_THREADS",): "1"}
    del process["environ"]
    assert facts({"OMP_NUM_THREADS": "2"}, process=process) == {("OMP_NUM_THREADS",): "9"}


def test_an_environment_that_the_process_could_not_read_is_not_empty():
    with pytest.raises(PermissionError):
        observe({}, process={"environ": {"error": "denied"}})
    with pytest.raises(ValueError, match="could not read environ"):
        observe({}, process={"environ": {"error": "failed"}})


def test_bytes_that_are_not_text_are_kept():
    raw = os.fsdecode(b"a\xff")
    report = observe({"LANG": raw, f"X{raw}": raw})
    assert report.facts == {("LANG",): Observed(b"a\xff")}
    assert report.secrets == {'env."Xa\\\\xff"': b"a\xff"}


names = st.one_of(
    st.sampled_from(KNOWN), st.text(min_size=1, max_size=12).map(lambda text: f"OMP_{text}"), st.text(min_size=1)
)


@given(st.dictionaries(names, st.text(max_size=60), max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_environment_makes_a_facet(environ):
    report = observe(environ)
    facet = Facet("env", 1, report.facts)
    assert Facet.from_canonical(facet.canonical) == facet
    assert not json.dumps([str(fact) for fact in facet.facts.values()]).count("/home/ada")
