"""What DVC tracks, verified without DVC, on files that real DVC wrote."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprofp.datasets.interop import verify_dvc
from reprofp.datasets.interop.digests import read_path
from reprofp.errors import FormatError, InputError

FIXTURE = json.loads((Path(__file__).parent / "dvc_fixture.json").read_text())
DVC = Path(sys.executable).with_name("dvc")


@pytest.fixture
def repository(tmp_path):
    root = tmp_path / "repository"
    for name, content in FIXTURE["files"].items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(base64.b64decode(content))
    for name, target in FIXTURE["links"].items():
        (root / name).symlink_to(target)
    (root / ".dvc").mkdir()
    return root


@pytest.mark.parametrize(("name", "count"), [("data.dvc", 1), ("one.txt.dvc", 1), ("dvc.lock", 4)])
def test_what_dvc_wrote_holds(repository, name, count):
    found = verify_dvc(repository / name)
    assert found
    assert (found.kind, len(found.checks), found.failures) == ("dvc", count, ())
    assert all(check.expected == check.found for check in found.checks)


@pytest.mark.parametrize("change", ["content", "name", "added", "removed"])
def test_every_change_shows(repository, change):
    match change:
        case "content":
            (repository / "data" / "a.txt").write_bytes(b"A\n")
        case "name":
            (repository / "data" / "a.txt").rename(repository / "data" / "A.txt")
        case "added":
            (repository / "data" / "sub" / "deep" / "more").touch()
        case _:
            (repository / "data" / "sub" / "bin").unlink()
    found = verify_dvc(repository / "data.dvc")
    assert not found
    assert [check.path for check in found.failures] == [b"data"]


def test_what_is_ignored_does_not_matter(repository):
    (repository / "data" / "other.log").touch()
    (repository / "data" / "sub" / "scratch").write_text("other")
    (repository / "outside" / "file").write_text("other")  # a link to a folder does not count
    (repository / "data" / "nothing" / "in" / "it").mkdir(parents=True)
    assert verify_dvc(repository / "data.dvc")


def test_text_of_old_files_counts_with_the_line_ends_of_unix(repository):
    """DVC's own digests of that kind are in the fixture."""
    for name, expected in FIXTURE["dos2unix"].items():
        found = read_path(os.fsencode(repository / name), ["md5-dos2unix"]).others["md5-dos2unix"]
        assert found == expected, name
    (repository / "old.dvc").write_text(f"outs:\n- md5: {FIXTURE['dos2unix']['one.txt']}\n  path: one.txt\n")
    assert verify_dvc(repository / "old.dvc")
    assert (
        verify_dvc(repository / "old.dvc").checks[0].expected != verify_dvc(repository / "one.txt.dvc").checks[0].found
    )


def test_what_is_missing_or_elsewhere_is_named(repository):
    (repository / "x.dvc").write_text(
        "outs:\n- {md5: '00', path: gone}\n- {md5: '00', path: 's3://bucket/x'}\n- {path: one.txt, etag: x}\n"
    )
    found = verify_dvc(repository / "x.dvc")
    assert not found
    assert ["ENOENT" in check.problem for check in found.checks] == [True, False, False]
    assert "not on this machine" in found.checks[1].problem
    assert "no MD5" in found.checks[2].problem


def test_digests_of_digits_are_no_numbers(repository):
    (repository / "x.dvc").write_text("outs:\n- md5: 00000000000000000000000000000010\n  path: one.txt\n")
    assert verify_dvc(repository / "x.dvc").checks[0].expected == "0" * 30 + "10"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "a: 1",
        "outs: 5",
        "outs: [5]",
        "outs: [{md5: x}]",
        "stages: [1]",
        "stages: {a: 1}",
        "stages: {a: {deps: 1}}",
        "a: &x [1]\nb: *x",
        "a: " + "[" * 100 + "]" * 100,
        "\tno",
        "outs: [{path: 'a\\0b'}]".replace("'", '"'),
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_what_is_no_file_of_dvc_is_refused(tmp_path, text):
    (tmp_path / "x.dvc").write_text(text)
    with pytest.raises(FormatError, match=r"x\.dvc"):
        verify_dvc(tmp_path / "x.dvc")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="check the path"):
        verify_dvc(tmp_path / "x.dvc")


@pytest.mark.frameworks
@pytest.mark.skipif(not DVC.exists(), reason="dvc is not installed: make test-full has it, the fixture stands for it")
def test_real_dvc_agrees(tmp_path):
    root = tmp_path / "repository"
    root.mkdir()
    environ = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    for i in range(30):
        (root / "data" / f"{i % 4}").mkdir(parents=True, exist_ok=True)
        (root / "data" / f"{i % 4}" / f"ü {i}").write_bytes(bytes([i]) * i * 1000)
    for command in (["git", "init", "-q"], [DVC, "init", "-q"], [DVC, "add", "-q", "data"]):
        subprocess.run(command, cwd=root, check=True, env=environ, capture_output=True)
    assert verify_dvc(root / "data.dvc")
