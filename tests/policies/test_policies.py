"""Policies are read strictly, found up to the repository's root, and never raise a promise silently."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.errors import InputError, ReprofpError, UsageError
from reprofp.model.facets import Facet
from reprofp.model.observations import Observed
from reprofp.policies import Policy, find_branch, find_policy_file, read_policy, rule_on
from reprofp.policies.reading import KEYS, read_table
from reprofp.verdict import Level, compare
from verdict.records import make_run

FILE = Path("reprofp.toml")
NOTHING = {"vary": (), "ignore": (), "accept_measured": False}
FULL = """
require = "statistical"
accept-measured = true
ignore = ["env.MINE", "packages.installed.black"]
vary = ["config.lr", 'config."a.b"']
baseline = "good"
[pin]
"python.version" = "3.11.7"
packages.installed.torch.version = "2.1.2"
[metrics]
margin = 0.02
margins = {loss = 0.005}
[branches]
main = "main-good"
"release/*" = "release-good"
"release/1.*" = "one-good"
"""


def write(folder, text, name="reprofp.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_every_key_is_read(tmp_path):
    policy = read_policy(write(tmp_path, FULL))
    assert policy == Policy(
        tmp_path / "reprofp.toml",
        Level.STATISTICAL,
        True,
        (("env", "MINE"), ("packages", "installed", "black")),
        (("config", "lr"), ("config", "a.b")),
        {("python", "version"): "3.11.7", ("packages", "installed", "torch", "version"): "2.1.2"},
        0.02,
        {"loss": 0.005},
        "good",
        {"main": "main-good", "release/*": "release-good", "release/1.*": "one-good"},
    )


def test_pyproject_says_the_same(tmp_path):
    lines = [line if not line.startswith("[") else line.replace("[", "[tool.reprofp.", 1) for line in FULL.splitlines()]
    path = write(tmp_path, "[tool.reprofp]\n" + "\n".join(lines), "pyproject.toml")
    assert replace(read_policy(path), file=FILE) == replace(read_policy(write(tmp_path, FULL)), file=FILE)


def test_the_baseline_of_a_branch():
    policy = read_table({"baseline": "b", "branches": {"main": "m", "release/*": "r", "release/1.*": "one"}}, FILE)
    names = [policy.baseline_of(branch) for branch in ("main", "release/2.0", "release/1.2", "topic", "")]
    assert names == ["m", "r", "one", "b", "b"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("requrie = 'bitwise'", "requrie.*did you mean 'require'"),
        ("zzz = 1", "zzz.*the keys are require"),
        ("require = 'exact'", "require.*'exact' is not a level"),
        ("require = 'incomparable'", "leave the key out"),
        ("ignore = 'env.X'", "ignore: expected a list"),
        ("ignore = [1]", "expected the path of a fact"),
        ("ignore = ['a..b']", "ignore.*not a path"),
        ("ignore = ['package.x']", "did you mean 'packages'"),
        ("vary = ['env.X']", "no fact of the experiment"),
        ("pin = 1", "pin: expected a table"),
        ("[pin]\n'pythn.version' = 1", "did you mean 'python'"),
        ("[metrics]\nmargn = 1", "metrics.margn.*did you mean 'margin'"),
        ("[metrics]\nmargin = 0", "metrics.margin: expected a fraction"),
        ("[metrics]\nmargin = true", "expected a fraction"),
        ("[metrics.margins]\nloss = 'x'", "metrics.margins.loss"),
        ("accept-measured = 1", "accept-measured: expected true or false"),
        ("[branches]\nmain = ''", "branches.main"),
    ],
)
def test_what_is_not_understood_is_an_error_that_names_file_and_key(tmp_path, text, named):
    path = write(tmp_path, text)
    with pytest.raises(UsageError, match=f"{path}: .*{named}"):
        read_policy(path)


def test_what_is_no_file_of_a_policy(tmp_path):
    for path, named in (
        (tmp_path / "gone.toml", "cannot be read"),
        (write(tmp_path, "= =", "bad.toml"), "no TOML"),
        (write(tmp_path, "[tool.black]", "pyproject.toml"), r"no table \[tool.reprofp\]"),
    ):
        with pytest.raises(InputError, match=named):
            read_policy(path)


@given(
    st.dictionaries(
        st.sampled_from(sorted(KEYS)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.dates(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
        ),
    )
)
def test_no_table_breaks_the_reader(table):
    with suppress(ReprofpError):
        assert isinstance(read_table(table, FILE), Policy)


def test_it_is_found_up_to_the_root_of_the_repository(tmp_path):
    below = tmp_path / "repo" / "a" / "b"
    below.mkdir(parents=True)
    write(tmp_path, FULL)
    assert find_policy_file(below) is None
    (tmp_path / "repo" / ".git").mkdir()
    assert find_policy_file(below) is None
    found = write(tmp_path / "repo", "[tool.reprofp]", "pyproject.toml")
    assert find_policy_file(below) == found
    write(tmp_path / "repo" / "a", "[tool.other]", "pyproject.toml")
    assert find_policy_file(below) == found
    nearer = write(tmp_path / "repo" / "a", "")
    assert find_policy_file(below) == nearer


def test_the_branch_is_read_without_running_git(tmp_path):
    assert find_branch(tmp_path) == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/release/1.2\n")
    (tmp_path / "below").mkdir()
    assert find_branch(tmp_path / "below") == "release/1.2"
    (tmp_path / ".git" / "HEAD").write_text("0123456789\n")
    assert find_branch(tmp_path) == ""
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / ".git" / "worktrees").mkdir()
    (tmp_path / ".git" / "worktrees" / "HEAD").write_text("ref: refs/heads/topic\n")
    (other / ".git").write_text("gitdir: ../.git/worktrees\n")
    assert find_branch(other) == "topic"


def change(run, facet, path, value):
    end = run.end
    facets = dict(end.facets)
    facts = {**facets[facet].facts, path: Observed(value)}
    facets[facet] = Facet(facet, facets[facet].version, facts)
    (first, *rest) = run.processes
    return replace(run, processes=(replace(first, snapshot=replace(end, facets=facets)), *rest))


def test_what_is_ignored_is_told_and_the_verdict_without_it_is_kept():
    a = make_run()
    b = change(make_run(), "env", ("OMP_NUM_THREADS",), "7")
    plain = compare(a, b)
    policy = Policy(FILE, ignore=(("env", "OMP_NUM_THREADS"), ("env", "NOT_THERE")))
    verdict, ruling = rule_on(policy, compare, a, b, NOTHING)
    assert ruling.without == plain
    assert {reason.path for reason in ruling.ignored} == {
        reason.path for reason in plain.lowering() if reason.path[:2] == ("env", "OMP_NUM_THREADS")
    }
    assert verdict.overall.promised >= plain.overall.promised


def test_what_may_vary_is_told():
    a, b = make_run(), change(make_run(), "config", ("lr",), 0.7)
    verdict, ruling = rule_on(Policy(FILE, vary=(("config",),)), compare, a, b, NOTHING)
    assert [reason.path for reason in ruling.varied] == [("config", "lr")]
    assert not verdict.experiment.differs
    assert ruling.without.experiment.differs
    assert not any("which was to vary" in note for note in verdict.notes)


def test_pins_hold_with_their_types():
    a, b = change(make_run(), "config", ("n",), 1), change(make_run(), "config", ("n",), 1)

    def ask(pins):
        return rule_on(Policy(FILE, pin=pins), compare, a, b, NOTHING)[1].answer

    assert ask({}) is None
    assert ask({("config", "n"): 1}) == 0
    assert ask({("config", "n"): 1.0}) == 1
    assert ask({("config", "n"): 1, ("numerics", "nothing"): "x"}) == 2
    assert ask({("config", "n"): 2, ("numerics", "nothing"): "x"}) == 1


def test_the_reference_has_every_key():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "policy.md").read_text()
    assert all(f"`{key}" in page for key in KEYS)
