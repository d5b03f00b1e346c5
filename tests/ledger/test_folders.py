import os
import stat
from pathlib import Path

import pytest

from reprofp.errors import LedgerError
from reprofp.ledger import Ledger, connections, default_path
from reprofp.ledger.folders import find_network_filesystem, make_folder, replace_file

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw,relatime shared:5 - nfs4 server:/home rw,vers=4.2
31 30 8:2 / /home/local rw - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/a\\040b rw,relatime master:3 propagate_from:2 - lustre 10.0.0.1@tcp:/scratch rw
33 22 0:42 / /mnt/sshfs rw - fuse.sshfs host:/ rw
34 22 0:43 / /over rw - nfs server:/x rw
35 34 0:44 / /over rw - tmpfs tmpfs rw
a line that is not one
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/x", None),
        ("/home/ann/.local/state/reprofp", "nfs4"),
        ("/home", "nfs4"),
        ("/homes", None),
        ("/home/local/ann", None),
        ("/mnt/a b/c", "lustre"),
        ("/mnt/sshfs/x", "fuse.sshfs"),
        ("/over/x", None),  # the mount on top counts
    ],
)
def test_network_file_systems_are_told_by_their_mounts(folder, kind):
    assert find_network_filesystem(Path(folder), MOUNTS) == kind


def test_links_are_followed_to_the_mount_they_lead_to(tmp_path):
    mounts = f"1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / {tmp_path.resolve()}/share rw - nfs b rw\n"
    (tmp_path / "share").mkdir()
    (tmp_path / "link").symlink_to("share")
    assert find_network_filesystem(tmp_path / "link" / "x", mounts) == "nfs"
    assert find_network_filesystem(tmp_path, mounts) is None


def test_without_proc_none_is_assumed(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", fail)
    assert find_network_filesystem(tmp_path / "missing") is None


def test_a_ledger_on_a_network_file_system_is_read_and_not_written(folder, monkeypatch):
    Ledger.open(folder).close()
    monkeypatch.setattr(connections, "find_network_filesystem", lambda _folder: "nfs4")
    with pytest.raises(
        LedgerError, match=r"network file system \(nfs4\).*set REPROFP_HOME to a folder on a local disk"
    ):
        Ledger.open(folder)
    with pytest.raises(LedgerError, match="network file system"):
        Ledger.open(folder / "new")
    assert not (folder / "new").exists()
    with Ledger.open(folder, read_only=True) as ledger:
        assert len(ledger) == 0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"REPROFP_HOME": "/a", "XDG_STATE_HOME": "/b"}, "/a"),
        ({"XDG_STATE_HOME": "/b"}, "/b/reprofp"),
        ({"REPROFP_HOME": "", "XDG_STATE_HOME": "/b"}, "/b/reprofp"),
    ],
)
def test_the_default_place(environ, expected):
    assert default_path(environ) == Path(expected)


@pytest.mark.parametrize("state", [None, "", "relative"])
def test_the_default_place_in_the_home_folder(monkeypatch, state):
    monkeypatch.setenv("HOME", "/home/ann")
    assert default_path({} if state is None else {"XDG_STATE_HOME": state}) == Path("/home/ann/.local/state/reprofp")
    assert default_path({"REPROFP_HOME": "~/x"}) == Path("/home/ann/x")


@pytest.mark.parametrize("environ", [{}, {"REPROFP_HOME": "~nobody-has-this-name/x"}])
def test_no_home_says_so(monkeypatch, environ):
    def fail(_path):
        raise RuntimeError

    monkeypatch.setattr(Path, "expanduser", fail)
    with pytest.raises(LedgerError, match="set REPROFP_HOME"):
        default_path(environ)


def test_folders_are_made_private_all_the_way(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a", tmp_path / "a" / "b")} == {0o700}


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "x"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    with pytest.raises(TypeError):
        replace_file(path, None)
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["x"]
