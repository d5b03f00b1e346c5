"""What the tests of the command line share: asking in process and as a command, and a filled ledger."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from render.records import RUN, A, B
from reprofp.cli.main import main
from reprofp.ledger import Ledger

SCRIPT = Path(sys.executable).with_name("reprofp")


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def failed_clearly(self):
        """One sentence on standard error, nothing on standard output, no traceback."""
        return self.out == "" and self.err.startswith("reprofp: ") and self.err.count("\n") == 1


@pytest.fixture
def ask(capsys, monkeypatch):
    """Ask in this process, as the console script does."""
    monkeypatch.setenv("COLUMNS", "100")

    def ask(*words):
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return ask


@pytest.fixture
def command():
    """Run the installed command."""

    def command(*words, **options):
        words = [str(word) for word in words]
        environ = {**os.environ, **options.pop("env", {})}
        done = subprocess.run(
            [SCRIPT, *words], check=False, capture_output=True, text=True, env=environ, timeout=60, **options
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return command


@pytest.fixture
def filled(own_home):
    """A ledger with two snapshots and a run, and one tag."""
    with Ledger.open() as book:
        book.append_many([A, B, RUN])
        book.tag("last-known-good", A.id)
    return own_home
