"""Secrets put where users put them are found nowhere: not in files, not on the socket, not in what commands print.

Commands run in processes of their own, as users run them, first without and then with a daemon, whose traffic is
listened to. Each secret has its own number, so that a leak names its way in.
"""

import base64
import os
import re
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from cli.conftest import SCRIPT
from daemon.serving import serving

CANARY = "kanarie9vogel"
FOUND = re.compile(CANARY + r"\d\d")
PROGRAM = """
import json, os, sys
import configuration

print("reading")
open("data/train.csv").read()
open(f"private/{os.environ['PART']}").close()
os.environ["SET_LATER"] = os.environ["INNOCENT"][::1]
raise RuntimeError("cannot log in with " + os.environ["DB_PW"])
"""


def secret(number):
    return f"{CANARY}{number:02}"


def token(number):
    """A secret that shows by its shape."""
    return f"hf_{secret(number)}QwErTy{secret(number)}"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "train.csv").write_text(f"{secret(1)},2\n")
    (folder / "private").mkdir()
    (folder / "private" / token(2)).write_text("in a name\n")
    (folder / "train.py").write_text(PROGRAM)
    (folder / "configuration.py").write_text(f"PASSWORD = {secret(3)!r}\n")
    (folder / "config.yaml").write_text(
        f"db:\n  password: {secret(4)}\n  url: postgres://ada:{secret(5)}@host/x\nnote: {token(6)}\nlr: 0.1\n"
    )
    (folder / "uv.lock").write_text(f"index = 'https://ada:{secret(7)}@host'\n")
    run(folder, "git", "init", "-q")
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", f"first {token(8)}")
    run(folder, "git", "remote", "add", "origin", f"https://ada:{secret(9)}@host/x.git")
    run(folder, "git", "checkout", "-q", "-b", f"fix-{token(10)}")
    make_package(tmp_path / "site" / "site-packages")
    return folder


def make_package(folder):
    """A package that was installed from an address with a password, and a file that runs code at the start."""
    place = folder / "made_up-1.0.dist-info"
    place.mkdir(parents=True)
    place.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    place.joinpath("RECORD").write_text("made_up.py,sha256=a,1\n")
    place.joinpath("direct_url.json").write_text(
        f'{{"url": "https://ada:{secret(11)}@host/x.git?token={secret(12)}", "vcs_info": {{"vcs": "git", "commit_id": "a"}}}}'
    )
    folder.joinpath("made_up.py").write_text("")


def run(folder, *words, code=0, **environ):
    done = subprocess.run(
        list(map(str, words)), cwd=folder, env={**os.environ, **environ}, capture_output=True, check=False, timeout=120
    )
    assert code is None or done.returncode == code, done.stderr.decode()
    return done.stdout + done.stderr


class Listener:
    """Stands between clients and the daemon, and keeps all that passes."""

    def __init__(self, path, behind):
        self.heard, self._behind = bytearray(), str(behind)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen(16)
        self._open, self._threads = [self._socket], []
        self._begin(self._serve)

    def _begin(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self):
        with suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                far = socket.socket(socket.AF_UNIX)
                self._open += [near, far]
                far.connect(self._behind)
                self._begin(self._pass_on, near, far)
                self._begin(self._pass_on, far, near)

    def _pass_on(self, source, target):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                self.heard += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def close(self):
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(30)
        for end in self._open:
            end.close()


def find(data):
    """Find canaries as they are, and in what is compressed or encoded in base 64."""
    texts = [data.decode("latin-1")]
    for position in (match.start() for match in re.finditer(re.escape(zstandard.FRAME_HEADER), data)):
        try:
            texts.append(zstandard.ZstdDecompressor().decompressobj().decompress(data[position:]).decode("latin-1"))
        except zstandard.ZstdError:
            continue
    encoded = {base64.b64encode(("x" * pad + CANARY).encode())[4 * bool(pad) : -4].decode() for pad in range(3)}
    return {match for text in texts for match in FOUND.findall(text)} | {
        piece for text in texts for piece in encoded if piece in text
    }


