"""Thread counts in force: of made-up pools, and of a real OpenBLAS and a real OpenMP in processes of their own."""

import ctypes.util
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.machines import Machine
from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Context
from reprofp.probes.threads import ThreadsProbe

FAILED = Unknown(UnknownCode.FAILED)
NOT_LOADED = Unknown(UnknownCode.NOT_LOADED)
BLAS = {
    "api": "openblas",
    "name": "libscipy_openblas64_",
    "threads": 4,
    "dynamic": None,
    "version": "0.3.29",
    "core": "Zen",
    "layer": "pthreads",
}
GOMP = {
    "api": "openmp",
    "name": "libgomp",
    "threads": 4,
    "dynamic": False,
    "version": None,
    "core": None,
    "layer": None,
}


def look(tmp_path, pools, affinity=(0, 1)):
    process = {"thread_pools": pools, "affinity": list(affinity)}
    report = ThreadsProbe().observe(Machine(tmp_path).context(process=process))
    return report.facts


def test_pools_are_facts_by_library(tmp_path):
    assert look(tmp_path, [BLAS, GOMP]) == {
        ("affinity", "count"): Observed(2),
        ("openblas", "libscipy_openblas64_", "threads"): Observed(4),
        ("openblas", "libscipy_openblas64_", "version"): Observed("0.3.29"),
        ("openblas", "libscipy_openblas64_", "core"): Observed("Zen"),
        ("openblas", "libscipy_openblas64_", "layer"): Observed("pthreads"),
        ("openmp", "libgomp", "threads"): Observed(4),
        ("openmp", "libgomp", "dynamic"): Observed(value=False),
    }


def test_a_library_that_was_looked_for_is_absent(tmp_path):
    facet = Facet("threads", 1, look(tmp_path, [GOMP]))
    assert facet.look_up(("mkl", "libmkl_rt", "threads")) == ABSENT


def test_pools_that_are_not_known_are_not_absent(tmp_path):
    facet = Facet("threads", 1, look(tmp_path, {"error": "denied"}))
    assert facet.look_up(("mkl", "libmkl_rt", "threads")) == Unknown(UnknownCode.DENIED)
    assert facet.look_up(("openmp", "libgomp", "threads")) == Unknown(UnknownCode.DENIED)


def test_a_count_that_could_not_be_asked_is_not_loaded_yet(tmp_path):
    facts = look(tmp_path, [{**GOMP, "name": "libiomp5", "threads": None, "dynamic": None}])
    assert facts["openmp", "libiomp5", "threads"] == NOT_LOADED


def test_names_hold_no_path_hash_or_version(tmp_path):
    names = ["/home/ada/lib/libgomp-a34b3233.so.1.0.0", "libgomp.so.1", "libgomp"]
    facts = look(tmp_path, [{**GOMP, "name": name, "threads": count} for count, name in enumerate(names, start=1)])
    found = {path[1]: fact for path, fact in facts.items() if path[0] == "openmp" and path[2] == "threads"}
    assert set(found) == {"libgomp", "libgomp#2", "libgomp#3"}
    assert set(found.values()) == {Observed(1), Observed(2), Observed(3)}


def test_the_order_of_loading_is_no_fact(tmp_path):
    twins = [GOMP, {**GOMP, "threads": 2}, BLAS]
    assert look(tmp_path, twins) == look(tmp_path, list(reversed(twins)))


@pytest.mark.parametrize("threads", [0, -1, "4", True, 2.0])
def test_a_count_that_is_none(tmp_path, threads):
    assert look(tmp_path, [{**GOMP, "threads": threads}])["openmp", "libgomp", "threads"] == FAILED


@pytest.mark.parametrize("affinity", [(), (-1,), ("0",), (True,)])
def test_an_affinity_that_is_none(tmp_path, affinity):
    assert look(tmp_path, [], affinity)["affinity", "count"] == FAILED


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_POOL = st.fixed_dictionaries(
    {}, optional={key: st.sampled_from(["openmp", value, "x"]) | _JSON for key, value in BLAS.items()}
)


@given(st.lists(_POOL | _JSON, max_size=4), st.lists(_JSON, max_size=3) | _JSON)
def test_whatever_a_process_reports_is_read(pools, affinity):
    context = Context(process={"thread_pools": pools, "affinity": affinity}, environ={})
    assert Facet("threads", 1, ThreadsProbe().observe(context).facts).canonical


# --- Real libraries ----------------------------------------------------------------------------------------

_ASK = """
import ctypes, json, os, sys
for name in sys.argv[1:]:
    __import__(name) if "." not in name else ctypes.CDLL(name)
from reprofp._core.probing import loaded_thread_pools
pools = loaded_thread_pools()
from reprofp.probes.base import Context
from reprofp.probes.threads import ThreadsProbe
process = {"thread_pools": pools, "affinity": sorted(os.sched_getaffinity(0))}
facts = ThreadsProbe().observe(Context(process=process)).facts
print(json.dumps({".".join(path): getattr(fact, "value", None) for path, fact in facts.items()}))
"""


def ask(*libraries, **environ):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "OPENBLAS_", "GOTO_"))}
    done = subprocess.run(
        [sys.executable, "-c", _ASK, *libraries],
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def find_one(facts, api, detail):
    found = [value for path, value in facts.items() if path.startswith(f"{api}.") and path.endswith(f".{detail}")]
    assert len(found) == 1, facts
    return found[0]


@pytest.mark.parametrize("threads", [1, 2])
def test_numpys_openblas_has_the_threads_that_it_was_given(threads):
    if len(os.sched_getaffinity(0)) < threads:
        pytest.skip("OpenBLAS takes no more threads than there are processors")
    facts = ask("numpy", OPENBLAS_NUM_THREADS=str(threads))
    if not any(path.startswith("openblas.") for path in facts):
        pytest.skip(f"this numpy has no OpenBLAS of its own: {facts}")
    assert find_one(facts, "openblas", "threads") == threads
    assert find_one(facts, "openblas", "layer") in ("pthreads", "openmp")
    assert find_one(facts, "openblas", "version")[0].isdecimal()
    assert find_one(facts, "openblas", "core").isalnum()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [({"OMP_NUM_THREADS": "3"}, (3, False)), ({"OMP_NUM_THREADS": "2", "OMP_DYNAMIC": "true"}, (2, True))],
)
def test_libgomp_has_the_threads_that_it_was_given(environ, expected):
    if ctypes.util.find_library("gomp") is None:
        pytest.skip("no libgomp on this machine")
    facts = ask("libgomp.so.1", **environ)
    assert (find_one(facts, "openmp", "threads"), find_one(facts, "openmp", "dynamic")) == expected


def test_nothing_is_loaded_that_was_not():
    facts = ask()
    assert not [path for path in facts if not path.startswith("affinity.")]
