"""The probes that make facts of the raw observations of a process."""

import hashlib
import sys
from pathlib import Path

import pytest

from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.model.schema import Phase
from reprofp.probes import raw
from reprofp.probes.base import Experiment
from reprofp.probes.determinism import DeterminismProbe
from reprofp.probes.framework_numpy import NumpyProbe
from reprofp.probes.native_readers import NATIVE_READERS, find_native_readers
from reprofp.probes.python import PythonProbe
from reprofp.probes.rng import RngProbe
from reprofp.probes.usage import UsageProbe

NOT_ASKED, FAILED, DENIED = (Unknown(getattr(UnknownCode, name)) for name in ("NOT_ASKED", "FAILED", "DENIED"))
AUDIT = {"opens": [], "listings": [], "connects": {}, "subprocesses": {}, "dlopens": {}, "truncated": False}
PROBES = [UsageProbe(), RngProbe(), NumpyProbe(), DeterminismProbe(), PythonProbe()]


@pytest.fixture
def look(make_context):
    """Observe a process by one probe, as a facet."""

    def look(probe, process, **changes):
        context = make_context(process=process, **changes)
        return Facet(probe.name, probe.version, probe.observe(context).facts)

    return look


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
def test_a_real_process_gives_facts_with_a_canonical_form(probe, look):
    import numpy  # noqa: ICN001, PLC0415

    assert numpy.ndarray
    facet = look(probe, raw.collect())
    assert facet.canonical
    assert all(not isinstance(fact, Unknown) or path for path, fact in facet.facts.items())


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
@pytest.mark.parametrize("part", [{"error": "denied"}, {"error": "failed"}, None, [], {}, "text", 3])
def test_parts_that_are_missing_or_odd_never_become_knowledge(probe, part, look, make_context):
    names = ("python", "modules", "libraries", "rng", "numpy", "audit", "entropy", "children", "own")
    process = dict.fromkeys(names, part)
    if not probe.applies(make_context(process=process)):
        return
    facet = look(probe, process)
    assert facet.canonical
    told = {path for path, fact in facet.facts.items() if isinstance(fact, Observed)}
    assert told <= {("audit",), ("network",), ("subprocesses",), ("native_readers",), ("gpu",)}


def test_a_static_description_is_of_the_running_interpreter(make_context):
    facts = PythonProbe().observe(make_context()).facts
    assert facts[("version",)] == Observed(sys.version.split()[0])
    assert ("hash_seed",) not in facts


def test_another_interpreter_is_asked(make_context):
    assert (
        PythonProbe().observe(make_context(python=Path(sys.executable))).facts
        == PythonProbe().observe(make_context()).facts
    )


@pytest.mark.parametrize(
    ("script", "error"), [("exit 3", ValueError), ("echo hello", ValueError), ("exec sleep 9", TimeoutError)]
)
def test_an_interpreter_that_does_not_answer_is_an_error(make_context, tmp_path, script, error, monkeypatch):
    monkeypatch.setattr("reprofp.probes.python._ASK_SECONDS", 0.2)
    tool = tmp_path / "python"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    with pytest.raises(error):
        PythonProbe().observe(make_context(python=tool))
    with pytest.raises(OSError, match="nonesuch"):
        PythonProbe().observe(make_context(python=tmp_path / "nonesuch"))


def test_the_coming_hash_seed_is_told_only_of_a_python_command(make_context):
    def seed(argv, phase=Phase.START):
        context = make_context(phase=phase, experiment=Experiment(argv=argv), environ={"PYTHONHASHSEED": "3"})
        return PythonProbe().observe(context).facts.get(("hash_seed",))

    assert seed(("python3", "t.py")) == Observed("3")
    assert seed(("python3", "-E", "t.py")) == Observed("random")
    assert seed(("python3", "t.py"), Phase.STATIC) == Observed("3")
    assert seed(("bash", "t.sh")) is seed(()) is None


def test_the_interpreters_state_becomes_facts(look):
    described = {
        "version": "3.12.1",
        "hash_seed": "random",
        "gil": True,
        "flags": {"optimize": 0, "dev_mode": False},
        "encodings": {"stdout": None, "filesystem": "utf-8"},
        "locale": {"error": "failed"},
        "sitecustomize": {"path": "/secret/sitecustomize.py", "digest": "sha256:00"},
    }
    facts = look(PythonProbe(), {"python": described}).facts
    assert facts[("flags", "optimize")] == Observed(0)
    assert facts[("flags", "dev_mode")] == Observed(value=False)
    assert facts[("encoding", "stdout")] == FAILED
    assert facts[("locale",)] == FAILED
    assert facts[("sitecustomize",)] == Observed("sha256:00")
    assert facts[("build",)] == FAILED
    assert look(PythonProbe(), {"python": {**described, "sitecustomize": None}}).look_up(("sitecustomize",)) == ABSENT


