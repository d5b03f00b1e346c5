from __future__ import annotations

from pathlib import Path

import pytest

from reprofp.datasets import hash_file, hash_tree
from reprofp.errors import UnstableFileError
from reprofp.model.facets import Facet
from reprofp.model.observations import ABSENT, Observed, Unknown, UnknownCode
from reprofp.probes.base import Experiment
from reprofp.probes.datasets import DatasetsProbe

NOT_ASKED = Unknown(UnknownCode.NOT_ASKED)
HEARD = {"audit": {"opens": [], "truncated": False}, "modules": {"__main__": "t.py", "numpy": "n.py"}}


@pytest.fixture
def observe(make_context):
    def run(process=None, **data):
        paths = {name: Path(path) for name, path in data.items()}
        return DatasetsProbe().observe(make_context(experiment=Experiment(data=paths), process=process))

    return run


@pytest.fixture
def cwd(make_context):
    return make_context().cwd


def look(report, *path):
    return Facet("datasets", 1, report.facts).look_up(path)


def test_a_declared_file(observe, cwd):
    (cwd / "d.csv").write_text("1,2")
    report = observe(train="d.csv")
    assert report.facts == {
        ("declared", "train", "digest"): Observed(str(hash_file(cwd / "d.csv").digest)),
        ("declared", "train", "files"): Observed(1),
        ("declared", "train", "bytes"): Observed(3),
    }
    assert report.circumstances == {"datasets.declared.train.path": "~/project/d.csv"}


def test_a_declared_folder(observe, cwd):
    (cwd / "d").mkdir()
    (cwd / "d" / "a").write_text("1")
    (cwd / "d" / "b").write_text("23")
    report = observe(train="d")
    assert look(report, "declared", "train", "digest") == Observed(str(hash_tree(cwd / "d").digest))
    assert look(report, "declared", "train", "files") == Observed(2)
    assert look(report, "declared", "train", "bytes") == Observed(3)
    assert look(report, "read", "x") == ABSENT


def test_data_that_vanished_is_unknown_and_said_why(observe):
    report = observe(train="gone")
    assert look(report, "declared", "train", "digest") == Unknown(UnknownCode.FAILED)
    assert "gone" in report.circumstances["datasets.declared.train.problem"]
    assert "/ada" not in report.circumstances["datasets.declared.train.problem"]


def test_data_that_changes_is_unknown(observe, cwd, monkeypatch):
    def change(path):
        raise UnstableFileError(f"{path} changed while it was read")

    monkeypatch.setattr("reprofp.datasets.hash_path", change)
    assert look(observe(train="d"), "declared", "train", "digest") == Unknown(UnknownCode.FAILED)


def test_nobody_said_anything_about_data(observe):
    assert look(observe(), "declared", "train", "digest") == NOT_ASKED
    assert look(observe(process={"audit": None, "modules": {"os": "os.py"}}), "read", "x") == NOT_ASKED


def test_an_audit_that_heard_of_no_file_says_that_there_was_none(observe):
    assert observe(process=HEARD).facts == {(): ABSENT}


def test_files_that_were_read(observe):
    files = {
        "data/a.csv": {"digest": "blake3:00", "bytes": 1},
        "b.csv": {"error": "failed"},
        "c.csv": {"error": "not asked"},
        "d.csv": {"error": "???"},
        "e.csv": 5,
    }
    report = observe(process={**HEARD, "data_files": files})
    assert report.facts == {
        ("read", "data/a.csv"): Observed("blake3:00"),
        ("read", "b.csv"): Unknown(UnknownCode.FAILED),
        ("read", "c.csv"): NOT_ASKED,
        ("read", "d.csv"): Unknown(UnknownCode.FAILED),
        ("read", "e.csv"): Unknown(UnknownCode.FAILED),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"audit": {"opens": [], "truncated": True}},
        {"modules": {"torch": "t.py"}},
        {"modules": {"error": "failed"}},
        {"modules": None},
        {"audit": None},
    ],
)
def test_what_may_have_been_read_unheard_is_unknown(observe, change):
    files = {"a.csv": {"digest": "blake3:00", "bytes": 1}}
    report = observe(process={**HEARD, "data_files": files, **change})
    assert look(report, "read", "a.csv") == Observed("blake3:00")
    assert look(report, "read", "b.csv") == NOT_ASKED


def test_many_files_are_one_digest(observe):
    files = {f"{number}.csv": {"digest": f"blake3:{number:04}", "bytes": 1} for number in range(1001)}
    report = observe(process={**HEARD, "data_files": files})
    assert look(report, "read-aggregate", "files") == Observed(1001)
    assert look(report, "read", "5.csv") == NOT_ASKED
    turned = observe(process={**HEARD, "data_files": dict(reversed(files.items()))})
    assert report.facts == turned.facts
    files["5.csv"] = {"digest": "blake3:9999", "bytes": 1}
    assert look(observe(process={**HEARD, "data_files": files}), "read-aggregate", "digest") not in (
        look(report, "read-aggregate", "digest"),
        NOT_ASKED,
    )
    files["5.csv"] = {"error": "denied"}
    other = observe(process={**HEARD, "data_files": files})
    assert look(other, "read-aggregate", "digest") == Unknown(UnknownCode.DENIED)


@pytest.mark.parametrize("fact", [ABSENT, Observed("blake3:00"), NOT_ASKED])
def test_standard_input_is_one_fact(make_context, fact):
    report = DatasetsProbe().observe(make_context(process=HEARD, stdin=fact))
    assert report.facts == {("stdin", "digest"): fact, **({(): ABSENT} if fact is ABSENT else {})}
    unheard = DatasetsProbe().observe(make_context(stdin=fact))
    assert look(unheard, "stdin", "digest") == fact
    assert look(unheard, "read", "x") == NOT_ASKED
