"""The client in C: compiled as its first lines say, and asked."""

import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.builders import make_run, make_snapshot
from reprofp.ledger.files import pack_record

SOURCE = Path(__file__).parents[2] / "examples" / "may_i_run.c"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    path = tmp_path_factory.mktemp("program") / "may_i_run"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", path, SOURCE], check=True)
    return path


def test_it_is_short():
    assert len(SOURCE.read_text(encoding="utf-8").splitlines()) < 200


def test_it_answers_as_the_library_does(program, daemon):
    def ask(*words):
        return subprocess.run([program, daemon.socket, *words], capture_output=True, text=True, timeout=60, check=False)

    with daemon.client() as client:
        client.put([pack_record(make_snapshot(1))], "good")
        client.put([pack_record(make_snapshot(2))], "same")
        client.put([pack_record(make_snapshot(3, lr=0.5))], "other")
        client.put([pack_record(make_run(50))])
        for name in ("same", "other"):
            for level in ("bitwise", "functional"):
                done = ask("good", name, level)
                assert done.returncode == client.check("good", name, require=level)["answer"], done
                assert done.stdout.strip() == ("yes", "no", "undecided")[done.returncode]
        done = ask("good", "no-such-record")
        assert (done.returncode, done.stdout) == (3, "no answer\n")
        assert done.stderr.startswith("may_i_run: no record is called")
        assert "snapshot" in ask("good", "@-1").stderr
    daemon.stop()
    assert "not there" in ask("good", "same").stderr
