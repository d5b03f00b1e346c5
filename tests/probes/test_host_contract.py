"""What every probe of the host keeps, on every machine that we have, on damaged ones, and on this one."""

import os
import socket
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.machines import ID, MACHINES, PI_SERIAL, Machine
from reprofp.model.canonical import encode
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed, Unknown
from reprofp.model.schema import find_spec
from reprofp.probes.base import Context
from reprofp.probes.container import ContainerProbe
from reprofp.probes.cpu import CpuProbe
from reprofp.probes.cuda import CudaProbe
from reprofp.probes.distributed import DistributedProbe
from reprofp.probes.floating_point import FloatingPointProbe
from reprofp.probes.gpu import GpuProbe
from reprofp.probes.memory import MemoryProbe
from reprofp.probes.os import OsProbe
from reprofp.probes.threads import ThreadsProbe

PROBES = [
    OsProbe(),
    CpuProbe(),
    MemoryProbe(),
    GpuProbe(),
    CudaProbe(),
    ContainerProbe(),
    FloatingPointProbe(),
    ThreadsProbe(),
    DistributedProbe(),
]
PROCESS = {
    "environ": {"RANK": "0", "WORLD_SIZE": "2", "HOME": "/home/ada"},
    "path": [],
    "libraries": [{"path": "/home/ada/venv/lib/libcudnn.so.9", "base": "libcudnn.so.9", "inode": 7}],
    "thread_pools": [{"api": "openmp", "name": "/home/ada/venv/libgomp.so.1", "threads": 2}],
    "affinity": [0, 1],
    "floating_point": {"mxcsr": 0x1F80, "x87_control": 0x37F, "fpcr": None, "rounding": "nearest"},
}
SECRETS = ("/home", "ada", "xeon-node-17", "epyc.cluster.example", "ip-10-0-0-7", "raspberrypi", PI_SERIAL, ID)

probes = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
machines = pytest.mark.parametrize("make", MACHINES.values(), ids=MACHINES)


def observe(probe, context):
    """Observe twice, and hold what always holds."""
    if not probe.applies(context):
        return None
    report, again = probe.observe(context), probe.observe(context)
    assert report.facts == again.facts
    assert report.facts
    assert not report.secrets
    facet = Facet(probe.name, probe.version, report.facts)
    assert Facet.from_canonical(facet.canonical).raw_id == facet.raw_id
    encode(report.circumstances)
    assert all(key.startswith(f"{probe.name}.") for key in report.circumstances)
    return report


@probes
def test_each_is_a_facet_of_the_schema(probe):
    spec = find_spec(probe.name)
    assert spec is not None
    assert spec.version == probe.version


@probes
@machines
def test_other_machines(probe, make, tmp_path):
    report = observe(probe, make(tmp_path).context(process=PROCESS))
    told = repr({path: fact for path, fact in report.facts.items() if isinstance(fact, Observed)})
    assert not [secret for secret in (*SECRETS, str(tmp_path)) if secret in told]


@probes
def test_an_empty_machine_is_not_a_machine_without(probe, tmp_path):
    """Nothing can be read: what is Absent then must be a look-up that needs no file."""
    report = observe(probe, Machine(tmp_path).context())
    absent = {"gpu": 1, "cuda": 3, "distributed": 4}.get(probe.name, 0)
    if report is not None:
        assert sum(type(fact).__name__ == "Absent" for fact in report.facts.values()) == absent


def spoil(machine, change):
    """Apply ``change`` to every file of the machine."""
    for folder, _, names in os.walk(machine.folder):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                change(path)


def garble(path):
    with open(path, "wb") as file:
        file.write(b"\xff\xfe\x00garbage: \xed\xa0\x80\n\n\n" * 3)


def empty(path):
    os.truncate(path, 0)


def make_folder(path):
    os.unlink(path)
    os.mkdir(path)


def make_pipe(path):
    os.unlink(path)
    os.mkfifo(path)


def cut(path):
    os.truncate(path, os.path.getsize(path) // 2)


def grow(path):
    with open(path, "ab") as file:
        file.write(b"9" * (1 << 17))


def repeat(path):
    with open(path, "r+b") as file:
        file.write(file.read() * 2)


@probes
@machines
@pytest.mark.parametrize("change", [garble, empty, make_folder, make_pipe, cut, grow, repeat])
def test_damaged_machines(probe, make, change, tmp_path):
    machine = make(tmp_path)
    spoil(machine, change)
    observe(probe, machine.context(process=PROCESS))


@probes
@machines
def test_a_machine_that_may_not_be_read(probe, make, tmp_path, monkeypatch):
    machine = make(tmp_path)
    real = os.open

    def deny(path, *args, **more):
        if str(path).startswith(str(tmp_path)) and not stat.S_ISDIR(os.stat(path).st_mode):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **more)

    monkeypatch.setattr(os, "open", deny)
    report = observe(probe, machine.context(process=PROCESS))
    read_by_os_open = {"os", "memory", "container"}
    if probe.name in read_by_os_open:
        assert any(isinstance(fact, Unknown) for fact in report.facts.values())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
_LIBRARY = st.fixed_dictionaries(
    {}, optional={"path": st.sampled_from(["/libcuda.so.1", "libnccl.so.2", ""]) | _JSON, "inode": _JSON}
)


_READERS = [probe for probe in PROBES if probe.name in ("os", "cuda", "floating_point", "threads", "distributed")]


@pytest.mark.parametrize("probe", _READERS, ids=lambda probe: probe.name)
@settings(max_examples=40)
@given(
    process=st.fixed_dictionaries(
        {},
        optional={
            "environ": st.dictionaries(st.sampled_from(["TZ", "RANK", "WORLD_SIZE"]), _JSON) | _JSON,
            "libraries": st.lists(_LIBRARY) | _JSON,
            "floating_point": st.dictionaries(st.sampled_from(["mxcsr", "rounding", "fpcr"]), _JSON) | _JSON,
            "affinity": _JSON,
            "python": _JSON,
        },
    )
)
def test_whatever_a_process_reports(probe, process, tmp_path_factory):
    machine = Machine(tmp_path_factory.getbasetemp() / "no-machine")
    observe(probe, machine.context(process={"path": [], **process}))


@probes
def test_this_machine(probe):
    report = observe(probe, Context(process=PROCESS))
    told = repr({path: fact for path, fact in report.facts.items() if isinstance(fact, Observed)})
    hosts = {name for name in (socket.gethostname(), os.uname().nodename) if len(name) > 3}
    assert not [name for name in (*hosts, os.path.expanduser("~") + "/") if name in told]
