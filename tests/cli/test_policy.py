"""The command ``policy``, and what ``compare``, ``check`` and ``tag`` make of policies and baselines."""

import json

import pytest

from render.records import RUN, A, B
from render.schemas import check


@pytest.fixture
def here(tmp_path, monkeypatch, filled):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return tmp_path


def test_shows_and_checks(ask, here):
    assert ask("policy", "show").err == "reprofp: there is no policy here\n"
    assert ask("policy", "check").code == 3
    (here / "reprofp.toml").write_text(
        'require = "bitwise"\n[pin]\n"os.sysname" = "Linux"\n[branches]\nmain = "good"\n'
    )
    done = ask("policy", "show")
    assert done.out.splitlines()[1:] == [
        'require = "bitwise"',
        'pin = {"os.sysname" = "Linux"}',
        'baseline = "good"',
        'branches = {"main" = "good"}',
    ]
    assert "4 settings, all understood" in ask("policy", "check").err
    check("policy", json.loads(ask("policy", "show", "--json").out))
    (here / "reprofp.toml").write_text("requrie = 1")
    done = ask("compare", A.id, B.id)
    assert done.code == 3
    assert done.failed_clearly
    assert "did you mean 'require'" in done.err
    assert ask("compare", A.id, B.id, "--no-policy").code == 0


def test_compare_goes_by_the_policy_and_says_so(ask, here):
    (here / "reprofp.toml").write_text('ignore = ["config.name", "memory"]')
    document = json.loads(ask("compare", A.id, B.id, "--json").out)
    check("compare", document)
    assert {reason["path"] for reason in document["policy"]["ignored"]} == {"config.name"}
    plain = json.loads(ask("compare", A.id, B.id, "--json", "--no-policy").out)
    assert document["policy"]["without"]["overall"] == plain["overall"]
    assert plain["policy"] is None
    text = " ".join(ask("compare", A.id, B.id).out.split())
    assert "ignored by reprofp.toml" in text
    assert "without it: overall" in text


def test_a_level_that_a_policy_requires_is_asked(ask, here):
    (here / "p.toml").write_text('require = "bitwise"')
    assert (
        ask("compare", A.id, B.id, "--policy", "p.toml").code == ask("compare", A.id, B.id, "--require", "bitwise").code
    )
    document = json.loads(ask("compare", A.id, B.id, "--policy", "p.toml", "--require", "functional", "--json").out)
    assert document["requirement"]["level"] == "functional"
    assert ask("compare", A.id, B.id, "--policy", "p.toml", "--no-policy").code == 3


def test_folders_are_not_asked_for_a_level(ask, here):
    for name in ("one", "two"):
        (here / name).mkdir()
        (here / name / "file").write_text(name)
    (here / "reprofp.toml").write_text('require = "bitwise"')
    assert ask("compare", "one", "two").code == 0
    assert ask("compare", "one", "two", "--require", "bitwise").code == 1


def test_a_pin_that_does_not_hold_answers_no(ask, here):
    (here / "reprofp.toml").write_text('[pin]\n"os.sysname" = "Plan 9"')
    done = ask("compare", A.id, A.id.partition(":")[2][:12])
    assert done.code in {1, 2}
    done = ask("compare", A.id, B.id)
    assert done.code in {1, 2}
    assert "reprofp.toml pins" in " ".join(done.out.split())
    document = json.loads(ask("compare", A.id, B.id, "--json").out)
    check("compare", document)
    assert document["requirement"]["level"] is None


def test_check_takes_its_baseline_from_the_branch(ask, here):
    assert ask("check").code == 3
    (here / "reprofp.toml").write_text('require = "functional"\n[branches]\nmain = "last-known-good"')
    document = json.loads(ask("check", "--json").out)
    check("compare", document)
    assert document["a"]["id"] == A.id
    assert document["requirement"]["level"] == "functional"


def test_a_tag_moves_only_on_purpose(ask, filled):
    done = ask("tag", "last-known-good", "@-1")
    assert done.code == 3
    assert done.failed_clearly
    assert "--move" in done.err
    assert ask("tag", "last-known-good", A.id).code == 0
    assert ask("tag", "--move", "last-known-good", "@-1").code == 0
    assert json.loads(ask("tag", "--json").out)["tags"]["last-known-good"] == RUN.id
    document = json.loads(ask("tag", "--history", "last-known-good", "--json").out)
    check("tag-history", document)
    assert [(move["id"], move["previous"]) for move in document["moves"]] == [(RUN.id, A.id), (A.id, None)]
    assert f"{RUN.id[:16]}, was {A.id[:16]}" in ask("tag", "--history", "last-known-good").out
    assert ask("tag", "--history").code == 0
    assert ask("tag", "--history", "never-there").code == 3
    assert ask("tag", "--history", "--move", "x", "@-1").code == 3


@pytest.mark.parametrize(
    ("pin", "code", "said"),
    [
        ('"os.sysnam" = "Linux"', 1, "did you mean os.sysname"),
        ('"python.version" = 3.11', 1, "a number with a point, and the fact is text"),
        ('"cpu.cores.logical" = "4"', 1, "it can never hold"),
        ('"packages.installed.nmpy.version" = "1.0"', 0, "no fact of this name is known here"),
        ('"packages.installed.numpy.version" = "1.0"', 0, "1 settings, all understood"),
        ('"python.hash_seed" = "0"', 0, "1 settings, all understood"),
        ('"floating_point.ftz" = true', 0, "1 settings, all understood"),
    ],
)
def test_pins_that_can_never_hold_are_told(ask, here, pin, code, said):
    (here / "reprofp.toml").write_text(f"[pin]\n{pin}\n")
    done = ask("policy", "check")
    assert done.code == code, done.err
    assert said in done.err
    assert ask("policy", "show").code == 0
    assert json.loads(ask("policy", "check", "--json").out)["pin"]


def test_pins_that_are_not_known_are_told_in_one_clause(ask, here):
    (here / "reprofp.toml").write_text('[pin]\n"os.nothing" = "x"\n"os.nowhere" = "x"\n')
    text = " ".join(ask("compare", A.id, B.id).out.split())
    assert text.startswith("undecided, os.nothing and 1 more, which reprofp.toml pins, are not known: ")
