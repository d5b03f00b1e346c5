"""Where the cache lies, when it is used, and that nothing about it is an error."""

import os
import shutil
import subprocess
import sys
import time

import pytest

from reprofp._core.reading import scan_tree
from reprofp.datasets.cache import cache_path, open_cache


def test_place(tmp_path):
    name = cache_path({"REPROFP_HOME": "/h"}).name
    assert name.startswith("digests-")
    assert cache_path({"REPROFP_HOME": "/h", "XDG_CACHE_HOME": "/x"}) == cache_path({"REPROFP_HOME": "/h"})
    assert str(cache_path({"REPROFP_HOME": "/h"}).parent) == "/h/cache"
    assert str(cache_path({"XDG_CACHE_HOME": "/x"}).parent) == "/x/reprofp"
    assert cache_path({"XDG_CACHE_HOME": "relative"}).parent.parts[-2:] == (".cache", "reprofp")


def test_machine_id_is_not_told(monkeypatch, tmp_path):
    for text, other in (("0123456789abcdef" * 2, "fedcba9876543210" * 2), ("", "")):
        (tmp_path / "machine-id").write_text(text)
        monkeypatch.setattr("reprofp.datasets.cache._MACHINE_ID", tmp_path / "machine-id")
        name = cache_path({"REPROFP_HOME": "/h"}).name
        assert not text or text[:8] not in name
        (tmp_path / "machine-id").write_text(other)
        assert (cache_path({"REPROFP_HOME": "/h"}).name == name) == (text == other)


@pytest.mark.parametrize(
    ("enabled", "value", "expected"), [(True, "", True), (True, "0", True), (True, "1", False), (False, "", False)]
)
def test_switches(tmp_path, enabled, value, expected):
    environ = {"REPROFP_HOME": str(tmp_path / "home"), "REPROFP_NO_CACHE": value}
    with open_cache(enabled=enabled, environ=environ) as cache:
        assert (cache is not None) == expected
    assert (tmp_path / "home").exists() == expected


def test_folders_are_ours_alone(tmp_path):
    environ = {"XDG_CACHE_HOME": str(tmp_path / "a" / "b")}
    old = os.umask(0)
    try:
        with open_cache(environ=environ) as cache:
            assert cache.path == cache_path(environ)
    finally:
        os.umask(old)
    assert (tmp_path / "a" / "b" / "reprofp").stat().st_mode & 0o777 == 0o700


def test_folder_of_others_is_a_remark(tmp_path):
    home = tmp_path / "home"
    (home / "cache").mkdir(parents=True)
    (home / "cache").chmod(0o777)
    told = []
    with open_cache(environ={"REPROFP_HOME": str(home)}, tell=told.append) as cache:
        assert cache is None
    assert len(told) == 1
    assert "chmod 700" in told[0]


def test_file_in_the_way_is_a_remark(tmp_path):
    (tmp_path / "file").write_text("")
    told = []
    with open_cache(environ={"REPROFP_HOME": str(tmp_path / "file")}, tell=told.append) as cache:
        assert cache is None
    assert "cannot be made" in told[0]


def test_no_home_is_a_remark(monkeypatch):
    def fail(_self):
        raise RuntimeError

    monkeypatch.setattr("pathlib.Path.expanduser", fail)
    told = []
    with open_cache(environ={}, tell=told.append) as cache:
        assert cache is None
    assert "home folder is not known" in told[0]


def test_saving_that_fails_is_a_remark(tmp_path):
    told = []
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("x")
    time.sleep(0.05)  # until it is old enough to be remembered
    with open_cache(environ={"REPROFP_HOME": str(tmp_path)}, tell=told.append) as cache:
        cache.path.mkdir()  # a folder where the file should go
        scan_tree(os.fsencode(tmp_path / "data"), cache=cache)
    assert len(told) == cache.counts().learned  # 0 on a file system that the cache does not trust
    assert all("were not remembered" in text for text in told)


ANOTHER_DISK = """
set -e
device=$(losetup -f)
attach() {{ losetup "$device" "$1"; mount "$device" mount; }}
detach() {{ umount mount; losetup -d "$device"; }}
trap 'umount mount; losetup -d "$device"' EXIT
attach a.img
mkdir mount/tree
head -c 5000 /dev/zero | tr '\\0' x > mount/tree/file
sleep 0.1
"{python}" ask.py; "{python}" ask.py
detach
attach b.img
"{python}" ask.py
"""

ASK = """
from reprofp.datasets import hash_tree
found = hash_tree("mount/tree")
print(found.reused, found.digest == hash_tree("mount/tree", cache=False).digest)
"""


def test_a_copy_of_a_disk_in_the_same_device_is_another_disk(tmp_path):
    """The copy has the same numbers and times; its contents were changed past the file system."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "losetup", "mkfs.ext4"))):
        pytest.skip("mounting an image needs root, util-linux and mkfs.ext4")
    image = tmp_path / "a.img"
    with open(image, "wb") as file:
        file.truncate(16 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    (tmp_path / "mount").mkdir()
    (tmp_path / "ask.py").write_text(ASK)
    text = ANOTHER_DISK.format(python=sys.executable).replace(
        "attach b.img", f'"{sys.executable}" change.py; attach b.img'
    )
    (tmp_path / "change.py").write_text(
        "data = open('a.img', 'rb').read()\n"
        "assert b'x' * 5000 in data\n"
        "open('b.img', 'wb').write(data.replace(b'x' * 5000, b'y' * 5000))\n"
    )
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", text],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "REPROFP_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    lines = done.stdout.splitlines()
    if lines[1:2] != ["1 True"]:
        pytest.skip(f"no image could be mounted, or nothing is remembered on it: {done.stderr[-200:]}")
    assert lines == ["0 True", "1 True", "0 True"]
