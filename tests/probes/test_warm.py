"""Answers that were found before: a change of anything that one depends on makes it be found out anew."""

import json
import os
import shutil
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprofp.model.observations import Unknown
from reprofp.probes import install_records, sources
from reprofp.probes.install_records import InstallRecord, keep_records, recall_records
from reprofp.probes.sources import list_calls, read_sources
from reprofp.probes.subprocesses import Answer, ask_program
from reprofp.probes.warm import MAX_VALUE_BYTES, Warm, make_key

SOURCE = b"import time\nprint(time.time())\n"
LINES = b"demo/__init__.py,sha256=x,1\ndemo.dist-info/METADATA,sha256=y,2\n"


class Shelf:
    """What outlives a process."""

    def __init__(self):
        self.known = {}

    def find(self, keys):
        return [self.known.get(key) for key in keys]

    def add(self, found):
        self.known.update(found)


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_other_parts_have_another_key(one, other):
    assert (make_key("a", *one) == make_key("a", *other)) == (one == other)
    assert make_key("a", *one) != make_key("b", *one)


def test_what_is_long_is_not_kept():
    warm = Warm(shelf := Shelf())
    warm.add({b"a": b"x" * MAX_VALUE_BYTES, b"b": b"x" * (MAX_VALUE_BYTES + 1)})
    assert warm.find([b"b", b"a"]) == [None, b"x" * MAX_VALUE_BYTES]
    assert list(shelf.known) == [b"a"]


def test_many_answers_take_bounded_memory():
    warm = Warm()
    for number in range(10_000):
        warm.add({b"%d" % number: b""})
    assert len(warm._known) <= 4096
    assert warm.find([b"9999"]) == [b""]


# --- sources ------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """Counts the processes that looked at sources."""
    scripts = []

    def ask(program, **given):
        scripts.append(os.path.basename(program[-1]))
        return ask_program(program, **given)

    monkeypatch.setattr(sources, "ask_program", ask)
    return scripts


def write(folder, content):
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_bytes(content)
    return {"__main__": str(folder / "main.py")}


def look(files, shelf):
    warm = Warm(shelf)  # as in a process of its own
    return read_sources(files, {}, warm), list_calls(files, {}, warm=warm)


def test_sources_that_were_seen_before_take_no_process(tmp_path, asked):
    files, shelf = write(tmp_path, SOURCE), Shelf()
    first = look(files, shelf)
    assert sorted(asked) == ["calls.py", "syntax.py"]
    assert look(files, shelf) == first == (read_sources(files, {}), list_calls(files, {}))
    assert sorted(asked) == ["calls.py", "calls.py", "syntax.py", "syntax.py"]  # the last two without what is warm


@pytest.mark.parametrize(
    "change", ["source", "number of sources", "program", "what it imports", "interpreter", "version"]
)
def test_anything_that_an_answer_depends_on_makes_it_be_found_anew(tmp_path, asked, monkeypatch, change):
    files, shelf = write(tmp_path, SOURCE), Shelf()
    look(files, shelf)
    if change == "source":
        files = write(tmp_path, SOURCE.replace(b"time.time()", b"time.mktime"))
    elif change == "number of sources":
        (tmp_path / "other.py").write_bytes(SOURCE)
        files["other"] = str(tmp_path / "other.py")
    elif change == "interpreter":
        python = tmp_path / "python"
        python.symlink_to(sys.executable)
        monkeypatch.setattr(sys, "executable", str(python))
    elif change == "version":
        monkeypatch.setattr(sys, "version", "another")
    else:
        name = "syntax.py" if change == "program" else "asks.py"
        read = sources.read_bounded
        monkeypatch.setattr(
            sources, "read_bounded", lambda path, n: read(path, n) + (b"#" if path.endswith(name) else b"")
        )
    asked.clear()
    assert look(files, shelf) == (read_sources(files, {}), list_calls(files, {}))
    assert len(asked) == 4


def test_what_was_not_understood_is_not_kept(tmp_path):
    files, shelf = write(tmp_path, b"print 1\n"), Shelf()
    warm = Warm(shelf)
    assert isinstance(read_sources(files, {}, warm).syntax, Unknown)
    with pytest.raises(ValueError, match="not understood"):
        list_calls(files, {}, warm=warm)
    assert not shelf.known


def test_a_process_that_failed_leaves_nothing(tmp_path, monkeypatch):
    files, shelf = write(tmp_path, SOURCE), Shelf()
    monkeypatch.setattr(sources, "ask_program", lambda *_, **__: Answer(1, b"0\n", b""))
    assert isinstance(read_sources(files, {}, Warm(shelf)).syntax, Unknown)
    assert not shelf.known


@pytest.mark.parametrize("damage", [b"", b"-\n", b"a\nb\n", b"a"])
def test_an_answer_that_cannot_be_one_is_found_anew(tmp_path, damage):
    files, shelf = write(tmp_path, SOURCE), Shelf()
    wanted = look(files, shelf)
    shelf.known = dict.fromkeys(shelf.known, damage)
    assert look(files, shelf) == wanted


