"""The GPU probe, asked about a stand-in of NVIDIA's library, no library, and a real one where there is one."""

import ctypes

import pytest

from probes.machines import Machine
from reprofp.model.observations import ABSENT, Unknown, UnknownCode
from reprofp.probes.gpu import GpuProbe
from standins.nvml import ask_probe, build_nvml

_DEVICE = {
    "name": "NVIDIA H100",
    "memory_bytes": 85520809984,
    "vbios": "96.00.74.00.1C",
    "ecc_mode": True,
    "mig_mode": False,
    "compute_capability": "9.0",
    "sm_count": 132,
    "ecc_uncorrected": 0,
    "memory_bus_bits": 5120,
    "pcie.max_generation": 5,
    "pcie.max_width": 16,
    "compute_mode": "exclusive_process",
    "virtualization": "passthrough",
    "board": "900-21010-0000-000",
    "inforom": "G520.0200.00.05",
    "gsp_firmware": "580.65.06",
    "remapped_rows.corrected": 1,
    "remapped_rows.uncorrected": 0,
    "remapped_rows.pending": False,
    "remapped_rows.failed": False,
    "nvlink.active": 18,
    "nvlink.version": 6,
    "fabric.state": "completed",
    "fabric.clique": 7,
}
_FLEETING = {
    "clocks.sm_mhz": 1980,
    "clocks.memory_mhz": 2619,
    "power_limit_watts": 700,
    "temperature_celsius": 41,
    "throttle_reasons": 4,
    "pcie.generation": 1,
    "persistence": True,
    "processes": 0,
    "fabric.cluster": "ab" * 16,
}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build_nvml(tmp_path_factory.mktemp("nvml"))


def ask(library, **answers):
    return ask_probe("gpu", "GpuProbe", library=library, **answers)


def list_device(facts, index):
    prefix = f"device.{index}."
    return {path[len(prefix) :]: value for path, value in facts.items() if path.startswith(prefix)}


def test_devices_are_listed_in_the_drivers_order(library):
    answer = ask(library, devices=2)
    assert answer["facts"]["count"] == 2
    assert list_device(answer["facts"], 0) == _DEVICE
    assert list_device(answer["facts"], 1) == _DEVICE


def test_what_names_one_board_is_a_circumstance(library):
    answer = ask(library, devices=2)
    told = {key: value for key, value in answer["circumstances"].items() if key.startswith("gpu.device.1.")}
    assert told == {
        "gpu.device.1.uuid": "GPU-00000000-0000-0000-0000-000000000001",
        "gpu.device.1.serial": "1650522000000",
        "gpu.device.1.pci": "00000000:19:00.0",
        **{f"gpu.device.1.{name}": value for name, value in _FLEETING.items()},
    }
    assert not {value for value in answer["facts"].values() if isinstance(value, str)} & set(map(str, told.values()))


def test_no_device_is_a_count_of_zero(library):
    assert ask(library, devices=0)["facts"] == {
        "count": 0,
        "confidential_compute": False,
        "topology": "absent",
        "other": "absent",
    }


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        (4, {"unknown": "denied"}),
        (9, "absent"),  # the library is there, the driver is not loaded
        (10, {"unknown": "timed out"}),
        (15, {"unknown": "failed"}),
        (18, {"unknown": "failed"}),  # the library and the driver are of two versions
        (999, {"unknown": "failed"}),
        (-3, {"unknown": "failed"}),  # no code that NVML has
    ],
)
def test_a_driver_that_cannot_be_asked_is_never_a_machine_without_gpu(library, code, fact):
    assert ask(library, fail=f"nvmlInitWithFlags={code}")["facts"] == {"": fact}


def test_a_count_that_is_denied_leaves_the_devices_unknown_too(library):
    denied = {"unknown": "denied"}
    facts = ask(library, fail="nvmlDeviceGetCount_v2=4")["facts"]
    assert facts == {"count": denied, "device": denied, "other": "absent"}


def test_what_a_device_does_not_support_is_absent(library):
    facts = ask(library, fail="nvmlDeviceGetMigMode=3,nvmlDeviceGetEccMode=3")["facts"]
    assert list_device(facts, 0) == {**_DEVICE, "mig_mode": "absent", "ecc_mode": "absent"}


def test_one_fact_that_is_denied_costs_no_other(library):
    facts = ask(library, fail="nvmlDeviceGetVbiosVersion=4")["facts"]
    assert list_device(facts, 0) == {**_DEVICE, "vbios": {"unknown": "denied"}}


@pytest.mark.parametrize("function", ["nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetName", "nvmlDeviceGetUUID"])
def test_a_lost_device_is_unknown_as_a_whole_and_alone(library, function):
    answer = ask(library, devices=3, fail=f"{function}@1=15")
    assert answer["facts"]["device.1"] == {"unknown": "failed"}
    assert list_device(answer["facts"], 1) == {}
    assert not [key for key in answer["circumstances"] if ".1." in key]
    assert list_device(answer["facts"], 0) == list_device(answer["facts"], 2) == _DEVICE


