"""The kernels' files: what they compute, what they leave alone, where they run."""

import ast
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import numpy.random
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.numerics import find_library
from reprofp.numerics.kernels import measuring
from reprofp.numerics.measuring import KERNELS_FOLDER

FILES = sorted(KERNELS_FOLDER.glob("*.py"))
OPTIONS = {"library": str(find_library()), "limit_s": 100.0}


def measure(*backends, **options):
    return measuring.measure({**OPTIONS, "backends": list(backends), **options})


def classes(raw):
    return {
        f"{b}.{f}": entry.get("class", entry)
        for b, families in raw["backends"].items()
        for f, entry in families.items()
    }


class TestInputs:
    @given(st.sampled_from(["f4", "f8", "f2", "bf2"]), st.integers(1, 300), st.text(max_size=5))
    def test_magnitudes_lie_around_one(self, kind, count, label):
        data = measuring.Inputs().make(kind, count, label)
        if kind == "bf2":
            data = b"".join(b"\0\0" + data[place : place + 2] for place in range(0, len(data), 2))
        numbers = np.abs(np.frombuffer(data, {"f4": "<f4", "f8": "<f8", "f2": "<f2", "bf2": "<f4"}[kind]).astype("f8"))
        assert len(numbers) == count
        assert (numbers >= 2**-3).all()
        assert (numbers < 2**3).all()

    def test_indexes_are_bytes(self):
        numbers = np.frombuffer(measuring.Inputs().make("i8", 5000, ""), "<i8")
        assert (numbers.min(), numbers.max()) == (0, 255)

    def test_they_are_the_same_for_ever(self):
        # python3 -c 'import random; print(random.Random(int.from_bytes(b"u1 x", "little")).getrandbits(64).to_bytes(8, "little").hex())'
        assert bytes(measuring.Inputs().make("u1", 8, "x")).hex() == "364ad939dcbf63c9"
        made = b"".join(
            measuring.Inputs().make(kind, 5000, "a", positive=p) for kind in ("f4", "f8") for p in (True, False)
        )
        assert hashlib.sha256(made).hexdigest() == "15f4e075cbf80633f3bfe5db04536d64dc12bef4dfa926bdcf14d0fdbcc74364"

    def test_they_repeat_after_a_prime(self):
        made = measuring.Inputs().make("f4", 10000, "a")
        assert made[:4] == made[4 * 4093 : 4 * 4093 + 4]
        assert len(made) == 40000

    def test_signs_can_be_left_out(self):
        numbers = struct.unpack("<100d", measuring.Inputs().make("f8", 100, "", positive=True))
        assert all(number > 0 for number in numbers)


class TestClasses:
    def test_they_repeat_in_one_process(self):
        first, second = measure("libm", "numpy"), measure("libm", "numpy")
        assert classes(first) == classes(second)
        assert all(text.startswith("k1:") and len(text) == 67 for text in classes(first).values())

    def test_another_process_finds_the_same(self):
        options = json.dumps({**OPTIONS, "backends": ["libm", "numpy"], "import": True})
        words = [sys.executable, KERNELS_FOLDER / "measuring.py", options]
        done = subprocess.run(words, check=True, capture_output=True)
        here, there = classes(measure("libm", "numpy")), classes(json.loads(done.stdout))
        assert {name: here[name] for name in there} == there

    def test_families_of_parts_that_are_not_loaded_are_left_out(self):
        program = (
            "import json, sys, numpy; sys.modules.pop('numpy.random', None); sys.path.insert(0, sys.argv[1]);"
            "import measuring; print(json.dumps(measuring.measure(json.loads(sys.argv[2]))))"
        )
        options = json.dumps({**OPTIONS, "backends": ["numpy"]})
        done = subprocess.run(
            [sys.executable, "-c", program, KERNELS_FOLDER, options], check=True, capture_output=True, text=True
        )
        assert "random" not in json.loads(done.stdout)["backends"]["numpy"]

    def test_a_rounding_mode_changes_the_classes(self):
        program = (
            "import ctypes, json, sys; sys.path.insert(0, sys.argv[1]);"
            "import measuring; ctypes.CDLL('libm.so.6').fesetround(0x800);"
            "print(json.dumps(measuring.measure(json.loads(sys.argv[2]))))"
        )
        options = json.dumps({**OPTIONS, "backends": ["libm"]})
        done = subprocess.run(
            [sys.executable, "-c", program, KERNELS_FOLDER, options], check=True, capture_output=True, text=True
        )
        here, upward = classes(measure("libm")), classes(json.loads(done.stdout))
        assert here.keys() == upward.keys()
        assert all(here[name] != upward[name] for name in here)