# --- installed packages -------------------------------------------------------------------------------


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A RECORD of long ago, and a process that read none yet."""
    monkeypatch.setattr(install_records, "_known", {})
    monkeypatch.setattr(install_records, "_SETTLED_NS", -1_000_000_000)
    path = tmp_path / "demo.dist-info" / "RECORD"
    path.parent.mkdir()
    path.write_bytes(LINES)
    while path.stat().st_ctime_ns % 1_000_000_000 == 0:  # once in hundreds of times a file is written on a whole second
        path.write_bytes(LINES)
    return path


def forget():
    install_records._known.clear()


def take(path, shelf):
    """What a new process says of the file, and whether it read it."""
    forget()
    warm = Warm(shelf)
    missing = recall_records([str(path)], warm)
    said = InstallRecord(str(path))
    found = said.digest, said.modules
    if missing:
        keep_records(missing, warm)
    return found, bool(missing)


def test_a_record_that_was_read_before_is_not_read_again(record):
    shelf = Shelf()
    first = take(record, shelf)
    assert first[1]
    assert take(record, shelf) == (first[0], False)
    forget()
    assert (InstallRecord(str(record)).digest, InstallRecord(str(record)).modules) == first[0]


def rewrite(path):
    path.write_bytes(LINES.replace(b"=x", b"=z"))


def rewrite_with_old_times(path):
    old = path.stat()
    time.sleep(0.02)  # a tick of the file system's clock
    rewrite(path)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def replace(path):
    old = path.stat()
    other = path.with_name("new")
    other.write_bytes(LINES.replace(b"=x", b"=z"))
    os.utime(other, ns=(old.st_atime_ns, old.st_mtime_ns))
    other.replace(path)


def lengthen(path):
    path.write_bytes(LINES + b"other/__init__.py,sha256=x,1\n")


@pytest.mark.parametrize("change", [rewrite, rewrite_with_old_times, replace, lengthen])
def test_a_record_that_changed_is_read_again(record, change):
    shelf = Shelf()
    before, _ = take(record, shelf)
    time.sleep(0.02)  # a tick of the file system's clock
    change(record)
    found, was_read = take(record, shelf)
    assert was_read
    assert found != before
    forget()
    assert found == (InstallRecord(str(record)).digest, InstallRecord(str(record)).modules)


@pytest.mark.parametrize("number", range(1, 6))
def test_every_part_of_a_files_state_counts(record, monkeypatch, number):
    shelf = Shelf()
    take(record, shelf)
    look_up = install_records._look

    def look_otherwise(path):
        state = list(look_up(path))
        state[number] -= 1
        return install_records._State(*state)

    monkeypatch.setattr(install_records, "_look", look_otherwise)
    assert take(record, shelf)[1]


def test_an_image_with_times_of_its_builder_is_read_each_time(record, monkeypatch):
    """The next image may have the same numbers and times for another file."""
    look_up = install_records._look
    whole = 1_700_000_000_000_000_000
    monkeypatch.setattr(install_records, "_look", lambda path: look_up(path)._replace(mtime_ns=whole, ctime_ns=whole))
    shelf = Shelf()
    first, was_read = take(record, shelf)
    assert was_read
    assert not shelf.known
    shelf.known[install_records._make_key(install_records._look(str(record)))] = json.dumps(
        ["sha256:" + "0" * 64, []]
    ).encode()
    assert take(record, shelf) == (first, True)


def test_a_record_elsewhere_is_another(record, tmp_path):
    shelf = Shelf()
    take(record, shelf)
    other = tmp_path / "other" / "demo.dist-info" / "RECORD"
    other.parent.mkdir(parents=True)
    shutil.move(record, other)
    assert take(other, shelf)[1]


def test_what_was_written_a_moment_ago_is_not_kept(record, monkeypatch):
    monkeypatch.setattr(install_records, "_SETTLED_NS", 2_000_000_000)
    shelf = Shelf()
    take(record, shelf)
    assert not shelf.known


def test_what_changes_while_it_is_read_is_not_kept(record):
    shelf = Shelf()
    forget()
    missing = recall_records([str(record)], Warm(shelf))
    InstallRecord(str(record)).digest  # noqa: B018  reads it
    time.sleep(0.02)  # a tick of the file system's clock
    rewrite(record)
    keep_records(missing, Warm(shelf))
    assert not shelf.known


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"[1, []]",
        b"\xff",
        json.dumps(["sha256:1", []]).encode(),
        json.dumps(["sha256:" + "0" * 64, [1]]).encode(),
    ],
)
def test_what_cannot_have_been_said_is_read_again(record, damage):
    shelf = Shelf()
    wanted, _ = take(record, shelf)
    shelf.known = dict.fromkeys(shelf.known, damage)
    assert take(record, shelf) == (wanted, True)


def test_a_record_that_is_gone_is_no_matter(tmp_path):
    assert recall_records([str(tmp_path / "RECORD")], Warm()) == []
    keep_records([str(tmp_path / "RECORD")], Warm())


def test_names_that_are_no_text_come_back(record):
    record.write_bytes(b"d\xe9mo/__init__.py,sha256=x,1\n")
    shelf = Shelf()
    first, _ = take(record, shelf)
    assert first[1] == {"d\udce9mo"}
    assert take(record, shelf) == (first, False)