def test_modules_are_those_that_rules_can_hold_against_a_run(look):
    files = {
        "numpy": "/v/lib/python3.12/site-packages/numpy/__init__.py",
        "numpy.random": "/v/lib/python3.12/site-packages/numpy/random/__init__.py",
        "mine": "/work/mine.py",
        "random": "/usr/lib/python3.12/random.py",
        "json": "/usr/lib/python3.12/json/__init__.py",
        "newlib": "/usr/lib/python3.99/newlib.py",
        "namespace": None,
        "namespace.part": "/v/lib/python3.12/site-packages/namespace/part.py",
        "cython_runtime": None,
        "sys": None,
        "_editable_impl_x": "/v/lib/python3.12/site-packages/_editable_impl_x.py",
        "__main__": "/work/train.py",
        "sitecustomize": "/x/sitecustomize.py",
    }
    facet = look(UsageProbe(), {"modules": files, "libraries": [], "audit": AUDIT, "entropy": []})
    assert {path[1] for path in facet.facts if path[0] == "modules"} == {"namespace", "numpy", "random"}
    assert facet.look_up(("modules", "torch")) == ABSENT


def test_without_an_audit_nothing_is_absent(look):
    facet = look(UsageProbe(), {"modules": {}, "libraries": [], "audit": None, "entropy": None})
    assert facet.look_up(("audit",)) == Observed(value=False)
    for path in (("listing", "data"), ("entropy", "__main__"), ("network",), ("subprocesses",), ("processes", "sh")):
        assert facet.look_up(path) == NOT_ASKED


def test_what_was_heard_becomes_facts(look, tmp_path):
    cwd = tmp_path / "home" / "ada" / "project"
    audit = {
        **AUDIT,
        "listings": [
            [f"{cwd}/data", 2, "m", "sha256:a"],
            [f"{cwd}/.", 1, "m", "sha256:b"],
            ["/far/data", 1, "m", "sha256:c"],
            ["/far/other", 1, "m", None],
            ["/v/lib/python3.12/site-packages", 9, "m", "sha256:d"],
            ["/usr/lib/x", 9, "m", "sha256:d"],
            ["/proc", 1, "m", "sha256:e"],
        ],
        "connects": {"lookup": 1, "loopback": 2},
        "subprocesses": {"git": 2, "fork": 1},
    }
    process = {"modules": {}, "libraries": [], "audit": audit, "children": {"waited": True, "multiprocessing": 3}}
    facet = look(UsageProbe(), {**process, "entropy": [{"module": "__main__", "count": 2}]})
    assert {path: fact.value for path, fact in facet.facts.items() if path[0] in {"processes", "entropy"}} == {
        ("processes", "git"): 2,
        ("processes", "fork"): 1,
        ("processes", "multiprocessing"): 2,
        ("entropy", "__main__"): 2,
    }
    both = hashlib.sha256(b"sha256:a sha256:c").hexdigest()
    assert {path[1]: fact for path, fact in facet.facts.items() if path[0] == "listing"} == {
        "data": Observed(f"sha256:{both}"),
        ".": Observed("sha256:b"),
        "other": FAILED,
    }
    assert facet.look_up(("network",)) == Observed(value=True)
    assert facet.look_up(("subprocesses",)) == Observed(5)
    assert look(UsageProbe(), {**process, "audit": {**audit, "truncated": True}}).look_up(("audit",)) == FAILED


def test_code_that_was_given_as_an_argument_is_searched_and_that_of_a_kernel_is_not_known(look):
    process = {"modules": {}, "libraries": [], "audit": AUDIT, "base_prefix": "/usr", "argv": ["-c"]}
    given = {**process, "orig_argv": ["python", "-c", "import time; print(time.time())"]}
    assert look(UsageProbe(), given).look_up(("calls", "clock")) == Observed(["time.time"])
    kernel = {**given, "modules": {"ipykernel": "/v/site-packages/ipykernel/__init__.py"}}
    assert look(UsageProbe(), kernel).look_up(("calls", "clock")) == NOT_ASKED


def test_the_processes_of_a_family_are_told(look):
    process = {"modules": {}, "libraries": [], "alike": 3, "family": {"x.py/0/1": "fp1:00", "y.py/0/0": None}}
    audit = {**AUDIT, "subprocesses": {"sh": 1}, "started": 5, "beside": ["process"]}
    facet = look(UsageProbe(), {**process, "audit": audit, "children": {"waited": False, "multiprocessing": 0}})
    assert facet.look_up(("alike",)) == Observed(3)
    assert facet.look_up(("children", "x.py/0/1")) == Observed("fp1:00")
    assert facet.look_up(("children", "y.py/0/0")) == FAILED
    assert facet.look_up(("concurrent", "process")) == Observed(value=True)
    assert facet.look_up(("subprocesses",)) == Observed(5)
    assert facet.look_up(("processes", "sh")) == Observed(1)


