"""The CUDA family: driver, wheels and mapped libraries."""

import pytest

from probes.machines import Machine, refuse
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.cuda import CudaProbe
from standins.nvml import ask_probe, build_nvml, compile_shared, find_compiler

FAILED = Unknown(UnknownCode.FAILED)
NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)
DRIVER = ("driver_version",), ("driver_cuda_version",)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023\nGCC version: 12.3.0\n"
)
OPEN = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build  (dvs-builder)  Thu\n"


def look(machine, **changes):
    process = {"path": [], "libraries": [], **changes.pop("process", {})}
    return CudaProbe().observe(machine.context(process=process, **changes)).facts


# --- Driver ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "text", "version"),
    [
        ("proc/driver/nvidia/version", CLOSED, Observed("535.104.05")),
        ("proc/driver/nvidia/version", OPEN, Observed("550.54.14")),
        ("sys/module/nvidia/version", "570.133.20\n", Observed("570.133.20")),
        ("proc/driver/nvidia/version", "", FAILED),
        ("proc/driver/nvidia/version", "NVRM version: none\n", FAILED),
    ],
)
def test_a_driver_whose_library_is_missing(tmp_path, file, text, version):
    facts = look(Machine(tmp_path).write(file, text))
    assert [facts[name] for name in DRIVER] == [version, FAILED]


def test_no_driver(tmp_path):
    facts = look(Machine(tmp_path))
    assert [facts[name] for name in DRIVER] == [ABSENT, ABSENT]


def test_another_vendors_gpu_needs_no_driver_of_nvidia(tmp_path):
    machine = Machine(tmp_path).write("sys/class/kfd/kfd/topology/nodes/1/properties", "simd_count 304\n")
    facts = look(machine)
    assert [facts[name] for name in DRIVER] == [ABSENT, ABSENT]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build_nvml(tmp_path_factory.mktemp("nvml"))


@pytest.mark.parametrize(
    ("fail", "expected"),
    [
        ("", ["580.65.06", "13.0"]),
        ("nvmlSystemGetCudaDriverVersion_v2=4", ["580.65.06", {"unknown": "denied"}]),
        ("nvmlSystemGetDriverVersion=999", [{"unknown": "failed"}, "13.0"]),
        ("nvmlInitWithFlags=9", ["absent", "absent"]),
        ("nvmlInitWithFlags=4", [{"unknown": "denied"}] * 2),
    ],
)
def test_the_management_library_is_asked(library, fail, expected):
    facts = ask_probe("cuda", "CudaProbe", library=library, fail=fail)["facts"]
    found = [facts[name] for name in ("driver_version", "driver_cuda_version")]
    assert found == expected or facts["driver_version"].startswith(open_driver_version())


def open_driver_version():
    """On a machine with a driver, its own file is read before the stand-in is asked."""
    try:
        with open("/proc/driver/nvidia/version") as file:
            return next(word for word in file.readline().split() if word[0].isdecimal() and "." in word)
    except OSError:
        return "no driver"


# --- Wheels ------------------------------------------------------------------------------------------------