def test_a_handle_that_is_denied_is_that_device(library):
    facts = ask(library, devices=2, fail="nvmlDeviceGetHandleByIndex_v2@0=4")["facts"]
    assert facts["device.0"] == {"unknown": "denied"}
    assert list_device(facts, 1) == _DEVICE


@pytest.mark.parametrize("function", ["nvmlDeviceGetNumGpuCores=3", "nvmlDeviceGetCudaComputeCapability=999"])
def test_without_cores_or_capability_the_multiprocessors_are_not_guessed(library, function):
    assert ask(library, fail=function)["facts"]["device.0.sm_count"] == {"unknown": "not asked"}


def test_instances_are_listed(library):
    facts = ask(library, mig=1)["facts"]
    instance = {"name": "NVIDIA H100 MIG 1g.10gb", "sm_count": 16, "memory_bytes": 9856 << 20}
    assert facts["device.0.mig_mode"] is True
    assert list_device(facts, "0.mig.0") == list_device(facts, "0.mig.1") == instance
    assert not list_device(facts, "0.mig.2")


def test_a_name_that_is_no_text_is_unknown(library):
    facts = ask(library, name=b"GPU \xff".decode("utf-8", "surrogateescape"))["facts"]
    assert list_device(facts, 0) == {**_DEVICE, "name": {"unknown": "failed"}}


def test_nvml_is_ended_as_often_as_it_is_started(library, tmp_path):
    log = tmp_path / "log"
    ask(library, log=log, fail="nvmlDeviceGetName=999")
    calls = log.read_text().split()
    assert calls.count("nvmlInitWithFlags") == calls.count("nvmlShutdown") == 2


def test_an_end_that_fails_costs_nothing(library):
    assert ask(library, fail="nvmlShutdown=999")["facts"]["count"] == 1


_RUN = """
import json, sys
from reprofp.probes.base import Context
from reprofp.probes.gpu import GpuProbe
from reprofp.probes.runner import run_probes

found = run_probes(Context(), [GpuProbe()], time_limit=0.5)
print(json.dumps([fact.code.value for fact in found.facets["gpu"].facts.values()]))
"""


def test_a_driver_that_hangs_is_left_behind(library):
    """The runner's limit holds, and the process ends although a call never returned."""
    assert ask(library, hang="nvmlDeviceGetCount_v2", script=_RUN) == ["timed out"]


# --- Without a library -------------------------------------------------------------------------------------


def refuse(_name):
    raise OSError("libnvidia-ml.so.1: cannot open shared object file: No such file or directory")


def observe_without_library(make_context, tmp_path, **changes):
    for name in ("proc", "sys", "root"):
        (tmp_path / name).mkdir(exist_ok=True)
    roots = {name: tmp_path / name for name in ("proc", "sys", "root")}
    return GpuProbe().observe(make_context(**roots, load_library=refuse, **changes)).facts


def test_no_library_and_no_driver_is_no_gpu(make_context, tmp_path):
    assert observe_without_library(make_context, tmp_path) == {(): ABSENT}


def test_a_driver_without_its_library_is_not_no_gpu(make_context, tmp_path):
    """As in a container that was given the compute libraries only."""
    folder = tmp_path / "proc/driver/nvidia"
    folder.mkdir(parents=True)
    (folder / "version").write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n")
    assert observe_without_library(make_context, tmp_path) == {(): Unknown(UnknownCode.FAILED)}


NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)


def add_node(machine, number, simd, version=90402):
    text = f"cpu_cores_count 64\nsimd_count {simd}\nsimd_per_cu 4\ngfx_target_version {version}\n"
    machine.write(f"sys/class/kfd/kfd/topology/nodes/{number}/properties", text)


def add_card(machine, name, driver, vendor=None, place="0000:c1:00.0", folder="drm", model="1002:740F"):
    device = f"sys/class/{folder}/{name}/device"
    machine.write(f"{device}/uevent", f"DRIVER={driver}\nPCI_ID={model}\nPCI_SLOT_NAME={place}\n")
    if vendor:
        machine.write(f"{device}/vendor", f"{vendor}\n")


def observe_others(machine):
    facts = {".".join(path): fact for path, fact in GpuProbe().observe(machine.context()).facts.items()}
    return {name: getattr(fact, "value", fact) for name, fact in facts.items()}


def test_the_processors_node_is_no_gpu(tmp_path):
    machine = Machine(tmp_path)
    add_node(machine, 0, 0)
    assert observe_others(machine) == {"": ABSENT}


def test_amds_devices_are_named_and_the_rest_is_not_known(tmp_path):
    machine = Machine(tmp_path)
    for number, simd in enumerate((0, 1216, 440)):
        add_node(machine, number, simd, 90402 if simd == 1216 else 90010)
    add_card(machine, "card0", "amdgpu", "0x1002", "0000:c1:00.0")
    assert observe_others(machine) == {
        "count": NOT_ASKED,
        "device": NOT_ASKED,
        "other.0.vendor": "amd",
        "other.0.driver": "amdgpu",
        "other.0.pci_id": "1002:740F",
        "other.0.architecture": "gfx942",
        "other.0.compute_units": 304,
        "other.1.vendor": "amd",
        "other.1.driver": "amdgpu",
        "other.1.pci_id": ABSENT,
        "other.1.architecture": "gfx90a",
        "other.1.compute_units": 110,
    }


