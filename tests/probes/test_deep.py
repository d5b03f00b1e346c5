"""What libraries of the CUDA family tell of themselves, asked of stand-ins that answer, fail, hang and abort."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reprofp.probes import deep
from reprofp.probes.base import Context
from reprofp.probes.cuda import CudaProbe
from standins.nvml import compile_shared, find_compiler

SONAMES = {
    "cuda": "libcuda.so.1",
    "cudart": "libcudart.so.13",
    "cudnn": "libcudnn.so.9",
    "cublas": "libcublas.so.13",
    "cublasLt": "libcublasLt.so.13",
    "nccl": "libnccl.so.2",
}
VERSIONS = {
    "cuda": "13.0",
    "cudart": "12.4",
    "cudnn": "9.10.2",
    "cublas": "12.4.5",
    "cublasLt": "12.4.5",
    "nccl": "2.21.5",
}
OTHERS = ("cufft", "curand", "cusparse", "cusolver", "nvrtc")
SOURCE = Path(__file__).parents[1] / "standins" / "cuda.c"


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cuda")
    for name, soname in SONAMES.items():
        compile_shared(find_compiler(), SOURCE, folder / soname, f"-DLIBRARY={name}", f"-Wl,-soname,{soname}")
    return folder


def pack(fact):
    return getattr(fact, "value", None) or (fact.code.value if hasattr(fact, "code") else "absent")


def look(folder, tmp_path, **answers):
    environ = {"LD_LIBRARY_PATH": str(folder), "PATH": os.environ["PATH"]}
    environ.update({f"STAND_IN_{name}": str(value) for name, value in answers.items()})
    report = CudaProbe().observe(Context(environ=environ, cwd=tmp_path, deep=True, python=None))
    told = {path[1]: pack(fact) for path, fact in report.facts.items() if path[0] == "deep" and len(path) > 1}
    return told, {name: text for name, text in report.circumstances.items() if name.startswith("cuda.deep")}


def test_every_library_tells_its_version(libraries, tmp_path):
    told, beside = look(libraries, tmp_path)
    assert {name: told[name] for name in VERSIONS} == VERSIONS
    assert set(told) == {*VERSIONS, *OTHERS}
    assert not [name for name in VERSIONS if f"cuda.deep.{name}" in beside]


@pytest.mark.parametrize("name", SONAMES)
def test_a_library_that_aborts_costs_no_other(libraries, tmp_path, name):
    told, beside = look(libraries, tmp_path, ABORT=name)
    assert {key: told[key] for key in VERSIONS} == {**VERSIONS, name: "failed"}
    assert beside == {f"cuda.deep.{name}": "signal 6"}


@pytest.mark.parametrize(("how", "words"), [("EXIT", "exit 3"), ("FAIL", "silent")])
def test_a_library_that_fails_or_ends_its_process_is_unknown(libraries, tmp_path, how, words):
    told, beside = look(libraries, tmp_path, **{how: "nccl"})
    assert {key: told[key] for key in VERSIONS} == {**VERSIONS, "nccl": "failed"}
    assert beside == {"cuda.deep.nccl": words}


def test_a_library_that_hangs_is_left_and_nothing_stays_behind(libraries, tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "_SECONDS", 0.3)
    told, beside = look(libraries, tmp_path, HANG="cudnn")
    assert told["cudnn"] == "timed out"
    assert beside == {"cuda.deep.cudnn": "late"}
    assert not [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"reprofp-library-versions" in read(path)]


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_what_a_library_prints_is_no_answer(libraries, tmp_path):
    told, _ = look(libraries, tmp_path, CHATTER="cudart")
    assert told["nccl"] == VERSIONS["nccl"]


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [("cudnn", 8902, "8.9.2"), ("nccl", 2708, "2.7.8"), ("cudart", 11080, "11.8"), ("cuda", 12080, "12.8")],
)
def test_versions_of_older_releases_have_other_forms(libraries, tmp_path, name, number, text):
    assert look(libraries, tmp_path, **{f"{name}_VERSION": number})[0][name] == text


def test_without_stand_ins_each_library_of_this_machine_answers_or_is_absent(tmp_path):
    told, _ = look(tmp_path, tmp_path)
    assert set(told) == {*VERSIONS, *OTHERS}


def test_nobody_asks_unless_told_to(libraries, tmp_path):
    facts = CudaProbe().observe(Context(environ={"LD_LIBRARY_PATH": str(libraries)}, cwd=tmp_path)).facts
    assert not [path for path in facts if path[0] == "deep"]


def test_a_helper_that_is_not_there_leaves_all_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(deep, "PROGRAM", tmp_path / "gone")
    facts = CudaProbe().observe(Context(environ={}, cwd=tmp_path, deep=True)).facts
    assert facts["deep",].code.value == "failed"


@pytest.mark.parametrize("arguments", [[], ["1000"], ["0", "a=b"], ["x", "a=b"], ["1000", "ab"], ["1000", "=b"]])
def test_the_helper_says_how_it_is_used(arguments):
    done = subprocess.run([deep.PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert done.stderr.startswith(("usage: ", "reprofp-library-versions: "))


def test_the_mapped_copy_goes_before_any_other(libraries, tmp_path):
    process = {"environ": {"PATH": ""}, "path": [], "libraries": [{"path": str(libraries / "libnccl.so.2")}]}
    facts = CudaProbe().observe(Context(environ={}, cwd=tmp_path, deep=True, process=process)).facts
    assert facts["deep", "nccl"].value == VERSIONS["nccl"]


def test_a_snapshot_asks_on_request(libraries, tmp_path):
    environ = {**os.environ, "LD_LIBRARY_PATH": str(libraries), "REPROFP_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "reprofp", "snapshot", "--no-record", "--deep", "--json"]
    start = time.monotonic()
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - start < 60
    assert '"2.21.5"' in json.dumps(json.loads(done.stdout))