def make_site(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


def installed(facts):
    return {path[1]: fact for path, fact in facts.items() if path[0] == "installed" and len(path) == 2}


def test_wheels_by_name(tmp_path):
    site = make_site(
        tmp_path / "site",
        "nvidia_cublas_cu12-12.4.5.8.dist-info",
        "nvidia.cudnn.cu12-9.1.0.70.dist-info",
        "nvidia_ml_py-13.580.65.dist-info",
        "numpy-2.0.0.dist-info",
        "nvidia",
        "nvidia_nccl_cu12-2.21.5-py3.egg-info",
    )
    facts = look(Machine(tmp_path), process={"path": ["", str(tmp_path / "missing"), str(site)]})
    assert installed(facts) == {"nvidia-cublas-cu12": Observed("12.4.5.8"), "nvidia-cudnn-cu12": Observed("9.1.0.70")}


def test_the_first_of_two_wheels_is_the_one_that_is_imported(tmp_path):
    first = make_site(tmp_path / "first", "nvidia_cublas_cu12-12.4.5.8.dist-info")
    second = make_site(tmp_path / "second", "nvidia_cublas_cu12-12.1.3.1.dist-info")
    facts = look(Machine(tmp_path), process={"path": [str(first), str(second)]})
    assert installed(facts) == {"nvidia-cublas-cu12": Observed("12.4.5.8")}


# --- Mapped libraries --------------------------------------------------------------------------------------


def make_library(folder, file, soname, build_id):
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "empty.c"
    source.write_text("int nothing(void); int nothing(void) { return 0; }")
    compile_shared(find_compiler(), source, folder / file, f"-Wl,-soname,{soname}", f"-Wl,--build-id=0x{build_id}")


def map_libraries(machine, *paths, **more):
    return look(
        machine, process={"libraries": [{"path": path, "base": path.rpartition("/")[2], **more} for path in paths]}
    )


def loaded(facts):
    return {path[1:]: fact for path, fact in facts.items() if path[0] == "loaded"}


def test_mapped_libraries_of_the_family(tmp_path):
    machine = Machine(tmp_path)
    make_library(tmp_path / "root/usr/lib", "libcuda.so.535.104.05", "libcuda.so.1", "aa" * 20)
    make_library(tmp_path / "root/site/nvidia/cublas/lib", "libcublas.so.12", "libcublas.so.12", "bb" * 20)
    make_library(tmp_path / "root/site/x.libs", "libcudart-d0da41ae.so.11.0", "libcudart-d0da41ae.so.11.0", "cc" * 20)
    make_library(tmp_path / "root/usr/lib", "libcustard.so.1", "libcustard.so.1", "dd" * 20)
    paths = [
        "/usr/lib/libcuda.so.535.104.05",
        "/site/nvidia/cublas/lib/libcublas.so.12",
        "/site/x.libs/libcudart-d0da41ae.so.11.0",
        "/usr/lib/libcustard.so.1",
    ]
    facts = map_libraries(machine, *paths)
    assert loaded(facts) == {
        ("libcuda.so.1", "version"): Observed("535.104.05"),
        ("libcuda.so.1", "build_id"): Observed("aa" * 20),
        ("libcublas.so.12", "version"): NOT_ASKED,
        ("libcublas.so.12", "build_id"): Observed("bb" * 20),
        ("libcudart.so.11.0", "version"): Observed("11.0"),
        ("libcudart.so.11.0", "build_id"): Observed("cc" * 20),
    }
    assert "/site" not in repr(facts)


def test_two_copies_of_one_library_are_told_apart_in_any_order(tmp_path):
    machine = Machine(tmp_path)
    for folder, build_id in (("a", "11" * 20), ("b", "22" * 20)):
        make_library(tmp_path / "root" / folder, "libcudart.so.12", "libcudart.so.12", build_id)
    paths = ["/a/libcudart.so.12", "/b/libcudart.so.12"]
    facts = map_libraries(machine, *paths)
    assert facts == map_libraries(machine, *reversed(paths))
    ids = [fact for path, fact in loaded(facts).items() if path[1] == "build_id"]
    assert sorted(fact.value for fact in ids) == ["11" * 20, "22" * 20]


@pytest.mark.parametrize("more", [{"deleted": True}, {"inode": -1}])
def test_a_file_that_is_no_longer_what_was_mapped_is_not_read(tmp_path, more):
    make_library(tmp_path / "root/lib", "libnccl.so.2.21.5", "libnccl.so.2", "ee" * 20)
    facts = map_libraries(Machine(tmp_path), "/lib/libnccl.so.2.21.5", **more)
    assert loaded(facts) == {
        ("libnccl.so.2.21.5", "version"): Observed("2.21.5"),
        ("libnccl.so.2.21.5", "build_id"): FAILED,
    }


def test_a_library_that_cannot_be_read_is_still_there(tmp_path):
    machine = Machine(tmp_path).write("root/lib/libcudnn.so.9", "no ELF file")
    facts = map_libraries(machine, "/lib/libcudnn.so.9", "/missing/libcufft.so.11.2")
    assert loaded(facts)["libcudnn.so.9", "build_id"] == FAILED
    assert loaded(facts)["libcufft.so.11.2", "build_id"] == FAILED


def test_without_a_process_nothing_is_said_of_what_is_loaded(tmp_path):
    facts = CudaProbe().observe(Machine(tmp_path).context(load_library=refuse)).facts
    assert facts["loaded",] == Unknown(UnknownCode.NOT_LOADED)


@pytest.mark.parametrize("libraries", [{"error": "failed"}, None, "text"])
def test_libraries_that_are_not_known(tmp_path, libraries):
    assert look(Machine(tmp_path), process={"libraries": libraries})["loaded",] == FAILED
