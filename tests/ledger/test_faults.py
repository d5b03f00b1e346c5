"""What a ledger does when the world fails: kills, full disks, failing storage, permissions, damage."""

import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from ledger.builders import make_run, make_snapshot
from reprofp.errors import LedgerError
from reprofp.ledger import Ledger
from reprofp.ledger.schema import FILE_NAME

WRITER = Path(__file__).parent / "writer.py"
NOBODY = 65_534
KILLS = 6


def run_writer(folder, *, first=0, count=3, prefix=(), **options):
    return subprocess.run(
        [*prefix, sys.executable, str(WRITER), str(folder), str(first), str(count)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def read_names(output):
    return [line for line in output.split() if line.startswith("rn1:") and len(line) == 68]


def assert_holds(folder, names):
    """All that was acknowledged is there and sound, and a writer can go on."""
    with Ledger.open(folder, read_only=True) as ledger:
        for name in names:
            assert ledger.get(name).id == name
    with Ledger.open(folder) as ledger:
        report = ledger.verify()
        assert report.is_ok, report.findings
        ledger.append(make_run(10**9))
        assert ledger.verify().is_ok


def test_what_was_acknowledged_survives_kill_9(folder):
    random.seed(3)
    names = []
    for number in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, WRITER, folder, str(1000 * number), "1000"], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout.readline() == "open\n"
        time.sleep(random.uniform(0, 0.15))
        writer.kill()
        output = writer.communicate()[0]
        names += read_names(output[: output.rfind("\n") + 1])
        with Ledger.open(folder, read_only=True) as ledger:
            assert {line.id for line in ledger.log()} >= set(names)
    assert names
    assert_holds(folder, names)


STRACE = shutil.which("strace")


def can_trace():
    if STRACE is None:
        return False
    done = subprocess.run([STRACE, "-f", "-o", "/dev/null", "true"], capture_output=True, check=False)
    return done.returncode == 0


needs_strace = pytest.mark.skipif(not can_trace(), reason="strace is not installed, or may not trace here")


def inject(calls, what, when):
    return (STRACE, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:{what}:when={when}")


def list_calls(folder, calls):
    """How often a writer makes the calls from when its ledger is created until it is closed."""
    log = folder.with_suffix(".strace")
    run_writer(folder, prefix=(STRACE, "-f", "-qq", "-o", str(log), "-e", f"trace={calls}"))
    return len(log.read_text().splitlines())


def trace(folder, calls):
    """Return the lines of a writer's system calls, with the paths of descriptors."""
    log = folder.with_suffix(".strace")
    done = run_writer(folder, prefix=(STRACE, "-f", "-qq", "-y", "-o", str(log), "-e", f"trace={calls}"))
    assert done.returncode == 0, done.stderr
    return [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]


@needs_strace
def test_every_acknowledgement_follows_a_sync_of_the_log(folder):
    synced, acknowledged = False, 0
    for line in trace(folder, "fdatasync,fsync,pwrite64,write"):
        if line.startswith("pwrite64") and "ledger.sqlite-wal>" in line:
            synced = False
        elif "sync(" in line and "ledger.sqlite-wal>" in line:
            synced = True
        elif line.startswith("write(1<") and "rn1:" in line:
            assert synced
            acknowledged += 1
    assert acknowledged == 3


@needs_strace
def test_a_ledger_is_created_in_the_order_that_survives_a_power_cut(folder):
    steps = (
        ("mkdir", f'"{folder}"'),
        ("fsync", f"<{folder.parent}>"),
        ("fdatasync", "ledger.sqlite.new>"),
        ("rename", "ledger.sqlite.new"),
        ("fsync", f"<{folder}>"),
        ("pwrite64", "ledger.sqlite-wal>"),
    )
    lines = iter(trace(folder, "mkdir,fdatasync,fsync,rename,pwrite64"))
    for call, what in steps:
        assert any(line.startswith(call) and what in line for line in lines), (call, what)


@needs_strace
@pytest.mark.parametrize("call", ["fdatasync", "fsync", "pwrite64", "rename", "ftruncate", "mkdir"])
def test_a_kill_at_any_system_call_loses_nothing(folder, call):
    count = list_calls(folder.with_name("probe"), call)
    assert count
    for when in sorted({1, 2, count, *random.Random(5).sample(range(1, count + 1), min(3, count))}):
        place = folder.with_name(f"{call}-{when}")
        done = run_writer(place, prefix=inject(call, "signal=KILL", when))
        assert done.returncode != 3, done.stderr
        assert_holds(place, read_names(done.stdout))


@needs_strace
@pytest.mark.parametrize("call", ["fdatasync", "fsync"])
def test_a_sync_error_is_never_acknowledged_and_stops_the_writer(folder, call):
    count = list_calls(folder.with_name("probe"), call)
    for when in range(1, count + 1):
        place = folder.with_name(f"{call}-{when}")
        done = run_writer(place, prefix=inject(call, "error=EIO", f"{when}+"))
        if done.returncode == 0:
            assert len(read_names(done.stdout)) == 3  # the failing sync came after the last acknowledgement
        else:
            assert done.returncode == 3, done.stderr
            assert "the storage failed" in done.stderr
            assert "Traceback" not in done.stderr
        assert_holds(place, read_names(done.stdout))


@needs_strace
@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_failing_write_leaves_nothing_half_written(folder, error):
    count = list_calls(folder.with_name("probe"), "pwrite64")
    for when in sorted({1, 2, count // 2, count - 1}):
        place = folder.with_name(f"{error}-{when}")
        done = run_writer(place, prefix=inject("pwrite64", f"error={error}", f"{when}+"))
        assert done.returncode in (0, 3), done.stderr
        assert "Traceback" not in done.stderr
        if done.returncode:
            assert "cannot" in done.stderr
        assert_holds(place, read_names(done.stdout))


def test_after_the_storage_failed_this_process_writes_no_more(folder):
    class Failing:
        """A connection whose commits fail as a failing sync makes them."""

        def __init__(self, real):
            self.real = real

        def __getattr__(self, name):
            return getattr(self.real, name)

        def execute(self, sql, *values):
            if sql == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return self.real.execute(sql, *values)

    ledger = Ledger.open(folder)
    kept = ledger.append(make_snapshot(1))
    ledger._connection.database = Failing(ledger._connection.database)
    with pytest.raises(LedgerError, match="the storage failed; look at the system's log"):
        ledger.append(make_snapshot(2))
    with pytest.raises(LedgerError, match="its storage failed before"):
        ledger.append(make_snapshot(3))
    assert (folder / (FILE_NAME + "-wal")).exists()  # what could not be synced was not checkpointed
    ledger.close()
    assert_holds(folder, [])
    with Ledger.open(folder, read_only=True) as again:
        assert again.get(kept) == make_snapshot(1)


@contextmanager
def small_disk(path, size="1m"):
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"cannot mount a small tmpfs: {done.stderr.decode().strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(ledger, names):
    for number in range(10_000):
        name = ledger.append(make_run(number, noise=os.urandom(20_000)))
        names.append(name)


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path):
    with small_disk(tmp_path / "small") as disk:
        folder, names = disk / "ledger", []
        with Ledger.open(folder) as ledger:
            with pytest.raises(LedgerError, match=r"the disk is full; free some space.*nothing was half-written"):
                fill(ledger, names)
            with pytest.raises(LedgerError, match="the disk is full"):
                ledger.append(make_run(99_999, noise=os.urandom(20_000)))
            assert [ledger.get(name).id for name in names] == names
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        assert names
        assert_holds(folder, names)


def test_a_full_disk_creates_no_half_ledger(tmp_path):
    with small_disk(tmp_path / "small", "16k") as disk:
        (disk / "ballast").write_bytes(bytes(8192))
        with pytest.raises(LedgerError, match=r"free some space|disk is full"):
            Ledger.open(disk / "ledger")
        assert not (disk / "ledger" / FILE_NAME).exists()
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)
        assert_holds(disk / "ledger", [])


def as_nobody(code, folder):
    """Run code as a user without rights; the interpreter must be reachable for one."""
    script = (
        "import os, sys, pathlib\n"
        "from reprofp.ledger import Ledger\n"
        "from reprofp.errors import LedgerError\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "list(Ledger.open(folder.parent / 'none', read_only=True).log())\n"  # imports all, as root
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        f"try:\n    {code}\nexcept LedgerError as error:\n    print('LedgerError:', error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user here")
READ = "print(len(list(Ledger.open(folder, read_only=True).log())))"
WRITE = "Ledger.open(folder)"


@pytest.fixture
def foreign():
    """A ledger of root's that others may reach (pytest keeps its own folders to their owner)."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        folder = Path(place) / "ledger"
        with Ledger.open(folder) as ledger:
            ledger.append(make_snapshot())
        folder.chmod(0o755)
        for path in folder.iterdir():
            path.chmod(0o644)
        yield folder


@needs_root
def test_a_closed_ledger_can_be_read_in_a_folder_that_is_not_writable(foreign):
    assert as_nobody(READ, foreign) == "1\n"
    assert sorted(os.listdir(foreign)) == ["ledger.lock", FILE_NAME]


@needs_root
def test_a_ledger_that_is_being_written_cannot_be_read_there(foreign):
    with Ledger.open(foreign) as ledger:
        for path in foreign.iterdir():
            path.chmod(0o600)
        (foreign / FILE_NAME).chmod(0o644)
        assert "its lock cannot be taken" in as_nobody(READ, foreign)
        ledger.append(make_snapshot(2))


@needs_root
def test_a_log_that_was_left_there_is_not_skipped(foreign):
    output = subprocess.Popen([sys.executable, WRITER, foreign, "0", "2000"], stdout=subprocess.PIPE)
    for _ in range(3):
        output.stdout.readline()
    output.kill()
    output.communicate()
    (foreign / (FILE_NAME + "-shm")).unlink()
    assert "waits in its log; let its owner run `reprofp log` once" in as_nobody(READ, foreign)


@needs_root
def test_a_ledger_of_someone_else_says_so(foreign):
    assert "cannot write the ledger" in as_nobody(WRITE, foreign)
    assert "set REPROFP_HOME to a folder of yours" in as_nobody(WRITE, foreign)
    (foreign / FILE_NAME).chmod(0o600)
    assert "cannot read the ledger" in as_nobody(READ, foreign)
    foreign.chmod(0o700)
    text = as_nobody(READ, foreign)
    assert "Permission denied" in text
    assert str(foreign) in text


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(LedgerError, match=r"cannot create the ledger in .*: .*; check the owner"):
            Ledger.open(place)


@pytest.mark.parametrize("data", [b"", b"x", b"hello world" * 1000, b"SQLite format 3\x00" + bytes(4080)])
@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_is_no_ledger_says_so(folder, data, read_only):
    folder.mkdir()
    (folder / FILE_NAME).write_bytes(data)
    with pytest.raises(LedgerError, match=r"put .* back from a backup"):
        Ledger.open(folder, read_only=read_only)
    assert (folder / FILE_NAME).read_bytes() == data


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize(
    ("pragma", "says"),
    [
        ("user_version = 3", r"has schema 3, and this reprofp knows 2.*upgrade reprofp"),
        ("user_version = -1", r"header of .* is damaged"),
        ("application_id = 7", "not a ledger of reprofp"),
    ],
)
def test_another_version_says_so(folder, pragma, says, read_only):
    Ledger.open(folder).close()
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.execute(f"PRAGMA {pragma}")
    database.close()
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(LedgerError, match=says):
        Ledger.open(folder, read_only=read_only)
    assert (folder / FILE_NAME).read_bytes() == before


def test_a_log_without_its_database_is_not_replayed_into_another(folder):
    writer = Ledger.open(folder)
    writer.append(make_snapshot())
    shutil.copytree(folder, folder.with_name("copy"))
    writer.close()
    copy = folder.with_name("copy")
    (copy / FILE_NAME).unlink()
    with pytest.raises(LedgerError, match="has lost its database"):
        Ledger.open(copy)


def test_what_an_interrupted_creation_left_is_taken_away(folder):
    folder.mkdir()
    for name in ("ledger.sqlite.new", "ledger.sqlite.new-journal"):
        (folder / name).write_bytes(b"half")
    with Ledger.open(folder) as ledger:
        ledger.append(make_snapshot())
    assert sorted(os.listdir(folder)) == ["ledger.lock", FILE_NAME]


def test_readers_see_whole_records_while_a_writer_appends(folder):
    Ledger.open(folder).close()
    writer = subprocess.Popen([sys.executable, WRITER, folder, "0", "60"], stdout=subprocess.PIPE, text=True)
    counts = set()
    while writer.poll() is None:
        with Ledger.open(folder, read_only=True) as ledger:
            lines = list(ledger.log())
            counts.add(len(lines))
            for line in lines[:3]:
                assert ledger.get(line.id).id == line.id
            assert ledger.frontier().size % 3 == 0  # a run and its two snapshots come together
    assert len(read_names(writer.communicate()[0])) == 60
    with Ledger.open(folder, read_only=True) as ledger:
        assert len(list(ledger.log())) == 60
    assert counts


def test_a_reader_that_closes_last_writes_nothing(folder):
    writer = Ledger.open(folder)
    reader = Ledger.open(folder, read_only=True)
    list(reader.log())
    writer.append(make_snapshot())
    writer.close()
    before = (folder / FILE_NAME).read_bytes(), (folder / (FILE_NAME + "-wal")).read_bytes()
    assert len(list(reader.log())) == 1
    reader.close()
    assert ((folder / FILE_NAME).read_bytes(), (folder / (FILE_NAME + "-wal")).read_bytes()) == before
    with Ledger.open(folder) as again:
        assert again.verify().is_ok
    assert not (folder / (FILE_NAME + "-wal")).exists()


def test_a_folder_that_was_there_keeps_its_mode(tmp_path):
    tmp_path.chmod(0o750)
    Ledger.open(tmp_path).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750
