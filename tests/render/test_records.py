"""Records and logs on the screen."""

from types import SimpleNamespace

from render import golden
from render.records import RUN, TIME, A
from reprofp.render.layout import plain
from reprofp.render.records import draw_log, draw_record


def test_golden():
    golden.check("snapshot.txt", plain(draw_record(A)))
    golden.check("snapshot-all.txt", plain(draw_record(A, everything=True, circumstances=True)))
    golden.check("run.txt", plain(draw_record(RUN)))


def test_only_what_was_asked_for():
    text = plain(draw_record(A, prefixes=[("cpu", "isa")]))
    assert "isa.flag29" in text
    assert "sysname" not in text


def test_a_log():
    first = SimpleNamespace(
        id=RUN.id,
        kind="run",
        time_ns=TIME,
        fingerprint=str(RUN.fingerprint),
        tags=("x\x1b",),
        exit_code=-9,
        role="t.py/0/0",
    )
    second = SimpleNamespace(
        id=A.id, kind="snapshot", time_ns=TIME, fingerprint=str(A.fingerprint), tags=(), exit_code=None, role="static"
    )
    golden.check("log.txt", plain(draw_log([first, second])))
