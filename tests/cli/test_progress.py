"""The line that tells how far hashing is."""

import pytest

from reprofp._core.reading import Progress
from reprofp.cli.progress import HashingLine, describe_progress


@pytest.mark.parametrize(
    ("progress", "seconds", "said"),
    [
        (Progress(0, 0, 0), 0.0, "hashing: 0 B"),
        (Progress(0, 1024, 1, 4096), 2.0, "hashing: 1 KiB of 4 KiB, 512 B/s, 6 s left"),
        (Progress(0, 1024, 1, 4096), 0.6, "hashing: 1 KiB of 4 KiB, 1.666 KiB/s"),
        (Progress(1, 1000, 100, 1000), 10.0, "hashing: 1 of 100 files, 1000 B, 100 B/s, 16 min 30 s left"),
        (Progress(1, 1000, 1000, 1000), 10.0, "hashing: 1 of 1000 files, 1000 B, 100 B/s, 2 h 46 min left"),
        (Progress(5, 1000, 5, 1000), 10.0, "hashing: 5 of 5 files, 1000 B, 100 B/s, 0 s left"),
    ],
)
def test_what_is_said(progress, seconds, said):
    assert describe_progress(progress, seconds) == said


def test_nothing_is_said_where_nobody_looks(capsys):
    with HashingLine() as line:
        line(Progress(1, 1, 1))
    assert capsys.readouterr().err == ""


def test_the_line_is_taken_away(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr("reprofp.cli.progress._SILENT_S", 0)
    with HashingLine() as line:
        line(Progress(1, 1, 1))
    said = capsys.readouterr().err
    assert "hashing: " in said
    assert said.endswith("\r\x1b[K")
