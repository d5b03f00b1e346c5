import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import InputError
from reprofp.hooks.results import Metrics, Outputs


@pytest.fixture
def metrics(tmp_path):
    return Metrics(tmp_path / "metrics.jsonl")


def test_metrics_are_read_by_name_in_their_order(metrics):
    metrics.remember()
    metrics.path.write_text('{"step": 1, "loss": 0.5}\n\n{"step": 3, "loss": 0.25, "acc": 1}\n')
    assert metrics.collect() == {"loss": [(1, 0.5), (3, 0.25)], "acc": [(3, 1.0)]}


def test_steps_count_up_where_they_are_not_given(metrics):
    metrics.remember()
    metrics.path.write_text('{"loss": 2}\n{"loss": 1}\n')
    assert metrics.collect() == {"loss": [(0, 2.0), (1, 1.0)]}


def test_numbers_that_are_not_finite_are_kept(metrics):
    metrics.remember()
    metrics.path.write_text('{"loss": NaN}\n{"loss": -Infinity}')
    points = metrics.collect()["loss"]
    assert math.isnan(points[0][1])
    assert points[1][1] == -math.inf


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not JSON"),
        ("[1]", "not an object"),
        ("3", "not an object"),
        ('{"loss": "0.5"}', "loss is '0.5'"),
        ('{"loss": true}', "loss is True"),
        ('{"loss": null}', "loss is None"),
        ('{"loss": [1]}', r"loss is \[1\]"),
        ('{"step": 1.5, "loss": 1}', "step is 1.5"),
        ('{"step": true, "loss": 1}', "step is True"),
        ('{"step": 9223372036854775808, "loss": 1}', "step is 9223372036854775808"),
        ('{"loss": 1' + "0" * 400 + "}", "loss is 1000"),
        ("[" * 100_000, "not JSON"),
        ("\xff", "not JSON"),
    ],
)
def test_a_bad_line_is_named(metrics, line, problem):
    metrics.remember()
    metrics.path.write_bytes(b'{"loss": 1}\n' + line.encode("latin-1") + b"\n")
    with pytest.raises(InputError, match=f"metrics.jsonl, line 2: .*{problem}"):
        metrics.collect()


def test_only_lines_of_this_run_count(metrics):
    metrics.path.write_text('{"step": 1, "loss": 9}\n')
    metrics.remember()
    with metrics.path.open("a") as stream:
        stream.write('{"step": 2, "loss": 1}\n{"bad')
    with pytest.raises(InputError, match="line 3"):
        metrics.collect()
    metrics.path.write_text('{"step": 1, "loss": 9}\n{"step": 2, "loss": 1}\n')
    assert metrics.collect() == {"loss": [(2, 1.0)]}
    metrics.path.write_text('{"step": 7, "loss": 1}\n{"step": 8, "loss": 1}\n')
    assert metrics.collect() == {"loss": [(7, 1.0), (8, 1.0)]}, "written anew, though longer"


def test_metrics_that_the_run_did_not_write_are_none(metrics):
    metrics.remember()
    with pytest.raises(InputError, match="there is no file"):
        metrics.collect()
    metrics.path.write_text('{"loss": 1}\n')
    metrics.remember()
    with pytest.raises(InputError, match="as it was before"):
        metrics.collect()
    metrics.path.unlink()
    metrics.path.mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        metrics.remember()


@given(st.binary(max_size=200))
def test_any_bytes_are_metrics_or_one_clear_error(tmp_path_factory, data):
    metrics = Metrics(tmp_path_factory.mktemp("m") / "metrics.jsonl")
    metrics.remember()
    metrics.path.write_bytes(data)
    problem = ""
    try:
        points = metrics.collect()
    except InputError as error:
        problem, points = str(error), {}
    assert "metrics.jsonl" in problem or not problem
    assert all(isinstance(step, int) for series in points.values() for step, _ in series)


@pytest.fixture
def outputs(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_text("a")
    (tmp_path / "file").write_text("f")
    made = Outputs({"file": tmp_path / "file", "tree": tmp_path / "tree", "gone": tmp_path / "gone"})
    made.remember()
    return made


def test_outputs_that_were_there_before_are_no_evidence(outputs):
    assert {name: output["error"] for name, output in outputs.hash().items()} == {
        "file": "the run did not write it: it is as it was before",
        "tree": "the run did not write it: it is as it was before",
        "gone": "the run did not make it",
    }


def test_outputs_that_were_written_are_hashed(outputs, tmp_path):
    (tmp_path / "file").write_text("f")
    (tmp_path / "tree" / "b").write_text("b")
    (tmp_path / "gone").write_text("")
    found = outputs.hash()
    assert found["file"]["bytes"] == 1
    assert found["tree"]["files"] == 2
    assert str(found["tree"]["digest"]).startswith("blake3-tree:")
    assert found["gone"]["digest"] == "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"


def test_what_cannot_be_hashed_says_why_without_a_path(outputs, tmp_path):
    os.mkfifo(tmp_path / "gone")
    error = str(outputs.hash()["gone"]["error"])
    assert "cannot be hashed" in error
    assert str(tmp_path) not in error


def test_a_run_that_writes_the_same_metrics_again_has_them(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "loss": 0.5}\n')
    metrics = Metrics(path)
    metrics.remember()
    with pytest.raises(InputError, match="as it was before"):
        metrics.collect()
    scratch = tmp_path / "again"
    scratch.write_text(path.read_text())
    scratch.replace(path)
    assert metrics.collect() == {"loss": [(1, 0.5)]}
