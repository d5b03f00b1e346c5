import json
import os
import stat

import pytest

from reprofp.hooks.reports import CHILD_FOLDER, open_reports


def test_the_folder_is_private_and_goes_away():
    with open_reports() as folder:
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        (folder.path / "left").write_text("secret")
    assert not folder.path.exists()


def test_the_folder_lies_in_memory_where_the_system_offers_that(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with open_reports() as folder:
        assert folder.path.parent == tmp_path
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "nonesuch"))
    with open_reports() as folder:
        assert folder.path.is_dir()


@pytest.mark.parametrize("path", [None, "", "/a:/b"])
def test_the_environment_is_only_added_to(path):
    environ = {"A": "1"} if path is None else {"A": "1", "PYTHONPATH": path}
    with open_reports() as folder:
        changed = folder.add_to(environ)
    assert changed["A"] == "1"
    assert changed["PYTHONPATH"] == (f"{CHILD_FOLDER}{os.pathsep}{path}" if path else str(CHILD_FOLDER))
    assert changed.get("REPROFP_HOOK_PYTHONPATH") == path
    assert "REPROFP_HOOK" not in environ


def test_processes_come_in_the_order_of_birth():
    with open_reports() as folder:
        for name in ("300.7", "1000.5", "200.9"):
            (folder.path / f"{name}.started").write_text("")
        (folder.path / "1000.5.report").write_text(json.dumps({"schema": 1}))
        (folder.path / "300.7.partial").write_text(json.dumps({"schema": 1}))
        reports = folder.read()
    assert [(report.time_ns, report.pid, report.raw) for report in reports] == [
        (200, 9, None),
        (300, 7, None),
        (1000, 5, {"schema": 1, "numerics": None}),
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 2}', "[" * 100_000, '"\\ud800"', "\x00"])
def test_what_is_no_report_is_none(text):
    with open_reports() as folder:
        (folder.path / "1.1.started").write_text("")
        (folder.path / "1.1.report").write_text(text)
        assert folder.read()[0].raw is None
