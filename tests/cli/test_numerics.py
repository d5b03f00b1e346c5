import json
import sys

import pytest

from render.schemas import check


def test_classes_of_the_backends_that_are_named(ask):
    done = ask("numerics", "--backend", "libm")
    assert done.code == 0
    rows = [line.split() for line in done.out.splitlines()]
    assert [row[:2] for row in rows] == [["libm", "elementwise"], ["libm", "casts"]]
    assert all(row[2].startswith("k1:") for row in rows)


def test_the_answer_for_a_program(ask):
    done = ask("numerics", "--backend", "libm", "--backend", "numpy", "--json")
    answer = json.loads(done.out)
    check("numerics", answer)
    assert answer["schema"] == "reprofp/numerics/1"
    assert set(answer["backends"]) == {"libm", "numpy"}
    assert "libm.casts.sum" in answer["kernels"]


def test_every_kernel(ask):
    done = ask("numerics", "--backend", "libm", "--kernels")
    assert "  powf" in done.out


def test_a_backend_that_there_is_not(ask):
    done = ask("numerics", "--backend", "fortran")
    assert done.code == 3
    assert done.failed_clearly
    assert "libm, numpy" in done.err


def test_a_backend_that_is_not_installed(ask):
    done = ask("numerics", "--backend", "tensorflow")
    assert done.code == 3
    assert done.failed_clearly
    assert "No module named 'tensorflow'" in done.err


@pytest.fixture
def interpreter(tmp_path):
    """An interpreter that gives a fixed answer."""

    def make(families):
        raw = {"schema": 1, "backends": {"libm": families}, "kernels": {}, "duration_ns": {"libm": 1}}
        path = tmp_path / "python"
        path.write_text(f"#!/bin/sh\necho '{json.dumps(raw)}'\n")
        path.chmod(0o700)
        return path

    return make


def test_a_class_that_is_not_stable_is_a_finding(ask, interpreter):
    done = ask("numerics", "--backend", "libm", "--python", interpreter({"casts": {"class": "k1:unstable"}}))
    assert done.code == 1
    assert "the same input gave different bits" in done.out


def test_a_class_that_was_not_measured(ask, interpreter):
    done = ask(
        "numerics", "--backend", "libm", "--python", interpreter({"casts": {"error": "timed out", "message": ""}})
    )
    assert done.code == 2
    assert "not measured: timed out" in done.out


def test_a_snapshot_holds_them(ask):
    done = ask("snapshot", "--numerics", "--no-record", "--json", "--python", sys.executable)
    facts = json.loads(done.out)["facets"]["numerics"]["facts"]
    assert facts["libm.casts"]["observed"].startswith("k1:")
    assert facts["numpy.matmul"]["observed"].startswith("k1:")


def test_what_is_no_python_and_what_is_no_backend(ask):
    done = ask("numerics", "--python", "/bin/true")
    assert done.code == 3
    assert done.failed_clearly
    assert "is /bin/true a Python?" in done.err
    assert "did you mean 'numpy'?" in ask("numerics", "--backend", "numpyy").err
