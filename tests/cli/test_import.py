"""The command ``import``."""

import json
from pathlib import Path

import pytest

from reprofp.cli.import_records import _KINDS
from reprofp.importing import KINDS

FIXTURES = Path(__file__).parents[1] / "importing" / "fixtures"


def test_imports_names_and_compares(ask, own_home):
    done = ask("import", FIXTURES / "freeze.txt", "--tag", "last-year")
    assert done.code == 0
    assert done.out.startswith("sn1:")
    assert "108 facts from pip freeze; never recorded: os, cpu" in done.err
    compared = ask("compare", "last-year", "@now", "--require", "statistical")
    assert compared.code == 2
    assert "a was imported from pip freeze; never recorded: os, cpu," in " ".join(compared.out.split())
    notes = json.loads(ask("compare", "last-year", "@now", "--json").out)["notes"]
    assert notes[0].startswith("a was imported from pip freeze")


def test_imports_without_recording(ask, own_home, tmp_path):
    done = ask("import", FIXTURES / "sacred", "--no-record", "--json", "--output", tmp_path / "old.rfp")
    record = json.loads(done.out)
    assert record["kind"] == "run"
    assert "written to" in done.err
    assert ask("show", tmp_path / "old.rfp").code == 0
    assert ask("log").out == ""


@pytest.mark.parametrize(
    "words", [["import"], ["import", "nowhere.txt"], ["import", FIXTURES / "freeze.txt", "--from", "sacred"],
              ["import", FIXTURES / "freeze.txt", "--no-record", "--tag", "x"]]
)  # fmt: skip
def test_what_cannot_be_imported(ask, own_home, words):
    done = ask(*words)
    assert done.code == 3
    assert done.failed_clearly


def test_the_help_knows_every_kind():
    assert sorted(_KINDS) == sorted(KINDS)
