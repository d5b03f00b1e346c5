"""The units of systemd, as far as it judges them without running."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def analyze(tmp_path, *words):
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        for program in ("/usr/bin/reprofp", "%h/.local/bin/reprofp"):
            text = text.replace(f"ExecStart={program}", f"ExecStart={shutil.which('true')}")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    environ = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "SYSTEMD_COLORS": "0"}
    done = subprocess.run(
        ["systemd-analyze", *words], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


@needs_analyze
@pytest.mark.parametrize("words", [("reprofp-system", ()), ("reprofp", ("--user",))], ids=["system", "user"])
def test_the_units_are_understood(tmp_path, words):
    name, options = words
    units = [str(tmp_path / f"{name}{end}") for end in (".service", ".socket")]
    code, text = analyze(tmp_path, "verify", "--man=no", *options, *units)
    if "initialize manager" in text:
        pytest.skip("systemd-analyze cannot start a manager here")
    assert code == 0, text
    assert not [line for line in text.splitlines() if name in line], text


@needs_analyze
def test_the_system_unit_is_hardened(tmp_path):
    code, text = analyze(tmp_path, "security", "--offline=yes", "--no-pager", str(tmp_path / "reprofp-system.service"))
    if "unrecognized option" in text:
        pytest.skip("this systemd-analyze cannot judge a unit that is not loaded")
    assert code == 0, text
    exposure = float(text.rsplit("exposure level for reprofp-system.service: ", 1)[1].split()[0])
    assert exposure <= 0.7


def test_what_would_hide_peers_or_devices_is_not_set():
    lines = (UNITS / "reprofp-system.service").read_text(encoding="utf-8").splitlines()
    names = {line.partition("=")[0] for line in lines if "=" in line and not line.startswith("#")}
    assert not names & {"PrivateUsers", "ProcSubset", "PrivateDevices"}
    assert {"WatchdogSec", "ProtectSystem", "MemoryMax", "NoNewPrivileges"} <= names
