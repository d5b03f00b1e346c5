import importlib.util
import json
import os
import random
import subprocess
import sys
import types

import numpy as np
import pytest

from reprofp._core import probing
from reprofp.probes import raw


def test_every_part_is_told_and_is_json():
    told = raw.collect()
    assert [name for name, part in told.items() if isinstance(part, dict) and "error" in part] == []
    assert json.loads(json.dumps(told)) == told
    assert told["schema"] == raw.SCHEMA
    assert told["modules"]["json"] == json.__file__
    assert told["versions"]["numpy"] == np.__version__
    assert told["affinity"] == sorted(os.sched_getaffinity(0))
    assert any(item["base"].startswith("libc.so") for item in told["libraries"])


def test_native_facts_are_those_of_the_native_core():
    np.ones((64, 64)) @ np.ones((64, 64))
    told = raw.collect()
    assert told["thread_pools"] == probing.loaded_thread_pools()
    assert told["floating_point"] == probing.floating_point_state()
    assert any(pool["api"] == "openblas" for pool in told["thread_pools"])


def test_nothing_is_advanced_or_changed():
    def look():
        legacy = np.random.mtrand._rand._bit_generator.state["state"]
        return random.getstate(), legacy["key"].tobytes(), legacy["pos"], dict(os.environ), list(sys.path), np.geterr()

    before = look()
    raw.collect()
    assert look() == before


def test_two_collections_tell_the_same():
    raw.collect()
    first, second = raw.collect(), raw.collect()
    assert first == second


def test_one_part_that_fails_costs_no_other(monkeypatch):
    def refuse(*_):
        raise PermissionError

    def fail():
        raise RuntimeError

    monkeypatch.setattr(os, "readlink", refuse)
    monkeypatch.setattr(os, "getcwd", fail)
    told = raw.collect()
    assert told["libraries"] == {"error": "denied"}
    assert told["cwd"] == {"error": "failed"}
    assert told["pid"] == os.getpid()


class Hostile(types.ModuleType):
    """What can stand in sys.modules: reading any attribute of it is an error."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


def test_modules_are_read_without_waking_them(monkeypatch):
    spec = importlib.util.find_spec("colorsys")
    lazy = importlib.util.module_from_spec(spec)
    importlib.util.LazyLoader(spec.loader).exec_module(lazy)
    monkeypatch.setitem(sys.modules, "colorsys", lazy)
    monkeypatch.setitem(sys.modules, "hostile", Hostile("hostile"))
    monkeypatch.setitem(sys.modules, "odd", object())
    monkeypatch.setitem(sys.modules, "gone", None)
    monkeypatch.setitem(sys.modules, 3, None)
    told = raw.collect()
    assert told["modules"]["hostile"] is told["modules"]["odd"] is None
    assert type(lazy).__name__ == "_LazyModule", "reading it would have loaded it"


def test_what_reprofp_brings_in_is_its_own(monkeypatch):
    monkeypatch.setattr(raw, "_own_modules", set())
    for name in ("mailcap_like", "foreign"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with raw.observing():
        for name, file in (("own_stdlib", None), ("psutil.own", "/x/site-packages/psutil/own.py")):
            module = types.ModuleType(name)
            module.__file__ = file
            monkeypatch.setitem(sys.modules, name, module)
        foreign = types.ModuleType("foreign")
        foreign.__file__ = "/x/site-packages/foreign.py"
        monkeypatch.setitem(sys.modules, "foreign", foreign)
    told = raw.collect()
    assert told["own"]["modules"] == ["own_stdlib", "psutil.own"]
    assert not {"own_stdlib", "psutil.own"} & set(told["modules"])
    assert "foreign" in told["modules"], "another thread may have imported it"
    foreign.used = sys.modules["own_stdlib"]
    assert "own_stdlib" in raw.collect()["modules"], "the program has it under a name"


@pytest.mark.parametrize(
    ("argv", "environ", "seed"),
    [
        (["python", "t.py"], {}, "random"),
        (["python", "t.py"], {"PYTHONHASHSEED": ""}, "random"),
        (["python", "t.py"], {"PYTHONHASHSEED": "random"}, "random"),
        (["python", "t.py"], {"PYTHONHASHSEED": "0"}, "0"),
        (["python", "t.py"], {"PYTHONHASHSEED": "0042"}, "42"),
        (["python", "-c", "-R"], {"PYTHONHASHSEED": "0"}, "0"),
        (["python", "-m", "x", "-I"], {"PYTHONHASHSEED": "0"}, "0"),
        (["python", "-X", "R", "t.py"], {"PYTHONHASHSEED": "0"}, "0"),
        (["python", "-WE", "t.py"], {"PYTHONHASHSEED": "0"}, "0"),
        (["python", "-sR", "t.py"], {"PYTHONHASHSEED": "0"}, "random"),
        (["python", "-X", "dev", "-R", "t.py"], {"PYTHONHASHSEED": "0"}, "random"),
        (["python", "-E", "t.py"], {"PYTHONHASHSEED": "0"}, "random"),
        (["python", "-I", "t.py"], {"PYTHONHASHSEED": "0"}, "random"),
        (["python", "-cR"], {"PYTHONHASHSEED": "0"}, "0"),
    ],
)
def test_the_hash_seed_is_what_the_interpreter_takes(argv, environ, seed, tmp_path):
    assert raw.predict_hash_seed(argv, environ) == seed
    code = f"import sys; sys.path.insert(0, {os.path.dirname(raw.__file__)!r}); import raw; print(raw.collect()['python']['hash_seed'])"
    options = argv[1 : argv.index("t.py")] if "t.py" in argv else []
    done = subprocess.run(
        [sys.executable, *options, "-c", code], env=environ, check=True, capture_output=True, cwd=tmp_path
    )
    assert done.stdout.decode().strip() == seed


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("libscipy_openblas64_-32a4b2a6.so", "libscipy_openblas64_"),
        ("libgomp-a34b3233.so.1.0.0", "libgomp"),
        ("libgomp.so.1", "libgomp"),
        ("libopenblas-r0.3.21.so", "libopenblas"),
        ("libmkl_rt.so.2", "libmkl_rt"),
    ],
)
def test_libraries_are_named_as_the_native_core_names_them(base, name):
    assert raw._strip_version(base) == probing.library_name(base) == name
