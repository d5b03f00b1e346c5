"""Conflicts between what is installed and what is mapped."""

import json

import pytest

from probes.machines import Machine
from reprofp.model.observations import Unknown, UnknownCode
from reprofp.probes.cuda import CudaProbe

TOOLKIT = {"cuda": {"name": "CUDA SDK", "version": "13.0.2"}}


def look(machine, *paths, torch="missing", **process):
    frameworks = {} if torch == "missing" else {"torch": {"facts": {"cuda": torch}}}
    libraries = [{"path": path} for path in paths]
    process = {"environ": {}, "path": [], "libraries": libraries, "frameworks": frameworks, **process}
    facts = CudaProbe().observe(machine.context(process=process)).facts
    return {".".join(path[1:]): getattr(fact, "value", fact) for path, fact in facts.items() if path[0] == "conflicts"}


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("torch", "words"),
    [
        (None, "toolkit 13.0.2 is installed, and torch was built without CUDA"),
        ("12.4", "toolkit 13.0.2 is installed, and torch was built for CUDA 12.4"),
    ],
)
def test_the_toolkit_of_nvcc_is_not_torchs(machine, torch, words):
    machine.write("root/usr/local/cuda/version.json", json.dumps(TOOLKIT))
    assert look(machine, torch=torch) == {"toolkit": words}


@pytest.mark.parametrize("text", ["{}", "[]", "no JSON", '{"cuda": {"version": 3}}'])
def test_a_toolkit_that_tells_no_version_is_no_conflict(machine, text):
    machine.write("root/usr/local/cuda/version.json", text)
    assert look(machine, torch=None) == {}


def test_a_toolkit_of_the_same_release_or_without_torch_is_no_conflict(machine):
    machine.write("root/opt/cuda/version.json", json.dumps(TOOLKIT))
    assert look(machine, torch="13.0", environ={"CUDA_HOME": "/opt/cuda"}) == {}
    assert look(machine, environ={"CUDA_HOME": "/opt/cuda"}) == {}


def test_a_driver_library_of_another_release(machine):
    machine.write("proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat\n")
    found = look(machine, "/usr/local/cuda/compat/libcuda.so.550.54.15")
    assert found == {"driver": "libcuda 550.54.15 is mapped beside driver 535.104.05"}
    assert look(machine, "/usr/lib/libcuda.so.535.104.05") == {}


def test_a_copy_from_elsewhere_than_the_wheel(machine, tmp_path):
    site = tmp_path / "site-packages"
    (site / "nvidia_cudnn_cu12-9.1.0.70.dist-info").mkdir(parents=True)
    found = look(machine, "/opt/lib/libcudnn.so.9", path=[str(site)])
    assert found == {"nvidia-cudnn-cu12": "libcudnn.so.9 is mapped from elsewhere"}
    assert look(machine, f"{site}/nvidia/cudnn/lib/libcudnn.so.9", path=[str(site)]) == {}


def test_maps_that_cannot_be_read_are_no_maps_without_conflict(machine):
    assert look(machine, libraries={"error": "denied"}) == {"": Unknown(UnknownCode.DENIED)}
