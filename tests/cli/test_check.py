"""``reprofp check``."""

import json

import pytest

from render.schemas import check


@pytest.fixture
def baseline(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("lr: 0.1\n")
    assert ask("snapshot", "--config", "config.yaml", "--tag", "good").code == 0
    return tmp_path


def test_nothing_in_the_way_of_what_was_just_seen(ask, baseline):
    done = ask("check", "--baseline", "good", "--require", "statistical", "--config", "config.yaml")
    assert done.code in {0, 2}
    assert "@now" in done.out


def test_another_hyper_parameter_is_in_the_way(ask, baseline):
    (baseline / "config.yaml").write_text("lr: 0.2\n")
    words = ["check", "--baseline", "good", "--config", "config.yaml"]
    done = ask(*words)
    assert done.code == 1
    assert "config.lr 0.1 -> 0.2" in done.out
    assert ask(*words, "--vary", "config.lr").code != 1


def test_strict_is_never_more_content(ask, baseline):
    words = ["check", "--baseline", "good", "--require", "functional", "--config", "config.yaml"]
    relaxed, strict = ask(*words), ask(*words, "--strict")
    assert strict.code >= relaxed.code


def test_json(ask, baseline):
    document = json.loads(ask("check", "--baseline", "good", "--config", "config.yaml", "--json").out)
    check("compare", document)
    assert document["requirement"]["level"] == "bitwise"
    assert document["rules_version"]


def test_the_command_is_described_and_not_run(ask, baseline):
    done = ask("check", "--baseline", "good", "--", "touch", "ran", "--lr", "5")
    assert done.code in {0, 1, 2}
    assert not (baseline / "ran").exists()


@pytest.mark.parametrize(
    "words",
    [[], ["--baseline", "none"], ["--baseline", "good", "--data", "none"], ["--baseline", "good", "--require", "x"]],
)
def test_bad_input(ask, baseline, words):
    done = ask("check", *words)
    assert done.code == 3
    assert done.failed_clearly