def test_a_child_that_only_left_a_trace_counts(look):
    process = {"modules": {}, "libraries": [], "audit": AUDIT, "children": {"waited": True, "multiprocessing": 0}}
    assert look(UsageProbe(), process).look_up(("subprocesses",)) == Observed(1)


def test_libraries_are_told_by_base_name_and_build_id(look, tmp_path):
    real = next(item for item in raw.collect()["libraries"] if item["base"].startswith("libc.so"))
    (tmp_path / "libbad.so.1").write_text("not ELF")
    items = [
        real,
        {"path": str(tmp_path / "libbad.so.1")},
        {"path": str(tmp_path / "libgone.so")},
        {"path": real["path"].replace("libc.so", "libold.so"), "deleted": True},
        {"path": "/x/_random.cpython-312-x86_64-linux-gnu.so"},
        {"path": "/x/lib-dynload/_json.so"},
        {"path": "/usr/bin/python3"},
        {"path": "/usr/lib/libcuda.so.550.1"},
    ]
    facet = look(UsageProbe(), {"modules": {}, "libraries": items, "audit": AUDIT, "entropy": []})
    found = {path[1]: fact for path, fact in facet.facts.items() if path[0] == "libraries"}
    assert isinstance(found[real["base"]], Observed)
    assert found["libbad.so.1"] == found["libgone.so"] == found[real["base"].replace("libc.so", "libold.so")] == FAILED
    assert set(found) == {
        real["base"],
        "libbad.so.1",
        "libgone.so",
        real["base"].replace("libc.so", "libold.so"),
        "libcuda.so.550.1",
    }
    assert facet.look_up(("gpu",)) == Observed(value=True)


def test_what_reprofp_brought_in_is_unknown(look):
    own = {"modules": ["threading", "psutil", "json"], "libraries": ["/lib/libz.so.1", "/x/_native.abi3.so"]}
    process = {"modules": {"threading": "/x"}, "libraries": [], "audit": None, "own": own}
    facet = look(UsageProbe(), process, phase=Phase.END)
    assert facet.look_up(("modules", "threading")) == Observed(value=True)
    assert facet.look_up(("modules", "psutil")) == NOT_ASKED
    assert facet.look_up(("modules", "json")) == ABSENT
    assert facet.look_up(("libraries", "libz.so.1", "build_id")) == NOT_ASKED
    assert look(UsageProbe(), process, phase=Phase.START).look_up(("modules", "psutil")) == ABSENT, "not so far"


def test_native_readers_are_named():
    assert find_native_readers(["pyarrow.lib", "numpy", "h5py", "h5pyish"]) == ["h5py", "pyarrow"]
    assert not {"numpy", "PIL", "zarr", "sqlite3", "pandas"} & NATIVE_READERS.keys()


def test_states_and_seeds_become_facts(look):
    states = {
        "python": {"state": "sha256:1", "touched": True},
        "numpy": {"legacy": {"state": "sha256:2", "touched": False}},
    }
    facts = look(RngProbe(), {"rng": states}, experiment=Experiment(seeds={"a": 3})).facts
    assert facts[("python", "state")] == Observed("sha256:1")
    assert facts[("numpy", "legacy", "state")] == Observed("untouched")
    assert facts[("seeds", "a")] == Observed(3)
    denied = look(RngProbe(), {"rng": {"python": {"error": "denied"}, "numpy": {"error": "failed"}}}).facts
    assert (denied[("python", "state")], denied[("numpy", "legacy", "state")]) == (DENIED, FAILED)


def test_numpy_becomes_facts(look, make_context):
    described = {
        "version": "2.1.0",
        "config": {"blas": {"name": "openblas", "version": None}},
        "cpu_features": {"baseline": ["SSE"], "dispatch": ["AVX2"], "enabled": {"SSE": True, "AVX2": False}},
    }
    facts = look(NumpyProbe(), {"numpy": described}).facts
    assert facts == {
        ("version",): Observed("2.1.0"),
        ("blas", "name"): Observed("openblas"),
        ("blas", "version"): ABSENT,
        ("cpu_features", "SSE"): Observed(value=True),
        ("cpu_features", "AVX2"): Observed(value=False),
    }
    assert not NumpyProbe().applies(make_context(process={"numpy": None}))
    assert not NumpyProbe().applies(make_context())


def test_frameworks_with_flags_are_not_silent(look):
    facet = look(DeterminismProbe(), {"modules": {"torch": "/x", "numpy": "/y"}})
    assert facet.facts == {("torch",): NOT_ASKED}