class TestWhatGoesWrong:
    @pytest.fixture
    def backend(self, monkeypatch):
        """Put a backend in the place of libm, with kernels that a test gives."""

        def put(*kernels):
            names = {
                "REVISION": 1,
                "is_used": lambda _: True,
                "open_backend": lambda *_: None,
                "close_backend": lambda _: None,
                "to_bytes": lambda result: (result,),
                "list_kernels": lambda *_: [("matmul", list(kernels)), ("casts", [("well", lambda: b"1")])],
            }
            monkeypatch.setitem(measuring._loaded, "libm.py", names)

        return put

    def test_a_kernel_that_varies_is_unstable(self, backend):
        bits = iter([b"1", b"2"])
        backend(("steady", lambda: b"1"), ("random", lambda: next(bits)))
        raw = measure("libm")
        assert raw["backends"]["libm"]["matmul"] == {"class": "k1:unstable"}
        assert raw["kernels"]["libm.matmul.random"] == "unstable"
        assert raw["kernels"]["libm.matmul.steady"] != "unstable"
        assert raw["backends"]["libm"]["casts"]["class"] != "k1:unstable"

    def test_a_kernel_that_fails_leaves_its_family_unknown(self, backend):
        backend(("broken", lambda: 1 / 0), ("good", lambda: b"1"))
        raw = measure("libm")["backends"]["libm"]
        assert raw["matmul"] == {"error": "failed", "message": "broken: ZeroDivisionError: division by zero"}
        assert "class" in raw["casts"]

    def test_what_is_not_measured_in_time_says_so(self, backend):
        backend(("any", lambda: b"1"))
        raw = measure("libm", limit_s=-1)["backends"]["libm"]
        assert {entry["error"] for entry in raw.values()} == {"timed out"}

    def test_a_backend_that_is_not_there_costs_no_other(self):
        raw = measure("torch_cuda", "libm")["backends"]
        assert raw["torch_cuda"][""]["error"] == "failed"
        assert "class" in raw["libm"]["casts"]

    def test_a_library_that_is_not_there(self, tmp_path):
        raw = measure("libm", library=str(tmp_path / "none.so"))["backends"]
        assert raw["libm"][""]["error"] == "failed"


def observe():
    """Everything of this process that kernels must leave alone."""
    maps = Path("/proc/self/maps").read_text()
    return {
        "modules": {name for name in sys.modules if not name.startswith("reprofp")},
        "libraries": {line.split()[-1] for line in maps.splitlines() if ".so" in line},
        "random": random.getstate(),
        "numpy.random": repr(np.random.get_state()),  # noqa: NPY002 - the legacy generator's own state
        "errors": np.geterr(),
        "filters": list(warnings.filters),
        "threads": threading.active_count(),
        "environ": dict(os.environ),
        "cwd": os.getcwd(),
        "path": list(sys.path),
    }


@pytest.mark.parametrize("errors", ["ignore", "raise"])
def test_the_process_is_left_as_it_was(errors):
    measure("libm", "numpy")  # what is loaded on the first call is CPython's own
    with np.errstate(all=errors):
        before = observe()
        raw = measure("libm", "numpy")
        assert observe() == before
    assert all("class" in entry for families in raw["backends"].values() for entry in families.values())


def test_nothing_is_imported_unasked():
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import measuring;"
        "raw = measuring.measure(json.loads(sys.argv[2])); print(json.dumps([sorted(raw['backends']),"
        "sorted({name.partition('.')[0] for name in sys.modules} & {'numpy', 'torch', 'scipy', 'jax', 'random'})]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, KERNELS_FOLDER, json.dumps(OPTIONS)], check=True, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == [["libm"], []]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_files_need_no_newer_python_and_nothing_of_reprofp(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    guarded = {id(inner) for node in tree.body if isinstance(node, ast.If) for inner in ast.walk(node)}
    imports = [
        node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in guarded
    ]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    known = sys.stdlib_module_names | {"_sha2", "_sha256", "_frozen_importlib_external"}
    assert {name.partition(".")[0] for name in names} <= known


def test_every_backend_has_its_file():
    assert {file for file, _module in measuring.BACKENDS.values()} <= {path.name for path in FILES}