def find_in_ledger(path):
    found = set()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        tables = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in connection.execute(f'select * from "{table}"'):
                for value in row:
                    found |= find(value if isinstance(value, bytes) else str(value).encode())
    return found


def make_environ(project, home):
    return {
        "REPROFP_HOME": str(home),
        "PYTHONPATH": str(project.parent / "site" / "site-packages"),
        "DB_PW": secret(20),
        "INNOCENT": secret(21),
        "WANDB_API_KEY": secret(22),
        "XLA_FLAGS": f"--xla_token={secret(23)}",
        "PART": token(2),
        "HF_TOKEN": token(24),
    }


ARGUMENTS = (
    f"--api-key={secret(30)}",
    "--password",
    secret(31),
    f"--url=https://ada:{secret(32)}@host/x?token={secret(33)}",
    "--note",
    token(34),
    f"db.password={secret(35)}",
)


def ask_everything(project, environ, most=99):
    """Yield what each command says; later ones look at what the first have written."""
    program = [
        SCRIPT,
        "run",
        "--config",
        "config.yaml",
        "--data",
        f"train=private/{token(2)}",
        "--tag",
        "first",
        "--move-tag",
        "--",
    ]
    words = [*program, sys.executable, "train.py", *ARGUMENTS]
    yield from (run(project, *words, code=1, **environ) for _ in range(2 if most > 9 else 1))
    data = ["--data", "data", "--config", "config.yaml"]
    asked = [
        ["snapshot", *data, "--tag", "here", "--move-tag", "--output", "here.rfp"],
        ["show", "@-1", "--all", "--json"],
        ["show", "first", "--all"],
        ["compare", "first", "@-1", "--all"],
        ["compare", "first", "here", "--json"],
        ["log", "--json"],
        ["check", "first", "--", sys.executable, "train.py", *ARGUMENTS],
        ["doctor"],
        ["hash", "data"],
        ["verify", "first"],
        ["snapshot", "--data", f"data/{token(40)}"],
    ]
    for words in asked[:most]:
        yield run(project, SCRIPT, *words, code=None, **environ)


SHOWN_ANYWAY = {secret(2), secret(40), secret(20), secret(10)}
"""What the user or the program itself put before the user's eyes: names of files that were listed, its own traceback."""


def test_no_secret_is_written_or_told(project, tmp_path):
    home = tmp_path / "home"
    environ = make_environ(project, home)
    before = dict.fromkeys(project.rglob("*"))
    said = list(ask_everything(project, environ))
    with serving(home, env=environ) as daemon:
        listener = Listener(daemon.socket.parent / "between", daemon.socket)
        said += ask_everything(project, {**environ, "REPROFP_SOCKET": str(daemon.socket.parent / "between")}, most=4)
        listener.close()
    assert listener.heard, "the daemon was asked"
    assert not find(bytes(listener.heard))
    written = [path for path in [*home.rglob("*"), *(set(project.rglob("*")) - set(before))] if path.is_file()]
    own = [path for path in written if "__pycache__" not in path.parts and ".git" not in path.parts]
    assert {path.suffix for path in own} >= {".rfp"}
    assert {path.name: leak for path in own if (leak := find(path.read_bytes()))} == {}
    ledgers = [path for path in home.rglob("*.sqlite*") if path.suffix == ".sqlite"]
    assert ledgers
    assert not set().union(*map(find_in_ledger, ledgers))
    assert set().union(*map(find, said)) <= SHOWN_ANYWAY
    assert {"".join(FOUND.findall(daemon.err))} == {""}


def test_the_search_finds_what_is_there():
    assert find(f"x{secret(1)}y".encode()) == {secret(1)}
    assert find(b"\0\0" + zstandard.compress(f"x{secret(2)}y".encode() * 9) + b"rest") == {secret(2)}
    assert find(base64.b64encode(f"some {secret(3)}".encode()))


def test_the_places_of_secrets_are_where_programs_read_them(project):
    text = b"".join(path.read_bytes() for path in Path(project).rglob("*") if path.is_file())
    assert {secret(number) for number in (1, 3, 4, 5, 6, 7, 9)} <= set(FOUND.findall(text.decode("latin-1")))
