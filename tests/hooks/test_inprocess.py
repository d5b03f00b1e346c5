import os
import subprocess
import sys
import textwrap
import warnings

import numpy as np
import pytest

from reprofp.errors import InputError, UsageError
from reprofp.hooks.inprocess import run
from reprofp.ledger import Ledger
from reprofp.model.observations import Observed, Unknown, UnknownCode
from reprofp.model.schema import Phase


def newest():
    with Ledger.open(read_only=True) as book:
        return [book.get(summary.id) for summary in book.log()]


BLOCK = """
    import reprofp
    with reprofp.run(outputs="model", seeds={"seed": 3}, config={"lr": 0.1}) as recording:
        recording.log(loss=0.5)
        recording.log(loss=0.25, step=7)
        with open("model", "w", encoding="utf-8") as file:
            file.write("weights")
    print(recording.record.id)
"""


def test_a_block_is_a_run_in_the_ledger(tmp_path):
    """In a program of its own: here, the sources of all that pytest has loaded would be searched."""
    (tmp_path / "block.py").write_text(textwrap.dedent(BLOCK))
    done = subprocess.run([sys.executable, "block.py"], cwd=tmp_path, check=True, capture_output=True, text=True)
    [record] = [record for record in newest() if str(record.id) == done.stdout.strip()]
    assert record.result.metrics == {"loss": [(0, 0.5), (7, 0.25)]}
    assert str(record.result.outputs["model"]["digest"]).startswith("blake3:")
    assert record.result.exit_code == 0
    assert (record.start.phase, record.end.phase) == (Phase.START, Phase.END)
    assert record.look_up(("rng", "seeds", "seed")) == Observed(3)
    assert record.look_up(("usage", "audit")) == Observed(value=False)
    assert record.look_up(("usage", "network")) == Unknown(UnknownCode.NOT_ASKED)


@pytest.mark.parametrize(
    ("error", "code"), [(ValueError("mine"), 1), (KeyboardInterrupt(), 1), (SystemExit(3), 3), (SystemExit(), 0)]
)
def test_an_exception_is_recorded_and_goes_on(error, code):
    recording = run()
    with pytest.raises(type(error)), recording:
        raise error
    assert recording.record.result.exit_code == code


def test_a_ledger_that_fails_costs_one_warning(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="not recorded") as caught, run(ledger=tmp_path / "file" / "x") as recording:
        done = True
    assert done
    assert len(caught) == 1
    assert recording.record is not None, "what was seen is there, though not in the ledger"


def test_a_snapshot_that_fails_costs_one_warning(monkeypatch):
    def fail(*_):
        raise RuntimeError("mine")

    monkeypatch.setattr("reprofp.capture.describe_process", fail)
    with pytest.warns(RuntimeWarning, match="mine") as caught, run() as recording:
        recording.log(loss=1)
    assert len(caught) == 1
    assert recording.record is None


def test_disabled_it_does_nothing(monkeypatch):
    monkeypatch.setenv("REPROFP_DISABLE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with run() as recording:
            recording.log(loss=1)
    assert recording.record is None


def test_what_was_declared_must_be_there(tmp_path):
    with pytest.raises(InputError, match="nonesuch"):
        run(data=tmp_path / "nonesuch")
    with pytest.raises(UsageError, match="same name"):
        run(outputs=[tmp_path / "a" / "x", tmp_path / "b" / "x"])


@pytest.mark.parametrize("value", ["0.5", None, [1], True])
def test_metrics_are_numbers(value):
    with pytest.raises(UsageError, match="loss"):
        run().log(loss=value)
    with pytest.raises(UsageError, match="step"):
        run().log(loss=1, step="first")


PROGRAM = """
    import random
    import numpy
    random.seed(3); random.random()
    numpy.random.seed(4); numpy.random.rand(600)
    numpy.ones((300, 300)) @ numpy.ones((300, 300))
"""
HOOKED = """
    from reprofp.hooks.run import RunOptions, run_command
    record, code = run_command([sys.executable, "program.py"], RunOptions())
"""
INSIDE = (
    "import reprofp\nwith reprofp.run() as recording:\n"
    + textwrap.indent(textwrap.dedent(PROGRAM), "    ")
    + "record = recording.record\n"
)


TELL = """
    for facet in record.end.facets.values():
        if facet.name.split(".")[0] in {"python", "usage", "rng", "framework", "threads", "floating_point"}:
            for path, fact in facet.walk():
                print(".".join(path), fact, sep="=")
"""
ONLY_HEARD = {"audit", "entropy", "listing", "network", "subprocesses", "processes"}


def test_the_same_facts_come_out_in_process_and_through_the_hook(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    told = []
    for way in (HOOKED, INSIDE):
        (tmp_path / "way.py").write_text("import sys\n" + textwrap.dedent(way) + textwrap.dedent(TELL))
        environ = {**os.environ, "PYTHONHASHSEED": "0"}
        done = subprocess.run([sys.executable, "way.py"], cwd=tmp_path, check=True, capture_output=True, env=environ)
        told.append(dict(line.split("=", 1) for line in done.stdout.decode().splitlines()))
    hooked, inside = (
        {path: fact for path, fact in facts.items() if path.split(".")[1] not in ONLY_HEARD} for facts in told
    )
    known = {path: fact for path, fact in inside.items() if not fact.startswith("Unknown")}
    assert known.items() <= hooked.items()
    unknown = inside.keys() - known.keys()
    silent = {path for path in hooked.keys() - known.keys() if not any(path.startswith(other) for other in unknown)}
    assert silent == set(), "what the program may use is Unknown, never silently absent"
    assert {"rng.python.state", "rng.numpy.legacy.state", "python.hash_seed", "usage.modules.random"} <= known.keys()
    assert [path for path in known if path.startswith("threads.openblas")]


def test_steps_may_be_integers_of_numpy():

    with run() as running:
        running.log(step=np.int64(3), loss=np.float32(0.5))
    assert running.record.result.metrics == {"loss": [(3, 0.5)]}
