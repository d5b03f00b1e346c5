from __future__ import annotations

import hashlib
import hmac
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reprofp.errors import InputError
from reprofp.probes.keys import KEY_BYTES, Key, load_key


def test_the_default_key_is_made_once_and_only_for_its_owner(tmp_path):
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    first, second = load_key(environ), load_key(environ)
    path = tmp_path / "reprofp" / "key"
    assert first == second
    assert first.problem == ""
    assert path.read_bytes() == first.secret
    assert len(first.secret) == KEY_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(path.parent) == ["key"]


def test_home_is_used_where_there_is_no_state_folder(tmp_path):
    load_key({"HOME": str(tmp_path), "XDG_STATE_HOME": "relative/is/ignored"})
    assert (tmp_path / ".local" / "state" / "reprofp" / "key").exists()


def test_the_key_lies_beside_the_ledger(tmp_path):
    key = load_key({"REPROFP_HOME": str(tmp_path / "own"), "XDG_STATE_HOME": str(tmp_path / "state")})
    assert (tmp_path / "own" / "key").read_bytes() == key.secret


def test_processes_that_create_the_key_at_once_agree(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: load_key({"XDG_STATE_HOME": str(tmp_path)}).secret, range(16)))
    assert len(keys) == 1


@pytest.mark.parametrize("environ", [{}, {"HOME": "", "XDG_STATE_HOME": ""}, {"HOME": "/proc/nothing/here"}])
def test_without_a_place_the_key_ends_with_the_process(environ):
    first, second = load_key(environ), load_key(environ)
    assert first.problem
    assert first.id != second.id


def test_a_damaged_default_key_is_not_used(tmp_path):
    path = tmp_path / "reprofp" / "key"
    path.parent.mkdir()
    path.write_bytes(b"short")
    key = load_key({"XDG_STATE_HOME": str(tmp_path)})
    assert "5 bytes long" in key.problem
    assert path.read_bytes() == b"short"


def test_a_shared_key_is_taken_from_its_file(tmp_path):
    (tmp_path / "team").write_bytes(bytes(range(32)))
    assert load_key({"REPROFP_KEY": str(tmp_path / "team")}).secret == bytes(range(32))


@pytest.mark.parametrize("content", [None, b"", b"x" * 31, b"x" * 33])
def test_a_shared_key_that_cannot_be_used_is_an_error_with_a_remedy(tmp_path, content):
    if content is not None:
        (tmp_path / "team").write_bytes(content)
    with pytest.raises(InputError, match=r"REPROFP_KEY=.*team.*head -c 32 /dev/urandom"):
        load_key({"REPROFP_KEY": str(tmp_path / "team")})


def test_the_forms_of_ids_and_digests_are_those_of_the_documentation():
    key = Key(bytes(range(32)))
    page = (Path(__file__).parents[2] / "docs" / "formats" / "keyed.md").read_text()
    assert key.id in page
    assert key.digest("env.A", b"value").hex() in page
    assert key.id == hashlib.sha256(b"reprofp key id/1\0" + bytes(range(32))).hexdigest()[:16]
    expected = hmac.new(bytes(range(32)), b"reprofp keyed value/1\0env.A\0value", "sha256").digest()
    assert key.digest("env.A", b"value") == expected
    assert key.digest("env.B", b"value") != expected


def test_a_key_does_not_show_itself():
    assert "secret" not in repr(Key(b"secret" * 5))
