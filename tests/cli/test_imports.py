"""What is imported when: starting must stay instant."""

import json
import subprocess
import sys

import pytest

HEAVY = {
    "click",
    "psutil",
    "rich",
    "pynvml",
    "numpy",
    "yaml",
    "cpuinfo",
    "msgpack",
    "cffi",
    "_cffi_backend",
    "sqlite3",
    "zstandard",
}


def imported_by(script):
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport json, sys\nprint('\\n' + json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


BARE = imported_by("")


@pytest.mark.parametrize(
    "script",
    ["import reprofp", "import reprofp; dir(reprofp)", "from reprofp.cli.main import main; main(['--version'])"],
)
def test_starting_imports_nothing_heavy(script):
    new = imported_by(script) - BARE
    assert not new & HEAVY
    assert len([name for name in new if name.startswith("reprofp")]) <= 3


def test_help_needs_click_only():
    assert imported_by("from reprofp.cli.main import main; main(['--help'])") & HEAVY == {"click"}


@pytest.mark.parametrize("words", [["snapshot", "--no-record"], ["compare", "@now", "@now"], ["doctor"]])
def test_commands_import_no_framework_and_no_colours(words):
    new = imported_by(f"from reprofp.cli.main import main; main({words!r})") - BARE
    assert not new & {"numpy", "rich", "torch", "jax", "tensorflow", "cpuinfo", "omegaconf"}


@pytest.mark.parametrize("words", [["log"], ["tag"], ["compare", "@-1", "@-1"]])
def test_commands_on_records_look_at_no_machine(words, filled):
    new = imported_by(f"from reprofp.cli.main import main; main({words!r})") - BARE
    assert not new & {"numpy", "rich", "psutil", "pynvml", "cpuinfo", "cffi", "yaml", "reprofp.probes.runner"}