@pytest.mark.parametrize(
    ("driver", "vendor", "name"), [("i915", "0x8086", "intel"), ("asahi", None, "apple"), ("xe", "0x8086", "intel")]
)
def test_intels_and_apples_devices_are_named(tmp_path, driver, vendor, name):
    machine = Machine(tmp_path)
    add_card(machine, "card1", driver, vendor)
    facts = observe_others(machine)
    assert (facts["other.0.vendor"], facts["other.0.driver"], facts["count"]) == (name, driver, NOT_ASKED)


def test_accelerators_that_are_no_display_are_named_by_their_maker(tmp_path):
    machine = Machine(tmp_path)
    add_card(machine, "accel0", "habanalabs", "0x1da3", folder="accel")
    add_card(machine, "accel1", "new", "0x9999", "0000:c2:00.0", folder="accel")
    facts = observe_others(machine)
    assert [facts[f"other.{index}.vendor"] for index in (0, 1)] == ["habana", "0x9999"]


@pytest.mark.parametrize("driver", ["ast", "mgag200", "virtio-pci", "bochs-drm", "nvidia"])
def test_displays_and_nvidias_own_are_not_other_accelerators(tmp_path, driver):
    machine = Machine(tmp_path)
    add_card(machine, "card0", driver, "0x10de" if driver == "nvidia" else "0x1a03")
    assert observe_others(machine) == {"": ABSENT}


def test_a_fixture_without_a_loader_asks_no_real_driver(make_context, tmp_path):
    context = make_context(proc=tmp_path, sys=tmp_path, root=tmp_path)
    assert GpuProbe().observe(context).facts == {(): ABSENT}


# --- A real GPU --------------------------------------------------------------------------------------------


def test_a_real_gpu_is_described():
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as error:
        pytest.skip(f"no NVIDIA driver on this machine: {error}")
    answer = ask_probe("gpu", "GpuProbe")
    facts = answer["facts"]
    if not isinstance(facts.get("count"), int) or not facts["count"]:
        pytest.skip(f"no GPU that the driver tells of: {facts}")
    device = list_device(facts, 0)
    assert isinstance(device["name"], str)
    assert device["memory_bytes"] > 1 << 30
    major, _, minor = device["compute_capability"].partition(".")
    assert int(major) >= 5
    assert minor.isdecimal()
    assert answer["circumstances"]["gpu.device.0.uuid"].startswith("GPU-")


def test_how_devices_are_joined_is_told_by_pairs(library):
    facts = ask(library, devices=3)["facts"]
    joined = {path: value for path, value in facts.items() if path.startswith("topology.")}
    assert joined == {
        "topology.0-1.path": "single",
        "topology.0-1.peer": "ok",
        "topology.0-2.path": "system",
        "topology.0-2.peer": "topology",
        "topology.1-2.path": "system",
        "topology.1-2.peer": "topology",
    }


def test_of_a_lost_device_no_pair_is_known(library):
    facts = ask(library, devices=3, fail="nvmlDeviceGetTopologyCommonAncestor@0=15,nvmlDeviceGetP2PStatus@0=15")[
        "facts"
    ]
    assert {facts[f"topology.0-{other}.{part}"]["unknown"] for other in (1, 2) for part in ("path", "peer")} == {
        "failed"
    }
    assert facts["topology.1-2.path"] == "system"


@pytest.mark.parametrize(
    ("answers", "links"),
    [
        ({"links": 0}, {"nvlink.active": 0, "nvlink.version": "absent"}),
        ({"links": 4}, {"nvlink.active": 4, "nvlink.version": 6}),
        ({"fail": "nvmlDeviceGetNvLinkState=3"}, {"nvlink.active": "absent", "nvlink.version": "absent"}),
        (
            {"fail": "nvmlDeviceGetNvLinkState=4"},
            {key: {"unknown": "denied"} for key in ("nvlink.active", "nvlink.version")},
        ),
    ],
)
def test_links_that_are_down_not_there_or_not_told(library, answers, links):
    assert list_device(ask(library, **answers)["facts"], 0) == {**_DEVICE, **links}


def test_a_device_outside_of_a_fabric_has_no_clique(library):
    facts = ask(library, fail="nvmlDeviceGetGpuFabricInfo=3,nvmlSystemGetConfComputeState=3")["facts"]
    assert facts["device.0.fabric.state"] == facts["confidential_compute"] == "absent"
    assert "device.0.fabric.clique" not in facts


def test_memory_errors_are_counted(library):
    assert ask(library, errors=3)["facts"]["device.0.ecc_uncorrected"] == 3


def test_rows_that_are_not_told_cost_no_other_fact(library):
    facts = list_device(ask(library, fail="nvmlDeviceGetRemappedRows=3")["facts"], 0)
    rest = {name: value for name, value in _DEVICE.items() if not name.startswith("remapped_rows")}
    assert facts == {**rest, "remapped_rows": "absent"}
