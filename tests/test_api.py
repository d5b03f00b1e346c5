"""The library's functions."""

import subprocess
import sys

import pytest

import reprofp
from render.records import A
from reprofp.api import declare, name_paths
from reprofp.errors import InputError, UsageError
from reprofp.ledger import Ledger, write_record_file
from reprofp.model.observations import Observed
from reprofp.model.schema import Phase


def test_a_snapshot_describes_this_process(tmp_path):
    (tmp_path / "d").write_text("x")
    taken = reprofp.snapshot(data=tmp_path / "d", config={"lr": 0.1}, seeds={"main": 3})
    assert taken.phase is Phase.START
    assert taken.look_up(("config", "lr")) == Observed(0.1)
    assert isinstance(taken.look_up(("datasets", "declared", "d", "digest")), Observed)
    assert taken.look_up(("rng", "seeds", "main")) == Observed(3)
    assert isinstance(taken.look_up(("threads", "affinity", "count")), Observed)


def test_nothing_is_recorded_unless_asked():
    reprofp.snapshot()
    with Ledger.open(read_only=True) as book:
        assert len(book) == 0
    taken = reprofp.snapshot(record=True, phase="end")
    assert reprofp.load(taken.id).phase is Phase.END


def test_a_phase_that_is_none():
    with pytest.raises(UsageError, match="'start' or 'end'"):
        reprofp.snapshot(phase="static")


def test_compare_takes_records_and_names(tmp_path):
    write_record_file(A, tmp_path / "a.rfp")
    assert reprofp.compare(A, A).same_record
    assert reprofp.compare(tmp_path / "a.rfp", str(tmp_path / "a.rfp")).same_record
    verdict = reprofp.compare(A, "@now", vary=["config.lr", ("config", "name")], ignore=["os"])
    assert not verdict.same_record
    assert verdict.overall.promised <= verdict.overall.possible


def test_names_that_are_none():
    with pytest.raises(reprofp.NameNotFoundError):
        reprofp.load("nothing-of-this-name")
    with pytest.raises(reprofp.ReprofpError):
        reprofp.compare(A, A, vary=["a..b"])


def test_naming_paths(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("")
    two.write_text("")
    assert name_paths(None) == {}
    assert name_paths(str(one)) == {"one": one}
    assert name_paths([one, str(two)]) == {"one": one, "two": two}
    assert name_paths({"x": one}) == {"x": one}
    with pytest.raises(InputError, match="both named 'one'"):
        name_paths([one, str(tmp_path / "." / "one")])
    with pytest.raises(InputError, match="no file or folder"):
        name_paths(tmp_path / "three")


def test_declaring_configuration(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("a: 1")
    assert declare(config=path).config == (path,)
    assert declare(config={"a": 1}).settings == {"a": 1}
    assert declare(config=[path, path]).config == (path, path)
    with pytest.raises(InputError):
        declare(config=tmp_path / "none")


def test_the_process_is_looked_at_before_anything_is_imported(tmp_path):
    script = (
        "import sys, reprofp\n"
        "taken = reprofp.snapshot()\n"
        "seen = {path[1] for path, _ in taken.facets['usage'].walk() if path[1:2] == ('modules',)} "
        "if 'usage' in taken.facets else set()\n"
        "facts = {path for path in taken.facets['usage'].facts} if 'usage' in taken.facets else set()\n"
        "assert not any('msgpack' in path or 'psutil' in path for path in facts), facts\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)


OWN = {"msgpack", "yaml", "_yaml", "psutil", "zstandard", "click", "rich", "cffi", "_cffi_backend", "cpuinfo", "pynvml"}


def test_snapshots_of_a_process_that_does_nothing_are_alike(tmp_path):
    """What reprofp brings into the process is not the program's, by whichever of its functions it came."""
    script = (
        "import reprofp, sys, yaml\n"
        "first = reprofp.snapshot()\n"
        "second = reprofp.snapshot(record=True, config='c.yaml')\n"
        "reprofp.load(second.id); reprofp.compare(first, second); reprofp.Level\n"
        "third = reprofp.snapshot()\n"
        "assert first.fingerprint == third.fingerprint\n"
        "assert first.facets['usage'] == second.facets['usage'] == third.facets['usage']\n"
        "assert first.facets['packages'] == third.facets['packages']\n"
        "for path, fact in third.facets['usage'].walk(): print(*path[1:3])\n"
        "for path, fact in third.facets['packages'].walk(): print(*path[1:3])\n"
    )
    (tmp_path / "c.yaml").write_text("a: 1")
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    told = {tuple(line.split()) for line in done.stdout.splitlines()}
    shown = {name for kind, *rest in told if kind in {"modules", "imported"} for name in rest}
    assert "yaml" in shown, "the program imported it itself"
    assert not shown & (OWN - {"yaml", "_yaml"})
