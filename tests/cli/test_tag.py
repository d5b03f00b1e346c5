"""``reprofp tag``."""

import json

import pytest

from render.records import RUN, A


def test_sets_lists_moves_and_deletes(ask, filled):
    assert ask("tag", "good", A.id).err == f"reprofp: good is {A.id}\n"
    assert ask("tag").out == f"{A.id[:16]}  good\n{A.id[:16]}  last-known-good\n"
    ask("tag", "--move", "good", "@-1")
    assert json.loads(ask("tag", "--json").out)["tags"]["good"] == RUN.id
    assert ask("tag", "--delete", "good").code == 0
    assert "good" not in json.loads(ask("tag", "--json").out)["tags"]


@pytest.mark.parametrize(
    "words", [["good"], ["--delete"], ["--delete", "good", "@-1"], ["good", "@-1", "x"], ["--delete", "good"]]
)
def test_what_makes_no_sense(ask, filled, words):
    done = ask("tag", *words)
    assert done.code == 3
    assert done.failed_clearly


def test_a_name_that_could_be_an_id_is_refused(ask, filled):
    done = ask("tag", "0123456789", "@-1")
    assert done.code == 3
    assert done.failed_clearly


def test_no_record_of_that_name(ask, filled):
    done = ask("tag", "good", "nothing-of-this-name")
    assert done.code == 3
    assert "nothing-of-this-name" in done.err
