import os
import time

import pytest

from reprofp.hooks.reading import Budget, hash_data_files

OLD_NS = 10**9


@pytest.fixture
def opened(tmp_path):
    """Make a file, and the entry that the listener keeps of it, as if it were opened in a second from now."""

    def make(name, content="data", *, reads=True, writes=False, after_ns=OLD_NS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        info = path.stat()
        identity = [info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns]
        return [str(path), reads, writes, 1, info.st_ctime_ns + after_ns, identity]

    return make


def find(entries, cwd, known=(), budget=None, **process):
    raw = {"audit": {"opens": entries}, "prefix": "/usr", "base_prefix": "/usr", **process}
    return hash_data_files(raw, cwd, known, budget or Budget())


def test_what_was_read_is_hashed_by_its_path_below_the_folder(opened, tmp_path):
    found = find([opened("work/sub/a.csv", ""), opened("far/b.csv", "12")], tmp_path / "work")
    assert found == {
        "sub/a.csv": {"digest": "blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "bytes": 0},
        "b.csv": {"digest": found["b.csv"]["digest"], "bytes": 2},
    }


def test_files_of_one_name_are_told_apart(opened, tmp_path):
    names = find([opened("x/1/a"), opened("x/2/a"), opened("w/a")], tmp_path / "w")
    assert set(names) == {"a", "1/a", "2/a"}


@pytest.mark.parametrize("change", ["write", "replace", "delete", "touch"])
def test_a_file_that_changed_since_it_was_opened_is_not_known(opened, tmp_path, change):
    entry = opened("a")
    time.sleep(0.02)
    path = tmp_path / "a"
    if change == "write":
        path.write_text("atad")
    elif change == "touch":
        os.utime(path, ns=(0, 0))
        os.utime(path, ns=(entry[5][3], entry[5][3]))
    else:
        path.unlink()
        if change == "replace":
            path.write_text("data")
    assert find([entry], tmp_path) == {"a": {"error": "failed"}}


def test_a_file_that_was_written_just_before_it_was_opened_is_not_known(opened, tmp_path):
    """A second write within one tick of the kernel's clock would leave no trace."""
    assert find([opened("a", after_ns=1000)], tmp_path) == {"a": {"error": "failed"}}


def test_what_the_run_made_is_no_input(opened, tmp_path):
    made = opened("made", reads=False, writes=True)
    created = [*opened("created")[:5], None]
    assert find([made, created], tmp_path) == {}


@pytest.mark.parametrize(
    "name",
    [
        "m.py",
        "m.pyc",
        "x.so",
        "venv/pyvenv.cfg",
        "venv/lib/data.csv",
        "a/site-packages/b/data.csv",
        "base/lib/python3.9/x",
    ],
)
def test_code_and_environments_are_no_data(opened, tmp_path, name):
    prefixes = {"prefix": str(tmp_path / "venv"), "base_prefix": str(tmp_path / "base")}
    assert find([opened(name)], tmp_path, **prefixes) == {}


@pytest.mark.parametrize("path", ["/proc/self/maps", "/sys/kernel/mm", "/dev/null", "/etc/hosts"])
def test_the_system_is_no_data(path, tmp_path):
    assert find([[path, True, False, 1, OLD_NS, [1, 2, 3, 4, 5]]], tmp_path) == {}


def test_what_is_hashed_anyway_is_left_out(opened, tmp_path):
    entries = [opened("data/a"), opened("data/b"), opened("out")]
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert find(entries, tmp_path, known=[tmp_path / "link", tmp_path / "out"]) == {}


def test_the_budget_leaves_the_rest_unknown(opened, tmp_path):
    entries = [opened(name, "1234") for name in ("b", "a", "c")]
    found = find(entries, tmp_path, budget=Budget(bytes=8))
    assert [name for name, result in found.items() if "digest" in result] == ["a", "b"]
    assert found["c"] == {"error": "not asked"}
    assert "digest" not in find(entries, tmp_path, budget=Budget(files=2))["c"]


def test_without_an_audit_nothing_was_read(tmp_path):
    assert hash_data_files({"audit": None}, tmp_path, (), Budget()) == {}


def test_names_that_are_not_utf8_are_written_with_escapes(opened, tmp_path):
    assert list(find([opened(os.fsdecode(b"bad\xff"))], tmp_path)) == ["bad\\xff"]
